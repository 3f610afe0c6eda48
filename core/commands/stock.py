"""Commands on stock facts and availability, and their outcomes."""

from dataclasses import dataclass

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
class EventResult:
    """What one stock fact did."""

    outcome: EventOutcome
    on_hand: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class EventsOutcome:
    """The answer to RecordStockEvents, by position."""

    results: tuple[EventResult, ...]
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class GetAvailability:
    """Read the stock levels of SKUs, all at one instant."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelView:
    """One stock level."""

    location: str
    on_hand: int
    reserved: int
    committed: int
    available: int
    """Units that may still be promised; a negative number is a shortfall."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class AvailabilityView:
    """The stock levels of one SKU, in the order in which they were first recorded."""

    sku: str
    levels: tuple[LevelView, ...]
    revision: Revision


@dataclass(frozen=True, slots=True)
class AvailabilitiesView:
    """The answer to GetAvailability, by position; None for a SKU that no stock fact ever named."""

    views: tuple[AvailabilityView | None, ...]
