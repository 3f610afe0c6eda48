"""Requests to Walmart's Marketplace API: the token, headers, budgets, and what its errors mean.

Sources: Walmart's models of orders, inventory and notifications (highsidelabs/walmart-api-php,
575b611, resources/schemas/models/us/mp), which name the headers and the error objects; "Get an
access token" for the token, which lives 15 minutes; "Rate limiting" for the budgets and for
x-current-token-count. Not run against Walmart.

Rules of this file: pure. A request bears the same correlation id each time it is sent.
"""

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from ...contract import (
    Budget,
    Granted,
    Login,
    Refused,
    Request,
    Response,
    SessionExpired,
    Throttled,
    Undecodable,
)
from ...intake import fields

#: What of a token bucket each operation takes from. Rates a minute are of all calls of a seller.
BUDGETS: Final[Mapping[str, Budget]] = {
    "orders": Budget(5_000 / 60, 5_000),
    "acknowledge": Budget(60 / 60, 60),
    "inventory_read": Budget(200 / 60, 200),
    "inventory_update": Budget(200 / 60, 200),
    "inventory_list": Budget(200 / 60, 200),
    "feed": Budget(10 / 3_600, 10),
    "feed_status": Budget(5_000 / 60, 5_000),
}

#: The secrets of a seller's application.
SECRETS: Final = ("client_id", "client_secret")

_TOKEN_COUNT: Final = "x-current-token-count"  # noqa: S105 - a name
_TOKEN_CHARACTERS_MAX: Final = 16_384
#: Why a request failed that would not fail later.
_TEMPORARY_CATEGORIES: Final = ("SYSTEM",)


def call(
    method: str, url: str, operation: str, body: bytes = b"", content_type: str = ""
) -> Request:
    """A request with Walmart's headers."""
    # Made of the request: a repeat bears the same one, as Walmart's support asks for.
    correlation = uuid.uuid5(uuid.NAMESPACE_URL, f"{method} {url} {body!r}")
    headers = {
        "accept": "application/json",
        "wm_svc.name": "Walmart Marketplace",
        "wm_qos.correlation_id": str(correlation),
    }
    if content_type:
        headers["content-type"] = content_type
    return Request(method, url, headers, body, operation)


def call_json(method: str, url: str, operation: str, document: Any) -> Request:
    """A request whose body is a document."""
    return call(method, url, operation, json.dumps(document).encode(), "application/json")


def _token_request(_options: Any, secrets: Mapping[str, str]) -> Request:
    known = base64.b64encode(f"{secrets['client_id']}:{secrets['client_secret']}".encode())
    form = "application/x-www-form-urlencoded"
    request = call("POST", "/v3/token", "", b"grant_type=client_credentials", form)
    return Request(
        request.method,
        request.url,
        {**request.headers, "authorization": f"Basic {known.decode()}"},
        request.body,
    )


def _session(response: Response) -> Mapping[str, str]:
    """The header that bears the token. Raises Refused."""
    try:
        answer = fields.mapping(fields.json_of(response.body), "body")
        token = fields.text(answer.get("access_token"), "access_token", _TOKEN_CHARACTERS_MAX)
    except Undecodable as wrong:
        raise Refused(f"no token, status {response.status}: {wrong}", wrong.field) from None
    return {"wm_sec.access_token": token}


LOGIN: Final = Login(_token_request, _session)


def document_of(response: Response) -> Mapping[str, Any]:
    """The document of an answer that carried something out. Raises SessionExpired, Throttled,
    Refused and Undecodable.
    """
    check(response)
    return fields.mapping(fields.json_of(response.body, exact=True), "body")


def check(response: Response) -> None:
    """Raises SessionExpired, Throttled and Refused for an answer that says no."""
    match response.status:
        case 200 | 201 | 202:
            return
        case 401:
            raise SessionExpired
        case 429 | 500 | 502 | 503 | 504:
            raise Throttled(_seconds(response.headers.get("retry-after", "")))
    raise Refused(*refusal_of(response))


def refusal_of(response: Response) -> tuple[str, str]:
    """Why an answer says no, and the field that it blames, if any."""
    try:
        document = fields.mapping(fields.json_of(response.body), "body")
    except Undecodable:
        document = {}
    # "errors" in its models; "error" in older answers.
    reason, field = error_of(document.get("errors") or document.get("error"))
    return f"status {response.status}: {reason}", field


def error_of(errors: object) -> tuple[str, str]:
    """What the first of Walmart's error objects says, and the field that it blames, if any."""
    first = errors[0] if isinstance(errors, list) and errors else {}
    if not isinstance(first, dict):
        first = {}
    code, said = first.get("code", "no code"), first.get("description") or first.get("info") or ""
    return f"{code}: {said}"[:500], str(first.get("field") or "")[:100]


def is_temporary(errors: object) -> bool:
    """Whether error objects report a failure of Walmart's, which time heals."""
    return isinstance(errors, list) and any(
        isinstance(each, dict) and each.get("category") in _TEMPORARY_CATEGORIES for each in errors
    )


def granted(response: Response) -> Granted:
    """How many calls of its operation are left, by the header of an answer."""
    count = response.headers.get(_TOKEN_COUNT, "").strip()
    is_number = count.isascii() and count.isdigit() and len(count) <= 9
    return Granted(tokens=float(count)) if is_number else Granted()


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
