"""How stock facts are decided and written, whether they came by name or as columns.

A message is of one source. It is planned whole over all shards, each event seeing those before it,
then written shard by shard. An id or a number counts once, whatever shard it came to before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..commands import Difference, SequenceRange, StockEvent
from ..kernels.codes import (
    EVENT_ALREADY_COUNTED,
    EVENT_APPLIED,
    EVENT_ID_REUSED,
    EVENT_REVERSED,
    NO_ROOM,
    REVERSED_BEFORE,
)
from ..model import UnknownSkus
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import number_of_name, write_stock
from .recorded_events import NameOf, RecordedEvents
from .reversals import Reversals, find_awaited_event
from .sources import Sources

#: Differences that the answer to one message tells; more would hold up others.
DIFFERENCES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A message and what was decided of it: EventOutcome by position (uint8), and how many events
    take effect by shard.
    """

    events: Array
    plan: Array
    codes: Array
    counts: Array
    is_out_of_turn: bool
    """Whether a number came that was not the next, or a count had seen an event."""
    differences: dict[int, Difference]
    """By position, of the first reused ids."""
    awaited: Sequence[int] = ()
    """Positions of the events for which reversals wait."""


class StockPlanner:
    """Decides and writes messages of stock facts, over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], sources: Sources, reversals: Reversals) -> None:
        self.shards = shards
        self.recorded = RecordedEvents(shards)
        self.sources = sources
        self.reversals = reversals

    def find_levels(self, events: Array, plan: Array) -> list[Shard]:
        """Read the levels of events into their plan; return the shards that they name."""
        counts = np.bincount(events["shard"], minlength=len(self.shards)).tolist()
        # A forged handle may name a shard that does not exist: such are counted behind the last.
        named = [shard for shard, count in zip(self.shards, counts, strict=False) if count]
        for shard in named:
            kernels.find_event_levels(events, plan, shard.header, shard.stock)
        return named

    def decide(
        self,
        source: str,
        events: Array,
        plan: Array,
        name_of: NameOf,
        now_ns: int,
        differences_max: int = DIFFERENCES_MAX,
    ) -> Plan:
        """Decide all events (STOCK_EVENT, PLAN) one after the other, without writing anything."""
        awaited = self._find_awaited(events, plan)
        known = self.sources.known(source)
        sequences = np.ascontiguousarray(events["sequence"])
        numbering = self.sources.numbering(known, sequences)
        has_old = bool(sequences.min() <= numbering.last)
        may_be_late = len(numbering.gaps) > 0 or not _rise(sequences)
        if len(numbering.gaps):
            for shard, number in known:
                tables = shard.source_records.records, shard.last_counts.records
                kernels.find_counts(events, plan, shard.number, number, *tables)
        numbered = known if has_old else []
        recorded, hashes = self.recorded.find(numbered, events, plan, name_of, now_ns)
        codes = np.empty(len(events), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        first = self.shards[0]
        space = (
            first.events.current.slots.scratch(len(events)),
            first.level_slots.scratch(len(events)),
            first.unavailable_slots.scratch(len(events) if may_be_late else 1),
            np.zeros(len(events), np.int32),
        )
        unknown_skus = self.sources.unknown_skus(known)
        began = np.zeros(int(plan["new_sku"].max()) + 1, np.uint8)
        if unknown_skus == UnknownSkus.QUARANTINE and len(began) > 1:
            self._find_room(events, plan, began)
        is_out_of_turn = kernels.plan_stock(
            events,
            recorded,
            hashes,
            (numbering.last, numbering.floor, numbering.gaps, self.sources.cap(known)),
            space,
            plan,
            codes,
            counts,
            began,
            unknown_skus,
        )
        for shard in self.shards:
            if len(shard.backorders):
                _let_bind(shard, events, plan)
        reused = positions_of(EVENT_ID_REUSED, codes)[:differences_max]
        differences = {
            index: self.recorded.difference(recorded[index], events, index, name_of)
            for index in reused
        }
        return Plan(events, plan, codes, counts, is_out_of_turn, differences, awaited)

    def _find_room(self, events: Array, plan: Array, began: Array) -> None:
        """Mark the unknown SKUs for which the quarantine of their shard has no room, were all of
        those before them to begin.
        """
        numbers, firsts = np.unique(plan["new_sku"], return_index=True)
        places = np.where(numbers > 0, events["shard"][firsts].astype(np.int64), -1)
        for shard in self.shards:
            began[numbers[places == shard.number][shard.quarantined_skus.room :]] = NO_ROOM

    def _find_awaited(self, events: Array, plan: Array) -> list[int]:
        """The positions of events for which reversals wait; plan for those that are undone."""
        awaited: list[int] = []
        for shard in self.shards:
            if len(shard.awaited):
                is_mine = (events["shard"] == shard.number) & (events["has_key"] != 0)
                is_mine &= np.isin(events["key_lo"], shard.awaited["key_lo"])
                for index in np.flatnonzero(is_mine).tolist():
                    place = find_awaited_event(shard, events[index])
                    if place >= 0:
                        if shard.awaited.records["is_undone"][place]:
                            plan["reversal"][index] = REVERSED_BEFORE
                        awaited.append(index)
        return awaited

    def finish(
        self, source: str, decided: Plan, event: StockEvent | None = None
    ) -> tuple[SequenceRange, ...]:
        """Write what became of numbers, and of what was awaited, when all events are written; tell
        the events that a count had seen or that were reversed, and return what numbers were
        skipped. `event` is a single one that is not plain.
        """
        events, plan, codes = decided.events, decided.plan, decided.codes
        if not decided.is_out_of_turn and not decided.awaited:
            return ()
        skipped = self.sources.note_numbers(source, events, plan, codes)
        for index in decided.awaited:
            if codes[index] == EVENT_APPLIED:
                shard = self.shards[int(events["shard"][index])]
                self.reversals.note_came(shard, events[index], event)
        is_applied = codes == EVENT_APPLIED
        codes[is_applied & (plan["is_counted"] != 0)] = EVENT_ALREADY_COUNTED
        codes[is_applied & (plan["reversal"] == REVERSED_BEFORE)] = EVENT_REVERSED
        return skipped

    def write(self, source: str, decided: Plan, shard: Shard) -> None:
        """Write the events that take effect in one shard."""
        count = int(decided.counts[shard.number])
        if count:
            number = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, source)
            write_stock(shard, decided.events, decided.plan, decided.codes, number, count)


def _let_bind(shard: Shard, events: Array, plan: Array) -> None:
    """Plan for backorders: they take what may be promised, and are less by that."""
    mine = np.flatnonzero((events["shard"] == shard.number) & (plan["is_open"] != 0))
    there = shard.backordered.records[events["row"][mine]]
    bound = np.minimum(there, np.maximum(plan["promisable"][mine], 0))
    plan["promisable"][mine] -= bound
    plan["available"][mine] = np.minimum(plan["available"][mine], plan["promisable"][mine])


def _rise(sequences: Array) -> bool:
    """Whether every number of a message is above the one before it, if it has numbers."""
    if len(sequences) == 1 or not sequences.any():
        return True
    return bool((sequences[1:] > sequences[:-1]).all())


def positions_of(code: int, codes: Array) -> list[int]:
    """Where a code stands among codes (uint8). Most messages have none, which bytes tell in a tenth
    of the time that NumPy takes for a few.
    """
    return np.flatnonzero(codes == code).tolist() if code in codes.tobytes() else []
