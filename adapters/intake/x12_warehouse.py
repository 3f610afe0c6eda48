"""X12 944, stock transfer receipt advice, and 945, warehouse shipping advice.

Source: segments W17, W07, W13, W06 and W12 of the 004010 dictionary, and its codes 368 (status of
a shipment), 412 (condition of what was received), 306 (action) and 514 (reporting).

Rules of this file: pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from ..contract import Undecodable
from ..events import (
    Decoded,
    Exceptional,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from .loops import each_loop, loops
from .x12_segments import Segment, TransactionSet
from .x12_values import (
    X12,
    first,
    optional_quantity,
    quantity,
    sku,
    stock_location,
    when,
)

#: Reporting codes (514).
_EXERCISE: Final = "K"
_EXCEPTIONS_ALONE: Final = "X"
_CUSTOMER_RETURN: Final = "C"
#: Conditions of units that were received (412), by the status that they have here.
_UNFIT: Final = {"01": "damaged", "04": "inspect"}
#: Conditions of a receipt that a person settles, by what they are called here.
_DISPUTED: Final = {"02": "short_receipt", "03": "over_receipt", "05": "wrong_product"}
#: Actions (306) that take a shipment back: delete, delete, cancelled, cancel entire order, reverse.
_VOID: Final = ("3", "D", "C", "G", "W")
#: Statuses of a line (368) whose rest is still to be shipped: back ordered, partial, split.
_REST_FOLLOWS: Final = ("BO", "BP", "SS")
_SUBSTITUTE: Final = "IS"


def receipts(transaction: TransactionSet, options: X12) -> Iterator[Decoded | Undecodable]:
    """What a 944 says was received: what is fit for sale, what is not, and what is disputed."""
    w17 = first(transaction, "W17")
    if w17.get(1) == _EXERCISE:
        yield Ignored("exercise")
        return
    if w17.get(1) == _EXCEPTIONS_ALONE:
        raise Undecodable(w17.path(1), w17.get(1), "all that was received, not exceptions alone")
    is_return = w17.get(1) == _CUSTOMER_RETURN
    fact = StockFact(
        source=f"x12/{transaction.sender}",
        id=transaction.control,
        kind=FactKind.RETURN if is_return else FactKind.RECEIPT,
        sku="",
        location=stock_location(transaction, "W07", options),
        quantity=Decimal(0),
        time=when(transaction, w17, 2, options),
        reference=_return(w17) if is_return else _came_of(w17, options),
    )

    def read(number: int, w07: Segment, inside: list[Segment]) -> Iterator[Decoded]:
        of_line = replace(fact, id=f"{fact.id}/{number}", sku=sku(w07, (4, 6, 10), options, upc=3))
        exceptions = [each for each in inside if each.name == "W13"]
        yield from _received(of_line, w07, exceptions, options)
        yield from _disputes(of_line, exceptions)

    yield from each_loop(transaction.segments, "W07", read)


def _received(
    fact: StockFact, w07: Segment, exceptions: Iterable[Segment], options: X12
) -> Iterator[StockFact]:
    fit = _fit(w07, exceptions, options)
    if fit:
        yield replace(fact, quantity=fit, unit=w07.get(2))
    for at, w13 in enumerate(exceptions, 1):
        if w13.get(3) in _UNFIT and quantity(w13, 1):
            yield replace(
                fact,
                id=f"{fact.id}/{at}",
                quantity=quantity(w13, 1),
                unit=w13.get(2),
                to_status=_UNFIT[w13.get(3)],
                reason=w13.get(5),
            )


def _return(w17: Segment) -> Reference:
    return Reference("return", w17.get(4) or w17.required(3, "the number of the receipt"))


def _came_of(w17: Segment, options: X12) -> Reference:
    """What was received: a shipment, or an order, that may be known here."""
    shipment, order = w17.get(5), w17.get(4)
    known = order or shipment if options.supply_by == "order" else shipment or order
    if options.receipts == "receipt" or not known:
        return Reference("receipt", w17.required(3, "the number of the receipt"))
    return Reference(options.receipts, known)


def _fit(w07: Segment, exceptions: Iterable[Segment], options: X12) -> Decimal:
    """Units that were received and can be sold."""
    amount = quantity(w07, 1)
    for each in exceptions:
        if each.get(3) not in _UNFIT or options.damaged_apart:
            continue
        if each.get(2) != w07.get(2):
            raise Undecodable(each.path(2), each.get(2), f"{w07.get(2)!r}, the unit of W0702")
        amount -= quantity(each, 1)
    if amount < 0:
        raise Undecodable(w07.path(1), w07.get(1), "at least the units that are not fit for sale")
    return amount


def _disputes(fact: StockFact, exceptions: Iterable[Segment]) -> Iterator[Exceptional]:
    for at, w13 in enumerate(exceptions, 1):
        kind = _DISPUTED.get(w13.get(3))
        if kind:
            yield Exceptional(
                source=fact.source,
                id=f"{fact.id}/{at}",
                kind=kind,
                subject=fact.sku,
                text=f"The warehouse reports {w13.get(1)} {w13.get(2)} of {fact.sku}: {kind}.",
                time=fact.time,
                details={"quantity": w13.get(1), "unit": w13.get(2), "condition": w13.get(3)},
            )


@dataclass(frozen=True, slots=True)
class _Shipped:
    """A line of a 945."""

    number: int
    line: str
    sku: str
    unit: str
    shipped: Decimal
    ordered: Decimal
    status: str

    @property
    def details(self) -> Mapping[str, str]:
        return {
            "ordered": str(self.ordered),
            "shipped": str(self.shipped),
            "unit": self.unit,
            "status": self.status,
        }


def shipments(transaction: TransactionSet, options: X12) -> Iterator[Decoded]:
    """What a 945 says was shipped of an order, or was not shipped after all, line by line."""
    w06 = first(transaction, "W06")
    if w06.get(1) == _EXERCISE:
        yield Ignored("exercise")
        return
    order = w06.required(2, "the depositor's order number")
    time = when(transaction, w06, 3, options)
    place = stock_location(transaction, "W12", options)
    found = loops(transaction.segments, "W12")
    lines = _merged(_shipped(number, *each, options) for number, each in enumerate(found, 1))
    if w06.get(12) in _VOID:
        yield from _voided(transaction, order, place, lines, time)
        return
    of_order = [each for each in lines if each.status != _SUBSTITUTE]
    if any(each.shipped for each in of_order):
        yield OrderEvent(
            source=f"x12/{transaction.sender}",
            id=transaction.control,
            kind=OrderKind.SHIPPED,
            order=order,
            lines=_order_lines(of_order, place),
            time=time,
        )
    for each in lines:
        yield from _differences(transaction, order, place, each, time)


def _shipped(number: int, w12: Segment, inside: Iterable[Segment], options: X12) -> _Shipped:
    ordered, shipped = optional_quantity(w12, 2), optional_quantity(w12, 3)
    if shipped is None:
        shipped = quantity(w12, 2) - (optional_quantity(w12, 4) or 0)
    if shipped < 0:
        raise Undecodable(w12.path(3), str(shipped), "0 or more units shipped")
    if ordered is None:
        ordered = shipped + (optional_quantity(w12, 4) or 0)
    line = next((n9.get(2) for n9 in inside if n9.name == "N9" and n9.get(1) == "LI"), "")
    product = sku(w12, (7,), options, upc=6)
    return _Shipped(number, line, product, w12.get(5), shipped, ordered, w12.get(1))


def _merged(lines: Iterable[_Shipped]) -> list[_Shipped]:
    """Lines of the same number of an order as one: a line that is shipped from several lots says
    each time what was ordered.
    """
    found: dict[object, _Shipped] = {}
    for each in lines:
        key = (each.line, each.sku, each.unit, each.status) if each.line else each.number
        before = found.get(key)
        if before:
            ordered = max(before.ordered, each.ordered)
            each = replace(before, shipped=before.shipped + each.shipped, ordered=ordered)
        found[key] = each
    return list(found.values())


def _order_lines(lines: Iterable[_Shipped], place: str) -> tuple[OrderLine, ...]:
    """Lines of an order, each once; what is above its quantity is not of the order."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for each in lines:
        key = each.line, each.sku, each.unit
        sums[key] = sums.get(key, Decimal(0)) + min(each.shipped, each.ordered)
    return tuple(
        OrderLine(line, product, place, amount, unit)
        for (line, product, unit), amount in sums.items()
        if amount
    )


def _voided(
    transaction: TransactionSet, order: str, place: str, lines: Iterable[_Shipped], time: datetime
) -> Iterator[StockFact]:
    for each in lines:
        if each.shipped:
            yield StockFact(
                source=f"x12/{transaction.sender}",
                id=f"{transaction.control}/{each.number}",
                kind=FactKind.SHIPMENT_REVERSAL,
                sku=each.sku,
                location=place,
                quantity=min(each.shipped, each.ordered),
                unit=each.unit,
                time=time,
                reference=Reference("reservation", order, each.line),
            )


def _differences(
    transaction: TransactionSet, order: str, place: str, each: _Shipped, time: datetime
) -> Iterator[Decoded]:
    """What differs from the order: too few, which a person settles; too many, which left without
    an order; something else in place of what was ordered.
    """
    is_substitute = each.status == _SUBSTITUTE
    surplus = each.shipped if is_substitute else max(each.shipped - each.ordered, Decimal(0))
    if surplus:
        yield StockFact(
            source=f"x12/{transaction.sender}",
            id=f"{transaction.control}/{each.number}",
            kind=FactKind.SALE,
            sku=each.sku,
            location=place,
            quantity=surplus,
            unit=each.unit,
            time=time,
            reference=Reference("order", order, each.line),
            reason="substituted" if is_substitute else "over_shipped",
        )
    is_short = each.shipped < each.ordered and each.status not in _REST_FOLLOWS
    if not surplus and not is_short:
        return
    kind = "substituted" if is_substitute else "over_shipped" if surplus else "short_pick"
    yield Exceptional(
        source=f"x12/{transaction.sender}",
        id=f"{transaction.control}/{each.number}/{kind}",
        kind=kind,
        subject=order,
        text=f"Of order {order}, {each.shipped} {each.unit} of {each.sku} were shipped, "
        f"and {each.ordered} were ordered.",
        time=time,
        details={"sku": each.sku, "location": place, "line": each.line, **each.details},
    )
