"""A shop at Shopify, as far as stock goes: levels, orders, fulfilment orders, fulfilments.

Source: "Inventory states", "Fulfillment orders" (shopify.dev): an order takes its units from what
is available at once; a cancelled order puts them back where they were taken from.

Rules of this file: no protocol. Ids are numbers as text. Whoever wants to know what happens gives
`tell`, which gets the topic of a webhook and the body that Shopify sends with it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, TypeAlias

from .faults import Clock

#: An item at a location.
Place: TypeAlias = tuple[str, str]

_FIRST_ID: Final = 450_789_469


@dataclass(slots=True)
class Line:
    """A line of an order."""

    id: str
    item: str
    sku: str
    quantity: int


@dataclass(slots=True)
class Group:
    """A fulfilment order, or a fulfilment: units of lines at a location."""

    id: str
    location: str
    status: str
    updated_at: str
    units: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """An order."""

    id: str
    created_at: str
    updated_at: str
    lines: list[Line]
    fulfillment_orders: list[Group] = field(default_factory=list)
    fulfillments: list[Group] = field(default_factory=list)
    cancelled_at: str | None = None


class Shop:
    """The books of a shop."""

    def __init__(self, clock: Clock, tell: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.skus: dict[str, str] = {}
        self.levels: dict[Place, int] = {}
        self.orders: dict[str, Order] = {}
        self._clock = clock
        self._tell = tell
        self._ids = count(_FIRST_ID)

    @property
    def locations(self) -> list[str]:
        """Its locations, in the order of their ids."""
        return sorted({location for _, location in self.levels}, key=int)

    def stock(self, item: str, sku: str, location: str, available: int = 0) -> None:
        """Begin to stock an item at a location; nobody is told."""
        self.skus[item] = sku
        self.levels[item, location] = available

    def show(self, item: str, location: str, available: int) -> None:
        """Set what is available of an item at a location."""
        if self.levels[item, location] != available:
            self.levels[item, location] = available
            self._tell("inventory_levels/update", self._level(item, location))

    def sell(self, item: str, location: str, quantity: int) -> str | None:
        """An order of a buyer, or None where the shop does not show that many."""
        if self.levels.get((item, location), 0) < quantity:
            return None
        now = self.now()
        line = Line(str(next(self._ids)), item, self.skus[item], quantity)
        order = Order(str(next(self._ids)), now, now, [line])
        order.fulfillment_orders.append(self._group(location, "OPEN", {line.id: quantity}))
        self.orders[order.id] = order
        self.show(item, location, self.levels[item, location] - quantity)
        self._tell("orders/create", order_body(order))
        return order.id

    def ship(self, order_id: str, quantity: int | None = None) -> None:
        """Ship so many units of each line of the first open fulfilment order, or all of it."""
        order = self.orders[order_id]
        group = self._open(order)
        shipped = {line: min(units, quantity or units) for line, units in group.units.items()}
        for line, units in shipped.items():
            group.units[line] -= units
        self._close_if_done(group)
        order.fulfillments.append(self._group(group.location, "SUCCESS", shipped))
        self._changed(order, group)
        self._tell("fulfillments/create", _fulfillment_body(order, order.fulfillments[-1]))

    def move(self, order_id: str, location: str) -> None:
        """Have what is open of an order shipped from another location that stocks it."""
        order = self.orders[order_id]
        group = self._open(order)
        for line in order.lines:
            units = group.units.get(line.id, 0)
            self.show(line.item, group.location, self.levels[line.item, group.location] + units)
            self.show(line.item, location, self.levels[line.item, location] - units)
        group.location = location
        self._changed(order, group)

    def cancel(self, order_id: str, quantity: int | None = None) -> None:
        """Cancel so many units of each line that are not shipped yet, or all of the order."""
        order = self.orders[order_id]
        group = self._open(order)
        for line in order.lines:
            units = min(group.units.get(line.id, 0), quantity or line.quantity)
            group.units[line.id] = group.units.get(line.id, 0) - units
            self.show(line.item, group.location, self.levels[line.item, group.location] + units)
        self._close_if_done(group)
        topic = "orders/updated"
        if quantity is None and not order.fulfillments:
            order.cancelled_at, topic = self.now(), "orders/cancelled"
        self._changed(order, group, topic)

    def books(self) -> Mapping[str, Mapping[Place, int]]:
        """Of each (item, location): units shown, and of all orders those open and shipped."""
        units: dict[str, Counter[Place]] = defaultdict(Counter)
        for order in self.orders.values():
            items = {line.id: line.item for line in order.lines}
            parts = (("open", order.fulfillment_orders), ("shipped", order.fulfillments))
            for name, groups in parts:
                for group in groups:
                    for line, quantity in group.units.items():
                        units[name][items[line], group.location] += quantity
        return {"shown": dict(self.levels), "open": units["open"], "shipped": units["shipped"]}

    def now(self) -> str:
        """The time, as Shopify writes it."""
        return datetime.fromtimestamp(int(self._clock()), UTC).isoformat().replace("+00:00", "Z")

    def _group(self, location: str, status: str, units: dict[str, int]) -> Group:
        return Group(str(next(self._ids)), location, status, self.now(), units)

    def _open(self, order: Order) -> Group:
        return next(group for group in order.fulfillment_orders if group.status == "OPEN")

    def _close_if_done(self, group: Group) -> None:
        if not any(group.units.values()):
            group.status = "CLOSED"

    def _changed(self, order: Order, group: Group, topic: str = "orders/updated") -> None:
        order.updated_at = group.updated_at = self.now()
        self._tell(topic, order_body(order))

    def _level(self, item: str, location: str) -> dict[str, Any]:
        return {
            "inventory_item_id": int(item),
            "location_id": int(location),
            "available": self.levels[item, location],
            "updated_at": self.now(),
        }


def order_body(order: Order) -> dict[str, Any]:
    """An order as webhooks have it."""
    open_ = Counter[str]()
    for group in order.fulfillment_orders:
        open_.update(group.units)
    return {
        "id": int(order.id),
        "admin_graphql_api_id": f"gid://shopify/Order/{order.id}",
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "cancelled_at": order.cancelled_at,
        "location_id": None,
        "line_items": [
            {
                "id": int(line.id),
                "sku": line.sku,
                "variant_id": int(line.item),
                "quantity": line.quantity,
                "fulfillable_quantity": open_[line.id],
            }
            for line in order.lines
        ],
        "fulfillments": [_fulfillment_body(order, group) for group in order.fulfillments],
    }


def _fulfillment_body(order: Order, group: Group) -> dict[str, Any]:
    return {
        "id": int(group.id),
        "order_id": int(order.id),
        "status": group.status.lower(),
        "location_id": int(group.location),
        "created_at": group.updated_at,
        "updated_at": group.updated_at,
        "line_items": [
            {"id": int(line), "quantity": quantity} for line, quantity in group.units.items()
        ],
    }
