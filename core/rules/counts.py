"""Counts that are not of this moment, and goods issues that a source posts of what has shipped.

A count says what was on hand at an instant, as its source had seen it. What the source had not seen
is applied again on top. On the shelf, that is what happened after the instant. In the books of an
ERP, it is that and whatever was shipped here and not posted there by then: which of the units at a
level were posted does not matter, so shipments and postings are compared as sums.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from .. import kernels
from ..commands import Reapplied, StockEvent
from ..ids import key_from_text
from ..kernels.codes import (
    COUNT,
    COUNT_BASIS,
    GOODS_ISSUE,
    HISTORY_COUNTED,
    HISTORY_NULLED,
    HISTORY_PLAIN,
    HISTORY_UNDONE,
    NO_MOVEMENT,
    REVERSAL,
    SEQUENCE_MAX,
    SHIPMENT_REVERSAL,
    STATUS_CHANGE,
    SUPPLY,
    TIME_FIRST,
    TRANSFER_ADJUSTMENT,
)
from ..limits import COUNT_AHEAD_NS_MAX, HISTORY_READ_MAX, NUMBERS_AHEAD_MAX
from ..model import CountBasis, EventKind, EventOutcome, State
from ..tables.effects import Section
from ..tables.layouts import HISTORY
from ..tables.recent import History
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from ..work import RECORD_READ, Work
from .reservations import Reservations

#: Kinds of records that change nothing on hand by themselves.
_NO_MOVEMENT = (
    *(COUNT, GOODS_ISSUE, STATUS_CHANGE, SHIPMENT_REVERSAL, SUPPLY, TRANSFER_ADJUSTMENT),
    NO_MOVEMENT,
)

_NO_RECORDS = np.zeros(0, HISTORY)

#: In place of a count of the shelf: the last one was of the books.
BOOKS: Final = CountBasis.BOOKS


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count comes to."""

    refusal: EventOutcome | None = None
    as_of_ns: int = 0
    basis: int = 0
    delta: int = 0
    """What is to be added to the quantity."""
    reapplied: tuple[Reapplied, ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """What a goods issue comes to."""

    refusal: EventOutcome | None = None
    possible: int = 0
    moves: tuple[tuple[int, int], ...] = ()
    """Lines, and how many of their units are shipped now."""
    posted: int = 0
    """Units that are not unposted any more."""
    delta: int = 0
    """What a count has taken off though it had seen it."""


class FactSought(NamedTuple):
    """A fact as the history has it; `came_at_ns` is None for one that is not remembered. Its tag is
    of source and id; `source` is None for one that is found through its reversals.
    """

    source: int | None
    tag: int
    came_at_ns: int | None


class Counts:
    """Counts and goods issues over the shards of a node."""

    def __init__(self, reservations: Reservations, work: Work) -> None:
        self.reservations = reservations
        self.work = work
        self._found = np.zeros(HISTORY_READ_MAX, HISTORY)

    def begin(self, shard: Shard) -> None:
        """Keep what happens for the whole window from now on, in all shards: somebody asks."""
        if shard.keeping.is_used or not shard.keeping.window_ns:
            return
        for each in self.reservations.shards:
            record(each, Section.HISTORY_WINDOWS, (each.keeping.window_ns, True))

    def judge_count(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Counted:
        """What a count as of an instant, or of a number of its source, comes to."""
        as_of_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        if as_of_ns > now_ns + COUNT_AHEAD_NS_MAX or self._is_ahead(source, event):
            return Counted(EventOutcome.COUNT_IN_FUTURE)
        as_of_ns = min(as_of_ns, now_ns)
        oldest_ns = _oldest_ns(shard, now_ns)
        by_number = event.as_of_sequence > 0
        if as_of_ns < oldest_ns or (by_number and not shard.keeping.window_ns):
            return Counted(EventOutcome.COUNT_TOO_OLD)
        basis = CountBasis.BOOKS if by_number else event.basis or CountBasis.SHELF
        if row < 0:
            return Counted(None, as_of_ns, basis, event.picked_quantity)
        number = shard.sources.find(source)
        by_number = by_number or _is_late(event, shard, number)
        facts = self._since(shard.facts, shard, row, oldest_ns if by_number else as_of_ns)
        if facts is None:
            return Counted(EventOutcome.COUNT_TOO_OLD)
        is_later = _happened_later(facts, number, event, as_of_ns)
        if _is_outdated(facts, is_later, shard, row, number, event):
            return Counted(EventOutcome.COUNT_OUTDATED)
        later = facts[is_later]
        shipped = self._unseen_shipments(event, shard, row, basis, as_of_ns, later, now_ns)
        if shipped is None:
            return Counted(EventOutcome.COUNT_TOO_OLD)
        reapplied = _reapplied(shard, _moving(later, basis), shipped)
        delta = event.picked_quantity + sum(each.units for each in reapplied)
        return Counted(None, as_of_ns, basis, delta, reapplied)

    def _is_ahead(self, source: str, event: StockEvent) -> bool:
        """Whether a count names a number far above the one that its source has reached, if that has
        numbered anything: a slip, by which all facts until then would be taken for seen.
        """
        if event.as_of_sequence <= NUMBERS_AHEAD_MAX:
            return False
        known = [(shard, shard.sources.find(source)) for shard in self.reservations.shards]
        lasts = [
            int(shard.source_records.records[number]["last_sequence"])
            for shard, number in known
            if number >= 0
        ]
        reached = max(event.sequence, *lasts, 0)
        return 0 < reached < event.as_of_sequence - NUMBERS_AHEAD_MAX

    def judge_late_count(
        self, source: str, sequence: int, opened_ns: int, shard: Shard, row: int, now_ns: int
    ) -> Counted:
        """What a count of the moment comes to whose number is late: it had seen what its source
        reported before it, and what else had happened when its number was skipped.
        """
        if row < 0:
            return Counted()
        if not shard.keeping.window_ns or opened_ns < _oldest_ns(shard, now_ns):
            return Counted(EventOutcome.COUNT_TOO_OLD)
        facts = self._since(shard.facts, shard, row, opened_ns - 1)
        shipments = self._since(shard.shipments, shard, row, opened_ns)
        if facts is None or shipments is None:
            return Counted(EventOutcome.COUNT_TOO_OLD)
        is_later = _came_later(facts, shard.sources.find(source), sequence, opened_ns)
        if (is_later & (facts["kind"] == COUNT)).any():
            return Counted(EventOutcome.COUNT_OUTDATED)
        reapplied = _reapplied(
            shard, _moving(facts[is_later], CountBasis.SHELF), _shipped(shipments)
        )
        return Counted(None, delta=sum(each.units for each in reapplied), reapplied=reapplied)

    def _unseen_shipments(
        self,
        event: StockEvent,
        shard: Shard,
        row: int,
        basis: CountBasis,
        as_of_ns: int,
        later: Array,
        now_ns: int,
    ) -> int | None:
        """Units that were shipped and that the count had not seen; None when too many have to be
        looked through. `later` are facts that it had not seen.
        """
        if basis is CountBasis.SHELF:
            shipments = self._since(shard.shipments, shard, row, as_of_ns)
            return None if shipments is None else _shipped(shipments)
        is_posted = (later["kind"] == GOODS_ISSUE) & (later["flags"] & HISTORY_NULLED == 0)
        posted_later = int(later["units"][is_posted].sum())
        unposted = int(shard.latest.records["unposted"][row]) + posted_later
        unseen = self._shipped_of_late(shard, row, unposted, now_ns)
        return max(0, unseen - self._seen(event.seen_reservations, shard, row))

    def _seen(self, reservations: Iterable[str], shard: Shard, row: int) -> int:
        """Units that were shipped from a level under some reservations."""
        units = 0
        for text in set(reservations):
            for part in self.reservations.parts_in_memory(key_from_text(text)):
                if part.shard is shard:
                    lines = shard.read_lines(part.number)
                    shipped = lines[:, [1 + State.FULFILLED, 1 + State.RETURNED]]
                    units += int(shipped[lines[:, 0] == row].sum())
        return units

    def judge_goods_issue(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Issued:
        """What a source that posts a goods issue reports: first units that were shipped here and
        not posted yet, and for the rest that units of the order have been shipped.
        """
        order = event.reservation
        assert order is not None
        parts = self.reservations.parts_in_memory(key_from_text(order.id))
        latest = shard.latest.records[row] if row >= 0 else None
        unposted = 0 if latest is None else max(0, int(latest["unposted"]))
        known = self._shipped_of_late(shard, row, unposted, now_ns) if row >= 0 else 0
        left, moves = max(0, event.quantity - known), []
        for part in parts:
            if part.shard is shard and row >= 0:
                lines = _lines_at(shard, part.number, row, order.line, State.COMMITTED)
                for line, units in lines:
                    moves.append((line, min(left, units)))
                    left -= moves[-1][1]
        if left:
            outcome = EventOutcome.EXCEEDS_SHIPPED if parts else EventOutcome.UNKNOWN_ORDER
            return Issued(outcome, event.quantity - left)
        now_shipped = sum(units for _, units in moves)
        unposted_then = max(0, known + now_shipped - event.quantity)
        posted = int(shard.latest.records["unposted"][row]) + now_shipped - unposted_then
        moves = [each for each in moves if each[1]]
        delta = self.counted_twice(source, event, shard, row, now_shipped, now_ns)
        return Issued(None, 0, tuple(moves), posted, delta)

    def judge_shipment_reversal(
        self, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Issued:
        """What it comes to that units of an order were not shipped after all. Units that a count of
        the shelf has found since are not added again.
        """
        order = event.reservation
        assert order is not None
        parts = self.reservations.parts_in_memory(key_from_text(order.id))
        left, moves = event.quantity, []
        for part in parts:
            if part.shard is shard and row >= 0:
                for line, units in _lines_at(shard, part.number, row, order.line, State.FULFILLED):
                    moves.append((line, min(left, units)))
                    left -= moves[-1][1]
        if left:
            outcome = EventOutcome.EXCEEDS_SHIPPED if parts else EventOutcome.UNKNOWN_ORDER
            return Issued(outcome, event.quantity - left)
        delta = event.quantity
        last = self._shelf_count(shard, row, _oldest_ns(shard, now_ns))
        if last is not None and last is not BOOKS:
            shipments = self._since(shard.shipments, shard, row, int(last["at_ns"]))
            if shipments is not None:
                delta = min(delta, _shipped(shipments))
        return Issued(None, 0, tuple(each for each in moves if each[1]), 0, delta)

    def last_count_of(
        self, fact: FactSought, shard: Shard, row: int, now_ns: int
    ) -> tuple[int, bool]:
        """The number of a fact in the history, or 0, and whether the last count of its level
        was one of the shelf, after it.
        """
        came_at_ns = fact.came_at_ns
        oldest_ns = _oldest_ns(shard, now_ns)
        if came_at_ns is not None:
            oldest_ns = max(oldest_ns, came_at_ns - 1)
        facts = self._since(shard.facts, shard, row, oldest_ns)
        if facts is None or not len(facts):
            return 0, False
        is_own = facts["came_at_ns"] == came_at_ns
        if fact.source is not None:
            is_own &= facts["source"] == fact.source
        found = facts[is_own & (facts["tag"] == fact.tag)][:1]
        number = int(found["link"][0]) if len(found) else 0
        if number and found["flags"][0] & HISTORY_COUNTED:
            return number, self._shelf_count(shard, row, _oldest_ns(shard, now_ns)) is not BOOKS
        last = self._shelf_count(shard, row, oldest_ns)
        if last is None or last is BOOKS:
            return number, False
        if not number:
            return 0, came_at_ns is None or int(last["at_ns"]) >= came_at_ns
        return number, _is_after(last, found[0])

    def _shelf_count(
        self, shard: Shard, row: int, after_ns: int
    ) -> Array | Literal[CountBasis.BOOKS] | None:
        """The last count of a level after an instant, or BOOKS when it was one of those."""
        facts = self._since(shard.facts, shard, row, after_ns)
        counts = facts[facts["kind"] == COUNT][:1] if facts is not None else _NO_RECORDS
        if not len(counts):
            return None
        is_plain = counts["flags"][0] & HISTORY_PLAIN
        is_of_books = shard.latest.records["basis"][row] & COUNT_BASIS == CountBasis.BOOKS
        return BOOKS if is_of_books and not is_plain else counts[0]

    def counted_twice(
        self,
        source: str,
        event: StockEvent,
        shard: Shard,
        row: int,
        now_shipped: int,
        now_ns: int,
    ) -> int:
        """Units of a goods issue that the last count had seen, and that were taken off all the
        same, because nobody knew.
        """
        latest = shard.latest.records[row]
        counted_ns, basis = int(latest["counted_ns"]), int(latest["basis"]) & COUNT_BASIS
        if not basis or counted_ns < _oldest_ns(shard, now_ns):
            return 0
        if not _had_seen_issue(source, event, shard, row, counted_ns, now_ns):
            return 0
        since = self._since(shard.facts, shard, row, counted_ns)
        if since is None or ((since["kind"] == COUNT) & (since["at_ns"] > counted_ns)).any():
            return 0
        return event.quantity if basis == CountBasis.BOOKS else now_shipped

    def _shipped_of_late(self, shard: Shard, row: int, enough: int, now_ns: int) -> int:
        """Units that were shipped from a level within the window, or `enough`."""
        if enough <= 0 or not shard.keeping.window_ns:
            return 0
        number = int(shard.latest.records["shipments"][row])
        after_ns = now_ns - shard.keeping.window_ns
        units, looked = kernels.sum_shipped(
            shard.shipments.arrays, number, enough, after_ns, HISTORY_READ_MAX
        )
        self.work.spend(looked * RECORD_READ)
        return max(0, min(int(units), enough))

    def _since(self, history: History, shard: Shard, row: int, after_ns: int) -> Array | None:
        """Records of a level that came after an instant; None when there are too many."""
        if not shard.keeping.window_ns:
            return _NO_RECORDS
        field = "facts" if history is shard.facts else "shipments"
        number = int(shard.latest.records[field][row])
        count = kernels.list_since(history.arrays, number, after_ns, self._found, HISTORY_READ_MAX)
        self.work.spend((count if count >= 0 else HISTORY_READ_MAX) * RECORD_READ)
        return None if count < 0 else _in_todays_numbers(self._found[:count].copy(), shard)


def _in_todays_numbers(records: Array, shard: Shard) -> Array:
    """Records without the numbers that their sources gave before they were reset."""
    resets = shard.source_records.records["reset_ns"]
    if len(resets):
        records["sequence"][records["came_at_ns"] < resets[records["source"]]] = 0
    return records


def _oldest_ns(shard: Shard, now_ns: int) -> int:
    """Whatever happened after this is known. Without a history, that is nothing."""
    window_ns = shard.keeping.window_ns
    if not window_ns:
        return now_ns
    kept = (history.reaches_back_to_ns for history in (shard.facts, shard.shipments))
    return max(now_ns - window_ns, *kept)


def _is_late(event: StockEvent, shard: Shard, source: int) -> bool:
    """Whether a count of now has a number above which its source has numbered facts already."""
    if source < 0 or not event.sequence or event.occur_time_ns is not None:
        return False
    return event.sequence <= int(shard.source_records.records[source]["last_sequence"])


def _happened_later(facts: Array, source: int, event: StockEvent, as_of_ns: int) -> Array:
    """Which facts a count had not seen: of its own source by their numbers, if it names one; else
    by their times, if it states its own and they have one; else by its own number. At the same
    time numbers tell.
    """
    is_later = _came_later(facts, source, event.as_of_sequence or event.sequence, as_of_ns)
    if event.occur_time_ns is not None and not event.as_of_sequence:
        is_timed = facts["at_ns"] != facts["came_at_ns"]
        is_timed &= (facts["at_ns"] != as_of_ns) | (facts["sequence"] == 0) | (not event.sequence)
        is_timed |= facts["kind"] == COUNT
        is_later[is_timed] = facts["at_ns"][is_timed] > as_of_ns
    return is_later


def _is_outdated(
    facts: Array, is_later: Array, shard: Shard, row: int, source: int, event: StockEvent
) -> bool:
    """Whether a level was counted later: what a count by number names is compared with the number
    up to which the last count of its source had seen, and with its earlier ones.
    """
    is_count = facts["kind"] == COUNT
    if not event.as_of_sequence:
        return bool((is_later & is_count).any())
    is_own = (facts["source"] == source) & (facts["sequence"] > 0)
    if (is_later & is_count & ~is_own).any():
        return True
    if (last := _seen_by_last(shard, row, source)) is not None:
        return last > event.as_of_sequence
    before = facts["sequence"][is_count & is_own].astype(np.int64) - 1
    return bool((before > event.as_of_sequence).any())


def _seen_by_last(shard: Shard, row: int, source: int) -> int | None:
    """The number up to which the last count of a level had seen its source's facts, if it is of
    this source, and since that was reset last.
    """
    last = shard.last_counts.records[row]
    if source < 0 or last["source"] != source:
        return None
    if last["resets"] != shard.source_records.records[source]["resets"]:
        return None
    return int(last["sequence"]) & SEQUENCE_MAX


def _came_later(facts: Array, source: int, sequence: int, as_of_ns: int) -> Array:
    """Which facts are later than a number of a source, if there is one, and than an instant."""
    is_later: Array = facts["at_ns"] > as_of_ns
    if sequence:
        is_own = (facts["source"] == source) & (facts["sequence"] > 0)
        is_later[is_own] = facts["sequence"][is_own] > np.uint64(sequence)
    return is_later


def _had_seen_issue(
    source: str, event: StockEvent, shard: Shard, row: int, counted_ns: int, now_ns: int
) -> bool:
    """Whether the last count of a level had seen a goods issue that comes now: by their numbers, if
    it is of the same source and named one; else by their times.
    """
    seen = _seen_by_last(shard, row, shard.sources.find(source))
    time_first = shard.last_counts.records[row]["sequence"] >= TIME_FIRST
    is_by_time = time_first and event.occur_time_ns not in (None, counted_ns)
    if seen and event.sequence and not is_by_time:
        return event.sequence <= seen
    return (now_ns if event.occur_time_ns is None else event.occur_time_ns) <= counted_ns


def _reapplied(shard: Shard, facts: Array, shipped: int) -> tuple[Reapplied, ...]:
    """What is applied again, by source and kind."""
    units: Counter[tuple[str, int]] = Counter()
    counts: Counter[tuple[str, int]] = Counter()
    for source, kind, change in facts[["source", "kind", "units"]].tolist():
        units[source, kind] += change
        counts[source, kind] += 1
    reapplied = [
        Reapplied(shard.sources.text(int(source)), EventKind(kind), units[source, kind], count)
        for (source, kind), count in counts.items()
    ]
    reapplied.sort(key=lambda each: (each.source, each.kind))
    if shipped:
        reapplied.insert(0, Reapplied("", None, -shipped, 0))
    return tuple(reapplied)


def _is_after(count: Array, fact: Array) -> bool:
    """Whether a count came after a fact: by their numbers, if they are of one source."""
    if count["source"] == fact["source"] and count["sequence"] and fact["sequence"]:
        return bool(count["sequence"] > fact["sequence"])
    counted = int(count["at_ns"]), int(count["link"])
    return counted > (int(fact["at_ns"]), int(fact["link"]))


def _moving(facts: Array, basis: int) -> Array:
    """Facts that changed on hand. Whoever counts a shelf does not see what was booked and taken
    back: a fact that was reversed is not one, whenever that was.
    """
    is_moving = ~np.isin(facts["kind"], _NO_MOVEMENT)
    if basis != CountBasis.BOOKS:
        is_moving &= (facts["kind"] != REVERSAL) & (facts["flags"] & HISTORY_UNDONE == 0)
    else:
        is_moving &= facts["flags"] & HISTORY_NULLED == 0
    return facts[is_moving]


def _shipped(shipments: Array) -> int:
    """Units that were shipped. What was taken back was shipped last, or before all of these."""
    return max(0, -int(shipments["units"].sum()))


def _lines_at(
    shard: Shard, number: int, row: int, line_id: str, state: State
) -> Sequence[tuple[int, int]]:
    """The lines of a part at a level that have units in a state, and how many."""
    lines = shard.read_lines(number)
    found_units = lines[:, 1 + state]
    is_asked = (lines[:, 0] == row) & (found_units > 0)
    if line_id:
        is_asked &= shard.have_line_id(number, line_id)
    found = np.flatnonzero(is_asked)
    first = shard.lines_of(number).start
    return list(zip((first + found).tolist(), found_units[found].tolist(), strict=True))
