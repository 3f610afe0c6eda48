"""X12 856, advance ship notice: goods that are under way to us.

Source: segments BSN, HL, PRF, LIN, SN1 and DTM of the 004010 dictionary, and its codes 353 (purpose
of a transaction set) and 374 (kinds of dates).

Rules of this file: pure. Levels of HL are joined by their parents, not by where they stand.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ..contract import Undecodable
from ..events import Decoded, FactKind, Reference, StockFact
from .loops import loops
from .x12_segments import Segment, TransactionSet
from .x12_values import (
    X12,
    first,
    header,
    instant,
    lin_pairs,
    location,
    optional_quantity,
    places_of,
    quantity,
    sku,
)

#: Purposes (353) that take a notice back: cancellation and delete.
_CANCELS: Final = ("01", "03")
#: Kinds of dates (374) of when goods arrive, the best first: estimated and promised delivery,
#: arrival, scheduled delivery, requested delivery.
_ARRIVALS: Final = ("017", "069", "371", "067", "002")
_SHIPPED: Final = "011"
#: A level (735) that is a product and its quantity.
_ITEM: Final = "I"
#: Levels above an item that are looked at: shipments, orders, tares, packs and items are five.
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class _Level:
    """An HL: its parent, the locations that it names by kind of party, and what else counts."""

    parent: str
    places: Mapping[str, str]
    prf: Segment | None
    lin: Segment | None
    sn1: Segment | None


def _levels(transaction: TransactionSet, options: X12) -> dict[str, _Level]:
    """The levels by their numbers. Raises `Undecodable` for a number that comes twice."""
    found: dict[str, _Level] = {}
    for hl, inside in loops(transaction.segments, "HL"):
        number = hl.required(1, "the number of the level")
        if number in found:
            raise Undecodable(hl.path(1), number, "a number of its own: an earlier HL has it")
        found[number] = _level(hl, inside, options)
    return found


def _level(hl: Segment, inside: Iterable[Segment], options: X12) -> _Level:
    named: dict[str, Segment] = {}
    for each in inside:
        if each.name in ("LIN", "SN1") and each.name in named:
            raise Undecodable(each.path(1), each.get(1), f"one {each.name} in an HL")
        named.setdefault(each.name, each)
    if hl.get(3) == _ITEM and not {"LIN", "SN1"} <= set(named):
        raise Undecodable(hl.path(3), _ITEM, "LIN with the product, and SN1 with its quantity")
    places = places_of(inside, options.destinations)
    return _Level(hl.get(2), places, named.get("PRF"), named.get("LIN"), named.get("SN1"))


def supply(transaction: TransactionSet, options: X12) -> Iterator[Decoded]:
    """What an 856 announces, each product of a shipment or order once; cancelled, of 0 units."""
    bsn = first(transaction, "BSN")
    levels = _levels(transaction, options)
    is_cancelled = bsn.get(1) in _CANCELS
    expected = None if is_cancelled else _expected(transaction, bsn, options)
    totals: dict[tuple[str, str, str, str], Decimal] = {}
    for key, amount in _items(transaction, bsn, levels, options):
        totals[key] = totals.get(key, Decimal(0)) + (Decimal(0) if is_cancelled else amount)
    for number, ((known_by, product, place, unit), amount) in enumerate(totals.items(), 1):
        yield StockFact(
            source=f"x12/{transaction.sender}",
            id=f"{transaction.control}/{number}",
            kind=FactKind.SUPPLY,
            sku=product,
            location=place,
            quantity=amount,
            unit=unit,
            time=instant(bsn, 3, 4, options),
            reference=Reference("supply", known_by),
            expected_time=expected,
        )


def _items(
    transaction: TransactionSet, bsn: Segment, levels: Mapping[str, _Level], options: X12
) -> Iterator[tuple[tuple[str, str, str, str], Decimal]]:
    """What each item is known by, its SKU, where it goes, its unit; and how many there are."""
    before = places_of(header(transaction, "HL"), options.destinations)
    for number, level in levels.items():
        if level.lin is None or level.sn1 is None:
            continue
        above = _above(number, levels)
        amount = quantity(level.sn1, 2)
        known_by = bsn.required(2, "the number of the shipment")
        if options.supply_by == "order":
            prf = next((each.prf for each in above if each.prf), None)
            if prf is None:
                wanted = "PRF with the order, in a level above"
                raise Undecodable(level.lin.path(1), level.lin.get(1), wanted)
            known_by = prf.required(1, "the number of the order")
            amount = optional_quantity(level.sn1, 4) or amount
        if amount < 0:
            raise Undecodable(level.sn1.path(2), str(amount), "0 or more units")
        # The nearest party of a kind counts: an order may go elsewhere than the others.
        places = dict(before)
        for each in reversed(above):
            places |= each.places
        place = location(places, transaction, options.destinations, options)
        product = sku(level.lin, lin_pairs(level.lin), options)
        yield (known_by, product, place, level.sn1.get(3)), amount


def _above(number: str, levels: Mapping[str, _Level]) -> list[_Level]:
    """A level and those above it, from the bottom up."""
    found: list[_Level] = []
    while number in levels and len(found) < _DEPTH:
        found.append(levels[number])
        number = levels[number].parent
    return found


def _expected(transaction: TransactionSet, bsn: Segment, options: X12) -> datetime:
    """When the goods arrive: as stated, or some days after shipping, or else after the notice."""
    dates = {each.get(1): each for each in transaction.segments if each.name == "DTM"}
    arrival = next((dates[kind] for kind in _ARRIVALS if kind in dates), None)
    if arrival:
        return instant(arrival, 2, 3, options)
    shipped = dates.get(_SHIPPED)
    left = instant(shipped, 2, 3, options) if shipped else instant(bsn, 3, 4, options)
    return left + timedelta(days=options.transit_days)
