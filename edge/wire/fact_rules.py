"""What a stock fact of each kind may say, and what it needs.

Rules of this file: it sees the core's `StockEvent` and the path of the event in its request. A
failed check raises or returns the `Fault` that names the path, the value and what was expected.
"""

from typing import Final

from holdfast.core.commands import StockEvent
from holdfast.core.limits import QUANTITY_MAX
from holdfast.core.model import CountBasis, EventKind

from .faults import Fault, invalid
from .shared import INT64_MAX
from .validation import check_count, check_name

#: uint64 on the wire, int64 in the engine.
SOURCE_SEQUENCE_MAX: Final = INT64_MAX

#: The least and greatest quantity of a stock fact, by kind. 0 is allowed where it is the least.
EVENT_QUANTITIES: Final = {
    EventKind.RECEIPT: (1, QUANTITY_MAX),
    EventKind.ADJUSTMENT: (-QUANTITY_MAX, QUANTITY_MAX),
    EventKind.SALE: (1, QUANTITY_MAX),
    EventKind.RETURN: (1, QUANTITY_MAX),
    EventKind.COUNT: (0, QUANTITY_MAX),
    EventKind.STATUS_CHANGE: (1, QUANTITY_MAX),
    EventKind.GOODS_ISSUE: (1, QUANTITY_MAX),
    EventKind.REVERSAL: (-QUANTITY_MAX, QUANTITY_MAX),
    EventKind.SHIPMENT_REVERSAL: (1, QUANTITY_MAX),
    EventKind.SUPPLY: (0, QUANTITY_MAX),
    EventKind.TRANSFER_DISPATCH: (1, QUANTITY_MAX),
    EventKind.TRANSFER_ADJUSTMENT: (-QUANTITY_MAX, QUANTITY_MAX),
}

#: Kinds of stock facts by which units leave, or enter, a status.
LEAVING: Final = (
    *(EventKind.SALE, EventKind.STATUS_CHANGE, EventKind.TRANSFER_DISPATCH),
    EventKind.ADJUSTMENT,
)
ENTERING: Final = (
    *(EventKind.RECEIPT, EventKind.RETURN),
    *(EventKind.STATUS_CHANGE, EventKind.ADJUSTMENT),
)

#: Kinds that are about units of a reservation.
_OF_RESERVATIONS: Final = (EventKind.GOODS_ISSUE, EventKind.SHIPMENT_REVERSAL)

#: Kinds that are about units on their way from one location to another.
_OF_TRANSFERS: Final = (EventKind.TRANSFER_DISPATCH, EventKind.TRANSFER_ADJUSTMENT)

_DISPATCH_ALONE: Final = "nothing, except for kind TRANSFER_DISPATCH"

#: Reservations that a count lists.
SEEN_MAX: Final = 100


def is_event_quantity(kind: EventKind, quantity: int) -> bool:
    """Whether a stock fact of this kind can have this quantity. An adjustment by 0 says nothing."""
    low, high = EVENT_QUANTITIES[kind]
    return low <= quantity <= high and (quantity != 0 or low == 0)


def check_statuses(path: str, event: StockEvent) -> None:
    """Raise a `Fault` when units cannot leave or enter a status by a stock fact of this kind."""
    for name, takes in (("from_status", LEAVING), ("to_status", ENTERING)):
        if not (status := getattr(event, name)):
            continue
        sign = event.quantity > 0 if name == "to_status" else event.quantity < 0
        if event.kind not in takes or (event.kind is EventKind.ADJUSTMENT and not sign):
            kinds = ", ".join(kind.name for kind in takes)
            side = "above 0" if name == "to_status" else "below 0"
            expected = f"no status here, which is for kinds {kinds} {side}"
            raise invalid(f"{path}.{name}", status, expected)
        check_name(f"{path}.{name}", status)
    if event.kind is EventKind.STATUS_CHANGE and event.from_status == event.to_status:
        expected = f"another status than from_status, {event.from_status!r}"
        raise invalid(f"{path}.to_status", event.to_status, expected)


def check_supply(path: str, event: StockEvent) -> None:
    """Raise a `Fault` when a fact says of supply what its kind cannot, or lacks what it needs."""
    if event.supply is not None and not event.supply.id:
        raise invalid(f"{path}.reference.id", "", "the document of the supply")
    if event.kind is not EventKind.SUPPLY:
        if event.expected_ns is not None and event.kind is not EventKind.TRANSFER_DISPATCH:
            expected = "nothing for a kind other than SUPPLY and TRANSFER_DISPATCH"
            raise invalid(f"{path}.expected_time", event.expected_ns, expected)
        return
    if event.supply is None:
        raise invalid(f"{path}.reference", "", "kind supply, with the id of a document")
    if event.quantity and event.expected_ns is None:
        raise invalid(f"{path}.expected_time", "", "when the units are expected")


def check_transfer(path: str, event: StockEvent) -> None:
    """Raise a `Fault` when a fact says of a transfer what its kind cannot, or lacks what it
    needs.
    """
    if event.transfer is not None and not event.transfer.id:
        raise invalid(f"{path}.reference.id", "", "the document of the transfer")
    if event.kind in _OF_TRANSFERS and event.transfer is None:
        raise invalid(f"{path}.reference", "", "kind transfer, with the id of a document")
    if event.kind is EventKind.TRANSFER_DISPATCH:
        check_name(f"{path}.to_location", event.to_location)
        if event.to_location == event.location:
            expected = "a location other than `location`"
            raise invalid(f"{path}.to_location", event.to_location, expected)
        if event.takes_promised and event.from_status:
            expected = "nothing besides from_status: units with a status are not promised"
            raise invalid(f"{path}.takes_promised", True, expected)
        return
    if event.kind is EventKind.REVERSAL and event.to_location:  # of a reversal of a dispatch
        check_name(f"{path}.to_location", event.to_location)
        return
    if event.to_location:
        expected = f"{_DISPATCH_ALONE} and its reversal"
        raise invalid(f"{path}.to_location", event.to_location, expected)
    if event.takes_promised:
        raise invalid(f"{path}.takes_promised", True, _DISPATCH_ALONE)


def check_kind(path: str, event: StockEvent) -> None:
    """Raise a `Fault` when a fact says what its kind cannot, or lacks what it needs."""
    if event.kind is EventKind.REVERSAL:
        event = _check_reversal(path, event)
    elif event.reverses is not None:
        expected = "nothing for a kind other than REVERSAL"
        raise invalid(f"{path}.reverses", event.reverses.event_id, expected)
    if event.kind is not EventKind.REVERSAL:
        check_statuses(path, event)
    check_supply(path, event)
    check_transfer(path, event)
    if event.kind in _OF_RESERVATIONS and event.reservation is None:
        raise invalid(f"{path}.reference", "", "kind reservation, with the id of one")
    if event.kind is EventKind.COUNT:
        if not 0 <= event.picked_quantity <= QUANTITY_MAX:
            expected = f"0 to {QUANTITY_MAX:,}"
            raise invalid(f"{path}.picked_quantity", event.picked_quantity, expected)
        check_count(f"{path}.seen_reservations", len(event.seen_reservations), 0, SEEN_MAX)
        for index, text in enumerate(event.seen_reservations):
            check_name(f"{path}.seen_reservations[{index}]", text)
        _check_basis(path, event)
        return
    for name in ("as_of_sequence", "basis", "picked_quantity", "seen_reservations"):
        if given := getattr(event, name):
            field = "count_basis" if name == "basis" else name
            raise invalid(f"{path}.{field}", given, "nothing for a kind other than COUNT")


def _check_basis(path: str, event: StockEvent) -> None:
    """Raise a `Fault` when a count says of the source's books what it does not come from."""
    if event.as_of_sequence and event.basis is CountBasis.SHELF:
        expected = "COUNT_BASIS_BOOKS, or none, beside as_of_sequence"
        raise invalid(f"{path}.count_basis", "COUNT_BASIS_SHELF", expected)
    if event.seen_reservations and not (event.as_of_sequence or event.basis is CountBasis.BOOKS):
        expected = "none, except of a count from the books (COUNT_BASIS_BOOKS, or as_of_sequence)"
        count = f"{len(event.seen_reservations):,} items"
        raise invalid(f"{path}.seen_reservations", count, expected)


def _check_reversal(path: str, event: StockEvent) -> StockEvent:
    """The event that a reversal repeats, which has to be one; of that of a reversal, itself."""
    if event.key is None:
        raise invalid(f"{path}.event_id", "", "an event_id, which a reversal needs")
    if event.takes_promised:
        raise invalid(f"{path}.takes_promised", True, _DISPATCH_ALONE)
    named = event.reverses
    if named is None:
        raise invalid(f"{path}.reverses", "", "the event that the reversal undoes")
    if (named.key.hi, named.key.lo) == (event.key.hi, event.key.lo):
        raise invalid(f"{path}.reverses.event_id", named.event_id, "the id of another event")
    if not is_event_quantity(named.kind, event.quantity):
        raise bad_event_quantity(f"{path}.quantity", named.kind, event.quantity)
    if named.kind is EventKind.REVERSAL:
        for name in ("from_status", "to_status"):
            if status := getattr(event, name):
                check_name(f"{path}.{name}", status)
        return event
    return event._replace(kind=named.kind, reverses=None)


def bad_event_quantity(field: str, kind: EventKind, quantity: int) -> Fault:
    """The fault of a quantity that a stock fact of this kind cannot have."""
    low, high = EVENT_QUANTITIES[kind]
    except_zero = " except 0" if low < 0 else ""
    return invalid(field, quantity, f"{low:,} to {high:,}{except_zero} for kind {kind.name}")
