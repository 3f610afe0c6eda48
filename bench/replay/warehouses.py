"""Warehouses of the replay's own, and the stock that is derived for them.

Orders name no location. A hash of SKU and invoice number picks the warehouse that serves a line, so
that the same line goes to the same place in every run, and all lines of one SKU on one invoice go
together. Whatever shows these warehouses should say "derived".
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from .orders import Invoice, OrderEvent, OrderLine, Return


@dataclass(frozen=True, slots=True)
class Location:
    """A warehouse."""

    code: str
    name: str
    share: int  # percent of the lines it serves


LOCATIONS: Final = (
    Location("LUT", "Luton warehouse (derived)", 34),
    Location("MAN", "Manchester warehouse (derived)", 24),
    Location("BRS", "Bristol warehouse (derived)", 18),
    Location("GLA", "Glasgow warehouse (derived)", 14),
    Location("CWL", "Cardiff warehouse (derived)", 10),
)

Level: TypeAlias = tuple[str, str]  # SKU and location code


@dataclass(frozen=True, slots=True)
class StockQuantity:
    """Units of one SKU at one location."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class DerivedStock:
    """What was derived for one stream of orders."""

    locations: tuple[Location, ...]
    opening: tuple[StockQuantity, ...]  # every level that any event touches, also with 0 units
    # What arrives just before the event at that position of the stream (0 is the first event).
    receipts: Mapping[int, tuple[StockQuantity, ...]]


def location_of(invoice_number: str, sku: str) -> str:
    """The code of the location that serves this SKU on this invoice, return or correction."""
    return _LOCATION_BY_PERCENT[zlib.crc32(f"{sku}\n{invoice_number}".encode()) % 100]


def lines_of(event: OrderEvent) -> tuple[OrderLine, ...]:
    """The lines of any event; corrections have one."""
    return event.lines if isinstance(event, Invoice | Return) else (event.line,)


_LOCATION_BY_PERCENT: Final = tuple(
    location.code for location in LOCATIONS for _ in range(location.share)
)
