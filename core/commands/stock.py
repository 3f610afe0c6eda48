"""Commands on stock facts and availability, and their outcomes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..ids import Key
from ..model import EventKind, EventOutcome
from .shared import Revision


@dataclass(frozen=True, slots=True)
class Reference:
    """What a stock fact belongs to in its source: a document, or a line of one."""

    kind: str
    id: str
    line: str


@dataclass(frozen=True, slots=True)
class StockEvent:
    """One stock fact; `key` is None for a source that numbers its events, `sequence` 0 for one
    that does not. What follows `quantity` is journaled as given, each text up to NAME_BYTES_MAX
    bytes.
    """

    key: Key | None
    sequence: int
    sku: str
    location: str
    kind: EventKind
    quantity: int
    occur_time_ns: int | None = None
    reference: Reference | None = None
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class RecordStockEvents:
    """Record facts of one source, all or none."""

    source: str
    events: tuple[StockEvent, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first field in which an event differs from the one recorded under its id or number."""

    field: str
    recorded: str
    now: str


class EventResult(NamedTuple):
    """What one stock fact did. A tuple, because an answer may have a thousand."""

    outcome: EventOutcome
    on_hand: int
    shortfall: int
    available: int
    creates_sku: bool = False
    difference: Difference | None = None
    """Set when ID_REUSED."""


@dataclass(frozen=True, slots=True)
class EventsOutcome:
    """The answer to RecordStockEvents, by position."""

    results: tuple[EventResult, ...]
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class ResetSource:
    """Let a source number its events anew, above `last_sequence`."""

    source: str
    last_sequence: int


@dataclass(frozen=True, slots=True)
class SourceReset:
    """The answer to ResetSource: the last number until then."""

    previous_sequence: int


@dataclass(frozen=True, slots=True)
class GetAvailability:
    """Read the stock levels of SKUs at some locations, all at one instant; no locations means all
    of them.
    """

    skus: tuple[str, ...]
    locations: tuple[str, ...] = ()


class LevelView(NamedTuple):
    """One stock level."""

    location: str
    on_hand: int
    reserved: int
    committed: int
    available: int
    """Units that may still be promised: none at a disabled location; a negative number is a
    shortfall.
    """
    enabled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Stock levels [start, end) of columns, one for each field of LevelView, that many SKUs share.
    An answer may have a hundred thousand levels; as objects they would hold up the garbage
    collector for longer than a turn.
    """

    columns: Sequence[list[Any]]
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __iter__(self) -> Iterator[LevelView]:
        # By index: most SKUs have few levels, for which slices would take three times as long.
        locations, on_hand, reserved, committed, available, enabled = self.columns
        for at in range(self.start, self.end):
            yield LevelView(
                locations[at], on_hand[at], reserved[at], committed[at], available[at], enabled[at]
            )

    def __getitem__(self, index: int) -> LevelView:
        at = range(self.start, self.end)[index]
        return LevelView(*(column[at] for column in self.columns))


class AvailabilityView(NamedTuple):
    """The stock levels of one SKU, in the order in which they were first recorded. A tuple, because
    an answer may have a thousand.
    """

    sku: str
    levels: Levels | tuple[LevelView, ...]
    revision: Revision


@dataclass(frozen=True, slots=True)
class AvailabilitiesView:
    """The answer to GetAvailability, by position; None for a SKU that no stock fact ever named."""

    views: tuple[AvailabilityView | None, ...]
