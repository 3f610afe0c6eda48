"""What the model knows of sources of stock facts: which facts repeat, which come too late."""

from dataclasses import dataclass, field
from enum import IntEnum

from holdfast.core.commands import Conflict, Difference, Location, StockEvent
from holdfast.core.ids import Key
from holdfast.core.limits import RETENTION_NS
from holdfast.core.model import EventKind, EventOutcome, State
from tests.model_reservations import HeldLine, Level


@dataclass(eq=False)
class Source:
    """What a source has reported so far."""

    ids: dict[Key, tuple[int, StockEvent]] = field(default_factory=dict)
    """When each id was recorded, and what it was."""
    numbers: dict[int, StockEvent] = field(default_factory=dict)
    last_sequence: int = 0

    def recorded(self, event: StockEvent, now_ns: int) -> StockEvent | None:
        """The fact that was recorded under the id of this one, or under its number."""
        if event.key is None:
            return self.numbers.get(event.sequence)
        at_ns, first = self.ids.get(event.key, (0, None))
        return first if now_ns - at_ns < RETENTION_NS else None

    def note(self, event: StockEvent, now_ns: int) -> None:
        """Remember a fact."""
        if event.key:
            self.ids[event.key] = now_ns, event
        if event.sequence:
            self.numbers[event.sequence] = event
            self.last_sequence = event.sequence


def judge_event(
    event: StockEvent, source: Source, now_ns: int, *, knows_level: bool
) -> tuple[EventOutcome, Difference | None]:
    """Tell a new fact from one that was recorded, and from one that comes too late. Where a handle
    leads to no level, nobody knows the names.
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
    if 0 < event.sequence <= source.last_sequence:
        return EventOutcome.OUT_OF_ORDER, None
    return EventOutcome.APPLIED, None


#: What else an event may say that changes what it does, as a difference names it.
OTHERS = "status, reference or instant"


def others_of(event: StockEvent) -> tuple[object, ...]:
    """That, as it was said."""
    if event.is_plain:
        return ()
    order = event.reservation
    named = (order.id, order.line) if order else ()
    count = (event.occur_time_ns, event.as_of_sequence, event.basis, event.picked_quantity)
    return (event.from_status, event.to_status, *named, *count, *event.seen_reservations)


def judge_change(
    event: StockEvent, level: Level, shipped: list[HeldLine] | None
) -> tuple[EventOutcome, int]:
    """Whether there is what a fact takes from a status, or from what was shipped; and how much."""
    there = level.unavailable.get(event.from_status, 0)
    if event.from_status and there < abs(event.quantity):
        return EventOutcome.EXCEEDS_UNAVAILABLE, there
    if shipped is not None:
        units = sum(line.units[State.FULFILLED] for line in shipped)
        if units < event.quantity:
            return EventOutcome.EXCEEDS_SHIPPED, units
    return EventOutcome.APPLIED, 0


def location_conflict(first: Location, now: Location) -> Conflict | None:
    """Name the first field in which two locations of one name differ."""
    for name in ("kind", "display_name", "enabled"):
        before, after = getattr(first, name), getattr(now, name)
        if before != after:
            return Conflict(f"location.{name}", spelt(before), spelt(after))
    return None


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
        case EventKind.SALE:
            return on_hand - event.quantity
        case EventKind.STATUS_CHANGE | EventKind.GOODS_ISSUE:
            return on_hand
        case _:
            return on_hand + event.quantity
