"""Retail orders as events, read from a file (order_file.py) or made up (order_generator.py).

Knows nothing of locations, stock or a node.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

#: The number of a return begins with it, in files and in made-up orders alike.
RETURN_PREFIX: Final = "C"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A quantity of one SKU; always above zero, the event says in which direction it moves."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Goods sold together: wanted whole, so either every line is served or none."""

    number: str
    at: datetime
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Goods that came back. Which invoice they were sold on is not known."""

    number: str
    at: datetime
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Goods that left the stock unsold; the reason is free text and often empty."""

    number: str
    at: datetime
    line: OrderLine
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Goods that a check turned up; the reason is free text and often empty."""

    number: str
    at: datetime
    line: OrderLine
    reason: str


OrderEvent: TypeAlias = Invoice | Return | WriteOff | Found
