"""A move of units between two places, as ERP systems book it, and the facts that it is.

    supplier -> storage        a receipt, which names its supply if it is of one
    storage -> customer        a sale, or the goods issue of a reservation
    customer -> storage        a return
    storage -> storage         a transfer, a status change, or nothing that concerns stock
    storage -> transit         an adjustment; what comes out of transit is a receipt of its supply
    storage <-> anything else  an adjustment with the name of that as its reason

Rules of this file: the words are ours; an adapter translates its partner's into them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ..events import Decoded, FactKind, Ignored, Reference, StockFact


@dataclass(frozen=True, slots=True)
class Place:
    """An end of a move."""

    type: str
    """"storage" is ours; "supplier", "customer", "transit" and any other word are not."""
    location: str = ""
    """Of storage: the location of the core that it is in."""
    status: str = ""
    """Of storage: why units there are not for sale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Units that went from one place to another."""

    source: str
    id: str
    """Of the move, unique in the source."""
    sku: str
    quantity: Decimal
    """More than 0."""
    origin: Place
    target: Place
    time: datetime
    """When it was booked."""
    arrived: datetime
    """The day on which it took effect, for transfers."""
    reservation: Reference | None = None
    """The reservation that a shipment or return is of."""
    issued: datetime | None = None
    """When the shipment was booked, if that is known apart from the move."""
    supply: Reference | None = None
    """The supply that a receipt is of."""
    transfer: Reference
    """What a transfer between two locations is called."""


def facts_of(move: Movement) -> Iterator[Decoded]:
    """What a move says happened, in the order in which it did."""
    match move.origin.type, move.target.type:
        case "storage", "storage":
            yield from _between_ours(move)
        case "storage", "customer":
            yield _left_for_a_customer(move)
        case "storage", other:
            reason = "supplier_return" if other == "supplier" else other
            taken = _taken(move, FactKind.ADJUSTMENT)
            yield replace(taken, quantity=-move.quantity, reason=reason)
        case "supplier" | "transit", "storage":
            yield replace(_brought(move, FactKind.RECEIPT), reference=move.supply)
        case "customer", "storage":
            yield replace(_brought(move, FactKind.RETURN), reference=move.reservation)
        case other, "storage":
            yield replace(_brought(move, FactKind.ADJUSTMENT), reason=other)
        case _:
            yield Ignored("not_our_stock")


def _between_ours(move: Movement) -> Iterator[Decoded]:
    left, entered = move.origin.status, move.target.status
    if move.origin.location != move.target.location:
        yield replace(
            _taken(move, FactKind.TRANSFER_DISPATCH),
            id=f"{move.id}/dispatch",
            reference=move.transfer,
            to_location=move.target.location,
            expected_time=move.arrived,
            takes_promised=not left,
        )
        received = _brought(move, FactKind.RECEIPT)
        yield replace(received, id=f"{move.id}/receipt", reference=move.transfer)
    elif left != entered:
        yield replace(_taken(move, FactKind.STATUS_CHANGE), to_status=entered)
    else:
        yield Ignored("within_a_location")


def _left_for_a_customer(move: Movement) -> StockFact:
    if move.reservation is None:
        return _taken(move, FactKind.SALE)
    issued = _taken(move, FactKind.GOODS_ISSUE)
    time = move.issued or move.time
    return replace(issued, reference=move.reservation, from_status="", time=time)


def _taken(move: Movement, kind: FactKind) -> StockFact:
    """A fact of the place that units left."""
    return StockFact(
        source=move.source,
        id=move.id,
        kind=kind,
        sku=move.sku,
        location=move.origin.location,
        quantity=move.quantity,
        time=move.time,
        from_status=move.origin.status,
        correlation_id=f"{move.source}/{move.id}"[:128],
    )


def _brought(move: Movement, kind: FactKind) -> StockFact:
    """A fact of the place that units came to."""
    taken, target = _taken(move, kind), move.target
    return replace(taken, location=target.location, from_status="", to_status=target.status)
