"""Stock facts: goods that arrive, leave, are sold at a till or counted.

A fact is not refused for lack of stock; it may drive available negative, which is reported as a
shortfall. A command of several facts is planned whole, then written whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
from ..tables.writing import number_of_name, record, record_stock_details
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
        for index, event in enumerate(command.events):
            if self.shards[0].locations.find(event.location) < 0:
                return Unknown(f"events[{index}].location", event.location)
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
        for shard in shards:
            _write(shard, plan.facts, command.source)
        results = tuple(_result(fact) for fact in plan.facts)
        return EventsOutcome(results, joint_turn.revisions(shards))

    def _known(self, events: Sequence[StockEvent], now_ns: int) -> list[bool]:
        """Which ids are remembered. An id counts once, whichever shard it came to before."""
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


@dataclass(slots=True)
class _Fact:
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
    levels: dict[tuple[str, str], _Level] = {}
    for event in events:
        if (event.sku, event.location) not in levels:
            shard = homes.shard_of_sku(event.sku)
            row = shard.find_row(event.sku, event.location)
            levels[event.sku, event.location] = _Level(shard, row)
    for shard in dict.fromkeys(level.shard for level in levels.values()):
        mine = [level for level in levels.values() if level.shard is shard and level.row >= 0]
        columns = shard.read_levels(np.array([level.row for level in mine], np.int64))
        for level, on_hand, available in zip(mine, *columns[[0, 3]].tolist(), strict=True):
            level.on_hand, level.available = on_hand, available
    return levels


def _delta(event: StockEvent, on_hand: int) -> int:
    if event.kind is EventKind.COUNT:
        return event.quantity - on_hand
    return _SIGN[event.kind] * event.quantity


def _write(shard: Shard, facts: Sequence[_Fact], source: str) -> None:
    """Write the facts of one shard: new names and levels as they come, then all changes at once."""
    applied = [
        fact for fact in facts if fact.level.shard is shard and fact.outcome is EventOutcome.APPLIED
    ]
    if not applied:
        return
    number = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, source)
    effects = []
    for fact in applied:
        event = fact.event
        if fact.level.row < 0:
            fact.level.row = _new_level(shard, event)
        hi, lo = (event.key.hi, event.key.lo) if event.key else (0, 0)
        has_key = event.key is not None
        effects.append(
            (hi, lo, fact.delta, event.sequence, fact.level.row, number, event.kind, has_key)
        )
    first = shard.effects.written()[Section.STOCK]
    record(shard, Section.STOCK, *effects)
    for number, fact in enumerate(applied, first):
        _write_details(shard, number, fact.event)


def _write_details(shard: Shard, number: int, event: StockEvent) -> None:
    """Write what an event came with, if it came with more than the fact."""
    reference = event.reference or _NO_REFERENCE
    texts = (reference.kind, reference.id, reference.line, event.reason, event.actor)
    if any(texts) or event.occur_time_ns is not None:
        record_stock_details(shard, number, event.occur_time_ns, texts)


def _new_level(shard: Shard, event: StockEvent) -> int:
    sku = number_of_name(shard, shard.skus, Section.SKU_NAMES, event.sku)
    record(shard, Section.LEVELS, (sku, shard.locations.find(event.location)))
    return len(shard.levels) - 1


def _result(fact: _Fact) -> EventResult:
    return EventResult(fact.outcome, fact.on_hand, max(0, -fact.available))
