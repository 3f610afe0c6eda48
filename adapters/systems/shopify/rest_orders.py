"""An order as webhooks have it: the REST Admin API's order.

Source: "Order" (REST Admin API reference, shopify.dev). `fulfillable_quantity` of a line is what
is still to be shipped, without what is refunded or on its way. Where it is to be shipped from is
in no field of it, except for an order that was taken at a location (`location_id`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...events import Decoded, Ignored, OrderLine
from ...intake import fields
from .access import ShopOptions
from .sold_orders import Ordered, line_at, state

LINES_MAX: Final = 2_000
#: Fulfilments of an order, which has at most so many lines.
FULFILLMENTS_MAX: Final = 2_000
#: The most of a line or a level: more is an INVALID_QUANTITY_TOO_HIGH.
QUANTITY_MAX: Final = 10**9

#: What a fulfilment's units are. The others did not happen.
_SHIPPED: Final = "success"
_ON_ITS_WAY: Final = ("pending", "open")


@dataclass(frozen=True, slots=True)
class _Fulfilled:
    """What the fulfilments of an order say of its lines, by their ids."""

    shipped: Counter[str] = field(default_factory=Counter)
    on_its_way: Counter[str] = field(default_factory=Counter)
    locations: dict[str, str] = field(default_factory=dict)
    """Where the last of them was shipped from."""


def order_state(
    order: Mapping[str, Any], event_id: str, options: ShopOptions, correlation_id: str
) -> Decoded:
    """How an order stands. One that names no location is left to the poll."""
    order_id = number(order.get("id"), "id")
    taken_at = order.get("location_id")
    location = options.location if taken_at is None else number(taken_at, "location_id")
    if not location:
        return Ignored("no_location")
    lines = list(_lines(order, location))
    if not lines:
        return Ignored("no_items")
    time = fields.instant(order.get("updated_at"), "updated_at")
    placed = fields.optional_instant(order.get("created_at"), "created_at")
    return state(options, order_id, event_id, lines, time, placed, correlation_id)


def number(value: object, field: str) -> str:
    """An id of Shopify's, as text."""
    return str(fields.whole(value, field, 1, 2**63 - 1))


def sku_of(line: Mapping[str, Any], path: str) -> str:
    """The SKU of a line, or its variant where it has none; empty when it is of no product."""
    sku = line.get("sku")
    if sku:
        return fields.text(sku, f"{path}.sku")
    variant = line.get("variant_id")
    return "" if variant is None else f"variant/{number(variant, f'{path}.variant_id')}"


def _lines(order: Mapping[str, Any], location: str) -> Iterator[OrderLine]:
    """Its lines, but those of no product: each where it is to be shipped from, or was."""
    is_cancelled = order.get("cancelled_at") is not None
    done = _fulfilled(order)
    for at, item in enumerate(fields.array(order.get("line_items"), "line_items", LINES_MAX)):
        path = f"line_items[{at}]"
        item = fields.mapping(item, path)
        sku = sku_of(item, path)
        if not sku:
            continue
        line = Ordered(number(item.get("id"), f"{path}.id"), sku, _units(item, "quantity", path))
        shipped, on_its_way = done.shipped[line.id], done.on_its_way[line.id]
        fulfillable = 0 if is_cancelled else _fulfillable(item, shipped + on_its_way, path)
        place = location if fulfillable else done.locations.get(line.id, location)
        yield line_at(line, place, fulfillable + on_its_way, shipped)


def _fulfillable(line: Mapping[str, Any], sent: int, path: str) -> int:
    """Units still to be shipped; older orders do not say, and are then to be shipped as a whole."""
    if "fulfillable_quantity" in line:
        return _units(line, "fulfillable_quantity", path)
    return max(0, _units(line, "quantity", path) - sent)


def _fulfilled(order: Mapping[str, Any]) -> _Fulfilled:
    found, path = _Fulfilled(), "fulfillments"
    for at, each in enumerate(fields.array(order.get(path, []), path, FULFILLMENTS_MAX)):
        _add(found, fields.mapping(each, f"{path}[{at}]"), f"{path}[{at}]")
    return found


def _add(found: _Fulfilled, fulfillment: Mapping[str, Any], path: str) -> None:
    status, place = fulfillment.get("status"), fulfillment.get("location_id")
    if status != _SHIPPED and status not in _ON_ITS_WAY:
        return
    units = found.shipped if status == _SHIPPED else found.on_its_way
    where = f"{path}.line_items"
    for at, line in enumerate(fields.array(fulfillment.get("line_items"), where, LINES_MAX)):
        line = fields.mapping(line, f"{where}[{at}]")
        line_id = number(line.get("id"), f"{where}[{at}].id")
        units[line_id] += _units(line, "quantity", f"{where}[{at}]")
        if place is not None:
            found.locations[line_id] = number(place, f"{path}.location_id")


def _units(line: Mapping[str, Any], name: str, path: str) -> int:
    return fields.whole(line.get(name), f"{path}.{name}", 0, QUANTITY_MAX)
