"""An order as webhooks have it: the REST Admin API's order.

Source: "Order" (REST Admin API reference, shopify.dev). `fulfillable_quantity` of a line is what
is still to be shipped, without what is refunded or on its way. Where it is to be shipped from is
in no field of it, except for an order that was taken at a location (`location_id`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...events import Decoded, Ignored
from ...intake import fields
from .access import ShopOptions
from .order_lines import Ordered, Standing, order_lines, state

LINES_MAX: Final = 2_000
#: Fulfilments of an order, which has at most so many lines.
FULFILLMENTS_MAX: Final = 2_000
#: The most of a line or a level: INVALID_QUANTITY_TOO_HIGH is told of more.
QUANTITY_MAX: Final = 10**9

#: What a fulfilment's units are. The others did not happen.
_SHIPPED: Final = "success"
_ON_ITS_WAY: Final = ("pending", "open")


def order_state(
    order: Mapping[str, Any], event_id: str, options: ShopOptions, correlation_id: str
) -> Decoded:
    """How an order stands."""
    order_id = number(order.get("id"), "id")
    lines = fields.array(order.get("line_items"), "line_items", LINES_MAX)
    told = [fields.mapping(line, f"line_items[{at}]") for at, line in enumerate(lines)]
    ordered = list(_ordered(told))
    standing = _standing(order, told, options)
    found = tuple(order_lines(ordered, standing, options.location))
    if not found:
        return Ignored("no_location" if ordered else "no_items")
    time = fields.instant(order.get("updated_at"), "updated_at")
    return state(options, order_id, event_id, found, time, correlation_id)


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


def _ordered(lines: Sequence[Mapping[str, Any]]) -> Iterator[Ordered]:
    for at, line in enumerate(lines):
        path = f"line_items[{at}]"
        sku = sku_of(line, path)
        if sku:
            yield Ordered(number(line.get("id"), f"{path}.id"), sku, _units(line, "quantity", path))


def _standing(
    order: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], options: ShopOptions
) -> Standing:
    standing = Standing()
    taken_at = order.get("location_id")
    location = options.location if taken_at is None else number(taken_at, "location_id")
    path = "fulfillments"
    for at, each in enumerate(fields.array(order.get(path, []), path, FULFILLMENTS_MAX)):
        _add_fulfillment(standing, fields.mapping(each, f"{path}[{at}]"), f"{path}[{at}]", location)
    is_cancelled = order.get("cancelled_at") is not None
    for at, line in enumerate(lines):
        path = f"line_items[{at}]"
        line_id = number(line.get("id"), f"{path}.id")
        told = standing.shipped[line_id].total() + standing.open[line_id].total()
        units = 0 if is_cancelled else _fulfillable(line, told, path)
        standing.open[line_id][location] += units
    return standing


def _fulfillable(line: Mapping[str, Any], told: int, path: str) -> int:
    """Units still to be shipped; older orders do not say, and are then to be shipped as a whole."""
    if "fulfillable_quantity" in line:
        return _units(line, "fulfillable_quantity", path)
    return max(0, _units(line, "quantity", path) - told)


def _add_fulfillment(
    standing: Standing, fulfillment: Mapping[str, Any], path: str, location: str
) -> None:
    status = fulfillment.get("status")
    if status != _SHIPPED and status not in _ON_ITS_WAY:
        return
    units = standing.shipped if status == _SHIPPED else standing.open
    told = fulfillment.get("location_id")
    place = location if told is None else number(told, f"{path}.location_id")
    path = f"{path}.line_items"
    for at, line in enumerate(fields.array(fulfillment.get("line_items"), path, LINES_MAX)):
        where = f"{path}[{at}]"
        line = fields.mapping(line, where)
        units[number(line.get("id"), f"{where}.id")][place] += _units(line, "quantity", where)


def _units(line: Mapping[str, Any], name: str, path: str) -> int:
    return fields.whole(line.get(name), f"{path}.{name}", 0, QUANTITY_MAX)
