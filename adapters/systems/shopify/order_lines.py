"""How an order at Shopify stands, as lines: what its decoders have in common.

A line of an order may be open at several locations and shipped from others. Both are told as they
are now; what is neither was cancelled. A line keeps its id wherever it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from ...events import OrderEvent, OrderKind, OrderLine
from .access import ShopOptions


class Ordered(NamedTuple):
    """A line as it was ordered."""

    id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Units of each line by location, which is empty where none is told."""

    open: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """To be shipped. A location with 0 is one where the line was."""
    shipped: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def state(
    options: ShopOptions,
    order: str,
    event_id: str,
    lines: Sequence[OrderLine],
    time: datetime,
    correlation_id: str = "",
) -> OrderEvent:
    """An order with its lines: Shopify has sold it already."""
    return OrderEvent(
        source=options.source,
        id=event_id,
        kind=OrderKind.STATE,
        order=reservation(order),
        lines=tuple(lines),
        time=time,
        is_sold=True,
        correlation_id=correlation_id,
    )


def reservation(order: str) -> str:
    """What an order is called in the core, by its number at Shopify."""
    return f"shopify/{order}"


def order_lines(
    ordered: Sequence[Ordered], standing: Standing, location: str
) -> Iterator[OrderLine]:
    """The lines at each of their locations; one that is nowhere was at `location`. What has no
    location is left out.
    """
    for line in ordered:
        is_open, shipped = standing.open[line.id], standing.shipped[line.id]
        cancelled = max(0, line.quantity - is_open.total() - shipped.total())
        were = sorted({*is_open, *shipped})[:1] or [location]
        for place in sorted(is_open + shipped) or were:  # adding counters drops what is 0
            if place:
                yield OrderLine(
                    id=line.id,
                    sku=line.sku,
                    location=place,
                    quantity=Decimal(is_open[place] + shipped[place] + cancelled),
                    shipped=Decimal(shipped[place]),
                    cancelled=Decimal(cancelled),
                )
                cancelled = 0
