"""What a stock fact changes beside units on hand: the status of units, and the reservation under
which they were shipped.

It is found before anything is written (`judge`), and written behind the fact itself (`write`).
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from ..commands import Reference, StockEvent
from ..ids import key_from_text
from ..model import EventKind, EventOutcome, State
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import number_of_name, record
from .counts import Counted, Counts, Issued
from .joint_turn import Part
from .reservations import Reservations


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
    counted: Counted | None = None
    issued: Issued | None = None

    @property
    def delta(self) -> int:
        """What it adds to what the event says of on hand."""
        told = self.counted or self.issued
        return told.delta if told else 0

    @property
    def withheld(self) -> int:
        """Units that it withholds from sale."""
        return sum(units for _, units in self.statuses)


class FactChanges:
    """Changes by stock facts, over the shards of a node."""

    def __init__(self, reservations: Reservations, counts: Counts) -> None:
        self.reservations = reservations
        self.counts = counts

    def judge(self, source: str, event: StockEvent, shard: Shard, row: int, now_ns: int) -> Change:
        """What an event would change at a row of a shard; -1 where there is no level yet."""
        if event.kind in (EventKind.COUNT, EventKind.GOODS_ISSUE):
            self.counts.begin(shard)
        if event.kind is EventKind.COUNT:
            counted = self.counts.judge_count(source, event, shard, row, now_ns)
            return Change(counted.refusal, counted=counted)
        if event.kind is EventKind.GOODS_ISSUE:
            issued = self.counts.judge_goods_issue(event, shard, row, now_ns)
            return Change(issued.refusal, issued.possible, moves=issued.moves, issued=issued)
        units = abs(event.quantity)
        leaves, enters = event.from_status, event.to_status
        if leaves and (there := _units(shard, row, leaves)) < units:
            return Change(EventOutcome.EXCEEDS_UNAVAILABLE, there)
        if enters and shard.statuses.find(enters) < 0 and not shard.statuses.room:
            return Change(EventOutcome.TOO_MANY_STATUSES, len(shard.statuses))
        statuses = ((leaves, -units), (enters, units))
        change = Change(statuses=tuple(each for each in statuses if each[0]))
        if event.kind is EventKind.RETURN and event.reservation is not None:
            return self._returned(event, event.reservation, change, shard)
        return change

    def _returned(
        self, event: StockEvent, order: Reference, change: Change, shard: Shard
    ) -> Change:
        """The same, with units taken from what was shipped under the order: from lines at the place
        of the event first. An order that nobody here knows is the source's own, and limits nothing.
        """
        parts = self.reservations.parts_in_memory(key_from_text(order.id))
        if not parts:
            return change
        left, moves = event.quantity, []
        for part in parts:
            if part.shard is shard:  # all lines of a SKU are in its shard
                for line, shipped in _shipped_lines(part, event, order.line):
                    moves.append((line, min(left, shipped)))
                    left -= moves[-1][1]
        if left:
            return Change(EventOutcome.EXCEEDS_SHIPPED, event.quantity - left)
        return Change(statuses=change.statuses, moves=tuple(each for each in moves if each[1]))

    def write(self, change: Change, shard: Shard, row: int) -> None:
        """Write what an event changes, whose effect was written last."""
        stock = shard.effects.written()[Section.STOCK] - 1
        for status, units in change.statuses:
            number = number_of_name(shard, shard.statuses, Section.STATUS_NAMES, status)
            record(shard, Section.UNAVAILABLE, (units, row, number, stock, 0))
        shipping = State.COMMITTED, State.FULFILLED
        leaves, enters = shipping if change.issued else (State.FULFILLED, State.RETURNED)
        for line, units in change.moves:
            record(shard, Section.MOVES, (units, line, leaves, enters, 0))
        if change.issued and change.issued.posted and shard.keeping.is_used:
            record(shard, Section.POSTED, (change.issued.posted, row, 0))
        if change.counted and change.counted.basis and shard.keeping.is_used:
            as_of = change.counted.as_of_ns, row, change.counted.basis, 0, 0
            record(shard, Section.COUNTS, as_of)


def _shipped_lines(part: Part, event: StockEvent, line_id: str) -> list[tuple[int, int]]:
    """The lines of a part with shipped units of the event's SKU, and how many: those at its
    location first.
    """
    shard, number = part.shard, part.number
    lines, levels = shard.read_lines(number), shard.levels.records
    sku, location = shard.skus.find(event.sku), shard.locations.find(event.location)
    shipped = lines[:, 1 + State.FULFILLED]
    is_asked = (levels["sku"][lines[:, 0]] == sku) & (shipped > 0)
    if line_id:
        is_asked &= shard.have_line_id(number, line_id)
    found = np.flatnonzero(is_asked)
    is_elsewhere = levels["location"][lines[found, 0]] != location
    ordered = found[np.argsort(is_elsewhere, kind="stable")]
    first = shard.lines_of(number).start
    return list(zip((first + ordered).tolist(), shipped[ordered].tolist(), strict=True))


def content_of(event: StockEvent) -> int:
    """A hash over what else an event says that changes what it does, in 16 bits; 0 for a plain
    one. It tells apart what comes under one id by mistake.
    """
    if event.is_plain:
        return 0
    order = event.reservation
    said = "\0".join(
        (
            *(event.from_status, event.to_status),
            *((order.id, order.line) if order else ("", "")),
            *(str(event.occur_time_ns), str(event.as_of_sequence), str(event.basis)),
            *(str(event.picked_quantity), *event.seen_reservations),
        )
    )
    return crc32(said.encode()) & 0xFFFF or 1


def _units(shard: Shard, row: int, status: str) -> int:
    return shard.unavailable_units(row, status) if row >= 0 else 0
