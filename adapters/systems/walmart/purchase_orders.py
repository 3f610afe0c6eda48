"""What one of Walmart's purchase orders says: where its units are, and how each line stands.

Sources: Walmart's models of orders (see marketplace.py): GetOrderResponseRecord, OrderLineType,
OrderLineStatusType. A line has its units spread over statuses, each with a quantity, so an order is
reported as it stands.

Rules of this file: pure. A wrong field is an error that names it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ...contract import Undecodable
from ...events import OrderEvent, OrderKind, OrderLine
from ...intake import fields

#: What the reservations of Walmart's orders begin with.
ORDER_PREFIX: Final = "walmart/"
LINES_MAX: Final = 2_000
STATUSES_MAX: Final = 100

#: What a status says of its units. A refunded unit was shipped before.
_SHIPPED: Final = ("shipped", "delivered", "refund")
_STATUSES: Final = ("created", "acknowledged", "cancelled", *_SHIPPED)


def state_of(order: Mapping[str, Any], path: str, node: str, new_id: str) -> OrderEvent:
    """How an order of Walmart's API stands. `node` is its ship node if it names none, and `path`
    what errors name its fields after. Raises Undecodable.
    """
    number = fields.text(order.get("purchaseOrderId"), f"{path}purchaseOrderId", 64)
    location = _ship_node(order, path) or node
    if not location:
        raise Undecodable(f"{path}shipNode.id", None, "a ship node, or the option node")
    placed = moment(order.get("orderDate"), f"{path}orderDate")
    return OrderEvent(
        source="walmart",
        id=new_id,
        kind=OrderKind.STATE,
        order=f"{ORDER_PREFIX}{number}",
        lines=tuple(_line(line, where, location) for line, where in _lines(order, path)),
        # The time of the order, and not of its state: mapping tables are to give the same location
        # as long as it lives.
        time=placed,
        placed_time=placed,
        is_sold=True,
    )


def _ship_node(order: Mapping[str, Any], path: str) -> str:
    if order.get("shipNode") is None:
        return ""
    node = fields.mapping(order["shipNode"], f"{path}shipNode")
    return fields.any_text(node.get("id") or "", f"{path}shipNode.id")


def _line(line: Mapping[str, Any], path: str, location: str) -> OrderLine:
    item = fields.mapping(line.get("item"), f"{path}.item")
    quantity = _amount(line.get("orderLineQuantity"), f"{path}.orderLineQuantity")
    shipped, cancelled = _units(line, path)
    if cancelled > quantity:
        raise Undecodable(f"{path}.orderLineStatuses", cancelled, f"up to {quantity} cancelled")
    return OrderLine(
        id=fields.text(line.get("lineNumber"), f"{path}.lineNumber", 64),
        sku=fields.text(item.get("sku"), f"{path}.item.sku"),
        location=location,
        quantity=quantity,
        # Walmart may report a refunded unit beside its shipment.
        shipped=min(shipped, quantity - cancelled),
        cancelled=cancelled,
    )


def _units(line: Mapping[str, Any], path: str) -> tuple[Decimal, Decimal]:
    """Units of a line that were shipped, and that were cancelled."""
    shipped = cancelled = Decimal(0)
    for status, units in _statuses(line, path):
        shipped += units if status in _SHIPPED else 0
        cancelled += units if status == "cancelled" else 0
    return shipped, cancelled


def is_new(order: Mapping[str, Any]) -> bool:
    """Whether an order waits to be acknowledged. Raises Undecodable."""
    return any(
        status == "created"
        for line, where in _lines(order, "order.")
        for status, _ in _statuses(line, where)
    )


def _lines(order: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The lines of an order, each with its path."""
    held = fields.mapping(order.get("orderLines"), f"{path}orderLines")
    where = f"{path}orderLines.orderLine"
    for at, each in enumerate(fields.array(held.get("orderLine"), where, LINES_MAX)):
        yield fields.mapping(each, f"{where}[{at}]"), f"{where}[{at}]"


def _statuses(line: Mapping[str, Any], path: str) -> Iterator[tuple[str, Decimal]]:
    """The statuses of a line in lower case, each with its units."""
    held = fields.mapping(line.get("orderLineStatuses"), f"{path}.orderLineStatuses")
    where = f"{path}.orderLineStatuses.orderLineStatus"
    for at, each in enumerate(fields.array(held.get("orderLineStatus"), where, STATUSES_MAX)):
        entry = fields.mapping(each, f"{where}[{at}]")
        status = fields.text(entry.get("status"), f"{where}[{at}].status", 64).lower()
        if status not in _STATUSES:
            raise Undecodable(f"{where}[{at}].status", status, f"one of {', '.join(_STATUSES)}")
        yield status, _amount(entry.get("statusQuantity"), f"{where}[{at}].statusQuantity")


def _amount(value: object, path: str) -> Decimal:
    """A quantity of Walmart's, which is in EACH."""
    amount = fields.quantity(fields.mapping(value, path).get("amount"), f"{path}.amount")
    if amount < 0:
        raise Undecodable(f"{path}.amount", amount, "0 or more")
    return amount


def moment(value: object, path: str) -> datetime:
    """A time: milliseconds since 1970, as orders have it, or ISO 8601, as notifications do."""
    if type(value) is str and not value.isdigit():
        return fields.instant_or_local(value, path, UTC)
    milliseconds = fields.whole(value, path, 0, _LAST_MILLISECOND)
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


#: In 2259, the last that nanoseconds can express in 64 bits.
_LAST_MILLISECOND: Final = 9_100_000_000_000
