"""JSON-RPC as Tryton 8.2 speaks it: requests, sessions, what it answers and what it refuses.

`POST /<database>/rpc/`; a method of a model is "model.<model>.<method>" and takes the context last.
Dates and decimals are objects with a "__class__". An error comes with HTTP 200, as the name of an
exception and what it says; some come as a status: 401 without a session, 403 for a method that is
not exposed, 429 after too many logins, 503 without its database. Run against trytond 8.2.1; its
protocols/jsonrpc.py, protocols/dispatcher.py and exceptions.py say the same.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ...contract import Login, Refused, Request, Response, SessionExpired, Throttled, Undecodable
from ...intake import fields


class Options(BaseModel):
    """How Tryton is set up, as far as an adapter has to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str = Field(pattern="^[A-Za-z0-9_.-]+$")
    user: str
    """The name that the adapter logs in with; its password is a secret."""
    company: int = 1
    """The id of the company whose stock it is."""
    source: str = Field("tryton", pattern="^[!-~]{1,64}$")
    """The source of the facts, in the core."""
    since: AwareDatetime
    """From when on moves are facts. What was there before comes by a count."""
    part_of: Mapping[str, str] = {}
    """Storage locations that are parts of another one for the core, by their codes, which are their
    names where they have none: {"IN": "WH", "STO": "WH", "OUT": "WH"}. Moves between parts of one
    location are nobody's business, and units in any of them are on hand there.
    """
    held: Mapping[str, str] = {}
    """Storage locations whose units are on hand and not for sale, and the status that says why:
    {"IN": "inspect"}.
    """
    transit: tuple[str, ...] = ("Transit",)
    """Storage locations that goods on their way are booked in."""
    longest_transaction_s: int = Field(300, ge=0)
    """How long a transaction in Tryton may take. What it writes bears the time of its start, and is
    seen when it ends.
    """
    page_size: int = Field(500, ge=1, le=10_000)
    customer: str = ""
    """Code of the party that our shipments go to."""
    ships_from: tuple[str, ...] = ()
    """Locations of the core whose shipments Tryton is told of, where it does not keep the books of
    all; empty means all.
    """
    count: tuple[str, ...] = ()
    """Locations of the core that are counted, each of which is a storage location of that code, or
    the parts of it that `part_of` names.
    """


def call(options: Options, method: str, *params: Any, **context: Any) -> Request:
    """The request that calls a method of a model."""
    context = {"company": options.company, **context}
    return _post(options, f"model.{method}", [*params, context])


def _post(options: Options, method: str, params: list[Any]) -> Request:
    body = json.dumps({"id": 1, "method": method, "params": params})
    headers = {"content-type": "application/json", "accept": "application/json"}
    # Tryton 8.2 says of a long answer that it is gzip, also to those who have not asked for it.
    headers["accept-encoding"] = "gzip"
    return Request("POST", f"/{options.database}/rpc/", headers, body.encode())


def _log_in(options: Options, secrets: Mapping[str, str]) -> Request:
    password = {"password": secrets["password"]}
    return _post(options, "common.db.login", [options.user, password])


def _session(response: Response) -> Mapping[str, str]:
    """The header of a session. Tryton reads the id and the token of it."""
    if response.status == 401:
        raise Refused("Tryton does not know this user and password", "password")
    match result(response):
        case [int(user), str(token), *_]:
            session = base64.b64encode(f":{user}:{token}".encode()).decode()
            return {"authorization": f"Session {session}"}
    raise Refused("Tryton answers a login with something else than a session")


LOGIN: Final = Login(_log_in, _session)


class Warned(Refused):
    """Tryton asks whether that is meant; `name` is what a yes is filed under."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def result(response: Response) -> Any:
    """What a call returned. Raises SessionExpired, Throttled, Warned and Refused."""
    match response.status:
        case 200:
            pass
        case 401:
            raise SessionExpired
        case 429 | 502 | 503 | 504:
            raise Throttled(_seconds(response.headers.get("retry-after", "")))
        case status:
            raise Refused(f"Tryton answers with HTTP status {status}")
    answer = loads(response.body)
    if not isinstance(answer, dict) or not answer.keys() & {"result", "error"}:
        raise Refused("Tryton answers with something else than a result or an error")
    if "error" in answer:
        raise _refusal(answer["error"])
    return answer["result"]


def _refusal(error: Any) -> Exception:
    match error:
        case ["UserWarning", [str(name), str(text), *_]]:
            return Warned(name, text)
        case ["UserError", [str(text), *_]]:
            return Refused(text)
        case ["LoginException", *_]:
            return SessionExpired()
        case ["ConcurrencyException" | "TimeOutException", *_]:
            return Throttled()
    return Refused(f"Tryton failed: {str(error)[:500]}")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def rows(response: Response) -> list[dict[str, Any]]:
    """The records that a search_read returned. Raises Undecodable, SessionExpired, Throttled."""
    try:
        found = result(response)
    except Refused as refused:
        raise Undecodable("error", refused.reason, "a result") from refused
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Undecodable("result", found, "a list of records")
    return found


def loads(body: bytes) -> Any:
    """JSON with decimals as they are written. Raises Undecodable."""
    return fields.json_of(body, exact=True)


def dumps(row: Any) -> bytes:
    """JSON of a record: the same bytes for the same values, which Tryton orders as it likes."""
    return json.dumps(row, default=_tagged, separators=(",", ":"), sort_keys=True).encode()


def _tagged(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    raise TypeError(value)


def at(row: Any, path: str) -> Any:
    """What is under a dotted name: that of "product.code" is under "product.", then under "code".
    None where nothing is.
    """
    *stems, leaf = path.split(".")
    for stem in stems:
        row = row.get(f"{stem}.") if isinstance(row, dict) else None
    return row.get(leaf) if isinstance(row, dict) else None


def text_at(row: Any, path: str) -> str:
    """The text under a name, as `at` finds it. Raises Undecodable without one."""
    return fields.text(at(row, path), path)


def id_at(row: Any, path: str) -> int:
    """The id under a name. Raises Undecodable."""
    return fields.whole(at(row, path), path, 1, (1 << 63) - 1)


def quantity_at(row: Any, path: str) -> Decimal:
    """The quantity under a name, a number or tagged as a decimal. Raises Undecodable."""
    value = at(row, path)
    if isinstance(value, dict) and value.get("__class__") == "Decimal":
        with suppress(ArithmeticError, TypeError, ValueError):
            return fields.quantity(Decimal(value.get("decimal", "")), path)
    if isinstance(value, str):
        raise Undecodable(path, value, "a number")
    return fields.quantity(value, path)


def time_at(row: Any, path: str) -> datetime:
    """The time under a name; Tryton's are in UTC. Raises Undecodable."""
    value = at(row, path)
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        if value["__class__"] == "datetime" and value["year"] in _YEARS:
            return datetime(**{part: value[part] for part in _DATE + _TIME}, tzinfo=UTC)
    raise Undecodable(path, value, "an object of the class datetime, from 1970 to 2259")


def date_at(row: Any, path: str) -> date | None:
    """The day under a name, if there is one. Raises Undecodable."""
    value = at(row, path)
    if value is None:
        return None
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        if value["__class__"] == "date" and value["year"] in _YEARS:
            return date(**{part: value[part] for part in _DATE})
    raise Undecodable(path, value, "an object of the class date, from 1970 to 2259, or null")


def time_tag(time: datetime) -> dict[str, Any]:
    """A time as Tryton's JSON has it, for a domain."""
    time = time.astimezone(UTC)
    return {"__class__": "datetime", **{part: getattr(time, part) for part in _DATE + _TIME}}


def one(found: Iterable[dict[str, Any]], field: str, value: str) -> dict[str, Any]:
    """The one record that was sought by a field of a change. Raises Refused."""
    match list(found):
        case [record]:
            return record
        case []:
            raise Refused(f"Tryton has no {field} {value!r}", field)
    raise Refused(f"Tryton has several of {field} {value!r}", field)


#: Those that nanoseconds since 1970 can express in 64 bits.
_YEARS: Final = range(1970, 2260)
_DATE: Final = ("year", "month", "day")
_TIME: Final = ("hour", "minute", "second", "microsecond")
