"""What the engine can be asked, and what it answers.

Commands arrive well formed: the edge has checked lengths and ranges, the engine asserts them. An
outcome either carries a `refusal` (a business no), or stands for success; `Unknown` and `Conflict`
are faults of the caller and become gRPC statuses. Quantities are int64 in the SKU's base unit;
times are nanoseconds since the Unix epoch.
"""

from dataclasses import dataclass

from ..ids import Key
from ..model import (
    EventKind,
    EventOutcome,
    LocationKind,
    RefusalCode,
    Remainder,
    State,
    Verb,
)
from ..tables.layouts import Array


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one SKU at one location."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold all lines or none. Lines of the same SKU and location are already summed."""

    key: Key
    lines: tuple[Line, ...]
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Extend:
    """Let the hold end `hold_ms` from now, if that is later."""

    key: Key
    request: Key | None
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Move:
    """Commit, Fulfill, Release or Cancel: move units along TRANSITIONS[verb]. No lines means all of
    them.
    """

    verb: Verb
    key: Key
    request: Key | None
    lines: tuple[Line, ...]
    remainder: Remainder


@dataclass(frozen=True, slots=True)
class GetReservation:
    """Read one reservation."""

    key: Key


@dataclass(frozen=True, slots=True)
class GetAvailability:
    """Read the stock levels of SKUs, all at one instant."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StockEvent:
    """One stock fact; `key` is None for a source that only numbers its events, `sequence` 0 for one
    that does not.
    """

    key: Key | None
    sequence: int
    sku: str
    location: str
    kind: EventKind
    quantity: int


@dataclass(frozen=True, slots=True)
class RecordStockEvents:
    """Record facts of one source, all or none."""

    source: str
    events: tuple[StockEvent, ...]


@dataclass(frozen=True, slots=True)
class Location:
    """A place that has stock."""

    name: str
    kind: LocationKind
    display_name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class PutLocation:
    """Create or change a location."""

    location: Location


@dataclass(frozen=True, slots=True)
class ListLocations:
    """Read the catalogue of locations."""


@dataclass(frozen=True, slots=True)
class DeleteSku:
    """End a SKU; its name may begin anew."""

    sku: str


@dataclass(frozen=True, slots=True)
class ReserveBatch:
    """Single-line reserves as columns.OPERATION records; `linked[i]` ties i to the next."""

    operations: Array
    linked: Array | None


@dataclass(frozen=True, slots=True)
class MoveBatch:
    """Move reservations whole along TRANSITIONS[verb]; of an OPERATION only the key is read."""

    verb: Verb
    operations: Array


@dataclass(frozen=True, slots=True)
class ResolveLevels:
    """Turn (SKU, location) names into handles."""

    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReadLevels:
    """Read stock levels by handle (uint64)."""

    handles: Array


@dataclass(frozen=True, slots=True)
class StockBatch:
    """Record facts of one source, as stock_batch.STOCK_EVENT records with keys of ids.event_key."""

    source: str
    events: Array


Command = (
    Reserve
    | Extend
    | Move
    | GetReservation
    | GetAvailability
    | RecordStockEvents
    | PutLocation
    | DeleteSku
    | ListLocations
    | ReserveBatch
    | MoveBatch
    | ResolveLevels
    | ReadLevels
    | StockBatch
)


@dataclass(frozen=True, slots=True)
class Revision:
    """Shard and sequence of the journal entry that an answer rests on."""

    shard: int
    sequence: int


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line to blame; `available` is what there was to take."""

    sku: str
    location: str
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A business no."""

    code: RefusalCode
    lines: tuple[RefusedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """Answer to Reserve and Extend."""

    refusal: Refusal | None
    expires_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """Answer to Move: the state of the reservation after it, or as it is when refused."""

    refusal: Refusal | None
    state: State
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of a reservation and its units by state."""

    sku: str
    location: str
    quantities: dict[State, int]


@dataclass(frozen=True, slots=True)
class ReservationView:
    """Answer to GetReservation."""

    state: State
    lines: tuple[LineView, ...]
    reserved_at_ns: int
    expires_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class LevelView:
    """One stock level."""

    location: str
    on_hand: int
    reserved: int
    committed: int
    enabled: bool

    @property
    def available(self) -> int:
        """Units that no promise rests on; negative is a shortfall."""
        return self.on_hand - self.reserved - self.committed


@dataclass(frozen=True, slots=True)
class AvailabilityView:
    """The stock levels of one SKU, in the order in which they were first recorded."""

    sku: str
    levels: tuple[LevelView, ...]
    revision: Revision


@dataclass(frozen=True, slots=True)
class AvailabilitiesView:
    """Answer to GetAvailability, by position; None for a SKU that no stock fact ever named."""

    views: tuple[AvailabilityView | None, ...]


@dataclass(frozen=True, slots=True)
class EventResult:
    """What one stock fact did."""

    outcome: EventOutcome
    on_hand: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class EventsOutcome:
    """Answer to RecordStockEvents, by position."""

    results: tuple[EventResult, ...]
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class LocationOutcome:
    """Answer to PutLocation."""

    location: Location
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class LocationsView:
    """Answer to ListLocations, in the order in which they were created."""

    locations: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """Answer to DeleteSku: what ended with it."""

    stock_levels: int
    on_hand: int
    promised: int
    revision: Revision


@dataclass(frozen=True, slots=True)
class BatchCodes:
    """Answer to a batch: kernels' ACCEPTED … LINKED_REFUSED by position (uint8)."""

    codes: Array
    accepted_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Handles:
    """Answer to ResolveLevels, by position (uint64); 0 where there is no such stock level."""

    handles: Array


@dataclass(frozen=True, slots=True)
class LevelColumns:
    """Answer to ReadLevels, by position (int64); zeros for a handle that no stock level has."""

    on_hand: Array
    reserved: Array
    committed: Array
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class StockCodes:
    """Answer to StockBatch, by position: EventOutcome (uint8), and the rest of an EventResult."""

    codes: Array
    on_hand: Array
    shortfalls: Array
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Fault: the command names what does not exist. `field` is its path in the request."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Fault: an id was used before with other content; `field` is the first that differs."""

    field: str
    first: str
    now: str


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """Fault: a stock fact would take a stock level beyond what it can hold."""

    field: str
    value: int


Outcome = (
    HoldOutcome
    | MoveOutcome
    | ReservationView
    | AvailabilitiesView
    | EventsOutcome
    | LocationOutcome
    | DeleteOutcome
    | LocationsView
    | BatchCodes
    | Handles
    | LevelColumns
    | StockCodes
    | Unknown
    | Conflict
    | OutOfRange
)
