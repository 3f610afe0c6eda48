"""Transfers: units on their way from one location to another (docs/adr/0039).

A dispatch takes them off the one, a receipt that names the transfer puts them on hand at the other,
and an adjustment says what was lost under way, or was too many. All of that adds up under a line of
a document at the location that it goes to, so it may come in any order.
"""

from typing import Final

from ..commands import StockEvent
from ..kernels.codes import UNKNOWN_LOCATION
from ..limits import QUANTITY_MAX, SUPPLIES_OPEN_MAX
from ..model import EventKind, EventOutcome
from ..tables.shard import Shard
from ..tables.supply import count_open, find_supply, has_room, is_known_open, known_to_come
from ..tables.table import Array
from ..tables.writing import record_levels
from .reversals import Undoing
from .supply import SupplyChange, key_of, write_supply_change

_OF_TRANSFERS: Final = (
    *(EventKind.TRANSFER_DISPATCH, EventKind.TRANSFER_ADJUSTMENT),
    EventKind.RECEIPT,
)


def find_spared(event: StockEvent, promisable: int, shard: Shard, row: int) -> int | None:
    """Return how many units a dispatch may take if it asks for more than are free; None if it may
    go. Units that have already been received count as gone.
    """
    if event.kind is not EventKind.TRANSFER_DISPATCH or event.takes_promised or event.from_status:
        return None
    dispatched, received = _figures(_find(event, shard, _goes_to(event, shard, row)))
    free = max(0, promisable) + max(0, received - dispatched)
    return free if event.quantity > free else None


def transfer_fact(event: StockEvent, undoing: Undoing | None) -> tuple[StockEvent, int] | None:
    """The fact by which an event changes a transfer, if it does, and 1; or -1 where it undoes
    that.
    """
    fact, sign = (event, 1) if undoing is None else (undoing.event, undoing.sign)
    return (fact, sign) if sign and fact.transfer and fact.kind in _OF_TRANSFERS else None


def has_moved(event: StockEvent, undoing: Undoing | None) -> bool:
    """Whether a fact of a transfer reports goods that came or have left, whatever is known of the
    transfer, or undoes one.
    """
    has_happened = event.kind is EventKind.RECEIPT or event.takes_promised or undoing is not None
    return has_happened and event.kind is not EventKind.TRANSFER_ADJUSTMENT


def judge_transfer(
    event: StockEvent, sign: int, shard: Shard, row: int
) -> tuple[EventOutcome | None, int]:
    """Why a fact of a transfer has no effect, or None; and how many units are under way after it.
    `row` is that of the fact, -1 where there is no level yet.
    """
    there = _goes_to(event, shard, row)
    known = _find(event, shard, there)
    dispatched, received = after = _after(event, sign, known)
    if max(map(abs, after)) > QUANTITY_MAX:
        return EventOutcome.OUT_OF_RANGE, 0
    opens = dispatched != received and not is_known_open(known)
    is_full = opens and count_open(shard, there) >= SUPPLIES_OPEN_MAX
    if is_full or (known is None and not has_room(shard)):
        return EventOutcome.TOO_MANY_SUPPLIES, 0
    return None, dispatched - received


def write_transfer(event: StockEvent, sign: int, shard: Shard, row: int) -> None:
    """Write what a fact of a transfer changes under way; its own effect was written last."""
    there, named = _goes_to(event, shard, row), event.transfer
    assert named is not None
    if there < 0:
        there = len(shard.levels)
        level = shard.skus.find(event.sku), shard.locations.find(event.to_location)
        record_levels(shard, [level])
    known = _find(event, shard, there)
    dispatched, received = _after(event, sign, known)
    incoming = max(0, dispatched - received) - known_to_come(known)
    change = SupplyChange(
        *(sign * event.quantity, incoming, event.expected_ns or 0),
        is_receipt=event.kind is EventKind.RECEIPT,
        is_transfer=True,
    )
    write_supply_change(change, named, shard, there, is_known=known is not None)


def _goes_to(event: StockEvent, shard: Shard, row: int) -> int:
    """The row at which a fact of a transfer counts units under way, or a negative number."""
    if event.kind is not EventKind.TRANSFER_DISPATCH:
        return row
    there = shard.find_row(event.sku, event.to_location)
    assert there != UNKNOWN_LOCATION, event.to_location
    return there


def _find(event: StockEvent, shard: Shard, there: int) -> Array | None:
    """What is known of the transfer of a fact where it goes to."""
    assert event.transfer is not None
    return find_supply(shard, there, key_of(event.transfer))


def _figures(known: Array | None) -> tuple[int, int]:
    """Units of a transfer that are dispatched, less those that were lost, and that have come."""
    return (0, 0) if known is None else (int(known["quantity"]), int(known["received"]))


def _after(event: StockEvent, sign: int, known: Array | None) -> tuple[int, int]:
    """The same after a fact, or with -1 after its undoing."""
    dispatched, received = _figures(known)
    units = sign * event.quantity
    if event.kind is EventKind.RECEIPT:
        return dispatched, received + units
    return dispatched + units, received
