"""Orders as Amazon reports them, in notifications and when it is asked: how each line stands.

Sources: OrderChangeNotification.json and orders_2026-01-01.json of the models. A pending order is
sold: Amazon takes its units off the listing. A cancellation that the buyer asks for is none until
somebody executes it. The quantity of an item falls when a part of it is cancelled, down to 0.

Rules of this file: pure. Both ways report the same order, and it does not matter which came first.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from ...events import Decoded, Ignored, OrderEvent, OrderKind, OrderLine
from .parts import Part

_CANCELLED: Final = ("Canceled", "Unfulfillable", "CANCELLED", "UNFULFILLABLE")
_SHIPPED: Final = ("Shipped", "SHIPPED")
#: Statuses in which what was not shipped will not be.
_OVER: Final = (*_CANCELLED, *_SHIPPED)
#: Statuses in which all that an order still owes is reported as unfulfilled.
_TELLS_OPEN: Final = ("UNSHIPPED", "PARTIALLY_SHIPPED")

_NOTIFIED: Final = (
    *("Pending", "Unshipped", "PartiallyShipped", "Shipped", "Canceled"),
    *("Unfulfillable", "InvoiceUnconfirmed", "PendingAvailability"),
)
_SEARCHED: Final = (
    *("PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED"),
    *("CANCELLED", "UNFULFILLABLE"),
)


class Seller(Protocol):
    """What the options of both ways say."""

    @property
    def channel(self) -> str:
        """The source, and what reservation ids begin with."""

    @property
    def location(self) -> str:
        """From where lines ship that name no supply source."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What both ways say of an order."""

    id: str
    event_id: str
    status: str
    time: datetime
    placed: datetime | None
    lines: tuple[OrderLine, ...]


def of_notification(payload: Part, event_id: str, time: datetime, options: Seller) -> Decoded:
    """The state that the payload of an ORDER_CHANGE reports. Raises Undecodable."""
    summary = payload.part("summary")
    if summary.one_of("fulfillmentType", ("AFN", "MFN")) == "AFN":
        return Ignored("fulfilled_by_amazon")
    status = summary.one_of("orderStatus", _NOTIFIED)
    lines = (_notified(item, status, options) for item in summary.parts("orderItems"))
    placed = summary.optional_time("purchaseDate")
    order = _Order(payload.text("amazonOrderId"), event_id, status, time, placed, tuple(lines))
    return _state(order, options)


def of_search(order: Part, options: Seller) -> Decoded:
    """The state that an order of searchOrders reports. Raises Undecodable."""
    fulfillment = order.part("fulfillment")
    if fulfillment.one_of("fulfilledBy", ("AMAZON", "MERCHANT")) == "AMAZON":
        return Ignored("fulfilled_by_amazon")
    status = fulfillment.one_of("fulfillmentStatus", _SEARCHED)
    order_id, updated = order.text("orderId"), order.time("lastUpdatedTime")
    lines = (_searched(item, status, options) for item in order.parts("orderItems"))
    event_id = f"{order_id}@{updated.isoformat()}"
    placed = order.optional_time("createdTime")
    return _state(_Order(order_id, event_id, status, updated, placed, tuple(lines)), options)


def _state(order: _Order, options: Seller) -> Decoded:
    is_cancelled = order.status in _CANCELLED and not any(line.quantity for line in order.lines)
    if not order.lines and not is_cancelled:
        return Ignored("no_lines")
    return OrderEvent(
        source=options.channel,
        id=order.event_id,
        kind=OrderKind.CANCELLED if is_cancelled else OrderKind.STATE,
        order=f"{options.channel}/{order.id}",
        lines=() if is_cancelled else order.lines,
        time=order.time,
        placed_time=None if is_cancelled else order.placed,
        is_sold=not is_cancelled,
        is_current=not is_cancelled,
    )


def _notified(item: Part, status: str, options: Seller) -> OrderLine:
    ordered = item.units("quantity")
    if item.get("quantityShipped") is not None:
        shipped = item.units("quantityShipped", ordered)
    else:
        is_shipped = status in _SHIPPED or item.get("orderItemStatus") in _SHIPPED
        shipped = ordered if is_shipped else 0
    return OrderLine(
        item.text("orderItemId"),
        item.text("sellerSKU"),
        options.location if item.get("supplySourceId") is None else item.text("supplySourceId"),
        Decimal(ordered),
        shipped=Decimal(shipped),
        cancelled=Decimal(ordered - shipped if status in _OVER else 0),
    )


def _searched(item: Part, status: str, options: Seller) -> OrderLine:
    ordered = item.units("quantityOrdered")
    shipped, cancelled = _ended(item, status, ordered)
    return OrderLine(
        item.text("orderItemId"),
        item.part("product").text("sellerSku"),
        options.location,
        Decimal(ordered),
        shipped=Decimal(shipped),
        cancelled=Decimal(cancelled),
    )


def _ended(item: Part, status: str, ordered: int) -> tuple[int, int]:
    """How many units of a line were shipped, and how many will not be."""
    if item.get("fulfillment") is None:
        shipped, still_open = (ordered if status in _SHIPPED else 0), None
    else:
        fulfillment = item.part("fulfillment")
        shipped = fulfillment.units("quantityFulfilled", ordered)
        still_open = fulfillment.units("quantityUnfulfilled", ordered - shipped)
    if status in _OVER:
        return shipped, ordered - shipped
    if status in _TELLS_OPEN and still_open is not None:
        return shipped, ordered - shipped - still_open
    return shipped, 0
