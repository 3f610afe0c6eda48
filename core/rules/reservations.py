"""The business rules of reservations: what each command may do, and what it answers.

Rules of this file: a command is a list of guards, each returning one named answer in the order of
precedence; then the line "Point of no return"; then effects. What stands before that line changes
no state, what stands after it does not refuse. Every shard was advanced to `now_ns` before a
command runs, so an expired hold is not seen as held.
"""

from collections.abc import Sequence

import numpy as np

from ..commands import (
    Conflict,
    Extend,
    GetReservation,
    HoldOutcome,
    Line,
    LineView,
    Move,
    MoveOutcome,
    Refusal,
    RefusedLine,
    ReservationView,
    Reserve,
    Revision,
    Unknown,
)
from ..commands.registry import EXTEND, GET_RESERVATION, MOVE, RESERVE, executes
from ..ids import Key, text_from_key
from ..kernels.codes import ACCEPTED
from ..limits import NS_PER_MS
from ..model import (
    GIVE_BACK,
    TRANSITIONS,
    BatchOutcome,
    RefusalCode,
    Remainder,
    State,
    reservation_state,
)
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_whole_moves
from . import joint_turn, repeats
from .homes import Homes
from .joint_turn import Part

#: The code of an operation -> the refusal of the same name, in the order of precedence.
REFUSALS: dict[int, RefusalCode] = {
    int(BatchOutcome[code.name]): code
    for code in RefusalCode
    if code.name in BatchOutcome.__members__
}


class Reservations:
    """Reservations over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes) -> None:
        self.shards = shards
        self.homes = homes

    def parts_of(self, key: Key) -> list[Part]:
        """The parts of a reservation, home first; none when the id is unknown."""
        first = self.homes.first_part(key)
        return joint_turn.parts_of(self.shards, first) if first >= 0 else []

    def totals(self, key: Key) -> dict[State, int]:
        """Units of a whole reservation by state."""
        return _totals(self.parts_of(key))

    @executes(RESERVE)
    def reserve(self, command: Reserve, now_ns: int) -> HoldOutcome | Conflict | Unknown:
        """Hold all lines until `hold_ms` from now, or none."""
        if parts := self.parts_of(command.key):
            return _repeat_reserve(command, parts)
        operations = joint_turn.find_lines(self.homes, command.lines)
        if isinstance(operations, Unknown):
            return operations
        touched = [self.shards[number] for number in joint_turn.shards_of(operations)]
        codes = np.zeros(len(operations), np.uint8)  # PENDING
        available = joint_turn.decide(touched, operations, codes)
        if refusal := _refusal(command.lines, codes.tolist(), available):
            return HoldOutcome(refusal, 0, joint_turn.revisions(touched))
        # Point of no return: every line is there.
        joint_turn.hold(touched, operations, command)
        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        return HoldOutcome(None, expires_at_ns, joint_turn.revisions(touched))

    @executes(EXTEND)
    def extend(self, command: Extend, now_ns: int) -> HoldOutcome | Conflict | Unknown:
        """Let a hold end `hold_ms` from now, if that is later."""
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        match repeats.first_answer(parts, command, now_ns):
            case Conflict() as conflict:
                return conflict
            case repeats.FirstAnswer(expires_at_ns, revisions):
                return HoldOutcome(None, expires_at_ns, revisions)
        totals = _totals(parts)
        if totals[State.HELD] == 0:
            return HoldOutcome(Refusal(_nothing_left(totals)), 0, _revisions(parts))
        # Point of no return: there is something to extend.
        held_until_ns = _expires_at_ns(parts)
        expires_at_ns = max(held_until_ns, now_ns + command.hold_ms * NS_PER_MS)
        if expires_at_ns > held_until_ns:
            for part in parts:
                record(part.shard, Section.EXTENDS, (expires_at_ns, part.number, 0))
        repeats.remember(parts, command, expires_at_ns)
        return HoldOutcome(None, expires_at_ns, _revisions(parts))

    @executes(MOVE)
    def move(self, command: Move, now_ns: int) -> MoveOutcome | Conflict | Unknown:
        """Commit, Fulfill, Release or Cancel: move units along TRANSITIONS."""
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        match repeats.first_answer(parts, command, now_ns):
            case Conflict() as conflict:
                return conflict
            case repeats.FirstAnswer(state, revisions):
                return MoveOutcome(None, State(state), revisions)
        leaves, _ = TRANSITIONS[command.verb]
        totals = _totals(parts)
        if totals[leaves] == 0:
            return _refuse_move(Refusal(_nothing_left(totals)), totals, parts)
        chosen = _choose_lines(parts, command.lines, leaves)
        if isinstance(chosen, Refusal):
            return _refuse_move(chosen, totals, parts)
        # Point of no return: every unit that shall move is in the state that it leaves.
        _move(parts, chosen, command)
        state = reservation_state(_totals(parts))
        repeats.remember(parts, command, state)
        return MoveOutcome(None, state, _revisions(parts))

    @executes(GET_RESERVATION)
    def get_reservation(self, command: GetReservation, _now_ns: int) -> ReservationView | Unknown:
        """One reservation with its lines, in the order of the request that made it."""
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        lines = [
            LineView(*shard.name_row(_row(shard, line)), shard.units(line))
            for shard, line in joint_turn.lines_in_order(parts)
        ]
        home = parts[0].shard.reservations.records[parts[0].number]
        return ReservationView(
            reservation_state(_totals(parts)),
            tuple(lines),
            int(home["reserved_at_ns"]),
            int(home["expires_at_ns"]),
            _revisions(parts),
        )


def id_text(key: Key) -> str:
    """Spell a reservation id as its caller did."""
    return key.text if key.text is not None else text_from_key(key.hi, key.lo)


# --- Reserve ---


def _repeat_reserve(command: Reserve, parts: Sequence[Part]) -> HoldOutcome | Conflict:
    lines = [_line_as_reserved(shard, line) for shard, line in joint_turn.lines_in_order(parts)]
    if conflict := _first_difference(lines, command.lines):
        return conflict
    home = parts[0].shard.reservations.records[parts[0].number]
    hold_ms = int(home["hold_ms"])
    if hold_ms != command.hold_ms:
        return Conflict("hold_duration", f"{hold_ms} ms", f"{command.hold_ms} ms")
    first = tuple(
        Revision(part.shard.number, int(part.shard.reservations.records["sequence"][part.number]))
        for part in parts
    )
    return HoldOutcome(None, int(home["reserved_at_ns"]) + hold_ms * NS_PER_MS, first)


def _first_difference(first: Sequence[Line], now: Sequence[Line]) -> Conflict | None:
    if len(first) != len(now):
        return Conflict("lines", str(len(first)), str(len(now)))
    for index, (old, new) in enumerate(zip(first, now, strict=True)):
        for field in ("sku", "location", "quantity"):
            if getattr(old, field) != getattr(new, field):
                path = f"lines[{index}].{field}"
                return Conflict(path, str(getattr(old, field)), str(getattr(new, field)))
    return None


def _line_as_reserved(shard: Shard, line: int) -> Line:
    return Line(*shard.name_row(_row(shard, line)), sum(shard.units(line).values()))


def _refusal(lines: Sequence[Line], codes: list[int], available: Array) -> Refusal | None:
    """The refusal of the first code in the order of precedence, with all lines that have it."""
    refused = set(codes) - {ACCEPTED}
    if not refused:
        return None
    assert refused <= REFUSALS.keys(), f"a code without a refusal among {refused}"
    first = next(code for code in REFUSALS if code in refused)
    blamed = (at for at, code in enumerate(codes) if code == first)
    found = (refused_line(lines[at], int(available[at])) for at in blamed)
    return Refusal(REFUSALS[first], tuple(found))


def refused_line(line: Line, available: int) -> RefusedLine:
    """A line that can't be had, with what could be promised of it."""
    return RefusedLine(line.sku, line.location, line.quantity, available)


# --- commands on existing reservations ---


def _totals(parts: Sequence[Part]) -> dict[State, int]:
    totals = np.zeros(len(State), np.int64)
    for part in parts:
        part.shard.add_units(part.shard.lines_of(part.number), totals)
    return dict(zip(State, totals.tolist(), strict=True))


def _nothing_left(totals: dict[State, int]) -> RefusalCode:
    expired = reservation_state(totals) is State.EXPIRED
    return RefusalCode.EXPIRED if expired else RefusalCode.WRONG_STATE


def _refuse_move(refusal: Refusal, totals: dict[State, int], parts: Sequence[Part]) -> MoveOutcome:
    return MoveOutcome(refusal, reservation_state(totals), _revisions(parts))


def _choose_lines(
    parts: Sequence[Part], wanted: Sequence[Line], leaves: State
) -> list[tuple[Shard, int, int]] | Refusal:
    """Find the lines that a command names: (shard, line, quantity). None named, none chosen."""
    if not wanted:
        return []
    lines = {
        shard.name_row(_row(shard, line)): (shard, line)
        for shard, line in joint_turn.lines_in_order(parts)
    }
    missing = [line for line in wanted if (line.sku, line.location) not in lines]
    if missing:
        blamed = (RefusedLine(line.sku, line.location, line.quantity, 0) for line in missing)
        return Refusal(RefusalCode.NO_SUCH_LINE, tuple(blamed))
    chosen = [(*lines[line.sku, line.location], line.quantity) for line in wanted]
    excess = tuple(
        RefusedLine(named.sku, named.location, quantity, shard.units(line)[leaves])
        for named, (shard, line, quantity) in zip(wanted, chosen, strict=True)
        if quantity > shard.units(line)[leaves]
    )
    return Refusal(RefusalCode.EXCESS_QUANTITY, excess) if excess else chosen


def _move(parts: Sequence[Part], chosen: Sequence[tuple[Shard, int, int]], command: Move) -> None:
    leaves, enters = TRANSITIONS[command.verb]
    if not chosen:
        _move_all(parts, leaves, enters)
        return
    for shard, line, quantity in chosen:
        record(shard, Section.MOVES, (quantity, line, leaves, enters, 0))
    if command.remainder is Remainder.GIVE_BACK:
        _move_all(parts, leaves, GIVE_BACK[leaves])


def _move_all(parts: Sequence[Part], leaves: State, enters: State) -> None:
    for part in parts:
        record_whole_moves(part.shard, part.shard.lines_of(part.number), leaves, enters)


def _expires_at_ns(parts: Sequence[Part]) -> int:
    return int(parts[0].shard.reservations.records["expires_at_ns"][parts[0].number])


def _row(shard: Shard, line: int) -> int:
    return int(shard.lines.records["row"][line])


def _revisions(parts: Sequence[Part]) -> tuple[Revision, ...]:
    return joint_turn.revisions([part.shard for part in parts])
