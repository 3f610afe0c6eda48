"""Shopify's GraphQL Admin API as requests and answers: its ids, its errors and its budget.

Sources: the Admin API's schema of 2026-10 (npm @shopify/dev-mcp); "Shopify API limits" for the cost
of queries; "GraphQL Admin API reference", status and error codes, which come with HTTP 200.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ...contract import Budget, Granted, Refused, Request, Response, Throttled, Undecodable
from ...intake import fields
from .access import VERSION

#: The one budget: points of a leaky bucket, which all queries of an app at a shop take from. These
#: are of the smallest plan; answers say what it is.
OPERATION: Final = "graphql"
BUDGETS: Final[Mapping[str, Budget]] = {OPERATION: Budget(rate=100, burst=2_000)}

#: The most points that one query may ask for.
COST_MAX: Final = 1_000

_PATH: Final = f"/admin/api/{VERSION}/graphql.json"
_GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,19})(\?.*)?", re.ASCII)
#: Codes of errors that time heals.
_TEMPORARY: Final = ("THROTTLED", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT")


def ask(document: str, variables: Mapping[str, Any], cost: float) -> Request:
    """The request of a document, which costs up to so many points."""
    body = json.dumps({"query": document, "variables": variables}, separators=(",", ":"))
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return Request("POST", _PATH, headers, body.encode(), OPERATION, cost)


def answer(response: Response) -> Mapping[str, Any]:
    """The data of an answer. Raises `Throttled`, `Refused`, `Undecodable`."""
    if response.status != 200:
        raise Refused(f"Shopify answers {response.status}: {response.body[:200]!r}")
    document = fields.mapping(fields.json_of(response.body), "body")
    errors = document.get("errors")
    if errors:
        _raise(errors, document)
    return fields.mapping(document.get("data"), "data")


def _raise(errors: object, document: Mapping[str, Any]) -> None:
    """Raise what the first of the errors says; some are a text, and have no code."""
    if type(errors) is not list:
        raise Refused(f"Shopify: {errors}")
    error = errors[0] if type(errors[0]) is dict else {"message": errors[0]}
    extensions = error.get("extensions")
    code = extensions.get("code") if type(extensions) is dict else None
    if code in _TEMPORARY or error.get("message") == "Throttled":
        raise Throttled(_wait_s(document))
    raise Refused(f"Shopify: {code or 'no code'}: {error.get('message')}")


def _wait_s(document: Mapping[str, Any]) -> float | None:
    """Seconds until the bucket has the points that a query asks for, if the answer says."""
    try:
        cost = document["extensions"]["cost"]
        status = cost["throttleStatus"]
        lacking = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0.0, lacking / float(status["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def granted(response: Response) -> Granted:
    """What an answer says of the bucket of points."""
    try:
        status = json.loads(response.body)["extensions"]["cost"]["throttleStatus"]
        return Granted(
            rate=float(status["restoreRate"]),
            burst=float(status["maximumAvailable"]),
            tokens=float(status["currentlyAvailable"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return Granted()


def gid(kind: str, number: str) -> str:
    """The global id of a number: gid("Location", "17")."""
    return f"gid://shopify/{kind}/{number}"


def number_of(value: object, kind: str, field: str) -> str:
    """The number in a global id, which is what webhooks and mapping tables have."""
    found = _GID.fullmatch(value) if type(value) is str else None
    if found is None or found[1] != kind:
        raise Undecodable(field, value, f"a global id such as {gid(kind, '17')}")
    return found[2]
