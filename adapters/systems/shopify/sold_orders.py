"""What the orders of a shop are in the core, whichever way they were heard of.

A line of an order keeps its id wherever it is shipped from, so that a line which moves is known
again. What of it is neither open nor shipped counts as cancelled.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from ...events import OrderEvent, OrderKind, OrderLine
from .access import ShopOptions, source


class Ordered(NamedTuple):
    """A line as it was ordered."""

    id: str
    sku: str
    quantity: int


def reservation(order: str) -> str:
    """What an order is called in the core, by its number at Shopify."""
    return f"shopify/{order}"


def state(
    options: ShopOptions,
    order: str,
    event_id: str,
    lines: Sequence[OrderLine],
    time: datetime,
    placed: datetime | None,
    correlation_id: str = "",
) -> OrderEvent:
    """An order as it stands: Shopify has sold it already."""
    return OrderEvent(
        source=source(options),
        id=event_id,
        kind=OrderKind.STATE,
        order=reservation(order),
        lines=tuple(lines),
        time=time,
        placed_time=placed,
        is_sold=True,
        correlation_id=correlation_id,
    )


def line_at(line: Ordered, location: str, still_open: int, shipped: int) -> OrderLine:
    """A line at a location, with its units that are to be shipped and were shipped there."""
    return OrderLine(
        id=line.id,
        sku=line.sku,
        location=location,
        quantity=Decimal(max(line.quantity, still_open + shipped)),
        shipped=Decimal(shipped),
        cancelled=Decimal(max(0, line.quantity - still_open - shipped)),
    )
