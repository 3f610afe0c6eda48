"""Goods issues that a source posts of what has shipped, and shipments that were none.

A source that posts a goods issue says that units have left. Units that were shipped here and not
posted are meant first; for the rest, units of the order ship now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..commands import Reference, StockEvent
from ..ids import key_from_text
from ..kernels.codes import COUNT_BASIS, SHIPMENT_REVERSAL, TIME_FIRST
from ..model import CountBasis, EventOutcome, State
from ..tables.shard import Shard
from .level_history import (
    BOOKS,
    LevelHistory,
    happened_later,
    kept_since_ns,
    seen_by,
    seen_by_last,
    units_shipped,
)
from .reservations import Reservations


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


class GoodsIssues:
    """Goods issues and shipments that were none, over the shards of a node."""

    def __init__(self, reservations: Reservations, history: LevelHistory) -> None:
        self.reservations = reservations
        self.history = history

    def judge_goods_issue(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Issued:
        """What a source that posts a goods issue reports: first units that were shipped here and
        not posted yet, and for the rest that units of the order have been shipped.
        """
        order = event.reservation
        assert order is not None
        unposted = int(shard.latest.records["unposted"][row]) if row >= 0 else 0
        known = self.history.unposted_of_late(shard, row, unposted, now_ns)
        ahead = max(0, event.quantity - max(0, known))
        _, left = self._take(order, State.COMMITTED, ahead, shard, row)
        if left:
            return self._refused(order, event.quantity - left)
        taken_back = self._taken_back_since(source, event, shard, row, now_ns) if ahead else 0
        now_shipped = max(0, ahead - taken_back)
        moves, _ = self._take(order, State.COMMITTED, now_shipped, shard, row)
        posted = unposted - known + event.quantity
        delta = self.counted_twice(source, event, shard, row, now_shipped, now_ns)
        return Issued(None, 0, moves, posted, delta)

    def judge_shipment_reversal(
        self, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> Issued:
        """What it comes to that units of an order were not shipped after all. Units that a count of
        the shelf has found since are not added again.
        """
        order = event.reservation
        assert order is not None
        moves, left = self._take(order, State.FULFILLED, event.quantity, shard, row)
        if left:
            return self._refused(order, event.quantity - left)
        delta = event.quantity
        last = self.history.shelf_count(shard, row, kept_since_ns(shard, now_ns))
        if last is not None and last is not BOOKS:
            counted_ns = int(last["at_ns"])
            facts = self.history.since(shard.facts, shard, row, counted_ns)
            shipments = self.history.since(shard.shipments, shard, row, counted_ns)
            if facts is not None and shipments is not None:
                delta = min(delta, units_shipped(shipments, seen_by(last, facts)))
        return Issued(None, 0, moves, 0, delta)

    def _take(
        self, order: Reference, state: State, units: int, shard: Shard, row: int
    ) -> tuple[tuple[tuple[int, int], ...], int]:
        """Lines of an order at a level, and how many of their units to take of those in a state;
        and how many units are left over.
        """
        moves = []
        for part in self.reservations.parts_in_memory(key_from_text(order.id)):
            if part.shard is shard and row >= 0:
                for line, there in _lines_at(shard, part.number, row, order.line, state):
                    if taken := min(units, there):
                        moves.append((line, taken))
                    units -= taken
        return tuple(moves), units

    def _refused(self, order: Reference, possible: int) -> Issued:
        is_known = self.reservations.parts_in_memory(key_from_text(order.id))
        outcome = EventOutcome.EXCEEDS_SHIPPED if is_known else EventOutcome.UNKNOWN_ORDER
        return Issued(outcome, possible)

    def _taken_back_since(
        self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int
    ) -> int:
        """Units of a level of which it came to be known that they were not shipped, later than a
        goods issue happened that comes now. It may be theirs, so it ships as many less.
        """
        at_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        after_ns = kept_since_ns(shard, now_ns) if event.sequence else at_ns
        facts = self.history.since(shard.facts, shard, row, after_ns)
        shipments = self.history.since(shard.shipments, shard, row, after_ns)
        if facts is None or shipments is None:
            return 0
        is_later = happened_later(facts, shard.sources.find(source), event, at_ns)
        came_ns = facts["came_at_ns"][is_later & (facts["kind"] == SHIPMENT_REVERSAL)]
        is_back = (shipments["units"] > 0) & np.isin(shipments["came_at_ns"], came_ns)
        return int(shipments["units"][is_back].sum())

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
        if not basis or counted_ns < kept_since_ns(shard, now_ns):
            return 0
        if not _had_seen_issue(source, event, shard, row, counted_ns, now_ns):
            return 0
        last = self.history.last_count(shard, row, counted_ns)
        if last is not None and int(last["at_ns"]) > counted_ns:
            return 0
        return event.quantity if basis == CountBasis.BOOKS else now_shipped


def _had_seen_issue(
    source: str, event: StockEvent, shard: Shard, row: int, counted_ns: int, now_ns: int
) -> bool:
    """Whether the last count of a level had seen a goods issue that comes now: by their numbers, if
    it is of the same source and named one; else by their times.
    """
    seen = seen_by_last(shard, row, shard.sources.find(source))
    time_first = shard.last_counts.records[row]["sequence"] >= TIME_FIRST
    is_by_time = time_first and event.occur_time_ns not in (None, counted_ns)
    if seen and event.sequence and not is_by_time:
        return event.sequence <= seen
    return (now_ns if event.occur_time_ns is None else event.occur_time_ns) <= counted_ns


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
