"""Commands on reservations, and their outcomes.

Commands arrive well formed: the edge has checked lengths and ranges, the engine asserts them. An
outcome carries a `refusal`, a business no, or stands for success. Quantities are int64 in the SKU's
base unit; times are nanoseconds since the Unix epoch.
"""

from dataclasses import dataclass

from ..ids import Key
from ..model import RefusalCode, Remainder, State, Verb
from .shared import Revision


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
    """The answer to Reserve and Extend."""

    refusal: Refusal | None
    expires_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """The answer to Move: the state of the reservation after it, or as it is when refused."""

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
    """The answer to GetReservation."""

    state: State
    lines: tuple[LineView, ...]
    reserved_at_ns: int
    expires_at_ns: int
    revisions: tuple[Revision, ...]
