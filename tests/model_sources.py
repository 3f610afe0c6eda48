"""What the model knows of sources of stock facts: which facts repeat, which come too late."""

from dataclasses import dataclass, field
from enum import IntEnum

from holdfast.core.commands import Difference, StockEvent
from holdfast.core.ids import Key
from holdfast.core.limits import RETENTION_NS
from holdfast.core.model import EventKind, EventOutcome


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
        return EventOutcome.DUPLICATE, None
    if 0 < event.sequence <= source.last_sequence:
        return EventOutcome.OUT_OF_ORDER, None
    return EventOutcome.APPLIED, None


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
        case _:
            return on_hand + event.quantity
