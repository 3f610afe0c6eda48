"""EDIFACT DESADV, despatch advice: goods that are under way to us.

Source: D.96A and EANCOM 1997, DESADV: BGM (its number, and in 1225 whether it is taken back), DTM,
RFF+ON, NAD, LIN and QTY+12, what was despatched.

Rules of this file: pure.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ..contract import Undecodable
from ..events import Decoded, FactKind, Reference, StockFact
from .edifact_segments import EdifactMessage
from .edifact_stock import beginning
from .edifact_values import (
    Edifact,
    dates,
    header,
    instant,
    location,
    made,
    quantity,
    reference,
    sku,
    when,
)
from .loops import loops, the_one

#: Functions (1225) that take a message back: cancellation and deletion.
_CANCELS: Final = ("1", "3")
_DESPATCHED: Final = "12"
#: Kinds of dates of when goods arrive, the best first: estimated delivery, estimated arrival,
#: scheduled and promised, requested delivery.
_ARRIVALS: Final = ("17", "132", "358", "69", "2")
_LEFT: Final = ("11",)


def supply(message: EdifactMessage, options: Edifact) -> Iterator[Decoded]:
    """What a DESADV announces, each product of a shipment or order once; taken back, of 0 units."""
    bgm = beginning(message)
    number = bgm.required(2, 1, "the number of the despatch advice")
    is_cancelled = bgm.get(3) in _CANCELS
    place = location(message, options.destinations, options)
    order = reference(header(message), ("ON",))
    totals: dict[tuple[str, str, str], Decimal] = {}
    for lin, inside in loops(message.segments, "LIN"):
        qty = the_one(inside, "QTY", (_DESPATCHED,))
        if qty is None:
            raise Undecodable(lin.path(1), lin.get(1), f"QTY+{_DESPATCHED}, what was despatched")
        amount = quantity(qty)
        if amount < 0:
            raise Undecodable(qty.path(1, 2), str(amount), "0 or more")
        known_by = number
        if options.supply_by == "order":
            known_by = reference(inside, ("ON",)) or order
            if not known_by:
                raise Undecodable(lin.path(1), lin.get(1), "RFF+ON, the number of the order")
        key = known_by, sku(lin, inside, options), qty.get(1, 3)
        totals[key] = totals.get(key, Decimal(0)) + (Decimal(0) if is_cancelled else amount)
    expected = None if is_cancelled else _expected(message, options)
    time, _ = when(message, ("137",), options)
    for at, ((known_by, product, unit), amount) in enumerate(totals.items(), 1):
        yield StockFact(
            source=f"edifact/{message.sender}",
            id=f"{message.control}/{at}",
            kind=FactKind.SUPPLY,
            sku=product,
            location=place,
            quantity=amount,
            unit=unit,
            time=time,
            reference=Reference("supply", known_by),
            expected_time=expected,
        )


def _expected(message: EdifactMessage, options: Edifact) -> datetime:
    """When the goods arrive: as stated, or some days after despatch, or else after the message."""
    known = dates(message.segments)
    arrival = next((known[kind] for kind in _ARRIVALS if kind in known), None)
    if arrival:
        return instant(arrival, options)
    left = next((known[kind] for kind in _LEFT if kind in known), None)
    start = instant(left, options) if left else made(message, options)
    return start + timedelta(days=options.transit_days)
