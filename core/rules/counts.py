"""Counts that are not of this moment.

A count says what was on hand at an instant, as its source had seen it. What the source had not seen
is applied again on top. On the shelf, that is what happened after the instant. In the books of an
ERP, it is that and whatever was shipped here and not posted there by then: which of the units at a
level were posted does not matter, so shipments and postings are compared as sums.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..commands import Reapplied, StockEvent
from ..ids import key_from_text
from ..kernels.codes import (
    COUNT,
    GOODS_ISSUE,
    HISTORY_NULLED,
    HISTORY_UNDONE,
    NO_MOVEMENT,
    REVERSAL,
    SHIPMENT_REVERSAL,
    STATUS_CHANGE,
    SUPPLY,
    TRANSFER_ADJUSTMENT,
)
from ..limits import COUNT_AHEAD_NS_MAX, NUMBERS_AHEAD_MAX
from ..model import CountBasis, EventKind, EventOutcome, State
from ..tables.shard import Shard
from ..tables.table import Array
from .level_history import (
    LevelHistory,
    came_later,
    happened_later,
    kept_since_ns,
    seen_by_last,
    units_shipped,
)
from .reservations import Reservations

#: Kinds of records that change nothing on hand by themselves.
_NO_MOVEMENT = (
    *(COUNT, GOODS_ISSUE, STATUS_CHANGE, SHIPMENT_REVERSAL, SUPPLY, TRANSFER_ADJUSTMENT),
    NO_MOVEMENT,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count comes to."""

    refusal: EventOutcome | None = None
    as_of_ns: int = 0
    basis: int = 0
    delta: int = 0
    """What is to be added to the quantity."""
    reapplied: tuple[Reapplied, ...] = ()


class Counts:
    """Counts over the shards of a node."""

    def __init__(self, reservations: Reservations, history: LevelHistory) -> None:
        self.reservations = reservations
        self.history = history

    def judge_count(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Counted:
        """What a count as of an instant, or of a number of its source, comes to."""
        as_of_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        if as_of_ns > now_ns + COUNT_AHEAD_NS_MAX or self._is_ahead(source, event):
            return Counted(EventOutcome.COUNT_IN_FUTURE)
        as_of_ns = min(as_of_ns, now_ns)
        oldest_ns = kept_since_ns(shard, now_ns)
        by_number = event.as_of_sequence > 0
        if as_of_ns < oldest_ns or (by_number and not shard.keeping.window_ns):
            return Counted(EventOutcome.COUNT_TOO_OLD)
        basis = CountBasis.BOOKS if by_number else event.basis or CountBasis.SHELF
        if row < 0:
            return Counted(None, as_of_ns, basis, event.picked_quantity)
        number = shard.sources.find(source)
        by_number = by_number or self._is_late(source, event)
        named = event.as_of_sequence or event.sequence
        if by_number and not self.history.has_all_after(source, named, shard, now_ns):
            return Counted(EventOutcome.COUNT_TOO_OLD)
        facts = self.history.since(shard.facts, shard, row, oldest_ns if by_number else as_of_ns)
        if facts is None:
            return Counted(EventOutcome.COUNT_TOO_OLD)
        is_later = happened_later(facts, number, event, as_of_ns)
        if _is_outdated(facts, is_later, shard, row, number, event):
            return Counted(EventOutcome.COUNT_OUTDATED)
        if basis is CountBasis.SHELF:
            shipments = self.history.since(shard.shipments, shard, row, as_of_ns)
            if shipments is None:
                return Counted(EventOutcome.COUNT_TOO_OLD)
            shipped = units_shipped(shipments, facts[~is_later])
        else:
            shipped = self._unseen_by_books(event, shard, row, facts[is_later], now_ns)
        reapplied = _reapplied(shard, _moving(facts[is_later], basis), shipped)
        delta = event.picked_quantity + sum(each.units for each in reapplied)
        return Counted(None, as_of_ns, basis, delta, reapplied)

    def _is_ahead(self, source: str, event: StockEvent) -> bool:
        """Whether a count names a number far above the one that its source has reached, if that has
        numbered anything: a slip, by which all facts until then would be taken for seen.
        """
        if event.as_of_sequence <= NUMBERS_AHEAD_MAX:
            return False
        reached = max(event.sequence, self.history.last_number(source))
        return 0 < reached < event.as_of_sequence - NUMBERS_AHEAD_MAX

    def _is_late(self, source: str, event: StockEvent) -> bool:
        """Whether a count of now has a number above which its source has numbered facts already, at
        whatever levels: which of them share a shard is no matter.
        """
        if not event.sequence or event.occur_time_ns is not None:
            return False
        return event.sequence <= self.history.last_number(source)

    def judge_late_count(
        self, source: str, sequence: int, opened_ns: int, shard: Shard, row: int, now_ns: int
    ) -> Counted:
        """What a count of the moment comes to whose number is late: it had seen what its source
        reported before it, and what else had happened when its number was skipped.
        """
        if row < 0:
            return Counted()
        if not shard.keeping.window_ns or opened_ns < kept_since_ns(shard, now_ns):
            return Counted(EventOutcome.COUNT_TOO_OLD)
        facts = self.history.since(shard.facts, shard, row, opened_ns - 1)
        shipments = self.history.since(shard.shipments, shard, row, opened_ns)
        if facts is None or shipments is None:
            return Counted(EventOutcome.COUNT_TOO_OLD)
        is_later = came_later(facts, shard.sources.find(source), sequence, opened_ns)
        if (is_later & (facts["kind"] == COUNT)).any():
            return Counted(EventOutcome.COUNT_OUTDATED)
        reapplied = _reapplied(
            shard,
            _moving(facts[is_later], CountBasis.SHELF),
            units_shipped(shipments, facts[~is_later]),
        )
        return Counted(None, delta=sum(each.units for each in reapplied), reapplied=reapplied)

    def _unseen_by_books(
        self, event: StockEvent, shard: Shard, row: int, later: Array, now_ns: int
    ) -> int:
        """Units that were shipped and that a count of the books had not seen, of which `later` are
        facts; or below 0, units that it had seen posted and that were not shipped after all.
        """
        is_posted = (later["kind"] == GOODS_ISSUE) & (later["flags"] & HISTORY_NULLED == 0)
        posted_later = int(later["units"][is_posted].sum())
        unposted = int(shard.latest.records["unposted"][row]) + posted_later
        unseen = self.history.unposted_of_late(shard, row, unposted, now_ns)
        if unseen <= 0:
            return unseen
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
    if (last := seen_by_last(shard, row, source)) is not None:
        return last > event.as_of_sequence
    before = facts["sequence"][is_count & is_own].astype(np.int64) - 1
    return bool((before > event.as_of_sequence).any())


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
