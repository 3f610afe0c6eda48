"""Odoo 19: done stock move lines, polled over its External JSON-2 API. Not run against the product.

From its documentation ("External JSON-2 API", 19.0): `POST /json/2/<model>/<method>` with named
arguments as a JSON object, `Authorization: bearer <API key>`, `X-Odoo-Database`; the answer is the
result itself, and an error comes with a status of 4xx or 5xx. From its source (addons/stock,
models/stock_move_line.py, 18.0): the names of fields, `quantity_product_uom` in the product's own
unit, `date`, which is set when a line is done, and that a done line is not cancelled: it is
returned by another one. From addons/web: `web_search_read` and its specification, with which a
record brings fields of those that it names.

Times are texts in UTC without zone, and cut to seconds. So pages go by id within a window, which
begins `longest_transaction_s` before the last time that was seen.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..contract import (
    Adapter,
    Message,
    Page,
    Poll,
    Refused,
    Request,
    Response,
    Throttled,
    Undecodable,
)
from ..events import Decoded, Ignored, Reference
from ..intake import fields
from .goods_moves import Movement, Place, facts_of
from .references import reservation_of

#: `usage` of a location -> what it is to the core.
USAGES: Final = {
    "internal": "storage",
    "customer": "customer",
    "supplier": "supplier",
    "transit": "transit",
    "inventory": "inventory",
    "production": "production",
}

_LOCATION: Final[dict[str, Any]] = {"fields": {"complete_name": {}, "usage": {}}}
SPECIFICATION: Final[dict[str, Any]] = {
    "state": {},
    "date": {},
    "write_date": {},
    "quantity_product_uom": {},
    "product_id": {"fields": {"default_code": {}}},
    "location_id": _LOCATION,
    "location_dest_id": _LOCATION,
    "picking_id": {"fields": {"name": {}, "origin": {}}},
}


class OdooOptions(BaseModel):
    """How Odoo is set up, as far as the adapter has to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str
    source: str = Field("odoo", pattern="^[!-~]{1,64}$")
    since: AwareDatetime
    """From when on lines are facts. What was there before comes by a count."""
    part_of: Mapping[str, str] = {}
    """Internal locations that are parts of another one for the core: {"WH/Stock/A1": "WH"}."""
    held: Mapping[str, str] = {}
    """Internal locations whose units are not for sale, and the status that says why."""
    longest_transaction_s: int = Field(300, ge=0)
    page_size: int = Field(500, ge=1, le=10_000)


def key(message: Message) -> str:
    """A hash of the line: the core knows it again by its id."""
    return fields.hash_of(message)


def decode(message: Message, options: OdooOptions) -> Iterable[Decoded]:
    """The facts of a line of stock.move.line."""
    line = fields.mapping(fields.json_of(message.body, exact=True), "body")
    if fields.text(line.get("state"), "state") != "done":
        return [Ignored("not_done")]
    number = fields.whole(line.get("id"), "id", 1, (1 << 63) - 1)
    quantity = fields.quantity(line.get("quantity_product_uom"), "quantity_product_uom")
    if quantity < 0:
        raise Undecodable("quantity_product_uom", quantity, "0 or more")
    if quantity == 0:
        return [Ignored("no_units")]
    return list(facts_of(_movement(line, f"line/{number}", quantity, options)))


def _movement(
    line: Mapping[str, Any], name: str, quantity: Decimal, options: OdooOptions
) -> Movement:
    product = fields.mapping(line.get("product_id"), "product_id")
    picking = line.get("picking_id") or {}
    origin = fields.mapping(picking, "picking_id").get("origin") or ""
    done = time_of(line.get("date"), "date")
    return Movement(
        source=options.source,
        id=name,
        sku=fields.text(product.get("default_code"), "product_id.default_code"),
        quantity=quantity,
        origin=_place(line, "location_id", options),
        target=_place(line, "location_dest_id", options),
        time=done,
        arrived=done,
        reservation=reservation_of(fields.any_text(origin, "picking_id.origin")),
        transfer=Reference("transfer", f"stock.move.{name}"),
    )


def _place(line: Mapping[str, Any], end: str, options: OdooOptions) -> Place:
    location = fields.mapping(line.get(end), end)
    usage = fields.text(location.get("usage"), f"{end}.usage")
    if usage not in USAGES:
        raise Undecodable(f"{end}.usage", usage, f"one of {', '.join(USAGES)}")
    if usage != "internal":
        return Place(USAGES[usage])
    name = fields.text(location.get("complete_name"), f"{end}.complete_name")
    return Place("storage", options.part_of.get(name, name), options.held.get(name, ""))


def time_of(value: object, field: str) -> datetime:
    """A time as Odoo writes it: "2026-11-26 17:07:50", in UTC. Raises Undecodable."""
    return fields.instant_or_local(value, field, UTC)


def request(cursor: str, options: OdooOptions) -> Request:
    """The lines that were written in the window, after the last id."""
    at_work = _at_work(cursor, options)
    since = datetime.fromisoformat(at_work["since"]).astimezone(UTC)
    body = {
        "domain": [
            ["state", "=", "done"],
            ["write_date", ">=", since.strftime("%Y-%m-%d %H:%M:%S")],
            ["id", ">", at_work["id"]],
        ],
        "specification": SPECIFICATION,
        "order": "id",
        "limit": options.page_size,
    }
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-odoo-database": options.database,
    }
    url = "/json/2/stock.move.line/web_search_read"
    return Request("POST", url, headers, json.dumps(body).encode())


def _at_work(cursor: str, options: OdooOptions) -> dict[str, Any]:
    if cursor:
        at_work: dict[str, Any] = json.loads(cursor)
        return at_work
    since = options.since.isoformat()
    return {"since": since, "id": 0, "latest": since}


def page(response: Response, cursor: str, options: OdooOptions) -> Page:
    """The lines, each a message. Raises Undecodable, Throttled, Refused."""
    if response.status == 429:
        raise Throttled
    if response.status != 200:
        raise Refused(f"Odoo answers with HTTP status {response.status}: {_why(response)}")
    document = fields.mapping(fields.json_of(response.body), "body")
    found = fields.array(document.get("records"), "records", options.page_size)
    at_work = _at_work(cursor, options)
    latest = datetime.fromisoformat(at_work["latest"])
    messages = []
    for place, line in enumerate(found):
        line = fields.mapping(line, f"records[{place}]")
        latest = max(latest, time_of(line.get("write_date"), f"records[{place}].write_date"))
        body = json.dumps(line, sort_keys=True).encode()
        messages.append(Message(body, {"content-type": "application/json"}))
    if len(found) == options.page_size:
        last = fields.whole(found[-1].get("id"), "id", 1, (1 << 63) - 1)
        next_cursor = {**at_work, "id": last, "latest": latest.isoformat()}
        return Page(messages, json.dumps(next_cursor), has_more=True)
    window = timedelta(seconds=options.longest_transaction_s)
    since = max(datetime.fromisoformat(at_work["since"]), latest - window).isoformat()
    return Page(messages, json.dumps({"since": since, "id": 0, "latest": latest.isoformat()}))


def _why(response: Response) -> str:
    return response.body[:200].decode("utf-8", "replace")


def credentials(_options: OdooOptions, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """The header with the API key."""
    return {"authorization": f"bearer {secrets['api_key']}"}


ADAPTER: Final = Adapter(
    name="odoo",
    reads="Done stock move lines of Odoo 19, polled over its JSON-2 API.",
    dedupe="the bytes of a line; in the core, the line",
    order="none: a done line does not change",
    key=key,
    decode=decode,
    options=OdooOptions,
    secrets=("api_key",),
    credentials=credentials,
    poll=Poll(request, page),
)
