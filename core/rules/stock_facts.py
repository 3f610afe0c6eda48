"""Stock facts by name: goods that arrive, leave, come back, change their status or are counted.

A fact is not refused for lack of stock; it may drive available negative, which is reported as a
shortfall. Each fact has an answer of its own. Plain ones are recorded RUN_MAX at a time, each other
by itself, and the turn may end in between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress, count, groupby
from operator import attrgetter, is_not
from typing import TypeAlias

import numpy as np

from .. import kernels
from ..commands import (
    EventResult,
    EventsOutcome,
    RecordStockEvents,
    SequenceRange,
    StockEvent,
    Unknown,
)
from ..commands.naming import put_names
from ..commands.registry import RECORD_STOCK_EVENTS, executes
from ..kernels.arguments import QUARANTINED_SKUS
from ..kernels.codes import (
    CAP_MAX,
    EVENT_ALREADY_COUNTED,
    EVENT_APPLIED,
    EVENT_OUT_OF_RANGE,
    TIME_FIRST,
    UNKNOWN_SKU,
)
from ..limits import RANGES_LISTED_MAX
from ..model import EventKind, EventOutcome
from ..tables.backorders import available_when_settled, settle_backorders
from ..tables.effects import Section
from ..tables.layouts import PLAN, STOCK_EVENT
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import (
    number_of_name,
    record,
    record_levels,
    record_names,
    record_origin,
)
from ..work import EVENT_NAMED, LEVEL_BEGUN, Steps, Work
from . import joint_turn, stock_details
from .fact_changes import Change, FactChanges
from .homes import Homes
from .late_counts import LateCounts
from .reversals import content_of
from .shortfalls import Shortfalls
from .stock_plan import Plan, StockPlanner
from .transfers import find_spared

#: By code: an enum's call takes 1 µs.
_OUTCOMES = {int(outcome): outcome for outcome in EventOutcome}

#: What is read of every event: by C, since a message may have a thousand.
_KEY, _SKU, _NAME = attrgetter("key"), attrgetter("sku"), attrgetter("sku", "location")
_FIGURES = attrgetter("sequence", "quantity", "kind")
_IS_PLAIN = attrgetter("is_plain")
_LOCATION, _TO_LOCATION = attrgetter("location"), attrgetter("to_location")

#: Fields of STOCK_EVENT in the order in which `_columns` has them.
_COLUMNS = ("key_hi", "key_lo", "sequence", "quantity", "row", "shard", "kind", "has_key")

#: What changes nothing because something later is known.
_OUTDATED = EventOutcome.COUNT_OUTDATED, EventOutcome.SUPPLY_OUTDATED

#: Plain events that are recorded together: a turn ends before the next of them if it has no time
#: for half of these.
RUN_MAX = 250

_NO_KEY = 0, 0, 0

#: Of events that were recorded together: the shards that they name, what became of each, and the
#: numbers that they passed over.
_Recorded: TypeAlias = tuple[list[Shard], Iterable[EventResult], tuple[SequenceRange, ...]]


class StockFacts:
    """Stock facts by name, over the shards of a node."""

    def __init__(
        self,
        planner: StockPlanner,
        homes: Homes,
        changes: FactChanges,
        late_counts: LateCounts,
        shortfalls: Shortfalls,
        work: Work,
    ) -> None:
        self.planner = planner
        self.homes = homes
        self.changes = changes
        self.late_counts = late_counts
        self.shortfalls = shortfalls
        self.work = work

    @executes(RECORD_STOCK_EVENTS)
    def record_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown | Steps[EventsOutcome]:
        """Record facts of one source, in their order. Where promises can't be kept, those are
        looked for in steps, when all is written.
        """
        named = command.events
        if (unknown := self._unknown_location(named)) is not None:
            return unknown
        # Point of no return: every location is known; what else an event meets is its answer.
        parts = list(self._parts(command.source, named))
        if len(parts) > 1 or len(named) > RUN_MAX or not all(map(_IS_PLAIN, named)):
            return self._record_in_steps(command, parts, now_ns)
        named = self._inside(named)
        recorded = [self._record(command.source, named, now_ns)]
        outcome = self._outcome(command.source, recorded, now_ns)
        short = self._short(named, outcome)
        return self._with_shortfalls(outcome, short) if short else outcome

    def _record_in_steps(
        self, command: RecordStockEvents, parts: Iterable[Sequence[StockEvent]], now_ns: int
    ) -> Steps[EventsOutcome]:
        # All of it was spent when the command began; each run is spent where it is recorded.
        self.work.spend(-RECORD_STOCK_EVENTS.weight(command))
        recorded: list[_Recorded] = []
        named: list[StockEvent] = []
        for run in _runs(parts):
            weight = RECORD_STOCK_EVENTS.weight(RecordStockEvents(command.source, run))
            if self.work.left < weight / 2:
                now_ns = yield
            run = self._inside(run)  # a rename may have come meanwhile
            named += run
            self.work.spend(weight)
            recorded.append(self._record(command.source, run, now_ns))
        outcome = self._outcome(command.source, recorded, now_ns)
        short = self._short(named, outcome)
        return (yield from self._with_shortfalls(outcome, short)) if short else outcome

    def record_at_once(
        self, source: str, events: tuple[StockEvent, ...], now_ns: int
    ) -> EventsOutcome:
        """Record facts in this turn, however long that takes, for a rule that has counted them."""
        recorded = [self._record(source, run, now_ns) for run in _runs([events])]
        return self._outcome(source, recorded, now_ns)

    def _inside(self, events: tuple[StockEvent, ...]) -> tuple[StockEvent, ...]:
        """Events that name SKUs by their first names."""
        first = self.homes.sku_names.first
        if not first or first.keys().isdisjoint(map(_SKU, events)):
            return events
        named = tuple([put_names(event, first) for event in events])
        self.work.spend(EVENT_NAMED * sum(map(is_not, named, events)))
        return named

    def _outcome(self, source: str, recorded: Sequence[_Recorded], now_ns: int) -> EventsOutcome:
        touched = {shard for found, _, _ in recorded for shard in found}
        for shard in touched:
            settle_backorders(shard)
        revisions = joint_turn.revisions([each for each in self.planner.shards if each in touched])
        results = tuple(result for _, answers, _ in recorded for result in answers)
        skipped = [each for _, _, ranges in recorded for each in ranges]
        self.planner.sources.states.after_events(source, now_ns, has_skipped=bool(skipped))
        return EventsOutcome(results, revisions, tuple(skipped[:RANGES_LISTED_MAX]))

    def _short(self, named: Sequence[StockEvent], outcome: EventsOutcome) -> list[tuple[str, str]]:
        """The SKU and location of each event after which promises can't be kept, or that may
        change what supply brings to those who wait for it.
        """
        names = [_NAME(event) for event in named]
        awaited = self.shortfalls.awaited(names)
        results = zip(names, outcome.results, strict=True)
        return [name for name, result in results if result.shortfall or name in awaited]

    def _with_shortfalls(
        self, outcome: EventsOutcome, names: Sequence[tuple[str, str]]
    ) -> Steps[EventsOutcome]:
        return replace(outcome, shortfalls=(yield from self.shortfalls.endangering(names)))

    def _parts(self, source: str, named: Sequence[StockEvent]) -> Iterator[Sequence[StockEvent]]:
        """The events, with counts by themselves whose numbers come late."""
        if not any(event.sequence and event.kind is EventKind.COUNT for event in named):
            yield named
            return
        kinds = np.array([event.kind for event in named], np.uint8)
        sequences = np.array([event.sequence for event in named], np.uint64)
        for part in self.late_counts.parts(source, kinds, sequences):
            yield named[part]

    def _record(self, source: str, named: Sequence[StockEvent], now_ns: int) -> _Recorded:
        """Plan and write some events, plain ones or a single other; return the shards that they
        name, what became of each, and the numbers that they passed over.
        """
        places = _Places(self.homes, named)
        self.work.spend(len(places.new) * LEVEL_BEGUN)
        events = _columns(named, places)
        plan = np.zeros(len(events), PLAN)
        if self.planner.shards[0].keeping.is_used:
            plan["occurred_ns"] = [event.occur_time_ns or 0 for event in named]
        touched = self.planner.find_levels(events, plan)
        quarantines = bool(places.new_skus) and self.planner.sources.quarantines(source)
        places.open(events, plan, quarantines=quarantines)
        change = self._judge(source, named, events, plan, now_ns)
        before = plan.copy() if change else plan
        decided = self.planner.decide(
            source,
            events,
            plan,
            lambda index: (named[index].sku, named[index].location),
            now_ns,
        )
        if change:
            change = _as_decided(change, named[0], decided)
            if change.refusal and not _is_recorded(change.refusal, named[0]):
                return touched, [_refused(change, before)], ()
        places.create(decided, source if quarantines else None)
        self._write(source, named, decided, change, touched)
        skipped = self.planner.finish(source, decided, named[0] if change else None)
        results = _results(decided)
        if change:
            results = (_with_change(change, results[0], decided, touched),)
        return touched, results, skipped

    def _write(
        self,
        source: str,
        named: Sequence[StockEvent],
        decided: Plan,
        change: Change | None,
        touched: Iterable[Shard],
    ) -> None:
        """Write what takes effect, with what it came with, and what a single event changes."""
        has_details = any(map(stock_details.has_details, named))
        for shard in touched:
            written = shard.effects.written()
            self.planner.write(source, decided, shard)
            if has_details:
                stock_details.write_details(shard, written[Section.STOCK], decided, named)
            if change and not change.refusal and decided.codes[0] == EVENT_APPLIED:
                row = int(decided.events["row"][0])
                self.changes.write(source, named[0], change, shard, row)
                record_origin(shard, "", named[0].correlation_id, written)

    def _judge(
        self, source: str, named: Sequence[StockEvent], events: Array, plan: Array, now_ns: int
    ) -> Change | None:
        """What a single event changes besides units on hand, or had not seen as a count; what that
        withholds is entered in its plan. None for plain ones.
        """
        event = named[0]
        shard = self.planner.shards[int(events["shard"][0])]
        if event.is_plain:
            if len(named) > 1 or event.kind is not EventKind.COUNT or not event.sequence:
                return None
            late = self.late_counts.judge(source, events[0], plan, shard, now_ns)
            return Change(late.refusal, counted=late) if late else None
        row = int(events["row"][0])
        known = row if row < len(shard.levels) else -1
        events["content"] = content_of(event)
        if self.planner.reversals.is_reversed(shard, events[0]):
            return Change(EventOutcome.REVERSED)
        spared = find_spared(event, int(plan["promisable"][0]), shard, known)
        if spared is not None:
            return Change(EventOutcome.EXCEEDS_AVAILABLE, spared)
        change = self.changes.judge(source, event, shard, known, now_ns)
        if not change.refusal:
            plan["withheld"], plan["given"] = change.withheld, change.delta
            plan["reversal"] = change.mark
        if change.undoing:
            plan["is_counted"] = change.undoing.is_counted
            if event.occur_time_ns is not None:  # else nothing tells when it was taken back
                plan["occurred_ns"] = np.maximum(plan["occurred_ns"], change.undoing.occurred_ns)
        if change.refusal in _OUTDATED:
            plan["is_counted"] = 1
        return change

    def _unknown_location(self, named: Sequence[StockEvent]) -> Unknown | None:
        """The first location that is not in the catalogue."""
        places = list({*map(_LOCATION, named), *map(_TO_LOCATION, named)} - {""})
        numbers = self.homes.shards[0].locations.find_all(places)
        unknown = {place for place, number in zip(places, numbers, strict=True) if number < 0}
        for index, event in enumerate(named if unknown else ()):
            for name in ("location", "to_location"):
                if (place := getattr(event, name)) in unknown:
                    return Unknown(f"events[{index}].{name}", place)
        return None


def _runs(parts: Iterable[Sequence[StockEvent]]) -> Iterator[tuple[StockEvent, ...]]:
    """What is recorded together: plain events that follow one another; each other by itself."""
    for part in parts:
        for is_plain, run in groupby(part, _IS_PLAIN):
            events, size = tuple(run), RUN_MAX if is_plain else 1
            yield from (events[at : at + size] for at in range(0, len(events), size))


@dataclass(slots=True)
class _New:
    """A stock level that a message may create."""

    shard: Shard
    sku: str
    location: str
    new_sku: int
    """Counts the unknown SKUs of the message from 1; 0 for a known SKU."""
    row: int
    """The row that it would get if all new levels were created; when it is, the row that it has."""

    @property
    def is_quarantined(self) -> bool:
        """Whether it is one more level of a SKU in quarantine."""
        return self.shard.is_sku_quarantined(self.shard.skus.find(self.sku))


class _Places:
    """The stock levels that events name. One that is not there yet has the row that it would get if
    all of them were created.
    """

    def __init__(self, homes: Homes, named: Sequence[StockEvent]) -> None:
        self.rows: dict[tuple[str, str], tuple[int, int]] = {}
        """By SKU and location: row and shard."""
        self.new: dict[tuple[int, int], _New] = {}
        """By row and shard, in the order in which they were named."""
        self.new_skus: dict[str, int] = {}
        """Unknown SKUs, counted from 1."""
        self._new_rows: dict[Shard, Iterator[int]] = {}
        self._indexes: list[int] = []
        """Of the events on new levels, which `_levels` names."""
        self._levels: list[_New] = []
        names = list(dict.fromkeys(map(_NAME, named)))
        for name, shard, row in zip(names, *homes.find_rows(names), strict=True):
            place = row if row >= 0 else self._add(shard, *name, knows_sku=row != UNKNOWN_SKU)
            self.rows[name] = place, shard.number

    def _add(self, shard: Shard, sku: str, location: str, *, knows_sku: bool) -> int:
        if shard not in self._new_rows:
            self._new_rows[shard] = count(len(shard.levels))
        row = next(self._new_rows[shard])
        new_sku = 0 if knows_sku else self.new_skus.setdefault(sku, len(self.new_skus) + 1)
        self.new[row, shard.number] = _New(shard, sku, location, new_sku, row)
        return row

    def open(self, events: Array, plan: Array, *, quarantines: bool) -> None:
        """Plan for the new levels. Those of a SKU in quarantine take no promises."""
        if not self.new:
            return
        places = zip(events["row"].tolist(), events["shard"].tolist(), strict=True)
        on_new = [
            (index, self.new[place]) for index, place in enumerate(places) if place in self.new
        ]
        self._indexes, self._levels = map(list, zip(*on_new, strict=True))
        plan["is_open"][self._indexes] = 1
        is_enabled = _are_enabled(self._levels[0].shard, self._levels)
        found = zip(
            *((each.new_sku, is_enabled[each.location]) for each in self._levels), strict=True
        )
        plan["new_sku"][self._indexes], plan["may_promise"][self._indexes] = found
        plan["cap"][self._indexes], plan["is_uncounted"][self._indexes] = CAP_MAX, 1
        if quarantines or any(shard.header[QUARANTINED_SKUS] for shard in self._new_rows):
            pairs = zip(self._indexes, self._levels, strict=True)
            held = [
                at for at, level in pairs if (quarantines and level.new_sku) or level.is_quarantined
            ]
            plan["may_promise"][held] = 0

    def create(self, decided: Plan, quarantining: str | None) -> None:
        """Create the new levels on which an event takes effect, and give the events their rows. New
        SKUs begin in quarantine for the source that asks for that.
        """
        if not self.new:
            return
        applied = (decided.codes[self._indexes] == EVENT_APPLIED).tolist()
        created: dict[Shard, dict[tuple[str, str], _New]] = {}
        for level in compress(self._levels, applied):
            created.setdefault(level.shard, {})[level.sku, level.location] = level
        for shard, levels in created.items():
            _create_levels(shard, list(levels.values()), quarantining)
        # Events that have no effect keep a row that nobody reads.
        decided.events["row"][self._indexes] = [level.row for level in self._levels]


def _are_enabled(shard: Shard, levels: Iterable[_New]) -> dict[str, bool]:
    """Whether locations take reservations, by name: every shard knows all of them."""
    names = {level.location for level in levels}
    return {name: shard.is_enabled(shard.locations.find(name)) for name in names}


def _create_levels(shard: Shard, levels: Sequence[_New], quarantining: str | None) -> None:
    """Record new stock levels of a shard, and their SKUs where they are new, and note the rows."""
    named, locations = zip(*map(_NAME, levels), strict=True)
    names = list(dict.fromkeys(named))
    skus = dict(zip(names, shard.skus.find_all(names), strict=True))
    unknown = [sku for sku, number in skus.items() if number < 0]
    if unknown:
        skus.update(zip(unknown, count(len(shard.skus)), strict=False))
        record_names(shard, Section.SKU_NAMES, *unknown)
    if unknown and quarantining is not None:
        source = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, quarantining)
        record(shard, Section.SKU_QUARANTINES, *((skus[sku], source, 1, 0) for sku in unknown))
    places = {place: shard.locations.find(place) for place in set(locations)}
    for row, level in enumerate(levels, len(shard.levels)):
        level.row = row
    record_levels(shard, ((skus[each.sku], places[each.location]) for each in levels))


def _columns(named: Sequence[StockEvent], places: _Places) -> Array:
    """Events as STOCK_EVENT."""
    keys = [(key.hi, key.lo, 1) if key else _NO_KEY for key in map(_KEY, named)]
    his, los, has_key = zip(*keys, strict=True)
    sequences, quantities, kinds = zip(*map(_FIGURES, named), strict=True)
    rows, shards = zip(*map(places.rows.__getitem__, map(_NAME, named)), strict=True)
    columns = (his, los, sequences, quantities, rows, shards, kinds, has_key)
    events = np.zeros(len(named), STOCK_EVENT)
    for field, column in zip(_COLUMNS, columns, strict=True):
        events[field] = column
    return events


def _is_recorded(refusal: EventOutcome, event: StockEvent) -> bool:
    """Whether an event that changes nothing is recorded all the same: its number has come, and is
    not missing.
    """
    if refusal is EventOutcome.REVERSED:
        return True
    has_come = (*_OUTDATED, EventOutcome.ALREADY_REVERSED)
    return refusal in has_come and event.sequence > 0


def _as_decided(change: Change, event: StockEvent, decided: Plan) -> Change:
    """The change of an event that was decided. One that was recorded before, or has no level, has
    its answer in the plan, and no refusal.
    """
    if change.counted and change.counted.basis:
        decided.plan["seen"] = _number_seen(event)
    is_new = decided.codes[0] in (EVENT_APPLIED, EVENT_OUT_OF_RANGE)
    return change if is_new else replace(change, refusal=None)


def _number_seen(count: StockEvent) -> int:
    """What a count of an instant had seen, as LAST_COUNT has it."""
    if count.as_of_sequence or not count.sequence or count.occur_time_ns is None:
        return count.as_of_sequence or count.sequence
    return TIME_FIRST + count.sequence


def _with_change(
    change: Change, result: EventResult, decided: Plan, touched: Sequence[Shard]
) -> EventResult:
    """The answer to an event that changed more than its plan says, or nothing after all."""
    if change.refusal:
        return result._replace(outcome=change.refusal)
    if decided.codes[0] not in (EVENT_APPLIED, EVENT_ALREADY_COUNTED):
        return result
    if change.counted:
        return result._replace(reapplied=change.counted.reapplied)
    if change.undoing and change.undoing.is_pending:
        return result._replace(outcome=EventOutcome.REVERSAL_PENDING)
    if change.in_transit or change.is_untracked:
        under_way = change.in_transit, change.is_untracked
        return result._replace(in_transit=under_way[0], is_untracked=under_way[1])
    if change.issued:
        # What is shipped is not promised any more, and what is not shipped after all is again.
        (shard,), row = touched, int(decided.events["row"][0])
        on_hand, _, _, available, *_ = shard.read_levels(np.array([row]))[:, 0].tolist()
        available = available_when_settled(shard, row, available)
        return result._replace(on_hand=on_hand, available=available)
    return result


def _refused(change: Change, plan: Array) -> EventResult:
    """The answer to an event that asks for more than there is, by its plan before it."""
    on_hand, promisable = int(plan["on_hand"][0]), int(plan["promisable"][0])
    figures = ("promisable", "promised", "cap", "may_promise")
    available = int(kernels.offered(*(plan[name][0] for name in figures)))
    assert change.refusal is not None
    shortfall = max(0, -promisable)
    result = EventResult(change.refusal, on_hand, shortfall, available)
    return result._replace(difference=change.difference, possible=change.possible)


def _results(decided: Plan) -> tuple[EventResult, ...]:
    plan, differences = decided.plan, decided.differences
    fields = ("on_hand", "promisable", "available", "creates_sku")
    columns = (plan[name].tolist() for name in fields)
    return tuple(
        EventResult(
            _OUTCOMES[code],
            on_hand,
            max(0, -promisable),
            available,
            bool(creates_sku),
            differences.get(index),
        )
        for index, (code, on_hand, promisable, available, creates_sku) in enumerate(
            zip(decided.codes.tolist(), *columns, strict=True)
        )
    )
