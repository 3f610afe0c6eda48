"""How stock facts are decided and written, whether they came by name or as columns.

A message is of one source. It is planned whole over all shards, each event seeing those before it,
then written shard by shard. An id or a number counts once, whatever shard it came to before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

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
from ..tables.backorders import may_be_awaited
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.undone import find_awaited
from ..tables.writing import number_of_name, write_stock
from .recorded_events import NameOf, RecordedEvents
from .reversals import Reversals
from .sources import Sources

#: Differences in the answer to one message; computing more would hold up other callers.
DIFFERENCES_MAX = 1_000

#: Events that are looked up one by one among those for which reversals wait.
LOOKED_UP_MAX = 8

Scratch: TypeAlias = tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...], Array]


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
    awaited: Sequence[tuple[int, Shard]] = ()
    """Positions of the events for which reversals wait, and the shards in which they do."""


class StockPlanner:
    """Decides and writes messages of stock facts, over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], sources: Sources, reversals: Reversals) -> None:
        self.shards = shards
        self.recorded_events = RecordedEvents(shards)
        self.sources = sources
        self.reversals = reversals

    def find_levels(self, events: Array, plan: Array) -> list[Shard]:
        """Read the levels of events into their plan; return the shards that they name."""
        counts = np.bincount(events["shard"], minlength=len(self.shards)).tolist()
        # A forged handle may name a shard that does not exist: such are counted after the last.
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
        """Decide all events (STOCK_EVENT, PLAN) one after the other, without writing anything. At
        most `differences_max` of the reused ids get their difference reported.
        """
        awaited = self._find_awaited(events, plan)
        known = self.sources.known(source)
        sequences = np.ascontiguousarray(events["sequence"])
        numbering = self.sources.numbering(known, sequences)
        if len(numbering.gaps) or self.shards[0].keeping.is_used:  # in all shards alike
            _find_counts(known, events, plan)
        numbered = known if sequences.min() <= numbering.last else []
        recorded, hashes = self.recorded_events.find(numbered, events, plan, name_of, now_ns)
        may_be_late = len(numbering.gaps) > 0 or not _rise(sequences)
        unknown_skus = self.sources.unknown_skus(known)
        codes = np.empty(len(events), np.uint8)
        counts = np.zeros(len(self.shards), np.int64)
        is_out_of_turn = kernels.plan_stock(
            events,
            recorded,
            hashes,
            (numbering.last, numbering.floor, numbering.gaps, self.sources.cap(known)),
            self._scratch(len(events), may_be_late=may_be_late),
            plan,
            codes,
            counts,
            self._new_skus(events, plan, unknown_skus),
            unknown_skus,
        )
        self.let_bind(events, plan)
        differences = {
            index: self.recorded_events.difference(recorded[index], events, index, name_of)
            for index in positions_of(EVENT_ID_REUSED, codes)[:differences_max]
        }
        return Plan(events, plan, codes, counts, is_out_of_turn, differences, awaited)

    def let_bind(self, events: Array, plan: Array) -> None:
        """Let backorders take what the plan lets be promised: they are served before new promises,
        once the command is done.
        """
        for shard in self.shards:
            if may_be_awaited(shard, events["row"]):
                _let_bind(shard, events, plan)

    def _scratch(self, count: int, *, may_be_late: bool) -> Scratch:
        """Empty indexes for `plan_stock`: of keys, of levels and of late numbers, of which there
        may be none; and places for numbers (int32).
        """
        first = self.shards[0]
        return (
            first.events.current.slots.scratch(count),
            first.level_slots.scratch(count),
            first.unavailable_slots.scratch(count if may_be_late else 1),
            np.zeros(count, np.int32),
        )

    def _new_skus(self, events: Array, plan: Array, unknown_skus: int) -> Array:
        """For `plan_stock`, by number of an unknown SKU in the message: NOT_BEGUN, or NO_ROOM where
        it cannot begin (uint8).
        """
        began = np.zeros(int(plan["new_sku"].max()) + 1, np.uint8)
        if unknown_skus == UnknownSkus.QUARANTINE and len(began) > 1:
            self._find_room(events, plan, began)
        return began

    def _find_room(self, events: Array, plan: Array, began: Array) -> None:
        """Mark the unknown SKUs for which the quarantine of their shard has no room, supposing that
        all those before them begin.
        """
        numbers, firsts = np.unique(plan["new_sku"], return_index=True)
        places = np.where(numbers > 0, events["shard"][firsts].astype(np.int64), -1)
        for shard in self.shards:
            began[numbers[places == shard.number][shard.quarantined_skus.room :]] = NO_ROOM

    def _find_awaited(self, events: Array, plan: Array) -> list[tuple[int, Shard]]:
        """The positions of events for which reversals wait, and where: an event may come to another
        SKU than its reversal says. Those that are undone are marked in their plan.
        """
        waiting = [shard for shard in self.shards if len(shard.awaited)]
        awaited: list[tuple[int, Shard]] = []
        for index in _perhaps_awaited(waiting, events) if waiting else ():
            event = events[index]
            key = int(event["key_hi"]), int(event["key_lo"])
            places = [shard for shard in waiting if find_awaited(shard, *key) >= 0]
            awaited += ((index, shard) for shard in places)
            if any(self.reversals.is_reversed(shard, event) for shard in places):
                plan["reversal"][index] = REVERSED_BEFORE
        return awaited

    def finish(
        self, source: str, decided: Plan, event: StockEvent | None = None
    ) -> tuple[SequenceRange, ...]:
        """Once all events are written, write what became of the source's numbers and of the
        reversals that waited, and return the numbers that were skipped. Events that a count had
        seen, or that were reversed, get a code that says so. `event` is a single one that is not
        plain.
        """
        events, plan, codes = decided.events, decided.plan, decided.codes
        if not decided.is_out_of_turn and not decided.awaited:
            return ()
        skipped = self.sources.note_numbers(source, events, plan, codes)
        for index, shard in decided.awaited:
            if codes[index] == EVENT_APPLIED:
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


def _find_counts(known: Sequence[tuple[Shard, int]], events: Array, plan: Array) -> None:
    """Note in the plan what the last count of each level had seen of the facts of its source."""
    for shard, number in known:
        tables = shard.source_records.records, shard.last_counts.records, shard.latest.used
        kernels.find_counts(events, plan, shard.number, number, *tables)


def _perhaps_awaited(waiting: Sequence[Shard], events: Array) -> list[int]:
    """Positions of the events that may be awaited in some shards: those that share half of a key
    with one that is, or all of a few, which are looked up in less time than that takes to find out.
    """
    keyed = np.flatnonzero(events["has_key"])
    if len(keyed) * len(waiting) > LOOKED_UP_MAX:
        there = np.concatenate([shard.awaited["key_lo"] for shard in waiting])
        keyed = keyed[np.isin(events["key_lo"][keyed], there)]
    return keyed.tolist()


def _let_bind(shard: Shard, events: Array, plan: Array) -> None:
    """The same for the levels of one shard."""
    mine = np.flatnonzero((events["shard"] == shard.number) & (plan["is_open"] != 0))
    there = shard.backordered.records[events["row"][mine]]
    if not there.any():
        return
    bound = np.minimum(there, np.maximum(plan["promisable"][mine], 0))
    plan["promisable"][mine] -= bound
    plan["available"][mine] = np.minimum(plan["available"][mine], plan["promisable"][mine])


def _rise(sequences: Array) -> bool:
    """Whether every number of a message is above the one before it, if it has numbers."""
    if len(sequences) == 1 or not sequences.any():
        return True
    return bool((sequences[1:] > sequences[:-1]).all())


def positions_of(code: int, codes: Array) -> list[int]:
    """Where a code stands among codes (uint8). Most messages have none, which bytes show in a tenth
    of the time that NumPy takes for a few.
    """
    return np.flatnonzero(codes == code).tolist() if code in codes.tobytes() else []
