"""Vendure: orders that its Admin API is asked for, and stock levels that it is told to show.

Source: the Admin API's schema of Vendure 3.7 (npm @vendure/core, dist/api/schema). Vendure shows
`stockOnHand - stockAllocated`, and takes `stockOnHand`. So levels are read first, and what is
allocated is added: an order that comes in between is allocated on top, and not overwritten. A
shipment in between lowers both, and is shown until the next offer.

What is left of a line falls and rises again with edits of the order. Its modifications say by how
much, each time; `cancelOrder` is in none of them. Two more of an item that a line has five of are
noted as 2 - 5 (order-modifier.js): three more and three less than that gives the same in the end.

An order does not say at which stock location it is allocated: that is an option.

A sweep reads what changed last first, and pages by a count of orders: a filter cannot say "behind
this order", since `IDOperators` do not compare. An order that changes meanwhile goes to the front,
where the next sweep reads it, and moves others back: those come twice, and are known by their
content. Read the other way round, they would move to where the sweep has been. None leaves the
list: what Vendure deletes are drafts and carts that were merged.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ..contract import (
    Accepted,
    Adapter,
    Login,
    Message,
    Offer,
    OfferVerdict,
    Page,
    Poll,
    Publish,
    PublishPath,
    ReadPairs,
    Refused,
    Rejected,
    Request,
    Response,
    SessionExpired,
    Stale,
)
from ..events import Decoded, Ignored, OrderEvent, OrderKind, OrderLine, Shown
from ..intake import fields
from ..intake.zones import InstantText

SOURCE: Final = "vendure"
PAGE: Final = 100
"""Orders or variants of a page, and offers of a call: Vendure's own bound of a list."""
LINES_MAX: Final = 2_000
QUANTITY_MAX: Final = 10**9

_ORDERS: Final = """query Orders($since: DateTime!, $skip: Int!, $take: Int!) {
  orders(options: {
    filter: { updatedAt: { after: $since }, orderPlacedAt: { isNull: false } },
    sort: { updatedAt: DESC }, skip: $skip, take: $take
  }) {
    items {
      id code state updatedAt orderPlacedAt
      lines {
        id quantity orderPlacedQuantity
        productVariant { sku }
        fulfillmentLines { quantity fulfillment { state } }
      }
      modifications { lines { orderLineId quantity } }
    }
    totalItems
  }
}"""
_LEVELS: Final = """query Levels($ids: [String!]!, $take: Int!) {
  productVariants(options: { filter: { id: { in: $ids } }, take: $take }) {
    items { id stockLevels { stockLocationId stockOnHand stockAllocated } }
  }
}"""
_SET: Final = """mutation Show($input: [UpdateProductVariantInput!]!) {
  updateProductVariants(input: $input) { id }
}"""
_LOGIN: Final = """mutation LogIn($user: String!, $password: String!) {
  login(username: $user, password: $password) { __typename }
}"""
_SHIPPED: Final = ("Shipped", "Delivered")


class VendureOptions(BaseModel):
    """How the shop is reached, and which orders are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    """Who logs in: an administrator who may read orders and update the catalogue."""
    location: str
    """The stock location of orders."""
    since: InstantText
    """Orders that changed after this time are asked for at first."""
    overlap_s: Annotated[int, Field(ge=0, le=3_600)] = 5
    """How long a transaction of the shop may take that changes an order."""


class Cursor(BaseModel):
    """How far the sweeps have come."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: str
    newest: str = ""
    skip: int = 0


def _ask(document: str, variables: Mapping[str, Any]) -> Request:
    body = json.dumps({"query": document, "variables": variables}, separators=(",", ":"))
    return Request("POST", "/admin-api", {"Content-Type": "application/json"}, body.encode())


def _answer(response: Response) -> Mapping[str, Any]:
    """The data of an answer. Raises `SessionExpired`, `Refused`, `Undecodable`."""
    if response.status not in (200, 400):  # 400 has errors of the query in its body
        raise Refused(f"Vendure answers {response.status}: {response.body[:200]!r}")
    document = fields.mapping(fields.json_of(response.body), "body")
    for error in fields.array(document.get("errors") or [], "errors", LINES_MAX):
        error = fields.mapping(error, "errors")
        code = fields.mapping(error.get("extensions") or {}, "errors.extensions").get("code")
        if code == "FORBIDDEN":
            raise SessionExpired
        raise Refused(f"Vendure: {code}: {error.get('message')}")
    return fields.mapping(document.get("data"), "data")


def _log_in(options: VendureOptions, secrets: Mapping[str, str]) -> Request:
    return _ask(_LOGIN, {"user": options.user, "password": secrets["password"]})


def _session(response: Response) -> Mapping[str, str]:
    type_name = fields.mapping(_answer(response).get("login"), "login").get("__typename")
    token = response.headers.get("vendure-auth-token", "")
    if type_name != "CurrentUser" or not token:
        raise Refused(f"Vendure refuses the login: {type_name}")
    return {"Authorization": f"Bearer {token}"}


def request(cursor: str, options: VendureOptions) -> Request:
    """The request for the next page of orders that have changed."""
    at = _cursor(cursor, options)
    return _ask(_ORDERS, {"since": at.since, "skip": at.skip, "take": PAGE})


def page(response: Response, cursor: str, options: VendureOptions) -> Page:
    """The orders of a page, each a message."""
    at = _cursor(cursor, options)
    orders = fields.mapping(_answer(response).get("orders"), "orders")
    items = fields.array(orders.get("items"), "orders.items", PAGE)
    total = fields.whole(orders.get("totalItems"), "orders.totalItems", 0, QUANTITY_MAX)
    times = [_updated(fields.mapping(item, "orders.items")) for item in items]
    newest = max([fields.instant(at.newest or at.since, "since"), *times])
    messages = [Message(json.dumps(item).encode()) for item in items]
    if items and at.skip + len(items) < total:
        next_cursor = Cursor(since=at.since, newest=newest.isoformat(), skip=at.skip + len(items))
        return Page(messages, next_cursor.model_dump_json(), has_more=True)
    begin = newest - timedelta(seconds=options.overlap_s)
    since = max(begin, fields.instant(at.since, "since"))
    next_cursor = Cursor(since=since.isoformat(), newest=newest.isoformat())
    return Page(messages, next_cursor.model_dump_json())


def _cursor(cursor: str, options: VendureOptions) -> Cursor:
    return Cursor.model_validate_json(cursor) if cursor else Cursor(since=options.since)


def _updated(order: Mapping[str, Any]) -> datetime:
    return fields.instant(order.get("updatedAt"), "updatedAt")


def key(message: Message) -> str:
    """A hash: the time of its last change is in an order."""
    return fields.hash_of(message)


def decode(message: Message, options: VendureOptions) -> Iterator[Decoded]:
    """How an order stands."""
    order = fields.mapping(fields.json_of(message.body), "body")
    order_id = fields.text(order.get("id"), "id", 64)
    lines = fields.array(order.get("lines"), "lines", LINES_MAX)
    if not lines:
        yield Ignored("no_items")
        return
    edits = _edits(order)
    yield OrderEvent(
        source=SOURCE,
        id=f"{order_id}/{key(message)}",
        kind=OrderKind.STATE,
        order=f"{SOURCE}/{fields.text(order.get('code'), 'code', 64)}",
        lines=tuple(
            _line(fields.mapping(line, f"lines[{at}]"), f"lines[{at}]", edits, options)
            for at, line in enumerate(lines)
        ),
        time=_updated(order),
        is_sold=True,
        placed_time=fields.optional_instant(order.get("orderPlacedAt"), "orderPlacedAt"),
        is_current=True,  # by time: what is left may fall by more than the edits say
    )


class _Edits(NamedTuple):
    """Units by line."""

    added: Counter[str]
    taken_off: Counter[str]


def _edits(order: Mapping[str, Any]) -> _Edits:
    """What edits of an order have added, and taken off again."""
    edits, path = _Edits(Counter(), Counter()), "modifications"
    for at, edit in enumerate(fields.array(order.get(path) or [], path, LINES_MAX)):
        where = f"{path}[{at}].lines"
        lines = fields.array(fields.mapping(edit, f"{path}[{at}]").get("lines"), where, LINES_MAX)
        for line in lines:
            line = fields.mapping(line, where)
            name = fields.text(line.get("orderLineId"), f"{where}.orderLineId", 64)
            units = fields.whole(
                line.get("quantity"), f"{where}.quantity", -QUANTITY_MAX, QUANTITY_MAX
            )
            (edits.added if units > 0 else edits.taken_off)[name] += abs(units)
    return edits


def _line(line: Mapping[str, Any], path: str, edits: _Edits, options: VendureOptions) -> OrderLine:
    name = fields.text(line.get("id"), f"{path}.id", 64)
    variant = fields.mapping(line.get("productVariant"), f"{path}.productVariant")
    quantity = _units(line, "quantity", path)
    placed = _units(line, "orderPlacedQuantity", path)
    ordered = max(placed + edits.added[name], quantity + edits.taken_off[name])
    shipped = sum(_shipped(line, path))
    return OrderLine(
        id=name,
        sku=fields.text(variant.get("sku"), f"{path}.productVariant.sku"),
        location=options.location,
        quantity=Decimal(max(ordered, shipped)),
        shipped=Decimal(shipped),
        # What was shipped and then taken back is no longer of the quantity either.
        cancelled=Decimal(max(0, ordered - max(quantity, shipped))),
    )


def _shipped(line: Mapping[str, Any], path: str) -> Iterator[int]:
    parts = fields.array(line.get("fulfillmentLines") or [], f"{path}.fulfillmentLines", LINES_MAX)
    for at, part in enumerate(parts):
        where = f"{path}.fulfillmentLines[{at}]"
        part = fields.mapping(part, where)
        fulfillment = fields.mapping(part.get("fulfillment"), f"{where}.fulfillment")
        if fulfillment.get("state") in _SHIPPED:
            yield _units(part, "quantity", where)


def _units(part: Mapping[str, Any], name: str, path: str) -> int:
    return fields.whole(part.get(name), f"{path}.{name}", 0, QUANTITY_MAX)


#: Of each (variant, stock location): units that are shown, and that are allocated.
_Levels = dict[tuple[str, str], tuple[int, int]]


def walk(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Sequence[OfferVerdict]:
    """Read the levels, then set those that show what they were compared with."""
    if not responses:
        items = sorted({offer.item for offer in offers})
        return _ask(_LEVELS, {"ids": items, "take": PAGE})
    variants = fields.mapping(_answer(responses[0]).get("productVariants"), "productVariants")
    levels = _levels(variants)
    verdicts = [_verdict(offer, levels) for offer in offers]
    taken = [
        offer
        for offer, verdict in zip(offers, verdicts, strict=True)
        if isinstance(verdict, Accepted)
    ]
    if taken and len(responses) == 1:
        return _set(taken, levels)
    if taken:
        _answer(responses[1])
    return verdicts


def _verdict(offer: Offer, levels: _Levels) -> OfferVerdict:
    found = levels.get((offer.item, offer.node))
    if found is None:
        return Rejected("Vendure has no stock level of this variant there", "stockLocationId")
    return Stale(found[0]) if offer.shown not in (None, found[0]) else Accepted()


def _set(offers: Sequence[Offer], levels: _Levels) -> Request:
    variants: dict[str, list[dict[str, Any]]] = {}
    for offer in offers:
        on_hand = offer.quantity + levels[offer.item, offer.node][1]
        level = {"stockLocationId": offer.node, "stockOnHand": on_hand}
        variants.setdefault(offer.item, []).append(level)
    entries = [{"id": item, "stockLevels": each} for item, each in variants.items()]
    return _ask(_SET, {"input": entries})


def _levels(variants: Mapping[str, Any]) -> _Levels:
    found: _Levels = {}
    for at, item in enumerate(fields.array(variants.get("items"), "items", PAGE)):
        path = f"items[{at}]"
        item = fields.mapping(item, path)
        name = fields.text(item.get("id"), f"{path}.id", 64)
        where = f"{path}.stockLevels"
        for level in fields.array(item.get("stockLevels"), where, LINES_MAX):
            level = fields.mapping(level, where)
            place = fields.text(level.get("stockLocationId"), f"{where}.stockLocationId", 64)
            on_hand, allocated = (
                fields.whole(level.get(each), f"{where}.{each}", -QUANTITY_MAX, QUANTITY_MAX)
                for each in ("stockOnHand", "stockAllocated")
            )
            found[name, place] = (on_hand - allocated, allocated)
    return found


def ask_shown(pairs: Sequence[tuple[str, str]], _options: VendureOptions) -> Request:
    """Asks for the levels of variants."""
    items = sorted({item for item, _ in pairs})
    return _ask(_LEVELS, {"ids": items, "take": PAGE})


def shown(response: Response, _options: VendureOptions) -> list[Shown]:
    """What is shown of them, at each stock location."""
    levels = _levels(fields.mapping(_answer(response).get("productVariants"), "productVariants"))
    return [
        Shown(item=item, node=node, quantity=units) for (item, node), (units, _) in levels.items()
    ]


ADAPTER: Final = Adapter(
    name="vendure",
    reads="Orders of a Vendure shop, polled from its Admin API; sets its stock levels.",
    dedupe="a hash of the order, which has the time of its last change",
    order="none: each message has the whole order",
    key=key,
    decode=decode,
    options=VendureOptions,
    secrets=("password",),
    login=Login(_log_in, _session),
    poll=Poll(request, page),
    publish=Publish((PublishPath("levels", PAGE, walk),), ReadPairs(PAGE, ask_shown, shown)),
    flow="order_sync",
)
