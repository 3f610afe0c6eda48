"""What several transaction sets of X12 say in the same way: products, places, quantities, dates.

Rules of this file: pure. Element positions are those of the 004010 dictionary.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import takewhile
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from ..contract import Undecodable
from .x12_segments import Segment, TransactionSet
from .zones import ZoneName, zone

_DECIMAL: Final = re.compile(r"-?(?=\.?[0-9])[0-9]{0,16}(\.[0-9]{0,9})?")
_DATE: Final = re.compile(r"[0-9]{6}|[0-9]{8}")
_TIME: Final = re.compile(r"[0-9]{4}|[0-9]{6}|[0-9]{7,8}")

#: What does not arrive; see x12_carrier.py.
CarrierCase: TypeAlias = Literal[
    "delivery_refused", "returned_to_shipper", "shipment_damaged", "shipment_lost"
]


class X12(BaseModel):
    """How a partner's X12 is read: what its guide says and the standard leaves open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str = ""
    """Where stock is when N1 names no location."""
    locations: Sequence[str] = ("WH", "ST", "SF")
    """Kinds of parties (N101) whose code (N104) is the location, the first that there is. Of an ASN
    the location is that of `destinations`.
    """
    destinations: Sequence[str] = ("ST", "WH")
    skus: Sequence[str] = ("SK", "VN", "VP", "BP", "IN", "UP", "EN", "UK")
    """Kinds of product ids (235) that may be the SKU, the first that there is."""
    counted: Sequence[str] = ("17", "33")
    """Kinds of quantities (673) of an 846 that say what is on hand, the first that there is."""
    basis: Literal["shelf", "books"] = "shelf"
    """What counts have seen; see CountBasis. A warehouse counts where the goods lie, and has seen
    what it shipped; books of an ERP have seen what was posted in them.
    """
    receipts: Literal["supply", "transfer", "receipt"] = "supply"
    """What the 944 is a receipt of: of its shipment (W1705) as supply or as a transfer, or of
    nothing that is known here.
    """
    damaged_apart: bool = False
    """Whether damaged units (W13) come on top of those received (W07), and not among them."""
    statuses: Mapping[str, str] = {}
    """Reasons of a 947 (W1901) that put units into a status, by the status: {"AU": "damaged"}.
    Above 0 they come back from it.
    """
    decreases: Sequence[str] = ()
    """Reasons of a 947 whose quantities have no sign and are taken off: ["04", "07"]."""
    carrier_statuses: Mapping[str, CarrierCase] = {
        "A3": "returned_to_shipper",
        "A7": "delivery_refused",
        "A9": "shipment_damaged",
    }
    """Statuses of a 214 (AT701) that are cases. X12 has none of what is lost: name the partner's.
    """
    carrier_reasons: Mapping[str, CarrierCase] = {
        "BS": "delivery_refused",
        "BT": "returned_to_shipper",
    }
    """The same of its reasons (AT702), of statuses that are none."""
    supply_by: Literal["shipment", "order"] = "shipment"
    """What the supply of an 856 is known by: each shipment (BSN02), or the order (PRF01), whose
    quantity is then what was shipped to date (SN104).
    """
    transit_days: int = 0
    """Days from shipping to arrival, for an 856 that gives no delivery date."""
    accepts_tests: bool = False
    """Whether interchanges that are marked as tests count."""
    time_zone: ZoneName = ""
    """The zone of dates and times; UTC if it is empty."""


def sku(segment: Segment, pairs: Sequence[int], options: X12, upc: int = 0) -> str:
    """The SKU of a segment whose pairs of kind and product id begin at these elements, and whose
    U.P.C. case code stands alone in another.
    """
    named = {"UP": segment.get(upc)} if upc else {}
    named |= {segment.get(at): segment.get(at + 1) for at in pairs if segment.get(at)}
    for kind in options.skus:
        if named.get(kind):
            return named[kind]
    raise Undecodable(segment.path(pairs[0]), sorted(named), f"one of {', '.join(options.skus)}")


def lin_pairs(segment: Segment) -> range:
    """Where the pairs of a LIN begin."""
    return range(2, max(3, len(segment.elements)), 2)


def places_of(segments: Iterable[Segment], kinds: Sequence[str]) -> dict[str, str]:
    """The codes of the parties (N1) that segments name, by these kinds of party. Raises
    `Undecodable` for two of a kind: which of them the location is, nobody says.
    """
    found: dict[str, str] = {}
    for each in segments:
        kind, code = each.get(1), each.get(4)
        if each.name == "N1" and code and kind in kinds and found.setdefault(kind, code) != code:
            raise Undecodable(each.path(4), code, f"{found[kind]}, as in the N1*{kind} before it")
    return found


def location(
    places: Mapping[str, str], transaction: TransactionSet, kinds: Sequence[str], options: X12
) -> str:
    """The code of the first kind of party that is named, or the location of the options."""
    found = next((places[kind] for kind in kinds if kind in places), options.location)
    if not found:
        wanted = f"N1 of {' or '.join(kinds)} with its code (N104), or the option location"
        raise Undecodable(transaction.st.path(1), transaction.code, wanted)
    return found


def stock_location(transaction: TransactionSet, detail: str, options: X12) -> str:
    """The location that a transaction set names before its first detail."""
    places = places_of(header(transaction, detail), options.locations)
    return location(places, transaction, options.locations, options)


def header(transaction: TransactionSet, detail: str) -> list[Segment]:
    """The segments of a transaction set before its first detail."""
    return list(takewhile(lambda each: each.name != detail, transaction.segments))


def first(transaction: TransactionSet, name: str) -> Segment:
    """The first segment of a name, which has to be there. Raises `Undecodable`."""
    for segment in transaction.segments:
        if segment.name == name:
            return segment
    raise Undecodable(transaction.st.path(1), transaction.code, f"a segment {name}")


def quantity(segment: Segment, element: int) -> Decimal:
    """A quantity. Raises `Undecodable`."""
    value = segment.get(element)
    if not _DECIMAL.fullmatch(value):
        raise Undecodable(segment.path(element), value, "a decimal such as 3 or .42")
    return Decimal(value)


def optional_quantity(segment: Segment, element: int) -> Decimal | None:
    """A quantity that may be left out."""
    return quantity(segment, element) if segment.get(element) else None


def instant(segment: Segment, date: int, time: int, options: X12) -> datetime:
    """A date, and the time of day in another element: midnight if that is left out, or 0."""
    day, clock = segment.get(date), segment.get(time) if time else ""
    if not _DATE.fullmatch(day):
        raise Undecodable(segment.path(date), day, "a date such as 20261126")
    if clock and not _TIME.fullmatch(clock):
        raise Undecodable(segment.path(time), clock, "a time such as 1655 or 165530")
    year = f"20{day[:2]}" if len(day) == 6 else day[:4]
    clock = clock[:6].ljust(6, "0")
    try:
        local = datetime(
            *(int(year), int(day[-4:-2]), int(day[-2:])),
            *(int(clock[:2]), int(clock[2:4]), int(clock[4:])),
            tzinfo=zone(options.time_zone) or UTC,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Undecodable(segment.path(date), f"{day} {clock}", "a time that there is") from None


def when(transaction: TransactionSet, segment: Segment, date: int, options: X12) -> datetime:
    """The day in an element: at the time when its group was made, if that was the same day, and
    else at midnight. Without a day it is when the group was made.
    """
    made = instant(transaction.gs, 4, 5, options)
    if not segment.get(date) or segment.get(date)[-6:] == transaction.gs.get(4)[-6:]:
        return made
    return instant(segment, date, 0, options)
