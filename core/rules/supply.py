"""What stock facts say of inbound supply, and what comes of it.

A source says how things are: of a line of a document so many units are expected in all, at a time.
That announces the supply, changes it, or cancels what has not come. A receipt that names it takes
its units off. Both may come in any order, so they add up, and what is said late changes nothing.
"""

from functools import lru_cache
from typing import NamedTuple

from ..commands import Reference, StockEvent
from ..ids import Key, key_from_parts
from ..limits import SUPPLIES_OPEN_MAX
from ..model import EventKind, EventOutcome
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.supply import count_open, find_supply, has_room, known_to_come
from ..tables.table import Array
from ..tables.writing import record_supply


def judge_supply(
    source: str, event: StockEvent, named: Reference, shard: Shard, row: int
) -> EventOutcome | None:
    """Why something that is said of supply has no effect; None when it has. `row` is -1 where there
    is no level yet.
    """
    supply = find_supply(shard, row, key_of(named))
    if supply is not None and _is_outdated(source, event, shard, supply):
        return EventOutcome.SUPPLY_OUTDATED
    opens = event.quantity > (0 if supply is None else int(supply["received"]))
    is_full = opens and not known_to_come(supply) and count_open(shard, row) >= SUPPLIES_OPEN_MAX
    if is_full or (supply is None and not has_room(shard)):
        return EventOutcome.TOO_MANY_SUPPLIES
    return None


def _is_outdated(source: str, event: StockEvent, shard: Shard, supply: Array) -> bool:
    """Whether something later was said of a supply: by numbers of the same source, else by the
    times of the source.
    """
    number = shard.sources.find(source)
    if event.sequence and supply["sequence"] and supply["source"] == number:
        has_numbers = supply["resets"] == shard.source_records.records["resets"][number]
        if has_numbers:
            return event.sequence < int(supply["sequence"])
    if event.occur_time_ns is None or not supply["said_ns"]:
        return False
    return event.occur_time_ns < int(supply["said_ns"])


def can_note(receipt: StockEvent, named: Reference, shard: Shard, row: int) -> bool:
    """Whether it can be noted of a supply that units of it came; with a negative quantity, that
    they did not.
    """
    supply = find_supply(shard, row, key_of(named))
    if receipt.quantity < 0:
        return _put_back(receipt, supply, shard, row) is not None
    return supply is not None or has_room(shard)


def write_supply(source: str, event: StockEvent, named: Reference, shard: Shard, row: int) -> None:
    """Write what an event says of supply, or what it brought of it; its own effect was written
    last.
    """
    supply = find_supply(shard, row, key_of(named))
    said = event if event.quantity >= 0 else _put_back(event, supply, shard, row)
    assert said is not None, named
    change = SupplyChange(
        *(said.quantity, _difference(said, supply), said.expected_ns or 0),
        *(said.occur_time_ns or 0, said.sequence, shard.sources.find(source)),
        is_receipt=said.kind is EventKind.RECEIPT,
    )
    write_supply_change(change, named, shard, row, is_known=supply is not None)


class SupplyChange(NamedTuple):
    """What is reported of supply or of a transfer, as Section.SUPPLIES has it."""

    units: int
    incoming: int
    expected_ns: int
    said_ns: int = 0
    sequence: int = 0
    source: int = 0
    is_receipt: bool = False
    is_transfer: bool = False


def write_supply_change(
    change: SupplyChange, named: Reference, shard: Shard, row: int, *, is_known: bool
) -> None:
    """Write what is reported under a reference, with its names if it is new; the fact that reports
    it was written last.
    """
    key, names = key_of(named), () if is_known else (named.id, named.line)
    stock = shard.effects.written()[Section.STOCK] - 1
    size = sum(1 + len(name.encode()) for name in names)
    what = change.units, change.incoming, change.expected_ns, change.said_ns, change.sequence
    where = key.hi, key.lo, row, change.source, stock, size
    record_supply(shard, (*what, *where, change.is_receipt, change.is_transfer), *names)


def _put_back(event: StockEvent, supply: Array | None, shard: Shard, row: int) -> StockEvent | None:
    """A receipt that is undone, as far as its supply is still known to have come; None where it is
    not, or would be open again beyond the bound.
    """
    if supply is None or not supply["received"]:
        return None
    units = min(-event.quantity, int(supply["received"]))
    left = int(supply["received"]) - units
    opens = not known_to_come(supply) and int(supply["quantity"]) > left
    if opens and count_open(shard, row) >= SUPPLIES_OPEN_MAX:
        return None
    return event._replace(quantity=-units)


def _difference(event: StockEvent, supply: Array | None) -> int:
    """By how much units change that are still to come."""
    announced = 0 if supply is None else int(supply["quantity"])
    received = 0 if supply is None else int(supply["received"])
    if event.kind is EventKind.RECEIPT:
        received += event.quantity
    else:
        announced = event.quantity
    return max(0, announced - received) - known_to_come(supply)


@lru_cache(maxsize=1_024)
def key_of(named: Reference) -> Key:
    """The key of a supply or a transfer: of what it is, its document and its line."""
    return key_from_parts(named.kind, named.id, named.line)
