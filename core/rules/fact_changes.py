"""What a stock fact changes besides units on hand: the status of units, the reservation under which
they were shipped, inbound supply.

It is found before anything is written (`judge`), and written after the fact itself (`write`).
"""

from dataclasses import dataclass, replace

import numpy as np

from ..commands import Difference, Reference, StockEvent
from ..ids import key_from_text
from ..kernels.codes import COUNT_IS_TIMED, NEVER_NS, POSTS_AGAIN, UNPOSTS
from ..model import EventKind, EventOutcome, State
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import number_of_name, record
from .counts import Counted, Counts
from .goods_issues import GoodsIssues, Issued
from .joint_turn import Part
from .reservations import Reservations
from .reversals import Refused, Reversals, Undoing
from .supply import can_note, judge_supply, write_supply
from .transfers import has_moved, judge_transfer, transfer_fact, write_transfer

#: Kinds whose decision looks at what recently happened at a level.
_ASKS_HISTORY = (
    *(EventKind.COUNT, EventKind.GOODS_ISSUE),
    *(EventKind.REVERSAL, EventKind.SHIPMENT_REVERSAL),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What an event changes, or why it does not."""

    refusal: EventOutcome | None = None
    possible: int = 0
    """With a refusal: units that there are."""
    statuses: tuple[tuple[str, int], ...] = ()
    """Units that enter each status; with a minus, that leave it."""
    moves: tuple[tuple[int, int], ...] = ()
    """Lines of the shard, and how many of their units came back, or were shipped."""
    leaves: State = State.FULFILLED
    enters: State = State.RETURNED
    """The states between which they move."""
    counted: Counted | None = None
    issued: Issued | None = None
    undoing: Undoing | None = None
    difference: Difference | None = None
    """With REVERSAL_DIFFERS."""
    in_transit: int = 0
    """Units of its transfer that are under way then."""
    is_untracked: bool = False
    """Whether it can't be noted of the supply or transfer that it names."""

    @property
    def delta(self) -> int:
        """What it adds to what the event says of on hand."""
        judged = self.issued or self.counted or self.undoing
        return judged.delta if judged else 0

    @property
    def withheld(self) -> int:
        """Units that it withholds from sale, or promises again."""
        again = self.moves if self.enters is State.COMMITTED else ()
        return sum(units for _, units in (*self.statuses, *again))

    @property
    def mark(self) -> int:
        """What it does to a goods issue."""
        undoing = self.undoing
        if undoing is None or undoing.event.kind is not EventKind.GOODS_ISSUE:
            return 0
        return (UNPOSTS, 0, POSTS_AGAIN)[undoing.sign + 1]


class FactChanges:
    """Changes by stock facts, over the shards of a node."""

    def __init__(
        self,
        reservations: Reservations,
        counts: Counts,
        issues: GoodsIssues,
        reversals: Reversals,
    ) -> None:
        self.reservations = reservations
        self.counts = counts
        self.issues = issues
        self.reversals = reversals

    def judge(self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int) -> Change:
        """What an event would change at a row of a shard; -1 where there is no level yet."""
        if event.kind in _ASKS_HISTORY:
            self.counts.history.begin(shard)
        if event.kind is EventKind.REVERSAL:
            return self._reversed(source, event, shard, row, now_ns)
        if event.kind is EventKind.COUNT:
            counted = self.counts.judge_count(source, event, shard, row, now_ns)
            return Change(counted.refusal, counted=counted)
        if event.kind is EventKind.GOODS_ISSUE:
            issued = self.issues.judge_goods_issue(source, event, shard, row, now_ns)
            states = State.COMMITTED, State.FULFILLED
            return Change(issued.refusal, issued.possible, (), issued.moves, *states, issued=issued)
        if event.kind is EventKind.SHIPMENT_REVERSAL:
            issued = self.issues.judge_shipment_reversal(event, shard, row, now_ns)
            states = State.FULFILLED, State.COMMITTED
            return Change(issued.refusal, issued.possible, (), issued.moves, *states, issued=issued)
        if event.kind is EventKind.SUPPLY:
            assert event.supply is not None
            return Change(judge_supply(source, event, event.supply, shard, row))
        return self._of_units(event, shard, row)

    def _of_units(
        self, event: StockEvent, shard: Shard, row: int, undoing: Undoing | None = None
    ) -> Change:
        """What a fact changes of statuses, orders and what is to come, or the undoing of one."""
        sign = undoing.sign if undoing else 1
        refusal, in_transit, is_untracked = None, 0, False
        if transfer_fact(event, None):
            refusal, in_transit = judge_transfer(event, sign, shard, row)
            is_untracked = refusal is not None and has_moved(event, undoing)
        elif event.supply and event.kind is EventKind.RECEIPT:
            receipt = event._replace(quantity=sign * event.quantity)
            is_untracked = not can_note(receipt, event.supply, shard, row)
        if refusal is not None and not is_untracked:
            return Change(refusal)
        units = abs(event.quantity)
        leaves, enters = (event.from_status, event.to_status)[::sign]
        if leaves and (there := _units(shard, row, leaves)) < units:
            return Change(EventOutcome.EXCEEDS_UNAVAILABLE, there)
        if enters and shard.statuses.find(enters) < 0 and not shard.statuses.room:
            return Change(EventOutcome.TOO_MANY_STATUSES, len(shard.statuses))
        statuses = ((leaves, -units), (enters, units))
        moved = tuple(each for each in statuses if each[0])
        change = Change(statuses=moved, in_transit=in_transit, is_untracked=is_untracked)
        if event.kind is EventKind.RETURN and event.reservation is not None:
            return self._returned(event, event.reservation, change, shard, sign)
        return change

    def _reversed(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Change:
        found = self.reversals.judge(event, shard, row, now_ns)
        if isinstance(found, Refused):
            return Change(found.outcome, difference=found.difference)
        if not found.sign:
            return Change(undoing=found)
        if found.event.kind is not EventKind.GOODS_ISSUE:
            return replace(self._of_units(found.event, shard, row, found), undoing=found)
        issue = found.event._replace(sequence=0)  # that is the number of the reversal
        twice = self.issues.counted_twice(source, issue, shard, row, 0, now_ns) if row >= 0 else 0
        issued = Issued(posted=found.sign * event.quantity, delta=found.sign * twice)
        return Change(issued=issued, undoing=found)

    def _returned(
        self, event: StockEvent, order: Reference, change: Change, shard: Shard, sign: int
    ) -> Change:
        """The same, with units taken from what was shipped under the order: from lines at the place
        of the event first. An order that nobody here knows is the source's own, and limits nothing.
        """
        parts = self.reservations.parts_in_memory(key_from_text(order.id))
        if not parts:
            return change
        left, moves = event.quantity, []
        leaves, enters = (State.FULFILLED, State.RETURNED)[::sign]
        for part in parts:
            if part.shard is shard:  # all lines of a SKU are in its shard
                for line, there in _lines_in(leaves, part, event, order.line):
                    moves.append((line, min(left, there)))
                    left -= moves[-1][1]
        if left:
            return Change(EventOutcome.EXCEEDS_SHIPPED, event.quantity - left)
        moves = [each for each in moves if each[1]]
        return replace(change, moves=tuple(moves), leaves=leaves, enters=enters)

    def write(self, source: str, event: StockEvent, change: Change, shard: Shard, row: int) -> None:
        """Write what an event changes, whose effect was written last."""
        if not change.is_untracked:
            _write_to_come(source, event, change, shard, row)
        stock = shard.effects.written()[Section.STOCK] - 1
        for status, units in change.statuses:
            number = number_of_name(shard, shard.statuses, Section.STATUS_NAMES, status)
            record(shard, Section.UNAVAILABLE, (units, row, number, stock, 0))
        for line, units in change.moves:
            record(shard, Section.MOVES, (units, line, change.leaves, change.enters, 0))
        if change.moves and change.enters is State.COMMITTED:
            self._reopen(event)
        if change.issued and change.issued.posted and shard.keeping.is_used:
            record(shard, Section.POSTED, (change.issued.posted, row, 0))
        if change.counted and change.counted.basis and shard.keeping.is_used:
            flags = 0 if event.occur_time_ns is None else COUNT_IS_TIMED
            as_of = change.counted.as_of_ns, row, change.counted.basis, flags, 0
            record(shard, Section.COUNTS, as_of)
        if change.undoing:
            self.reversals.write(change.undoing, event, shard, row)

    def _reopen(self, event: StockEvent) -> None:
        """Reopen an order that had ended and has committed units again."""
        order = event.reservation
        assert order is not None
        first = self.reservations.parts_in_memory(key_from_text(order.id))[0]
        if first.shard.reservations.records["ended_at_ns"][first.number] != NEVER_NS:
            record(first.shard, Section.REOPENED, (first.number,))


def _write_to_come(source: str, event: StockEvent, change: Change, shard: Shard, row: int) -> None:
    """Write what an event changes of supply, or of a transfer."""
    said = _said_of_supply(event, change.undoing)
    if said is not None and said.supply is not None:
        write_supply(source, said, said.supply, shard, row)
    if fact_and_sign := transfer_fact(event, change.undoing):
        write_transfer(*fact_and_sign, shard, row)


def _said_of_supply(event: StockEvent, undoing: Undoing | None) -> StockEvent | None:
    """What an event says of supply, if it does: to undo a receipt is to receive fewer units."""
    if event.kind in (EventKind.SUPPLY, EventKind.RECEIPT):
        return event
    if undoing is None or not undoing.sign or undoing.event.kind is not EventKind.RECEIPT:
        return None
    return undoing.event._replace(quantity=undoing.sign * undoing.event.quantity)


def _lines_in(state: State, part: Part, event: StockEvent, line_id: str) -> list[tuple[int, int]]:
    """The lines of a part with units of the event's SKU in a state, and how many: those at its
    location first.
    """
    shard, number = part.shard, part.number
    lines, levels = shard.read_lines(number), shard.levels.records
    sku, location = shard.skus.find(event.sku), shard.locations.find(event.location)
    there = lines[:, 1 + state]
    is_asked = (levels["sku"][lines[:, 0]] == sku) & (there > 0)
    if line_id:
        is_asked &= shard.have_line_id(number, line_id)
    found = np.flatnonzero(is_asked)
    is_elsewhere = levels["location"][lines[found, 0]] != location
    ordered = found[np.argsort(is_elsewhere, kind="stable")]
    first = shard.lines_of(number).start
    return list(zip((first + ordered).tolist(), there[ordered].tolist(), strict=True))


def _units(shard: Shard, row: int, status: str) -> int:
    return shard.unavailable_units(row, status) if row >= 0 else 0
