"""X12 846, inventory advice, and 947, inventory adjustment advice.

Source: segments BIA, LIN, QTY, SDQ, W15 and W19 of the 004010 dictionary.

Rules of this file: pure.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from ..contract import Undecodable
from ..events import CountBasis, Decoded, FactKind, Ignored, Reference, StockFact
from .loops import each_loop, the_one
from .x12_segments import Segment, TransactionSet
from .x12_values import (
    X12,
    first,
    instant,
    lin_pairs,
    quantity,
    sku,
    stock_location,
    when,
)


def counts(transaction: TransactionSet, options: X12) -> Iterator[Decoded | Undecodable]:
    """What an 846 says is on hand, each product a count at one location, or by SDQ at several."""
    bia = first(transaction, "BIA")
    time = _counted_at(transaction, bia, options)
    header_place = _place(transaction, options)

    def read(number: int, lin: Segment, inside: list[Segment]) -> Iterator[Decoded]:
        product = sku(lin, lin_pairs(lin), options)
        amounts = _amounts(transaction, lin, inside, header_place, options)
        for at, (place, amount, unit) in enumerate(amounts, 1):
            if amount < 0:
                raise Undecodable(lin.path(1), str(amount), "a quantity of 0 or more in QTY")
            yield StockFact(
                source=f"x12/{transaction.sender}",
                id=f"{transaction.control}/{number}/{at}",
                kind=FactKind.COUNT,
                sku=product,
                location=place,
                quantity=amount,
                unit=unit,
                time=time,
                reference=Reference("inventory_advice", bia.get(3)),
                basis=CountBasis(options.basis),
            )

    yield from each_loop(transaction.segments, "LIN", read)


def _place(transaction: TransactionSet, options: X12) -> str | Undecodable:
    """The location of the set, or what is wrong with it, which does not concern lines by SDQ."""
    try:
        return stock_location(transaction, "LIN", options)
    except Undecodable as wrong:
        return wrong


def _counted_at(transaction: TransactionSet, bia: Segment, options: X12) -> datetime:
    """The instant of the counts. A day alone would be any time of it, and the count wrong by all
    that was sold on it.
    """
    if bia.get(5):
        return instant(bia, 4, 5, options)
    if bia.get(4)[-6:] != transaction.gs.get(4)[-6:]:
        raise Undecodable(bia.path(5), "", "the time of day of the counts")
    return when(transaction, bia, 4, options)


def _amounts(
    transaction: TransactionSet,
    lin: Segment,
    inside: list[Segment],
    place: str | Undecodable,
    options: X12,
) -> Iterator[tuple[str, Decimal, str]]:
    """Location, quantity and unit of what is counted of a product."""
    by_location = [each for each in inside if each.name == "SDQ"]
    for sdq in by_location:
        for at in range(3, len(sdq.elements) + 1, 2):
            yield sdq.required(at, "a location"), quantity(sdq, at + 1), sdq.get(1)
    if by_location:
        return
    qty = the_one(inside, "QTY", options.counted)
    if qty is None:
        wanted = f"QTY of {' or '.join(options.counted)}"
        raise Undecodable(lin.path(1), lin.get(1), wanted)
    unit = next((each.get(1) for each in inside if each.name == "UIT"), "")
    if isinstance(place, Undecodable):
        raise place
    yield place, quantity(qty, 2), _unit(transaction, qty.get(3) or unit)


def _unit(transaction: TransactionSet, unit: str) -> str:
    """The first component of a composite unit."""
    return unit.split(transaction.isa.elements[15], maxsplit=1)[0]


def adjustments(transaction: TransactionSet, options: X12) -> Iterator[Decoded | Undecodable]:
    """What a 947 says was corrected, or put into a status or taken out of it."""
    w15 = first(transaction, "W15")
    time = when(transaction, w15, 1, options)
    place = stock_location(transaction, "W19", options)

    def read(number: int, w19: Segment, _inside: list[Segment]) -> Iterator[Decoded]:
        reason, amount = w19.required(1, "a reason"), quantity(w19, 2)
        if reason in options.decreases:
            amount = -abs(amount)
        if not amount:
            yield Ignored("no_change")
            return
        status = options.statuses.get(reason, "")
        yield StockFact(
            source=f"x12/{transaction.sender}",
            id=f"{transaction.control}/{number}",
            kind=FactKind.STATUS_CHANGE if status else FactKind.ADJUSTMENT,
            sku=sku(w19, (5, 7, 17), options, upc=4),
            location=place,
            quantity=abs(amount) if status else amount,
            unit=w19.get(3),
            time=time,
            reference=Reference("adjustment", w15.get(2) or w15.get(3)),
            reason=reason,
            from_status=status if amount > 0 else "",
            to_status=status if amount < 0 else "",
        )

    yield from each_loop(transaction.segments, "W19", read)
