"""What the demonstration itself knows: a plain count of what it has done, which shares no code with
what it looks at.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

Level: TypeAlias = tuple[str, str]
"""A SKU and a location."""


@dataclass(slots=True)
class Sold:
    """An order that a channel took."""

    channel: str
    id: str
    level: Level
    quantity: int
    at: float
    cancelled: bool = False
    shipped: bool = False
    returned: bool = False


@dataclass(slots=True)
class Books:
    """What came in, what left, and what was sold."""

    received: Counter[Level] = field(default_factory=Counter)
    till_sales: Counter[Level] = field(default_factory=Counter)
    returns: Counter[Level] = field(default_factory=Counter)
    orders: dict[str, Sold] = field(default_factory=dict)
    """By reservation."""
    receipts: int = 0
    """Receipts of tills."""

    def on_hand(self, level: Level) -> int:
        """Units that have to be there."""
        shipped = sum(
            order.quantity
            for order in self.orders.values()
            if order.level == level and order.shipped
        )
        return self.received[level] - self.till_sales[level] - shipped + self.returns[level]

    def promised(self, level: Level) -> int:
        """Units that are sold and have not left."""
        return sum(
            order.quantity
            for order in self.orders.values()
            if order.level == level and not order.shipped and not order.cancelled
        )
