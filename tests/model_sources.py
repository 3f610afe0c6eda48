"""What the model knows of sources of stock facts: which facts repeat, which come too late."""

from dataclasses import dataclass, field
from enum import IntEnum

from holdfast.core.commands import (
    Conflict,
    Difference,
    SequenceRange,
    SourceView,
    StockEvent,
    UpdateSource,
)
from holdfast.core.commands import Gap as ReportedGap
from holdfast.core.commands import Source as SourceSettings
from holdfast.core.ids import Key, key_from_text
from holdfast.core.limits import FIRST_NUMBERS_MAX, NS_PER_MS, RETENTION_NS
from holdfast.core.model import (
    CountBasis,
    EventKind,
    EventOutcome,
    Fallback,
    SourceState,
    State,
    UnknownSkus,
)
from tests.model_reservations import HeldLine, Level


@dataclass(frozen=True)
class Gap:
    """Numbers that a source skipped, and when it did."""

    first: int
    last: int
    opened_ns: int


@dataclass(eq=False)
class Source:
    """What a source has reported so far."""

    ids: dict[Key, tuple[int, StockEvent]] = field(default_factory=dict)
    """When each id was recorded, and what it was."""
    numbers: dict[int, StockEvent] = field(default_factory=dict)
    last_sequence: int = 0
    gaps: list[Gap] = field(default_factory=list)
    floor: int = 0
    """At and below it nobody can tell of a number that is in no gap."""
    last_event_ns: int | None = None
    expected_interval_ms: int = 0
    unknown_skus: UnknownSkus | None = None
    fallback: Fallback = Fallback.SELL_ON
    cap: int = 0
    state: SourceState = SourceState.CURRENT
    """How it was when that was last looked at."""
    updates: dict[Key, tuple[int, UpdateSource]] = field(default_factory=dict)
    """When each request to change it came, and what it was."""

    def gap_of(self, sequence: int) -> Gap | None:
        """The gap that a number is in."""
        return next((gap for gap in self.gaps if gap.first <= sequence <= gap.last), None)

    def recorded(self, event: StockEvent, now_ns: int) -> StockEvent | None:
        """The fact that was recorded under the id of this one, or under its number."""
        if event.key is None:
            return self.numbers.get(event.sequence)
        at_ns, first = self.ids.get(event.key, (0, None))
        return first if now_ns - at_ns < RETENTION_NS else None

    def note(self, event: StockEvent, now_ns: int, skipped: list[SequenceRange]) -> None:
        """Remember a fact."""
        self.last_event_ns = now_ns
        if event.key:
            self.ids[event.key] = now_ns, event
        if event.sequence:
            self.numbers[event.sequence] = event
            self.note_number(event.sequence, now_ns, skipped)

    def note_number(self, sequence: int, now_ns: int, skipped: list[SequenceRange]) -> None:
        """Remember that a number has come, and add what it skips."""
        gap = self.gap_of(sequence)
        if gap is not None:
            self.gaps.remove(gap)
            halves = (gap.first, sequence - 1), (sequence + 1, gap.last)
            self.gaps += [Gap(*half, gap.opened_ns) for half in halves if half[0] <= half[1]]
        elif sequence > self.last_sequence + 1:
            if not self.last_sequence and sequence - 1 > FIRST_NUMBERS_MAX:
                self.floor = sequence - 1
            else:
                skipped.append(SequenceRange(self.last_sequence + 1, sequence - 1))
                self.gaps.append(Gap(*skipped[-1], now_ns))
        self.last_sequence = max(self.last_sequence, sequence)

    def begins(self, event: StockEvent, by_node: UnknownSkus) -> bool:
        """Whether an event may begin its SKU."""
        policy = self.unknown_skus or by_node
        is_receipt = event.kind in (EventKind.RECEIPT, EventKind.COUNT, EventKind.SUPPLY)
        if policy == UnknownSkus.CREATE_BY_RECEIPT:
            return is_receipt
        return policy in (UnknownSkus.CREATE, UnknownSkus.QUARANTINE)

    def update(self, command: UpdateSource, now_ns: int) -> bool | Conflict:
        """Change what is set of it, once; return whether that was done before."""
        at_ns, first = self.updates.get(command.request or key_from_text("?"), (0, None))
        if first is not None and now_ns - at_ns < RETENTION_NS:
            is_same = said_by(first) == said_by(command)
            return is_same or Conflict("source", "", "")
        self.set(command)
        if command.request is not None:
            self.updates[command.request] = now_ns, command
        return False

    def set(self, command: UpdateSource) -> None:
        """Change what is set of it."""
        for name, value in said_by(command):
            setattr(self, name, value)

    def review(self, now_ns: int) -> None:
        """Look at how it is."""
        interval_ns = self.expected_interval_ms * NS_PER_MS
        self.state = SourceState.CURRENT
        if interval_ns and (self.last_event_ns or 0) + interval_ns < now_ns:
            self.state = SourceState.STALE
        if self.gaps:
            self.state = SourceState.GAP

    @property
    def room(self) -> int | None:
        """Units that may be promised at each of its levels; None for any number."""
        if self.state is SourceState.CURRENT or self.fallback is Fallback.SELL_ON:
            return None
        return self.cap if self.fallback is Fallback.CAP else 0

    def view(self, name: str, now_ns: int) -> SourceView:
        """How it is."""
        gaps = sorted((gap.first, gap.last, gap.opened_ns) for gap in self.gaps)
        missing = sum(last - first + 1 for first, last, _ in gaps)
        settings = self.expected_interval_ms, self.unknown_skus, self.fallback, self.cap
        return SourceView(
            SourceSettings(name, *settings),
            self.state,
            self.last_sequence,
            self.last_event_ns,
            now_ns,
            len(gaps),
            missing,
            0,
            tuple(ReportedGap(*gap) for gap in gaps),
        )

    def reset(self, last_sequence: int) -> None:
        """Count on from a number."""
        self.last_sequence = self.floor = last_sequence
        self.gaps.clear()
        self.numbers.clear()


def said_by(command: UpdateSource) -> list[tuple[str, object]]:
    """The fields that a command sets, and to what."""
    return [(name, getattr(command.source, name)) for name in command.fields]


def judge_event(
    event: StockEvent, source: Source, now_ns: int, *, knows_level: bool
) -> tuple[EventOutcome, Difference | None]:
    """Distinguish a new fact from one that was recorded, and from one that comes too late. Where a
    handle leads to no level, nobody knows the names.
    """
    first = source.recorded(event, now_ns)
    if first is not None:
        for name in ("sku", "location", "kind", "quantity")[0 if knows_level else 2 :]:
            before, after = (spelt(getattr(each, name)) for each in (first, event))
            if before != after:
                return EventOutcome.ID_REUSED, Difference(name, before, after)
        if others_of(first) != others_of(event):
            return EventOutcome.ID_REUSED, Difference(OTHERS, "", "")
        return EventOutcome.DUPLICATE, None
    if 0 < event.sequence <= source.last_sequence and not source.gap_of(event.sequence):
        is_noted = event.key is None and event.sequence > source.floor
        return EventOutcome.DUPLICATE if is_noted else EventOutcome.OUT_OF_ORDER, None
    return EventOutcome.APPLIED, None


#: Kinds of facts that tell nothing of on hand by themselves.
STILL = (
    *(EventKind.STATUS_CHANGE, EventKind.GOODS_ISSUE, EventKind.SHIPMENT_REVERSAL),
    *(EventKind.SUPPLY, EventKind.TRANSFER_ADJUSTMENT),
)


def had_seen(name: str, event: StockEvent, level: Level, occurred_ns: int | None) -> bool:
    """Whether the last count of its source at its level had seen a fact that comes now and happened
    then.
    """
    is_of_instant = event.kind == EventKind.COUNT and not event.is_plain
    if level.count_source != name or event.kind in STILL or is_of_instant:
        return False
    by_number = 0 < event.sequence <= level.count_sequence
    has_numbers = event.sequence and level.count_sequence and not level.compares_times
    tells_time = event.kind not in (EventKind.COUNT, EventKind.REVERSAL)
    tells_time |= event.kind == EventKind.REVERSAL and level.basis is CountBasis.BOOKS
    instant_ns = level.instant_ns
    if has_numbers or not tells_time or instant_ns is None or occurred_ns is None:
        return by_number
    if occurred_ns == instant_ns and event.sequence and level.count_sequence:
        return by_number
    return occurred_ns <= instant_ns


#: What else an event may say that changes what it does, as a difference names it.
OTHERS = "status, reference or instant"


def others_of(event: StockEvent) -> tuple[object, ...]:
    """That, as it was said."""
    if event.is_plain:
        return ()
    order = event.reservation
    named = (order.id, order.line) if order else ()
    has_instant = event.kind in (EventKind.COUNT, EventKind.GOODS_ISSUE)
    at_ns = event.occur_time_ns if has_instant else None
    count = (at_ns, event.as_of_sequence, event.basis, event.picked_quantity)
    undone = event.reverses
    target = (undone.source, undone.event_id, undone.kind) if undone else ()
    statuses = event.from_status, event.to_status
    supply, transfer = event.supply, event.transfer
    supplied = (supply, event.expected_ns) if supply else ()
    moved = (transfer, event.to_location) if transfer else ()
    return (*statuses, *named, *count, *event.seen_reservations, *target, *supplied, *moved)


def judge_change(
    event: StockEvent,
    level: Level,
    shipped: list[HeldLine] | None,
    state: State = State.FULFILLED,
) -> tuple[EventOutcome, int]:
    """Whether there is what a fact takes from a status, or from what was shipped; and how much."""
    there = level.unavailable.get(event.from_status, 0)
    if event.from_status and there < abs(event.quantity):
        return EventOutcome.EXCEEDS_UNAVAILABLE, there
    if shipped is not None:
        units = sum(line.units[state] for line in shipped)
        if units < event.quantity:
            return EventOutcome.EXCEEDS_SHIPPED, units
    return EventOutcome.APPLIED, 0


def spelt(value: object) -> str:
    """A value as conflicts and differences spell it."""
    if isinstance(value, IntEnum):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value)


def on_hand_with(event: StockEvent, on_hand: int) -> int:
    """Units on hand after a fact."""
    match event.kind:
        case EventKind.COUNT:
            return event.quantity
        case EventKind.SALE | EventKind.TRANSFER_DISPATCH:
            return on_hand - event.quantity
        case (
            EventKind.STATUS_CHANGE
            | EventKind.GOODS_ISSUE
            | EventKind.REVERSAL
            | EventKind.SHIPMENT_REVERSAL
            | EventKind.SUPPLY
            | EventKind.TRANSFER_ADJUSTMENT
        ):
            return on_hand
        case _:
            return on_hand + event.quantity
