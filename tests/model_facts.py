"""Stock facts and their sources, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from holdfast.core.commands import (
    SOURCE_FIELDS,
    AvailabilityView,
    Conflict,
    Difference,
    EventResult,
    EventsOutcome,
    GetSource,
    LevelView,
    ListQuarantinedSkus,
    Location,
    QuarantinedSku,
    QuarantinedSkusView,
    Reapplied,
    RecordStockEvents,
    ResetSource,
    SequenceRange,
    SettleSku,
    Shortfall,
    SkuSettled,
    SourceOutcome,
    SourceReset,
    SourceView,
    StockEvent,
    Unknown,
    UpdateSource,
)
from holdfast.core.limits import ENDANGERED_LISTED_MAX, NUMBERS_AHEAD_MAX, TOTAL_MAX
from holdfast.core.model import (
    EventKind,
    EventOutcome,
    SourceState,
    UnknownSkus,
)
from tests.model_backorders import (
    Backorder,
    settle,
    shortfall_at,
    uncovered,
)
from tests.model_counts import Counts
from tests.model_requests import Requests
from tests.model_reservations import (
    Level,
    out_of_range,
)
from tests.model_reversals import MOVING, Reversals, Undoing
from tests.model_sources import (
    Source,
    had_seen,
    judge_event,
    on_hand_with,
)


@dataclass(frozen=True)
class Availabilities:
    """An AvailabilitiesView as the objects that it stands for; None for an unknown SKU."""

    views: tuple[AvailabilityView | None, ...]


@dataclass
class Judged:
    """What becomes of a fact."""

    outcome: EventOutcome
    difference: Difference | None = None
    possible: int = 0
    """Units that there are."""
    delta: int = 0
    """What it adds to what it says."""
    reapplied: tuple[Reapplied, ...] = ()
    """What it had not seen."""
    undoing: Undoing | None = None
    in_transit: int = 0
    """Units of its transfer that are under way then."""
    is_untracked: bool = False
    """Whether its supply or transfer knows nothing of it."""

    @property
    def is_of_goods_issue(self) -> bool:
        """Whether a reversal is of a goods issue, which tells nothing of on hand."""
        undoing = self.undoing
        is_one = undoing is not None and undoing.fact.kind == EventKind.GOODS_ISSUE
        return is_one and undoing is not None and undoing.sign != 0


class Facts:
    """What sources tell, over the levels and places of a model."""

    def __init__(
        self,
        skus: dict[str, dict[str, Level]],
        locations: dict[str, Location],
        counts: Counts,
        *,
        unknown_skus: UnknownSkus,
    ) -> None:
        self.skus = skus
        self.locations = locations
        self.counts = counts
        self.unknown_skus = unknown_skus
        self.reversals = Reversals()
        self.requests = Requests()
        self.sources: dict[str, Source] = {}
        self.quarantined: dict[str, tuple[str, int]] = {}
        """SKUs in quarantine, with the source that began each and when."""
        self.waiting: list[Backorder] = []

    def record_stock_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown:
        """Record facts, one after the other."""
        for i, event in enumerate(command.events):
            if event.location not in self.locations:
                return Unknown(f"events[{i}].location", event.location)
            if event.to_location and event.to_location not in self.locations:
                return Unknown(f"events[{i}].to_location", event.to_location)
        skipped: list[SequenceRange] = []
        results = [
            self.record_by_name(command.source, each, now_ns, skipped) for each in command.events
        ]
        self.review(command.source, now_ns)
        settle(self.waiting)
        shortfalls = tuple(self.shortfalls(command, results, now_ns))
        return EventsOutcome(tuple(results), (), tuple(skipped), shortfalls)

    def shortfalls(
        self, command: RecordStockEvents, results: list[EventResult], now_ns: int
    ) -> Iterator[Shortfall]:
        """The levels of some facts, once each, at which promised units can't be kept."""
        short = [
            level
            for event, result in zip(command.events, results, strict=True)
            if (level := self.skus.get(event.sku, {}).get(event.location))
            if result.shortfall or level.queue
        ]
        yield from self.endangering(short, now_ns)

    def endangering(self, levels: Iterable[Level], now_ns: int) -> Iterator[Shortfall]:
        """Those of some levels, once each, at which promised units can't be kept."""
        for level in dict.fromkeys(levels):
            is_short = level.available < 0 < level.reserved + level.committed - level.backordered
            if is_short or any(units for _, units in uncovered(level, now_ns)):
                reservations = self.counts.reservations.values()
                yield shortfall_at(level, reservations, ENDANGERED_LISTED_MAX, now_ns)

    def judge_by_name(self, name: str, event: StockEvent, level: Level, now_ns: int) -> "Judged":
        """What would become of a fact."""
        source = self.sources.get(name, Source())
        outcome, difference = judge_event(event, source, now_ns, knows_level=True)
        begins = source.begins(event, self.unknown_skus)
        if outcome == EventOutcome.APPLIED and event.sku not in self.skus and not begins:
            outcome = EventOutcome.UNKNOWN_SKU
        if outcome == EventOutcome.APPLIED:
            return self.judge(name, event, source, level, now_ns)
        return Judged(outcome, difference)

    def judge(
        self, name: str, event: StockEvent, source: Source, level: Level, now_ns: int
    ) -> "Judged":
        """The same of a fact that is new."""
        awaited = self.reversals.awaited_of(event, level)
        if awaited and awaited.is_undone:
            return Judged(EventOutcome.REVERSED)
        reached = max(source.last_sequence, event.sequence)
        if reached and event.as_of_sequence > reached + NUMBERS_AHEAD_MAX:
            return Judged(EventOutcome.COUNT_IN_FUTURE)
        gap = source.gap_of(event.sequence)
        is_seen = had_seen(name, event, level, event.occur_time_ns)
        if is_seen and event.kind == EventKind.COUNT:
            return Judged(EventOutcome.ALREADY_COUNTED)
        if event.kind == EventKind.REVERSAL:
            judged = self.judge_reversal(event, level, now_ns)
            undone_ns = self.occurred_ns(judged.undoing, event, now_ns)
            is_seen = had_seen(name, event, level, undone_ns)
        elif event.kind == EventKind.COUNT and event.is_plain and gap is not None:
            judged = Judged(EventOutcome.APPLIED)  # nothing happened where there is no level
            if event.location in self.skus.get(event.sku, {}):
                late = self.counts.judge_late_count(name, event, gap.opened_ns, level, now_ns)
                outcome, reapplied = late
                judged = Judged(outcome, None, 0, sum(each.units for each in reapplied), reapplied)
        else:
            outcome, possible, delta, reapplied = self.counts.judge(
                name, event, level, self.skus, now_ns
            )
            judged = Judged(outcome, None, possible, delta, reapplied)
        applies = judged.outcome == EventOutcome.APPLIED
        if applies and is_seen and not judged.is_of_goods_issue:
            return Judged(EventOutcome.ALREADY_COUNTED, undoing=judged.undoing)
        on_hand = on_hand_with(event, level.on_hand) + judged.delta
        recommits = event.quantity if event.kind == EventKind.SHIPMENT_REVERSAL else 0
        if applies and out_of_range(level, on_hand, recommits):
            judged.outcome = EventOutcome.OUT_OF_RANGE
        return judged

    def occurred_ns(self, undoing: Undoing | None, event: StockEvent, now_ns: int) -> int | None:
        """When a reversal happened that says so: not before its fact."""
        fact = undoing.first.happened if undoing and undoing.sign and undoing.first else None
        is_kept = fact is not None and fact.came_at_ns > now_ns - self.counts.window_ns
        if fact is None or not is_kept or event.occur_time_ns is None:
            return event.occur_time_ns
        return max(event.occur_time_ns, fact.at_ns)

    def judge_reversal(self, event: StockEvent, level: Level, now_ns: int) -> "Judged":
        """What a reversal would undo."""
        outcome, difference, undoing = self.reversals.judge(event, level, now_ns)
        if undoing is None or undoing.sign == 0:
            return Judged(outcome, difference, undoing=undoing)
        fact, sign = undoing.fact, undoing.sign
        if fact.kind == EventKind.GOODS_ISSUE:
            fact = fact._replace(sequence=0)  # that is the number of the reversal
            twice = self.counts.counted_twice("", fact, level, 0, now_ns)
            return Judged(outcome, delta=sign * twice, undoing=undoing)
        outcome, possible = self.counts.judge_units(fact, level, self.skus, undoing)
        judged = Judged(outcome, possible=possible, undoing=undoing)
        if outcome == EventOutcome.APPLIED and fact.kind in MOVING:
            came_at_ns = undoing.first.at_ns if undoing.first else None
            happened = undoing.first.happened if undoing.first else None
            if self.counts.was_counted_since(happened, came_at_ns, level, now_ns):
                judged.outcome = EventOutcome.ALREADY_COUNTED
            else:
                judged.delta = sign * on_hand_with(fact, 0)
        return judged

    def record_by_name(
        self, name: str, event: StockEvent, now_ns: int, skipped: list[SequenceRange]
    ) -> EventResult:
        """Record one fact, which may be the first of its level and of its SKU."""
        is_new = event.sku not in self.skus
        known = self.skus.get(event.sku, {}).get(event.location)
        level = known or Level(event.sku, event.location)
        judged = self.judge_by_name(name, event, level, now_ns)
        is_recorded = self.put_down(name, event, level, judged, now_ns, skipped)
        if judged.outcome != EventOutcome.APPLIED:
            judged.reapplied = ()
        creates_sku = is_recorded and is_new
        policy = self.sources.get(name, Source()).unknown_skus or self.unknown_skus
        if creates_sku and policy == UnknownSkus.QUARANTINE:
            self.quarantined[event.sku] = name, now_ns
        if judged.undoing and judged.undoing.is_pending and is_recorded:
            judged.outcome = EventOutcome.REVERSAL_PENDING
        return self.event_result(judged, level, creates_sku=creates_sku)

    def put_down(
        self,
        name: str,
        event: StockEvent,
        level: Level,
        judged: "Judged",
        now_ns: int,
        skipped: list[SequenceRange],
    ) -> bool:
        """Let a fact take effect that may, and remember it; or a number that comes with a fact that
        was recorded before. Return whether it is recorded.
        """
        source, outcome = self.sources.get(name, Source()), judged.outcome
        if outcome == EventOutcome.DUPLICATE and event.sequence:
            source.note_number(event.sequence, now_ns, skipped)
        outdated = EventOutcome.COUNT_OUTDATED, EventOutcome.SUPPLY_OUTDATED
        has_come = (*outdated, EventOutcome.ALREADY_REVERSED)
        is_still = outcome in (EventOutcome.ALREADY_COUNTED, EventOutcome.REVERSED)
        is_still |= outcome in has_come and event.sequence > 0
        if outcome != EventOutcome.APPLIED and not is_still:
            return False
        self.skus.setdefault(event.sku, {})[event.location] = level
        happened = self.counts.apply(name, event, level, self.skus, now_ns, judged)
        happened.is_late = 0 < event.sequence <= source.last_sequence
        if judged.undoing:
            self.reversals.undo(event, level, judged.undoing, now_ns)
        self.reversals.came(event, level, now_ns)
        self.reversals.note(event, level, happened, now_ns)
        source.note(event, now_ns, skipped)
        self.sources[name] = source
        return True

    def event_result(
        self, judged: "Judged", level: Level, *, creates_sku: bool = False
    ) -> EventResult:
        left = self.offered(level)
        left = min(left, level.left)
        figures = level.on_hand, max(0, -level.left), left
        difference, possible = judged.difference, judged.possible
        more = judged.reapplied, possible, judged.in_transit
        result = EventResult(judged.outcome, *figures, creates_sku, difference, *more)
        return result._replace(is_untracked=judged.is_untracked)

    def record_stock_event(
        self, name: str, event: StockEvent, now_ns: int, skipped: list[SequenceRange]
    ) -> EventResult:
        """Record one fact of columns, which makes no level."""
        level = self.skus.get(event.sku, {}).get(event.location)
        source = self.sources.get(name, Source())
        knows_level = level is not None
        outcome, difference = judge_event(event, source, now_ns, knows_level=knows_level)
        if outcome == EventOutcome.APPLIED and level is None:
            outcome = EventOutcome.UNKNOWN_STOCK_LEVEL
        place, judged = level or Level(event.sku, event.location), Judged(outcome, difference)
        if outcome == EventOutcome.APPLIED:
            judged = self.judge(name, event, source, place, now_ns)
            judged.reapplied, judged.possible = (), 0
        self.put_down(name, event, place, judged, now_ns, skipped)
        if level is None:
            return EventResult(outcome, 0, 0, 0, difference=difference)
        return self.event_result(judged, level)

    def review(self, name: str, now_ns: int) -> None:
        """Look at how a source is, if it is known."""
        if name in self.sources:
            self.sources[name].review(now_ns)

    def source_of(self, level: Level) -> Source | None:
        """The source that counted a level last, or fed it while none has."""
        return self.sources.get(level.count_source or level.fed_by)

    def state_of(self, level: Level) -> SourceState:
        source = self.source_of(level)
        return source.state if source else SourceState.CURRENT

    def room_of(self, level: Level) -> int:
        """How many more units its source allows to promise."""
        source = self.source_of(level)
        room = source.room if source else None
        return TOTAL_MAX if room is None else max(0, room - level.reserved - level.committed)

    def restricted(self, level: Level, coming: int = 0) -> int:
        """Units that may be promised were the location enabled, and so many come."""
        room = 0 if level.sku in self.quarantined else self.room_of(level)
        return min(level.available + coming, room)

    def may_promise(self, level: Level) -> bool:
        """Whether any of its units may be promised."""
        return self.locations[level.location].enabled and level.sku not in self.quarantined

    def offered(self, level: Level) -> int:
        """Units that may be promised now."""
        takes = self.may_promise(level)
        return self.restricted(level) if takes else min(level.available, 0)

    def look_after_skus(
        self, command: ListQuarantinedSkus | SettleSku, now_ns: int
    ) -> QuarantinedSkusView | SkuSettled | Unknown | Conflict:
        """Obey an operator who looks after SKUs in quarantine."""
        if isinstance(command, ListQuarantinedSkus):
            return self.list_quarantined(command)
        return self.requests.obey(command, now_ns, self.settle)

    def look_after_source(
        self, command: ResetSource | UpdateSource | GetSource, now_ns: int
    ) -> SourceReset | SourceOutcome | SourceView | Unknown | Conflict:
        """Obey an operator who looks after a source."""
        match command:
            case ResetSource():
                return self.requests.obey(
                    command, now_ns, lambda asked: self.reset_source(asked, now_ns)
                )
            case UpdateSource():
                return self.update_source(command, now_ns)
            case GetSource(name):
                known = self.sources.get(name)
                return known.view(name, now_ns) if known else Unknown("source", name)

    def forget(self, sku: str, levels: Iterable[Level]) -> None:
        """Let go of a SKU that ends, which had these levels."""
        self.quarantined.pop(sku, None)
        for level in levels:
            level.supplies.clear()

    def rename(self, renamed: Callable[[Any], Any]) -> None:
        """Remember facts under the names that their SKUs have after a merge."""
        for source in self.sources.values():
            source.ids = {key: (at, renamed(event)) for key, (at, event) in source.ids.items()}
            source.numbers = {number: renamed(event) for number, event in source.numbers.items()}
        for recorded in self.reversals.recorded.values():
            recorded.event = renamed(recorded.event)
        for known in self.reversals.known.values():
            known.fact = renamed(known.fact)

    def list_quarantined(self, command: ListQuarantinedSkus) -> QuarantinedSkusView:
        """All SKUs in quarantine, by name."""
        found = (QuarantinedSku(sku, *begun) for sku, begun in sorted(self.quarantined.items()))
        return QuarantinedSkusView(tuple(found)[: command.count], None)

    def settle(self, command: SettleSku) -> SkuSettled | Unknown:
        """Admit a SKU in quarantine, or let it end."""
        if command.sku not in self.skus:
            return Unknown("sku", command.sku)
        was_quarantined = self.quarantined.pop(command.sku, None) is not None
        if was_quarantined and not command.admits:
            del self.skus[command.sku]
        return SkuSettled(was_quarantined)

    def view(self, level: Level) -> LevelView:
        """A level as it is read. Nothing can be promised at a disabled location."""
        return LevelView(
            level.location,
            level.on_hand,
            level.reserved,
            level.committed,
            self.offered(level),
            self.locations[level.location].enabled,
            {status: units for status, units in level.unavailable.items() if units},
            sum(each.incoming for each in level.supplies.values()),
            level.sku in self.quarantined,
            state=self.state_of(level),
            backordered=level.backordered,
        )

    def reset_source(self, command: ResetSource, now_ns: int) -> SourceReset | Unknown:
        """Let a source number anew; ids stay known."""
        source = self.sources.get(command.source)
        if source is None:
            return Unknown("source", command.source)
        previous = source.last_sequence
        source.reset(command.last_sequence)
        source.review(now_ns)
        for each in self.counts.told:  # also of SKUs that have ended
            if each.source == command.source:
                each.sequence = 0
        for levels in self.skus.values():
            for level in levels.values():
                if level.count_source == command.source:
                    level.count_sequence, level.instant_ns, level.is_reset = 0, None, True
                for supply in level.supplies.values():
                    if supply.source == command.source:
                        supply.sequence = 0
        return SourceReset(previous)

    def update_source(
        self, command: UpdateSource, now_ns: int
    ) -> SourceOutcome | Unknown | Conflict:
        """Change what is set of a source; create it where that is allowed."""
        name = command.source.name
        if name not in self.sources and not command.allow_missing:
            return Unknown("source.source", name)
        if name not in self.sources:
            self.sources[name] = Source()
            self.sources[name].set(replace(command, fields=SOURCE_FIELDS))
        source = self.sources[name]
        repeat = source.update(command, now_ns)
        source.review(now_ns)
        if isinstance(repeat, Conflict):
            return repeat
        return SourceOutcome(source.view(name, now_ns), repeat)
