"""EDIFACT INVRPT, inventory report, and RECADV, receiving advice.

Source: EANCOM 1997, INVRPT version 004 and RECADV version 003, and their examples: BGM+35 reports
what is on hand, BGM+78 movements, BGM+85E (263 since 2002) adjustments. INV01 is the direction of a
movement: 1 out of the inventory, 2 into it. A quantity with a CPS after it is the part of the one
before it that is packed so, and no count of its own.

Rules of this file: pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from ..contract import Undecodable
from ..events import CountBasis, Decoded, Exceptional, FactKind, Ignored, Reference, StockFact
from .edifact_segments import EdifactMessage, Segment
from .edifact_values import (
    Edifact,
    dates,
    header,
    instant,
    is_day,
    location,
    quantity,
    reference,
    sku,
    when,
)
from .loops import each_loop, loops, the_one

_COUNTS: Final = ("35",)
_MOVEMENTS: Final = ("78",)
_ADJUSTMENTS: Final = ("85E", "263")
_OUT, _IN = "1", "2"
#: Quantities of a RECADV (6063) that were received: accepted, or else all.
_RECEIVED: Final = ("194", "48")
_DAMAGED: Final = "124"


def inventory(message: EdifactMessage, options: Edifact) -> Iterator[Decoded | Undecodable]:
    """What an INVRPT reports: counts, movements or adjustments."""
    bgm = beginning(message)
    kind = bgm.get(1)
    if kind not in (*_COUNTS, *_MOVEMENTS, *_ADJUSTMENTS):
        raise Undecodable(bgm.path(1), kind, "35, 78, 85E or 263")
    is_count = kind in _COUNTS
    time, is_known = when(message, options.counted_at if is_count else ("137",), options)

    header_place = _header_place(message, options)

    def read(number: int, lin: Segment, inside: list[Segment]) -> Iterator[Decoded]:
        product = sku(lin, inside, options)
        wanted = _counted_kind(inside, options)
        counted: set[str] = set()
        for at, (qty, details) in enumerate(loops(inside, "QTY"), 1):
            own_time = _time(details, options)
            place = _place(details, options) or header_place
            if isinstance(place, Undecodable):
                raise place
            fact = StockFact(
                source=f"edifact/{message.sender}",
                id=f"{message.control}/{number}/{at}",
                kind=FactKind.COUNT if is_count else FactKind.ADJUSTMENT,
                sku=product,
                location=place,
                quantity=quantity(qty),
                unit=qty.get(1, 3),
                time=own_time or time,
                reference=Reference("inventory_report", bgm.get(2)),
            )
            if not is_count:
                yield _movement(fact, details, options, is_adjustment=kind in _ADJUSTMENTS)
            elif not wanted:
                expected = f"one of {', '.join(options.counted)}"
                raise Undecodable(qty.path(1), qty.get(1), expected)
            elif qty.get(1) == wanted and all(each.name != "CPS" for each in details):
                if fact.location in counted:
                    raise Undecodable(qty.path(1), qty.get(1), "one count of a location in a LIN")
                counted.add(fact.location)
                yield _count(fact, qty, options, is_known=is_known or own_time is not None)

    yield from each_loop(message.segments, "LIN", read)


def _header_place(message: EdifactMessage, options: Edifact) -> str | Undecodable:
    """The location of the message, or what is wrong with it, which does not concern
    quantities with a location of their own.
    """
    try:
        return location(message, options.locations, options)
    except Undecodable as wrong:
        return wrong


def beginning(message: EdifactMessage) -> Segment:
    """The BGM of a message. Raises `Undecodable`."""
    bgm = next((each for each in message.segments if each.name == "BGM"), None)
    if bgm is None:
        raise Undecodable(message.unh.path(2), message.code, "a segment BGM")
    return bgm


def _counted_kind(inside: Iterable[Segment], options: Edifact) -> str:
    """The best kind of quantity that a line has of what is on hand; empty if none."""
    kinds = {each.get(1) for each in inside if each.name == "QTY"}
    return next((kind for kind in options.counted if kind in kinds), "")


def _count(fact: StockFact, qty: Segment, options: Edifact, *, is_known: bool) -> StockFact:
    if fact.quantity < 0:
        raise Undecodable(qty.path(1, 2), str(fact.quantity), "0 or more")
    if not is_known:
        raise Undecodable("DTM", str(fact.time), "the time of day of the counts")
    return replace(fact, basis=CountBasis(options.basis))


def _movement(
    fact: StockFact, details: Iterable[Segment], options: Edifact, *, is_adjustment: bool
) -> Decoded:
    """A movement by its direction; an adjustment may have a sign in its place."""
    inv = next((each for each in details if each.name == "INV"), None)
    direction, reason = (inv.get(1), inv.get(3)) if inv else ("", "")
    if direction not in (_OUT, _IN) and not is_adjustment:
        return Ignored("no_movement")
    amount = -abs(fact.quantity) if direction == _OUT else fact.quantity
    if not amount:
        return Ignored("no_change")
    kind = "adjustment" if is_adjustment else options.movements.get(reason, "adjustment")
    if kind == "ignored":
        return Ignored(f"movement_{reason[:8]}")
    is_in = kind in ("receipt", "return")
    if kind == "adjustment" or is_in != (amount > 0):
        return replace(fact, quantity=amount, reason=reason)
    return replace(fact, kind=FactKind(kind), quantity=abs(amount), reason=reason)


def _place(details: Iterable[Segment], options: Edifact) -> str:
    places = {each.get(1): each.get(2) for each in details if each.name == "LOC"}
    return next((places[kind] for kind in options.places if places.get(kind)), "")


def _time(details: Iterable[Segment], options: Edifact) -> datetime | None:
    """When a quantity was there, if it says so by itself."""
    known = dates(details)
    kinds = [kind for kind in options.counted_at if kind in known and not is_day(known[kind])]
    return instant(known[kinds[0]], options) if kinds else None


def receipts(message: EdifactMessage, options: Edifact) -> Iterator[Decoded | Undecodable]:
    """What a RECADV says was received; what differs from what was sent is for a person."""
    bgm = beginning(message)
    time, _ = when(message, ("50", "137"), options)
    place = location(message, options.locations, options)
    shipment, order = reference(header(message), ("AAK", "DQ")), reference(header(message), ("ON",))
    known = order or shipment if options.supply_by == "order" else shipment or order

    def read(number: int, lin: Segment, inside: list[Segment]) -> Iterator[Decoded]:
        qty = the_one(inside, "QTY", _RECEIVED)
        if qty is None:
            raise Undecodable(lin.path(1), lin.get(1), f"QTY of {' or '.join(_RECEIVED)}")
        fact = StockFact(
            source=f"edifact/{message.sender}",
            id=f"{message.control}/{number}",
            kind=FactKind.RECEIPT,
            sku=sku(lin, inside, options),
            location=place,
            quantity=quantity(qty),
            unit=qty.get(1, 3),
            time=time,
            reference=Reference("receipt", bgm.get(2))
            if options.receipts == "receipt" or not known
            else Reference(options.receipts, known),
        )
        if fact.quantity < 0:
            raise Undecodable(qty.path(1, 2), str(fact.quantity), "0 or more")
        if fact.quantity:
            yield fact
        yield from _variances(fact, inside)

    yield from each_loop(message.segments, "LIN", read)


def _variances(fact: StockFact, inside: Iterable[Segment]) -> Iterator[Exceptional]:
    for at, qvr in enumerate((each for each in inside if each.name == "QVR"), 1):
        amount: Decimal = quantity(qvr, 1)
        is_damaged = qvr.get(1, 2) == _DAMAGED
        yield Exceptional(
            source=fact.source,
            id=f"{fact.id}/{at}",
            kind="damaged_receipt" if is_damaged else "receipt_differs",
            subject=fact.sku,
            text=f"The receipt of {fact.sku} differs by {amount} from what was sent.",
            time=fact.time,
            details={
                "quantity": str(amount),
                "of": qvr.get(1, 2),
                "discrepancy": qvr.get(2),
                "reason": qvr.get(3),
            },
        )
