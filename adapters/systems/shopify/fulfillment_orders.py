"""Orders at their locations, asked of Shopify: the orders whose fulfilment orders have changed.

Source: FulfillmentOrder, Fulfillment and LineItem of the Admin API 2026-10. A fulfilment order says
where its lines are to be shipped from, and moves, holds, shipments and cancellations change its
`updatedAt`. So a sweep asks which have changed, and then for each of their orders as a whole: one a
request, since a query may not ask for more than 1,000 points however few it is charged.

Search lags behind: a sweep begins `overlap_s` before the newest change, and what it has seen there
is not asked for again. Times are in whole seconds, in which there may be several changes: one
counts as seen when it is older than that by the clock of the answer.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ...contract import Message, Page, Poll, Request, Response, Undecodable
from ...events import Decoded, Ignored, OrderLine
from ...intake import fields
from ...intake.zones import InstantText
from .access import Shop
from .graphql import answer, ask, gid, number_of
from .rest_orders import QUANTITY_MAX
from .sold_orders import Ordered, line_at, state

CHANGED: Final = 250
"""Fulfilment orders a page."""
LINES: Final = 45
GROUPS: Final = 4
"""Fulfilment orders, and fulfilments, of an order. With LINES, what 1,000 points allow for."""

SETTLED_S: Final = 2
"""After so many seconds, a second has no more changes."""

_CHANGED: Final = f"""query Changed($query: String!, $after: String) {{
  fulfillmentOrders(
    first: {CHANGED}, after: $after, query: $query, includeClosed: true, sortKey: UPDATED_AT
  ) {{
    nodes {{ id orderId updatedAt }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
_CHANGED_COST: Final = CHANGED + 2

_ORDER: Final = f"""query Order($id: ID!) {{
  order(id: $id) {{
    id
    createdAt
    updatedAt
    lineItems(first: {LINES}) {{
      nodes {{ id sku quantity variant {{ id }} }}
      pageInfo {{ hasNextPage }}
    }}
    fulfillmentOrders(first: {GROUPS}) {{
      nodes {{
        status
        updatedAt
        assignedLocation {{ location {{ id }} }}
        lineItems(first: {LINES}) {{
          nodes {{ remainingQuantity lineItem {{ id }} }}
          pageInfo {{ hasNextPage }}
        }}
      }}
      pageInfo {{ hasNextPage }}
    }}
    fulfillments(first: {GROUPS + 1}) {{
      status
      location {{ id }}
      fulfillmentLineItems(first: {LINES}) {{
        nodes {{ quantity lineItem {{ id }} }}
        pageInfo {{ hasNextPage }}
      }}
    }}
  }}
}}"""
_ORDER_COST: Final = 1 + 2 * LINES + GROUPS * (3 + 2 * LINES) + (GROUPS + 1) * (2 + 2 * LINES)

#: Statuses of fulfilment orders that nothing is shipped of any more.
_ENDED: Final = ("CANCELLED", "CLOSED")
#: Statuses of fulfilments; those of the others did not happen.
_SHIPPED: Final = "SUCCESS"
_ON_ITS_WAY: Final = ("PENDING", "OPEN")


class OrdersOptions(BaseModel):
    """Which orders are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shop: Shop
    """Its domain at Shopify, "example.myshopify.com"."""
    location: str = ""
    """The location of units whose own is gone; empty leaves them out."""
    since: InstantText
    """Orders whose fulfilment changed at or after this time: "2026-11-26T00:00:00Z"."""
    overlap_s: Annotated[int, Field(ge=0, le=3_600)] = 60
    """How late Shopify's search may find a change, in seconds."""


class Cursor(BaseModel):
    """How far the sweeps have come."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: str
    """Changes at or after this time are asked for."""
    after: str | None = None
    """Where the page of this sweep begins."""
    orders: tuple[str, ...] = ()
    """Numbers of the orders to be asked for before the sweep goes on."""
    newest: str = ""
    """The time of the newest change that was seen."""
    seen: dict[str, str] = {}
    """When fulfilment orders changed last, of those in the overlap."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Units of each line by location, in the order in which it came there; what is nowhere has the
    location of the options.
    """

    open: defaultdict[str, Counter[str]] = dataclass_field(
        default_factory=lambda: defaultdict(Counter)
    )
    """To be shipped. A location with 0 is one where the line was."""
    shipped: defaultdict[str, Counter[str]] = dataclass_field(
        default_factory=lambda: defaultdict(Counter)
    )


def request(cursor: str, options: OrdersOptions) -> Request:
    """The request for the next order that has changed, or for which have."""
    at = _cursor(cursor, options)
    if at.orders:
        return ask(_ORDER, {"id": gid("Order", at.orders[0])}, _ORDER_COST)
    variables = {"query": f"updated_at:>='{at.since}'", "after": at.after}
    return ask(_CHANGED, variables, _CHANGED_COST)


def page(response: Response, cursor: str, options: OrdersOptions) -> Page:
    """An order as a message, or none and the orders to ask for."""
    at, data = _cursor(cursor, options), answer(response)
    if not at.orders:
        changes = _under(data, "fulfillmentOrders", "")
        return _changed(changes, at, options, _settled_before(response))
    rest = at.model_copy(update={"orders": at.orders[1:]})
    order = data.get("order")  # none where it was deleted
    messages = [] if order is None else [Message(json.dumps(order).encode())]
    return Page(messages, rest.model_dump_json(), has_more=bool(rest.orders or rest.after))


def key(message: Message) -> str:
    """A hash: the times of its changes are in an order."""
    return fields.hash_of(message)


def decode(message: Message, options: OrdersOptions) -> Iterator[Decoded]:
    """How an order stands. Raises `Undecodable`, also where it has more parts than were asked for:
    a webhook has all of them.
    """
    order = fields.mapping(fields.json_of(message.body), "body")
    order_id = number_of(order.get("id"), "Order", "id")
    ordered = list(_ordered(order))
    standing = _Standing()
    times = [fields.instant(order.get("updatedAt"), "updatedAt")]
    for path, group in _nodes(order, "fulfillmentOrders", ""):
        times.append(fields.instant(group.get("updatedAt"), f"{path}.updatedAt"))
        _add_open(standing, group, path, options)
    for at, each in enumerate(fields.array(order.get("fulfillments"), "fulfillments", GROUPS)):
        path = f"fulfillments[{at}]"
        _add_fulfillment(standing, fields.mapping(each, path), path, options)
    lines = [part for line in ordered for part in _parts(line, standing, options.location)]
    if lines:
        placed = fields.optional_instant(order.get("createdAt"), "createdAt")
        yield state(options, order_id, f"{order_id}/{key(message)}", lines, max(times), placed)
    else:
        yield Ignored("no_location" if ordered else "no_items")


def _cursor(cursor: str, options: OrdersOptions) -> Cursor:
    return Cursor.model_validate_json(cursor) if cursor else Cursor(since=options.since)


def _settled_before(response: Response) -> datetime:
    """The time before which no change comes any more, by the date of an answer."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:  # then each order of the overlap is asked for in each sweep
        return datetime.min.replace(tzinfo=UTC)
    return date - timedelta(seconds=SETTLED_S)


def _changed(
    changes: Mapping[str, Any], at: Cursor, options: OrdersOptions, settled_before: datetime
) -> Page:
    """The cursor after a page of changes: with the orders to ask for, and where to go on."""
    orders, seen, newest = dict.fromkeys(at.orders), dict(at.seen), at.newest or at.since
    for place, node in enumerate(fields.array(changes.get("nodes"), "nodes", CHANGED)):
        path = f"nodes[{place}]"
        node = fields.mapping(node, path)
        changed = fields.text(node.get("updatedAt"), f"{path}.updatedAt")
        newest = max(newest, changed, key=lambda text: fields.instant(text, f"{path}.updatedAt"))
        order = number_of(node.get("orderId"), "Order", f"{path}.orderId")
        name = number_of(node.get("id"), "FulfillmentOrder", f"{path}.id")
        if seen.get(name) != changed:
            orders[order] = None
            if _time(changed) < settled_before:
                seen[name] = changed
    since = _before(newest, options.overlap_s, at.since)
    info = _under(changes, "pageInfo", "")
    after = info.get("endCursor") if info.get("hasNextPage") is True else None
    next_cursor = Cursor(
        since=at.since if after else since,
        after=after,
        orders=tuple(orders),
        newest=newest,
        seen={name: time for name, time in seen.items() if _time(time) >= _time(since)},
    )
    return Page([], next_cursor.model_dump_json(), has_more=bool(orders or after))


def _before(newest: str, overlap_s: int, since: str) -> str:
    """Where the next sweep begins: it does not go back before this one."""
    begin = max(_time(newest) - timedelta(seconds=overlap_s), _time(since))
    return begin.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return fields.instant(text, "updatedAt")


def _ordered(order: Mapping[str, Any]) -> Iterator[Ordered]:
    """Its lines, but those of no product."""
    for path, line in _nodes(order, "lineItems", ""):
        sku = _sku(line, path)
        if sku:
            line_id = number_of(line.get("id"), "LineItem", f"{path}.id")
            yield Ordered(line_id, sku, _units(line, "quantity", path))


def _parts(line: Ordered, standing: _Standing, location: str) -> Iterator[OrderLine]:
    """A line at each of its locations.

    Where it came first it has its own id, by which the core moves it as a whole; units that went
    elsewhere count as cancelled there. Elsewhere a part of it has an id with the location, and
    grows by the units that come. What left such a part is reported once nothing of the line is
    open: numbers of a line rise, so until then it hides units rather than selling them twice.
    """
    still_open, shipped = standing.open[line.id], standing.shipped[line.id]
    first, *others = dict.fromkeys((*still_open, *shipped)) or [location]
    if first:
        yield line_at(line, first, still_open[first], shipped[first])
    for place in others:
        units = still_open[place] + shipped[place]
        part = line._replace(
            id=f"{line.id}/{place}", quantity=units if still_open.total() else line.quantity
        )
        if place and part.quantity:
            yield line_at(part, place, still_open[place], shipped[place])


def _sku(line: Mapping[str, Any], path: str) -> str:
    """The SKU of a line, or its variant where it has none, as webhooks are read."""
    if line.get("sku"):
        return fields.text(line["sku"], f"{path}.sku")
    if line.get("variant") is None:
        return ""
    variant = _under(line, "variant", path)
    return f"variant/{number_of(variant.get('id'), 'ProductVariant', f'{path}.variant.id')}"


def _add_open(
    standing: _Standing, group: Mapping[str, Any], path: str, options: OrdersOptions
) -> None:
    """What a fulfilment order is to ship. One that has ended says where its lines were."""
    assigned = _under(group, "assignedLocation", path)
    place = _location(assigned, f"{path}.assignedLocation", options)
    has_ended = group.get("status") in _ENDED
    for where, line in _nodes(group, "lineItems", path):
        units = 0 if has_ended else _units(line, "remainingQuantity", where)
        standing.open[_line_id(line, where)][place] += units


def _add_fulfillment(
    standing: _Standing, fulfillment: Mapping[str, Any], path: str, options: OrdersOptions
) -> None:
    status = fulfillment.get("status")
    if status != _SHIPPED and status not in _ON_ITS_WAY:
        return
    units = standing.shipped if status == _SHIPPED else standing.open
    place = _location(fulfillment, path, options)
    for where, line in _nodes(fulfillment, "fulfillmentLineItems", path):
        units[_line_id(line, where)][place] += _units(line, "quantity", where)


def _location(part: Mapping[str, Any], path: str, options: OrdersOptions) -> str:
    """Its location, or that of the options where it was deleted."""
    if part.get("location") is None:
        return options.location
    location = _under(part, "location", path)
    return number_of(location.get("id"), "Location", f"{path}.location.id")


def _line_id(line: Mapping[str, Any], path: str) -> str:
    of = _under(line, "lineItem", path)
    return number_of(of.get("id"), "LineItem", f"{path}.lineItem.id")


def _units(part: Mapping[str, Any], name: str, path: str) -> int:
    return fields.whole(part.get(name), f"{path}.{name}", 0, QUANTITY_MAX)


def _nodes(
    part: Mapping[str, Any], name: str, path: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The nodes of a connection, each with its path. Raises `Undecodable` where there are more."""
    connection = _under(part, name, path)
    where = f"{path}.{name}".lstrip(".")
    nodes = fields.array(connection.get("nodes"), f"{where}.nodes", max(LINES, GROUPS))
    if _under(connection, "pageInfo", where).get("hasNextPage") is not False:
        raise Undecodable(f"{where}.pageInfo.hasNextPage", True, f"up to {len(nodes)} of them")
    for at, node in enumerate(nodes):
        yield f"{where}.nodes[{at}]", fields.mapping(node, f"{where}.nodes[{at}]")


def _under(part: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    return fields.mapping(part.get(name), f"{path}.{name}".lstrip("."))


POLL: Final = Poll(request, page)
