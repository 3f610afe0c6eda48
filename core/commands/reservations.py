"""Commands on reservations, and their outcomes.

Commands arrive well formed: the edge has checked lengths and ranges, the engine asserts them. An
outcome carries a `refusal` for a business reason, or stands for success. Quantities are int64 in
the SKU's base unit; times are nanoseconds since the Unix epoch.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..ids import Key
from ..model import RefusalCode, Remainder, State, Verb
from .shared import Revision
from .shortfalls import Shortfall


class Line(NamedTuple):
    """Units of one SKU at one location, apart from others of them by the caller's `line_id`. A
    command has up to 2,000, and an object with fields of its own takes four times as long to make.

    Where a command names a line of a reservation, `line_id` may be empty, or SKU and location may.
    """

    sku: str
    location: str
    quantity: int
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold all lines or none. Lines of the same SKU, location and id are already summed."""

    key: Key
    lines: tuple[Line, ...]
    hold_ms: int
    owner: str = ""
    """Whom it is for, in the caller's words."""


@dataclass(frozen=True, slots=True)
class ReserveAgainstSupply:
    """Hold all lines or none, also what is not on hand. A class of its own, so that a Reserve of
    what is there does not pay for the question.
    """

    key: Key
    lines: tuple[Line, ...]
    hold_ms: int
    latest_ns: tuple[int | None, ...]
    """By when supply is to bring what is missing of each line; None for what has to be there."""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ReserveAlreadySold:
    """Hold all lines, whether they are there or not: somebody has sold them already. A class of its
    own, so that a Reserve of what is there does not pay for the question.
    """

    key: Key
    lines: tuple[Line, ...]
    hold_ms: int
    owner: str = ""


AnyReserve: TypeAlias = Reserve | ReserveAgainstSupply | ReserveAlreadySold


@dataclass(frozen=True, slots=True)
class Extend:
    """Let the hold end `hold_ms` from now, if that is later."""

    key: Key
    request: Key | None
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Move:
    """Commit, Fulfill, Release or Cancel: move units along TRANSITIONS[verb]."""

    verb: Verb
    key: Key
    request: Key | None
    lines: tuple[Line, ...] | None
    """Which units; None for all that are in the state that the command starts from."""
    remainder: Remainder


@dataclass(frozen=True, slots=True)
class ForceRelease:
    """Give back all units that are held or committed, as an operator has decided."""

    key: Key
    reason: str
    actor: str
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class ForcedOutcome:
    """The answer to ForceRelease: units that it released, and committed ones that it cancelled."""

    released: int
    cancelled: int
    revisions: tuple[Revision, ...]
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class GetReservation:
    """Read one reservation."""

    key: Key


class RefusedLine(NamedTuple):
    """A line to blame; `available` is what there was to take."""

    sku: str
    location: str
    requested: int
    available: int
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was refused, for a business reason."""

    code: RefusalCode
    lines: tuple[RefusedLine, ...] = ()


class Backordered(NamedTuple):
    """What of a line is promised from supply and not on hand yet."""

    units: int
    expected_ns: int | None
    """When the supply is expected that covers it, after all that was promised before; None when
    none does.
    """
    latest_ns: int


class ReserveOutcome(NamedTuple):
    """The answer to Reserve: the reservation as it is now, new or found.

    A tuple, because one is made for every Reserve, in about half the time of a frozen dataclass.
    """

    refusal: Refusal | None
    state: State | None
    """None when there is no reservation."""
    expires_at_ns: int
    lines: tuple[Line, ...]
    """As they were allocated, in the order of the first request; none when refused."""
    revisions: tuple[Revision, ...]
    is_repeat: bool = False
    backorders: tuple[Backordered | None, ...] = ()
    """What of each line is not on hand yet; nothing when all is."""
    shortfalls: tuple[Shortfall, ...] = ()
    """Of what was sold already: those at the stock levels of its lines."""


@dataclass(frozen=True, slots=True)
class ExtendOutcome:
    """The answer to Extend: when the hold ends now."""

    refusal: Refusal | None
    expires_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """The answer to Move: the state of the reservation as it is now."""

    refusal: Refusal | None
    state: State
    revisions: tuple[Revision, ...]
    shortfalls: tuple[Shortfall, ...] = ()
    """After a Fulfill: those at the levels of shipped lines."""


class LineView(NamedTuple):
    """A line of a reservation and its units by state. A tuple: an answer may have 2,000."""

    sku: str
    location: str
    quantities: dict[State, int]
    line_id: str = ""
    backordered: Backordered | None = None


@dataclass(frozen=True, slots=True)
class ReservationView:
    """The answer to GetReservation."""

    state: State
    lines: tuple[LineView, ...]
    reserved_at_ns: int | None
    expires_at_ns: int | None
    revisions: tuple[Revision, ...]
    owner: str = ""
