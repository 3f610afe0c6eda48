"""Stock facts by name: goods that arrive, leave, come back, change their status or are counted.

A fact is not refused for lack of stock; it may drive available negative, which is reported as a
shortfall. Each fact has an answer of its own. Plain ones are recorded RUN_MAX at a time, each other
by itself, and the turn may end in between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, groupby, repeat
from operator import attrgetter, is_not
from typing import NamedTuple

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
from ..commands.registry import RECORD_STOCK_EVENTS, executes, weight_of_events
from ..kernels.codes import (
    EVENT_ALREADY_COUNTED,
    EVENT_APPLIED,
    EVENT_OUT_OF_RANGE,
    TIME_FIRST,
)
from ..limits import RANGES_LISTED_MAX
from ..model import EventKind, EventOutcome
from ..tables.backorders import available_when_settled, settle_backorders
from ..tables.effects import Section
from ..tables.layouts import PLAN, STOCK_EVENT
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record_origin
from ..work import EVENT_NAMED, LEVEL_BEGUN, Steps, Work
from . import joint_turn, stock_details
from .fact_changes import Change, FactChanges
from .fact_places import FactPlaces
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

#: A result from all its fields, and the last of them, which few results have: in one call of C
#: for each, which takes half the time.
_RESULT = partial(tuple.__new__, EventResult)
_NO_MORE = tuple(EventResult._field_defaults.values())[1:]

#: What changes nothing because something later is known.
_OUTDATED = EventOutcome.COUNT_OUTDATED, EventOutcome.SUPPLY_OUTDATED

#: Plain events that are recorded together: a turn ends before the next of them if it has no time
#: for half of these.
RUN_MAX = 250

_NO_KEY = 0, 0, 0


class _Recorded(NamedTuple):
    """Events that were recorded together."""

    events: Array
    """As STOCK_EVENT."""
    shards: list[Shard]
    """Those that they name."""
    results: Sequence[EventResult]
    skipped: tuple[SequenceRange, ...]
    """The numbers that they passed over."""


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
        if (unknown := self._unknown_location(command)) is not None:
            return unknown
        # Point of no return: every location is known; what else an event meets is its answer.
        parts = list(self._parts(command.source, named))
        if len(parts) > 1 or len(named) > RUN_MAX or command.changing:
            return self._record_in_steps(command, parts, now_ns)
        named = self._inside(named)
        recorded = [self._record(command.source, named, now_ns)]
        outcome = self._outcome(command.source, recorded, now_ns)
        short = self._short(named, recorded)
        return self._with_shortfalls(outcome, short) if short else outcome

    def _record_in_steps(
        self, command: RecordStockEvents, parts: Iterable[Sequence[StockEvent]], now_ns: int
    ) -> Steps[EventsOutcome]:
        # All of it was spent when the command began; each run is spent where it is recorded.
        self.work.spend(-RECORD_STOCK_EVENTS.weight(command))
        recorded: list[_Recorded] = []
        named: list[StockEvent] = []
        for changing, run in _runs(parts, command.changing):
            weight = weight_of_events(len(run), changing)
            if self.work.left < weight / 2:
                now_ns = yield
            run = self._inside(run)  # a rename may have come meanwhile
            named += run
            self.work.spend(weight)
            recorded.append(self._record(command.source, run, now_ns))
        outcome = self._outcome(command.source, recorded, now_ns)
        short = self._short(named, recorded)
        return (yield from self._with_shortfalls(outcome, short)) if short else outcome

    def record_at_once(
        self, source: str, events: tuple[StockEvent, ...], now_ns: int
    ) -> EventsOutcome:
        """Record facts in this turn, however long that takes, for a rule that has counted them."""
        recorded = [self._record(source, run, now_ns) for _, run in _runs([events], events)]
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
        touched = {shard for each in recorded for shard in each.shards}
        for shard in touched:
            settle_backorders(shard)
        revisions = joint_turn.revisions([each for each in self.planner.shards if each in touched])
        results = tuple(chain.from_iterable(each.results for each in recorded))
        skipped = [found for each in recorded for found in each.skipped]
        self.planner.sources.states.after_events(source, now_ns, has_skipped=bool(skipped))
        return EventsOutcome(results, revisions, tuple(skipped[:RANGES_LISTED_MAX]))

    def _short(
        self, named: Sequence[StockEvent], recorded: Sequence[_Recorded]
    ) -> list[tuple[str, str]]:
        """The SKU and location of each event after which promises can't be kept, or that may
        change what supply brings to those who wait for it.
        """
        short: list[tuple[str, str]] = []
        start = 0
        for each in recorded:
            found = {at for at, result in enumerate(each.results) if result.shortfall}
            found.update(self.shortfalls.awaited(each.events))
            short += [_NAME(named[start + at]) for at in sorted(found)]
            start += len(each.events)
        return short

    def _with_shortfalls(
        self, outcome: EventsOutcome, names: Sequence[tuple[str, str]]
    ) -> Steps[EventsOutcome]:
        return replace(outcome, shortfalls=(yield from self.shortfalls.endangering(names)))

    def _parts(self, source: str, named: Sequence[StockEvent]) -> Iterator[Sequence[StockEvent]]:
        """The events, with counts by themselves whose numbers come late."""
        if not any(event.sequence for event in named if event.kind is EventKind.COUNT):
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
        places = FactPlaces(self.homes, named)
        self.work.spend(len(places.new) * LEVEL_BEGUN)
        events = _columns(named, places)
        plan = np.zeros(len(events), PLAN)
        if self.planner.shards[0].keeping.is_used:
            plan["occurred_ns"] = [event.occur_time_ns or 0 for event in named]
        touched = self.planner.find_levels(events, plan)
        quarantines = bool(places.new_skus) and self.planner.sources.quarantines(source)
        places.open(plan, quarantines=quarantines)
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
                return _Recorded(events, touched, [self._refused(change, events, before)], ())
        places.create(decided, source if quarantines else None)
        self._write(source, named, decided, change, touched)
        skipped = self.planner.finish(source, decided, named[0] if change else None)
        results = _results(decided)
        if change:
            results = [_with_change(change, results[0], decided, touched)]
        return _Recorded(events, touched, results, skipped)

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

    def _refused(self, change: Change, events: Array, plan: Array) -> EventResult:
        """The answer to an event that asks for more than there is, by its plan before it."""
        figures = ("promisable", "promised", "cap", "may_promise")
        plan["available"] = kernels.offered(*(plan[name][0] for name in figures))
        self.planner.let_bind(events, plan)
        first = plan[0]
        shortfall = max(0, -int(first["promisable"]))
        assert change.refusal is not None
        result = EventResult(
            change.refusal, int(first["on_hand"]), shortfall, int(first["available"])
        )
        return result._replace(difference=change.difference, possible=change.possible)

    def _unknown_location(self, command: RecordStockEvents) -> Unknown | None:
        """The first location that is not in the catalogue. Plain events name one each."""
        named = command.events
        places = list({*map(_LOCATION, named), *map(_TO_LOCATION, command.changing)} - {""})
        numbers = self.homes.shards[0].locations.find_all(places)
        unknown = {place for place, number in zip(places, numbers, strict=True) if number < 0}
        for index, event in enumerate(named if unknown else ()):
            for name in ("location", "to_location"):
                if (place := getattr(event, name)) in unknown:
                    return Unknown(f"events[{index}].{name}", place)
        return None


def _runs(
    parts: Iterable[Sequence[StockEvent]], changing: Sequence[StockEvent]
) -> Iterator[tuple[Sequence[StockEvent], tuple[StockEvent, ...]]]:
    """What is recorded together, and which of it is not plain, as those `changing` are: plain
    events that follow one another; each other by itself.
    """
    for part in parts:
        for is_plain, events in groupby(part, _IS_PLAIN) if changing else ((True, part),):
            alike, size = tuple(events), RUN_MAX if is_plain else 1
            for at in range(0, len(alike), size):
                run = alike[at : at + size]
                yield () if is_plain else run, run


def _columns(named: Sequence[StockEvent], places: FactPlaces) -> Array:
    """Events as STOCK_EVENT."""
    events = np.zeros(len(named), STOCK_EVENT)
    events["sequence"], events["quantity"], kinds = zip(*map(_FIGURES, named), strict=True)
    events["kind"] = np.frombuffer(bytes(kinds), np.uint8)  # NumPy takes long over each enum
    events["row"], events["shard"] = places.rows, [shard.number for shard in places.shards]
    keys = list(map(_KEY, named))
    if any(keys):
        parts = ((key.hi, key.lo, 1) if key else _NO_KEY for key in keys)
        events["key_hi"], events["key_lo"], events["has_key"] = zip(*parts, strict=True)
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
        return result._replace(in_transit=change.in_transit, is_untracked=change.is_untracked)
    if change.issued:
        # What is shipped is not promised any more, and what is not shipped after all is again.
        (shard,), row = touched, int(decided.events["row"][0])
        on_hand, _, _, available, *_ = shard.read_levels(np.array([row]))[:, 0].tolist()
        available = available_when_settled(shard, row, available)
        return result._replace(on_hand=on_hand, available=available)
    return result


def _results(decided: Plan) -> list[EventResult]:
    plan = decided.plan
    columns = (
        map(_OUTCOMES.__getitem__, decided.codes.tolist()),
        plan["on_hand"].tolist(),
        np.maximum(-plan["promisable"], 0).tolist(),
        plan["available"].tolist(),
        (plan["creates_sku"] != 0).tolist(),
        *map(repeat, _NO_MORE),
    )
    results = list(map(_RESULT, zip(*columns, strict=False)))
    for index, difference in decided.differences.items():
        results[index] = results[index]._replace(difference=difference)
    return results
