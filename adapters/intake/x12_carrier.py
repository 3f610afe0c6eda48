"""X12 214, shipment status of a carrier: what does not arrive is a case for a person.

Source: segments B10, LX and AT7 of the 004010 dictionary, and its codes 1650 (status of a shipment)
and 1651 (reasons). Units have left stock when their warehouse shipped them, so a delivery changes
nothing. What is refused or returned comes back by its receipt, and a 214 names neither products
nor how many: what becomes of units that do not arrive is for somebody to decide.

Rules of this file: pure.
"""

from collections.abc import Iterator
from typing import Final

from ..contract import Undecodable
from ..events import Decoded, Exceptional, Ignored
from .loops import each_loop
from .x12_segments import Segment, TransactionSet
from .x12_values import X12, first, instant

#: Statuses (1650) of what has arrived: unloaded, and the last part of a shipment.
_DELIVERED: Final = ("D1", "CB")

#: Cases, as somebody reads them.
_TEXTS: Final = {
    "delivery_refused": "was refused",
    "returned_to_shipper": "comes back",
    "shipment_damaged": "is damaged",
    "shipment_lost": "is lost",
}


def statuses(transaction: TransactionSet, options: X12) -> Iterator[Decoded | Undecodable]:
    """What a 214 says of a shipment, status by status."""
    b10 = first(transaction, "B10")
    shipment = b10.get(2) or b10.required(1, "the number of the shipment")

    def read(number: int, at7: Segment, _inside: list[Segment]) -> Iterator[Decoded]:
        status, reason = at7.get(1), at7.get(2)
        kind = options.carrier_statuses.get(status) or options.carrier_reasons.get(reason)
        if kind is None:
            yield Ignored("delivered" if status in _DELIVERED else "in_transit")
            return
        yield Exceptional(
            source=f"x12/{transaction.sender}",
            id=f"{transaction.control}/{number}",
            kind=kind,
            subject=f"shipment {shipment}",
            text=f"The carrier says that shipment {shipment} {_TEXTS[kind]}.",
            time=instant(at7, 5, 6, options) if at7.get(5) else None,
            details={
                "status": status,
                "reason": reason,
                "carrier": b10.get(3),
                "carrier_reference": b10.get(1),
            },
        )

    yield from each_loop(transaction.segments, "AT7", read)
