"""Stock facts: goods that arrive, leave, are sold at a till or counted.

A fact is not refused for lack of stock; it may drive available negative, which is reported as a
shortfall. A command of several facts is planned whole, then written whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..commands import (
    EventResult,
    EventsOutcome,
    OutOfRange,
    RecordStockEvents,
    Reference,
    StockEvent,
    Unknown,
)
from ..commands.registry import RECORD_STOCK_EVENTS, executes
from ..limits import ON_HAND_MAX
from ..model import EventKind, EventOutcome
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import number_of_name, record, record_names, record_stock_details
from . import joint_turn
from .homes import Homes

#: How a fact that is not a count changes the units on hand.
_SIGN = {
    EventKind.RECEIPT: 1,
    EventKind.ADJUSTMENT: 1,
    EventKind.SALE: -1,
    EventKind.RETURN: 1,
}


_NO_REFERENCE = Reference("", "", "")


class StockFacts:
    """Stock facts over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes) -> None:
        self.shards = shards
        self.homes = homes

    @executes(RECORD_STOCK_EVENTS)
    def record_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown | OutOfRange:
        """Record facts of one source, all or none."""
        if unknown := self._unknown_location(command.events):
            return unknown
        plan = _Plan(
            _levels_now(self.homes, command.events),
            self.last_sequence(command.source),
            self._known(command.events, now_ns),
        )
        for index, event in enumerate(command.events):
            if what := plan.add(index, event):
                field = f"events[{index}].quantity"
                return OutOfRange(field, event.quantity, f"{what} after the event", ON_HAND_MAX)
        # Point of no return: every location is known and every stock level stays in range.
        shards = list(dict.fromkeys(level.shard for level in plan.levels.values()))
        applied: dict[Shard, list[_Fact]] = {}
        for fact in plan.facts:
            if fact.outcome is EventOutcome.APPLIED:
                applied.setdefault(fact.level.shard, []).append(fact)
        for shard, facts in applied.items():
            _write(shard, facts, command.source)
        results = tuple(_result(fact) for fact in plan.facts)
        return EventsOutcome(results, joint_turn.revisions(shards))

    def _unknown_location(self, events: Sequence[StockEvent]) -> Unknown | None:
        places = {event.location for event in events}
        unknown = {place for place in places if self.shards[0].locations.find(place) < 0}
        for index, event in enumerate(events if unknown else ()):
            if event.location in unknown:
                return Unknown(f"events[{index}].location", event.location)
        return None

    def _known(self, events: Sequence[StockEvent], now_ns: int) -> list[bool]:
        """Which ids are remembered. An id counts once, whichever shard it came to before."""
        if all(event.key is None for event in events):
            return [False] * len(events)
        keys = [(event.key.hi, event.key.lo) if event.key else (0, 0) for event in events]
        his, los = np.array(keys, np.uint64).T.copy()
        known = np.array([event.key is None for event in events])
        self.find_known(his, los, now_ns, known)
        return [
            bool(mark) and event.key is not None for mark, event in zip(known, events, strict=True)
        ]

    def find_known(self, his: Array, los: Array, now_ns: int, known: Array) -> None:
        """Mark the keys that any shard remembers; those marked already are passed over."""
        hashes = np.empty(len(his), np.uint64)
        kernels.hash_keys(self.shards[0].events.current.slots.arrays, his, los, hashes)
        for shard in self.shards:
            shard.events.find_all(his, los, hashes, now_ns, known)

    def last_sequence(self, source: str) -> int:
        """The last number that the source has reached, in whatever shard."""
        numbers = ((shard, shard.sources.find(source)) for shard in self.shards)
        return max(
            (int(shard.source_sequences.records[n]) for shard, n in numbers if n >= 0), default=0
        )


@dataclass(slots=True)
class _Level:
    """A stock level as the plan leaves it; row is NO_LEVEL or below until it is written."""

    shard: Shard
    row: int
    on_hand: int = 0
    available: int = 0


class _Fact(NamedTuple):
    """One event with what was decided about it."""

    event: StockEvent
    level: _Level
    outcome: EventOutcome
    delta: int
    on_hand: int
    available: int


class _Plan:
    """Decides events one after the other, each seeing those before it, without writing anything."""

    def __init__(
        self, levels: dict[tuple[str, str], _Level], last_sequence: int, known: list[bool]
    ) -> None:
        self.facts: list[_Fact] = []
        self.levels = levels
        self._last_sequence = last_sequence
        self._known = known
        self._keys: set[bytes] = set()

    def add(self, index: int, event: StockEvent) -> str:
        """Decide one event; return what would leave its range, or nothing."""
        level = self.levels[event.sku, event.location]
        outcome = self._judge(index, event)
        delta = _delta(event, level.on_hand) if outcome is EventOutcome.APPLIED else 0
        level.on_hand += delta
        level.available += delta
        self.facts.append(_Fact(event, level, outcome, delta, level.on_hand, level.available))
        if level.on_hand > ON_HAND_MAX:
            return "on_hand"
        return "available" if level.available < -ON_HAND_MAX else ""

    def _judge(self, index: int, event: StockEvent) -> EventOutcome:
        key = event.key
        if key and (self._known[index] or key.packed in self._keys):
            return EventOutcome.DUPLICATE
        if event.sequence and event.sequence <= self._last_sequence:
            return EventOutcome.OUT_OF_ORDER if key else EventOutcome.DUPLICATE
        if key:
            self._keys.add(key.packed)
        self._last_sequence = max(self._last_sequence, event.sequence)
        return EventOutcome.APPLIED


def _levels_now(homes: Homes, events: Iterable[StockEvent]) -> dict[tuple[str, str], _Level]:
    """The stock levels that events name, as they are before all of them, with one read a shard."""
    names = list(dict.fromkeys((event.sku, event.location) for event in events))
    found = zip(names, *homes.find_rows(names), strict=True)
    levels = {name: _Level(shard, row) for name, shard, row in found}
    places: dict[Shard, list[_Level]] = {}
    for level in levels.values():
        if level.row >= 0:
            places.setdefault(level.shard, []).append(level)
    for shard, mine in places.items():
        columns = shard.read_levels(np.array([level.row for level in mine], np.int64))
        for level, on_hand, available in zip(mine, *columns[[0, 3]].tolist(), strict=True):
            level.on_hand, level.available = on_hand, available
    return levels


def _delta(event: StockEvent, on_hand: int) -> int:
    if event.kind is EventKind.COUNT:
        return event.quantity - on_hand
    return _SIGN[event.kind] * event.quantity


def _write(shard: Shard, applied: Sequence[_Fact], source: str) -> None:
    """Write the facts of one shard: new names and levels first, then all changes at once."""
    number = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, source)
    _add_levels(shard, applied)
    effects = []
    for event, level, _, delta, _, _ in applied:
        hi, lo, has_key = (event.key.hi, event.key.lo, 1) if event.key else (0, 0, 0)
        fact = (hi, lo, delta, event.sequence, level.row, number, event.kind, has_key)
        effects.append(fact)
    first = shard.effects.written()[Section.STOCK]
    record(shard, Section.STOCK, *effects)
    details, texts = _details(enumerate(applied, first))
    record_stock_details(shard, details, texts)


def _details(facts: Iterable[tuple[int, _Fact]]) -> tuple[list[tuple[int, ...]], list[str]]:
    """What events came with that had more than the fact, by the number of their effect STOCK: as
    STOCK_DETAILS, and the texts.
    """
    details: list[tuple[int, ...]] = []
    texts: list[str] = []
    for number, (event, *_) in facts:
        has_time = event.occur_time_ns is not None
        if has_time or event.reference or event.reason or event.actor:
            reference = event.reference or _NO_REFERENCE
            mine = (reference.kind, reference.id, reference.line, event.reason, event.actor)
            if has_time or any(mine):
                details.append((event.occur_time_ns or 0, number, has_time, 0, 0))
                texts += mine
    return details, texts


def _add_levels(shard: Shard, facts: Iterable[_Fact]) -> None:
    """Give a row to each level that has none yet, and a number to its SKU where that is new."""
    new = {
        (fact.event.sku, fact.event.location): fact.level for fact in facts if fact.level.row < 0
    }
    if not new:
        return
    names = list(dict.fromkeys(sku for sku, _ in new))
    skus = dict(zip(names, shard.skus.find_all(names), strict=True))
    unknown = [sku for sku, number in skus.items() if number < 0]
    skus.update(zip(unknown, count(len(shard.skus))))
    if unknown:
        record_names(shard, Section.SKU_NAMES, *unknown)
    places = {place: shard.locations.find(place) for place in {place for _, place in new}}
    for level, row in zip(new.values(), count(len(shard.levels))):
        level.row = row
    record(shard, Section.LEVELS, *((skus[sku], places[place]) for sku, place in new))


def _result(fact: _Fact) -> EventResult:
    return EventResult(fact.outcome, fact.on_hand, max(0, -fact.available))
