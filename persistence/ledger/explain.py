"""Why a stock level has what it has, now or at a past instant: its parts, which add up.

What is returned is added up from the differences that movements made, and compared with what the
last of them left. When the two disagree, the index is not what was written, and none of it is
returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from holdfast.core.model import State

from .index import Index, Part
from .movements import (
    BACKORDERING,
    COMING,
    LEVEL_COLUMNS,
    NO_TEXT,
    STOCK,
    WITHHOLDING,
    MovementKind,
    differences,
    id_from_text,
)
from .queries import Movement, MovementFilter, movements_at, rows_of

#: Parts of each kind that are listed one by one; the older ones are summed.
PARTS_MAX: Final = 1_000
DECISIONS_MAX: Final = 100


_COLUMNS: Final = {State.HELD: 1, State.COMMITTED: 2}
"""Column of LEVEL_COLUMNS that counts the units of a state."""

#: What changes stock on hand, or what of it is not for sale, and is no stock fact; and repairs,
#: which say why figures are others than before.
_CHANGING: Final = (MovementKind.FULFILL, MovementKind.UNAVAILABLE, MovementKind.REPAIR)

#: What takes units from a reservation that did not ship them.
_GIVING_BACK: Final = (MovementKind.RELEASE, MovementKind.CANCEL)


class IndexDamagedError(Exception):
    """The parts of a level do not add up."""


class BeforeLedgerError(Exception):
    """The instant is before the ledger begins."""


class NoLevelError(Exception):
    """There was no such stock level at the instant, or its SKU had ended."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A time, or a revision of the level's shard. As it is made, now."""

    at_ns: int = 2**63 - 1
    """The last instant that counts."""
    sequence: int = 2**63 - 1
    """The last entry of the shard that counts."""
    shard: int | None = None
    """The shard of which that is, where it is given."""


class Promise(NamedTuple):
    """Units of a reservation at the level, in one state."""

    reservation_id: str
    quantity: int
    since_ns: int
    """When the last of them came into the state, or left it for good."""
    sequence: int
    """The entry of the shard that they came with."""


@dataclass(frozen=True, slots=True)
class Summed:
    """Parts that are not listed one by one: how many, and what they come to."""

    count: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A level and its parts."""

    last: Movement
    """What it is as of: its `after` is what is explained."""
    opening: Summed
    """What was on hand where the ledger begins."""
    earlier: Summed
    """Changes of stock on hand, and of what is not for sale, before those in `events`."""
    events: list[Movement]
    """The newest of these, oldest first."""
    held: list[Promise]
    committed: list[Promise]
    other_held: Summed
    """Holds that are in the sum, and not in `held`."""
    other_committed: Summed
    incoming: int
    """Units that were announced and still to come."""
    decisions: list[Movement]
    """What operators took from reservations: the newest, oldest first."""
    backordered: int
    """Units held and committed that were promised from supply and not on hand: a part of what is
    withheld, with a minus.
    """
    unavailable: dict[str, int]
    """Units that were not for sale by status, in the order of their names: the rest of that."""


class _Piece(NamedTuple):
    """The movements of the level that lie in one part, and the differences that they made."""

    part: Part
    rows: Any
    records: Any
    changed: Any


def explain(index: Index, sku: str, location: str, at: Instant) -> Explanation:
    """The parts of a level at an instant.

    Raises NoLevelError, BeforeLedgerError, IndexDamagedError.
    """
    pieces = _pieces(index, sku, location, at)
    if not pieces:
        raise BeforeLedgerError if _is_before(index, sku, location, at) else NoLevelError
    if any((piece.records["kind"] == MovementKind.SKU_ENDED).any() for piece in pieces):
        raise NoLevelError
    _expect_sum(pieces)
    last = pieces[-1]
    opened = [each.changed[each.records["kind"] == MovementKind.OPENING, 0] for each in pieces]
    events, earlier = _events(pieces)
    held, other_held = _promises(pieces, State.HELD)
    committed, other_committed = _promises(pieces, State.COMMITTED)
    return Explanation(
        movements_at(last.part, last.rows[-1:])[0],
        Summed(sum(map(len, opened)), int(sum(each.sum() for each in opened))),
        *(earlier, events, held, committed, other_held, other_committed),
        sum(_sum_of(COMING, each.records) for each in pieces),
        _decisions(pieces),
        sum(_sum_of(BACKORDERING, each.records) for each in pieces),
        _unavailable(pieces),
    )


def _pieces(index: Index, sku: str, location: str, at: Instant) -> list[_Piece]:
    """The movements of the level until the instant. Of a SKU that ended and began again, these are
    the last one's.
    """
    texts = (("sku", sku.encode()), ("location", location.encode()))
    wanted = MovementFilter(texts, until_ns=at.at_ns + 1)
    found = []
    for part in index.parts:
        rows = rows_of(part, wanted)
        rows = rows[part.movements["sequence"][rows] <= at.sequence]
        if len(rows):
            found.append((part, rows, part.movements[rows]))
    newest = max((records["row"].max() for _, _, records in found), default=-1)
    pieces = []
    for part, rows, records in found:
        is_newest = records["row"] == newest
        if is_newest.any():
            kept = records[is_newest]
            pieces.append(_Piece(part, rows[is_newest], kept, differences(kept)))
    return pieces


def _sum_of(kinds: Sequence[MovementKind], records: Any) -> int:
    """The quantities of some kinds of movements together."""
    return int(records["quantity"][np.isin(records["kind"], kinds)].sum())


def _is_before(index: Index, sku: str, location: str, at: Instant) -> bool:
    """Whether nothing is known of a level because the instant is before the ledger begins."""
    if not index.opened_at:
        return False
    if at.at_ns < index.opened_ns:
        return True
    pieces = _pieces(index, sku, location, Instant())
    return any((piece.records["kind"] == MovementKind.OPENING).any() for piece in pieces)


def _expect_sum(pieces: Sequence[_Piece]) -> None:
    """Raise IndexDamagedError unless differences add up to what each piece's last movement left."""
    total = np.zeros(len(LEVEL_COLUMNS), np.int64)
    for piece in pieces:
        total += piece.changed.sum(axis=0)
        left = [int(piece.records[name][-1]) for name in LEVEL_COLUMNS]
        if total.tolist() != left:
            raise IndexDamagedError(f"{piece.part}: {total.tolist()} is not {left}")


def _events(pieces: Sequence[_Piece]) -> tuple[list[Movement], Summed]:
    """The newest changes of stock on hand and of what is not for sale, oldest first, and what the
    older ones did to stock on hand.
    """
    events: list[Movement] = []
    count = quantity = 0
    for piece in reversed(pieces):
        kind = piece.records["kind"]
        changes = np.flatnonzero((kind > STOCK) | np.isin(kind, _CHANGING))
        split = max(0, len(changes) - (PARTS_MAX - len(events)))
        events[:0] = movements_at(piece.part, piece.rows[changes[split:]])
        count += split
        quantity += int(piece.changed[changes[:split], 0].sum())
    return events, Summed(count, quantity)


def _unavailable(pieces: Sequence[_Piece]) -> dict[str, int]:
    """Units by status."""
    found: dict[str, int] = {}
    for piece in pieces:
        moved = piece.records[np.isin(piece.records["kind"], WITHHOLDING)]
        numbers = np.unique(moved["status"])
        sums = _sums(moved["status"], moved["quantity"], numbers).tolist()
        for number, units in zip(numbers.tolist(), sums, strict=True):
            status = piece.part.texts[number].decode()
            found[status] = found.get(status, 0) + units
    return {status: units for status, units in sorted(found.items()) if units}


def _decisions(pieces: Sequence[_Piece]) -> list[Movement]:
    """What reservations lost with a reason, which their callers do not give: the newest, oldest
    first.
    """
    decisions: list[Movement] = []
    for piece in reversed(pieces):
        notes = piece.records["note"]
        rows = np.flatnonzero(np.isin(piece.records["kind"], _GIVING_BACK) & (notes >= 0))
        is_decided = piece.part.records("note")["reason"][notes[rows]] != NO_TEXT
        newest = rows[is_decided][len(decisions) - DECISIONS_MAX :]
        decisions[:0] = movements_at(piece.part, piece.rows[newest])
        if len(decisions) == DECISIONS_MAX:
            break
    return decisions


def _promises(pieces: Sequence[_Piece], state: State) -> tuple[list[Promise], Summed]:
    """What reservations have in a state at the level, oldest first."""
    promises: dict[bytes, Promise] = {}
    for piece in pieces:
        quantities = piece.changed[:, _COLUMNS[state]]
        rows = np.flatnonzero(quantities)
        numbers, first = np.unique(piece.records["reservation"][rows][::-1], return_index=True)
        sums = _sums(piece.records["reservation"][rows], quantities[rows], numbers)
        for at in np.flatnonzero(sums).tolist():
            text = piece.part.texts[int(numbers[at])]
            last = piece.records[rows[len(rows) - 1 - first[at]]]
            before = promises.pop(text, None)
            units = int(sums[at]) + (before.quantity if before else 0)
            if units:
                when = int(last["time_ns"]), int(last["sequence"])
                promises[text] = Promise(id_from_text(text), units, *when)
    found = sorted(promises.values(), key=lambda each: (each.since_ns, each.sequence))
    newest, others = found[-PARTS_MAX:], found[:-PARTS_MAX]
    return newest, Summed(len(others), sum(each.quantity for each in others))


def _sums(numbers: Any, quantities: Any, distinct: Any) -> Any:
    """The sum of the quantities of each distinct number."""
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, np.searchsorted(distinct, numbers), quantities)
    return sums
