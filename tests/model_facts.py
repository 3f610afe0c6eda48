"""Stock facts and their sources, told as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from dataclasses import replace

from holdfast.core.commands import (
    SOURCE_FIELDS,
    Conflict,
    Difference,
    EventResult,
    EventsOutcome,
    Location,
    Reapplied,
    RecordStockEvents,
    ResetSource,
    SequenceRange,
    SourceOutcome,
    SourceReset,
    StockEvent,
    Unknown,
    UpdateSource,
)
from holdfast.core.model import (
    EventKind,
    EventOutcome,
)
from tests.model_counts import Counts
from tests.model_reservations import (
    Level,
    out_of_range,
)
from tests.model_sources import (
    Source,
    had_seen,
    judge_event,
    on_hand_with,
)


class Facts:
    """What sources tell, over the levels and places of a model."""

    def __init__(
        self,
        skus: dict[str, dict[str, Level]],
        locations: dict[str, Location],
        counts: Counts,
        *,
        creates_skus: bool,
    ) -> None:
        self.skus = skus
        self.locations = locations
        self.counts = counts
        self.creates_skus = creates_skus
        self.sources: dict[str, Source] = {}

    def record_stock_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown:
        """Record facts, one after the other."""
        for i, event in enumerate(command.events):
            if event.location not in self.locations:
                return Unknown(f"events[{i}].location", event.location)
        skipped: list[SequenceRange] = []
        told = [
            self.record_by_name(command.source, each, now_ns, skipped) for each in command.events
        ]
        return EventsOutcome(tuple(told), (), tuple(skipped))

    def judge_by_name(
        self, name: str, event: StockEvent, level: Level, now_ns: int
    ) -> tuple[EventOutcome, Difference | None, int, int, tuple[Reapplied, ...]]:
        """What would become of a fact; the first difference, units that there are, units that it
        adds to what it says, and what it had not seen.
        """
        source = self.sources.get(name, Source())
        outcome, difference = judge_event(event, source, now_ns, knows_level=True)
        begins = source.begins(event, creates_skus=self.creates_skus)
        if outcome == EventOutcome.APPLIED and event.sku not in self.skus and not begins:
            outcome = EventOutcome.UNKNOWN_SKU
        possible, delta = 0, 0
        told: tuple[Reapplied, ...] = ()
        if outcome == EventOutcome.APPLIED:
            outcome, possible, delta, told = self.judge(name, event, source, level, now_ns)
        return outcome, difference, possible, delta, told

    def judge(
        self, name: str, event: StockEvent, source: Source, level: Level, now_ns: int
    ) -> tuple[EventOutcome, int, int, tuple[Reapplied, ...]]:
        """The same of a fact that is new, without a difference."""
        gap = source.gap_of(event.sequence)
        if had_seen(name, event, source, level) and event.kind == EventKind.COUNT:
            return EventOutcome.ALREADY_COUNTED, 0, 0, ()
        if event.kind == EventKind.COUNT and event.is_plain and gap is not None:
            judged = self.counts.judge_late_count(name, event, gap.opened_ns, level, now_ns)
            outcome, told = judged
            possible, delta = 0, sum(each.units for each in told)
        else:
            judged_so = self.counts.judge(name, event, level, self.skus, now_ns)
            outcome, possible, delta, told = judged_so
        if outcome == EventOutcome.APPLIED and had_seen(name, event, source, level):
            return EventOutcome.ALREADY_COUNTED, 0, 0, ()
        on_hand = on_hand_with(event, level.on_hand) + delta
        if outcome == EventOutcome.APPLIED and out_of_range(level, on_hand):
            outcome = EventOutcome.OUT_OF_RANGE
        return outcome, possible, delta, told

    def record_by_name(
        self, name: str, event: StockEvent, now_ns: int, skipped: list[SequenceRange]
    ) -> EventResult:
        """Record one fact, which may be the first of its level and of its SKU."""
        is_new = event.sku not in self.skus
        known = self.skus.get(event.sku, {}).get(event.location)
        level = known or Level(event.sku, event.location)
        judged = self.judge_by_name(name, event, level, now_ns)
        outcome, difference, possible, delta, told = judged
        self.put_down(name, event, level, outcome, delta, now_ns, skipped)
        applies = outcome == EventOutcome.APPLIED
        told = told if applies else ()
        return self.event_result(outcome, level, applies and is_new, difference, possible, told)

    def put_down(
        self,
        name: str,
        event: StockEvent,
        level: Level,
        outcome: EventOutcome,
        delta: int,
        now_ns: int,
        skipped: list[SequenceRange],
    ) -> None:
        """Let a fact take effect that may, and remember it; or a number that comes with a fact that
        was recorded before.
        """
        source = self.sources.get(name, Source())
        is_counted = outcome == EventOutcome.ALREADY_COUNTED
        is_counted |= outcome == EventOutcome.COUNT_OUTDATED and event.sequence > 0
        if outcome == EventOutcome.DUPLICATE and event.sequence:
            source.note_number(event.sequence, now_ns, skipped)
        if outcome == EventOutcome.APPLIED or is_counted:
            self.skus.setdefault(event.sku, {})[event.location] = level
            self.counts.apply(name, event, level, self.skus, now_ns, delta, is_counted=is_counted)
            source.note(event, now_ns, skipped)
            self.sources[name] = source

    def event_result(
        self,
        outcome: EventOutcome,
        level: Level,
        creates_sku: bool = False,
        difference: Difference | None = None,
        possible: int = 0,
        told: tuple[Reapplied, ...] = (),
    ) -> EventResult:
        figures = level.on_hand, max(0, -level.available), offered(level, self.locations)
        return EventResult(outcome, *figures, creates_sku, difference, told, possible)

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
        place, delta = level or Level(event.sku, event.location), 0
        if outcome == EventOutcome.APPLIED:
            outcome, _, delta, _ = self.judge(name, event, source, place, now_ns)
        self.put_down(name, event, place, outcome, delta, now_ns, skipped)
        if level is None:
            return EventResult(outcome, 0, 0, 0, difference=difference)
        return self.event_result(outcome, level, difference=difference)

    def reset_source(self, command: ResetSource) -> SourceReset | Unknown:
        """Let a source number anew; ids stay known."""
        source = self.sources.get(command.source)
        if source is None:
            return Unknown("source", command.source)
        previous = source.last_sequence
        source.reset(command.last_sequence)
        for levels in self.skus.values():
            for level in levels.values():
                if level.count_source == command.source:
                    level.count_sequence = 0
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
        if isinstance(repeat, Conflict):
            return repeat
        return SourceOutcome(source.view(name, now_ns), repeat)


def offered(level: Level, locations: dict[str, Location]) -> int:
    """Units that may be promised now."""
    is_enabled = locations[level.location].enabled
    return level.available if is_enabled else min(level.available, 0)
