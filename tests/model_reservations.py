"""A reservation, as plainly as possible, and what may be said of it: the model's half that does
not know of stock events.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from holdfast.core.commands import (
    AnyReserve,
    Conflict,
    Extend,
    ForcedOutcome,
    ForceRelease,
    Line,
    Move,
    Reference,
    Refusal,
    RefusedLine,
    ReserveOutcome,
)
from holdfast.core.ids import Key, text_from_key
from holdfast.core.limits import ON_HAND_MAX
from holdfast.core.model import (
    GIVE_BACK,
    CountBasis,
    EventKind,
    RefusalCode,
    State,
    Verb,
    reservation_state,
)

if TYPE_CHECKING:
    from tests.model_backorders import Backorder


@dataclass(eq=False)
class Happened:
    """Something that changed a level, or reported a change."""

    at_ns: int
    came_at_ns: int
    units: int
    source: str = ""
    sequence: int = 0
    kind: EventKind | None = None
    basis: CountBasis | None = None
    is_undone: bool = False
    is_nulled: bool = False
    """Whether its reversal came before it."""
    is_counted: bool = False
    """Whether a count had seen it before it came."""
    is_timed: bool = False
    """Whether it came later than it happened."""
    is_late: bool = False
    """Whether its source had come to a higher number before."""


@dataclass
class Supply:
    """Inbound supply: what is announced in all, what has come, and what was said of it last. Of a
    transfer, announced is what was dispatched, less what was lost.
    """

    announced: int = 0
    received: int = 0
    expected_ns: int = 0
    said_ns: int = 0
    changed_ns: int = 0
    source: str = ""
    sequence: int = 0
    is_transfer: bool = False

    @property
    def incoming(self) -> int:
        return max(0, self.announced - self.received)

    @property
    def over(self) -> int:
        return max(0, self.received - self.announced) if self.is_transfer else 0


@dataclass(eq=False)
class Level:
    """One SKU at one location. A level outlives its SKU while reservations rest on it."""

    sku: str
    location: str
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    unavailable: dict[str, int] = field(default_factory=dict)
    facts: list[Happened] = field(default_factory=list)
    shipments: list[Happened] = field(default_factory=list)
    supplies: dict[Reference, Supply] = field(default_factory=dict)
    queue: list["Backorder"] = field(default_factory=list)
    """In the order in which they were promised."""
    unposted: int = 0
    """Units that were shipped and of which no source posted the goods issue."""
    counted_ns: int = 0
    basis: CountBasis | None = None
    """As of when it was last counted as of an instant, and by what."""
    fed_by: str = ""
    """The source of its last receipt or adjustment before it was counted."""
    count_source: str = ""
    count_sequence: int = 0
    """The source that counted it last, and the number up to which that had seen its own facts."""
    instant_ns: int | None = None
    """The last instant that a count stated."""
    is_reset: bool = False
    """Whether that source has been reset since."""
    compares_times: bool = False
    """Whether the number is the last count's own, and that stated an instant."""

    @property
    def backordered(self) -> int:
        return sum(each.units for each in self.queue)

    @property
    def available(self) -> int:
        promised = self.reserved + self.committed - self.backordered
        return self.on_hand - promised - sum(self.unavailable.values())

    @property
    def left(self) -> int:
        """What is available when all that wait have got what they can."""
        return self.available - min(self.backordered, max(0, self.available))

    def change_status(self, status: str, units: int) -> None:
        """Let units enter a status, or leave it; the empty one is for sale."""
        if status:
            self.unavailable[status] = self.unavailable.get(status, 0) + units


def out_of_range(level: Level, on_hand: int, committed: int = 0) -> str:
    """What a level with so many units on hand and so many more committed can't hold, if any."""
    if on_hand > ON_HAND_MAX:
        return "on_hand"
    available = on_hand - level.on_hand + level.available - committed
    return "available" if available < -ON_HAND_MAX else ""


@dataclass(eq=False)
class HeldLine:
    """One line of a reservation: the level it rests on, and its units by state."""

    level: Level
    units: dict[State, int]

    def move(self, source: State, target: State, quantity: int, now_ns: int = 0) -> None:
        """Move units to another state; the level's promises, or its stock, go along."""
        is_shipped = target == State.FULFILLED and source != State.RETURNED
        if is_shipped and quantity:
            self.level.shipments.append(Happened(now_ns, now_ns, -quantity))
            self.level.unposted += quantity
        if (source, target) == (State.FULFILLED, State.COMMITTED) and quantity:
            self.level.shipments.append(Happened(now_ns, now_ns, quantity))
            self.level.unposted -= quantity
        self.units[source] -= quantity
        self.units[target] += quantity
        self.level.reserved -= quantity * (source == State.HELD)
        self.level.committed -= quantity * (source == State.COMMITTED)
        self.level.committed += quantity * (target == State.COMMITTED)
        self.level.on_hand -= quantity * is_shipped


@dataclass(eq=False)
class Reservation:
    """What was asked for, when, and how far it has come."""

    asked: AnyReserve
    reserved_at_ns: int
    expires_at_ns: int
    lines: dict[tuple[str, str, str], HeldLine]
    first_name: Callable[[str], str]
    """Of a SKU that was merged into another, the first name of that."""
    requests: dict[Key, tuple[int, Move | Extend]] = field(default_factory=dict)
    ended_at_ns: int | None = None
    """When time next passed after its last unit had been held or committed."""
    dropped_at_ns: int | None = None
    """When its lines left."""

    def total(self, state: State) -> int:
        """Units in a state, over all lines."""
        return sum(line.units[state] for line in self.lines.values())

    @property
    def state(self) -> State:
        return reservation_state({state: self.total(state) for state in State})

    def force(self, _command: ForceRelease) -> ForcedOutcome:
        """Give back all that is held or committed."""
        given_back = []
        for source in (State.HELD, State.COMMITTED):
            given_back.append(self.total(source))
            for line in self.lines.values():
                line.move(source, GIVE_BACK[source], line.units[source])
        released, cancelled = given_back
        return ForcedOutcome(released, cancelled, ())

    @property
    def is_live(self) -> bool:
        return self.state in (State.HELD, State.COMMITTED)

    def named(self, line: Line) -> list[tuple[str, str, str]]:
        """The lines that a name stands for, which may leave out the id, or all else."""
        return [
            key
            for key in self.lines
            if line.line_id in ("", key[2])
            and (line.sku, line.location) in (("", ""), (self.first_name(key[0]), key[1]))
        ]


def promised(reservations: Iterable[Reservation]) -> tuple[dict[Level, int], dict[Level, int]]:
    """What each level has reserved and committed by its lines, none of which has lost a unit."""
    reserved: dict[Level, int] = {}
    committed: dict[Level, int] = {}
    for reservation in reservations:
        for asked, line in zip(reservation.asked.lines, reservation.lines.values(), strict=True):
            assert asked.quantity == sum(line.units.values())
            assert min(line.units.values()) >= 0
            level = line.level
            reserved[level] = reserved.get(level, 0) + line.units[State.HELD]
            committed[level] = committed.get(level, 0) + line.units[State.COMMITTED]
    return reserved, committed


def check_promises(levels: Iterable[Level], reservations: Collection[Reservation]) -> None:
    """A level promises exactly the live units of its lines, and no line ever loses a unit."""
    reserved, committed = promised(reservations)
    for level in {*levels} | reserved.keys():
        assert level.reserved == reserved.get(level, 0)
        assert level.committed == committed.get(level, 0)
        assert not out_of_range(level, level.on_hand)
        assert not level.unavailable or min(level.unavailable.values()) >= 0
        assert level.on_hand >= -ON_HAND_MAX


def key_text(key: Key) -> str:
    """Spell an id as its caller did."""
    return text_from_key(key.hi, key.lo) if key.text is None else key.text


def up_to(until_ns: int, known: Mapping[Key, Reservation], time: str) -> list[Key]:
    """The keys of reservations whose `time`, in the order of which they stand, is not later."""
    return list(takewhile(lambda key: getattr(known[key], time) <= until_ns, known))


def refuse_reserve(code: RefusalCode, lines: list[RefusedLine]) -> ReserveOutcome:
    """Refuse a Reserve; there is no reservation then."""
    return ReserveOutcome(Refusal(code, tuple(lines)), None, 0, (), ())


def beyond_room(
    lines: tuple[Line, ...], skus: Mapping[str, Mapping[str, Level]]
) -> Iterator[RefusedLine]:
    """Lines that are sold already, and would make a shortfall larger than the lines before them
    leave room for.
    """
    room: dict[tuple[str, str], int] = {}
    for line in lines:
        place = line.sku, line.location
        level = skus[line.sku].get(line.location)
        left = room.setdefault(place, ON_HAND_MAX + (level.available if level else 0))
        if line.quantity > left:
            yield refused_line(line, left)
        else:
            room[place] -= line.quantity


def refused_line(line: Line, available: int) -> RefusedLine:
    """A line to blame."""
    return RefusedLine(line.sku, line.location, line.quantity, available, line.line_id)


def refuse_state(reservation: Reservation, source: State) -> Refusal | None:
    """Refuse a command that finds no units to work on."""
    if reservation.total(source):
        return None
    is_expired = reservation.total(State.EXPIRED) > 0
    if source == State.COMMITTED:  # what expired had not been committed: blamed where all expired
        is_expired = reservation.state == State.EXPIRED
    return Refusal(RefusalCode.EXPIRED if is_expired else RefusalCode.WRONG_STATE)


def refuse_lines(
    reservation: Reservation, lines: tuple[Line, ...], source: State
) -> Refusal | None:
    """Refuse lines that there are not, then lines that ask for more than there is."""
    missing = [line for line in lines if not reservation.named(line)]
    if missing:
        blamed = tuple(refused_line(line, 0) for line in missing)
        return Refusal(RefusalCode.NO_SUCH_LINE, blamed)
    wanted: dict[tuple[str, str, str], int] = {}
    for line in lines:
        (name,) = reservation.named(line)
        wanted[name] = wanted.get(name, 0) + line.quantity
    excess = tuple(
        RefusedLine(sku, location, quantity, there, line_id)
        for (sku, location, line_id), quantity in wanted.items()
        if quantity > (there := reservation.lines[sku, location, line_id].units[source])
    )
    return Refusal(RefusalCode.EXCESS_QUANTITY, excess) if excess else None


def reserve_conflict(first: AnyReserve, now: AnyReserve) -> Conflict | None:
    """Name the first field in which two Reserves with the same id differ. Lines have no order: one
    is compared with the one of its name, or else with the first that has no match.
    """
    if len(first.lines) != len(now.lines):
        return Conflict("lines", str(len(first.lines)), str(len(now.lines)))
    for i, new in enumerate(now.lines):
        if new in first.lines:
            continue
        unmatched = [old for old in first.lines if old not in now.lines]
        names = [(old.sku, old.location, old.line_id) for old in unmatched]
        name = (new.sku, new.location, new.line_id)
        old = unmatched[names.index(name) if name in names else 0]
        for field_name in ("sku", "location", "line_id", "quantity"):
            if getattr(old, field_name) != getattr(new, field_name):
                before, after = str(getattr(old, field_name)), str(getattr(new, field_name))
                return Conflict(f"lines[{i}].{field_name}", before, after)
    if first.hold_ms != now.hold_ms:
        return Conflict("hold_duration", f"{first.hold_ms} ms", f"{now.hold_ms} ms")
    if first.owner != now.owner:
        return Conflict("owner", first.owner, now.owner)
    return None


def request_conflict(first: Move | Extend, now: Move | Extend) -> Conflict | None:
    """Name the first field in which two commands with the same request id differ."""
    for name in ("method", "lines", "remainder", "hold_duration"):
        before, after = request_field(first, name), request_field(now, name)
        if before != after:
            return Conflict(name, str(before), str(after))
    return None


def request_field(command: Move | Extend, name: str) -> object:
    """One field of a command under its name on the wire; None where it has no such field."""
    if name == "method":
        return command.verb.name if isinstance(command, Move) else Verb.EXTEND.name
    if name == "hold_duration":
        return command.hold_ms if isinstance(command, Extend) else None
    if name == "lines" and isinstance(command, Move) and command.lines is not None:
        return set(command.lines)
    return getattr(command, name, None)
