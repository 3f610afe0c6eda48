"""The business rules of reservations: what each command may do, and what it answers.

Rules of this file: a command is a list of guards, each returning one named answer in the order of
precedence; then the line "Point of no return"; then effects. What stands before that line changes
no state, what stands after it does not refuse. Every shard was advanced to `now_ns` before a
command runs, so an expired hold is not seen as held.
"""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import (
    Ambiguous,
    Conflict,
    Extend,
    ExtendOutcome,
    GetReservation,
    Line,
    LineView,
    Move,
    MoveOutcome,
    Refusal,
    RefusedLine,
    ReservationView,
    Reserve,
    ReserveOutcome,
    Revision,
    Shortfall,
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
    Verb,
    reservation_state,
)
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_whole_moves
from . import joint_turn, named_lines, repeats
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

    def units(self, key: Key) -> Array:
        """Units of a whole reservation by state (int64[6])."""
        return _units(self.parts_of(key))

    @executes(RESERVE)
    def reserve(self, command: Reserve, now_ns: int) -> ReserveOutcome | Conflict | Unknown:
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
            return ReserveOutcome(refusal, None, 0, (), joint_turn.revisions(touched))
        # Point of no return: every line is there.
        joint_turn.hold(touched, operations, command)
        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        revisions = joint_turn.revisions(touched)
        return ReserveOutcome(None, State.HELD, expires_at_ns, command.lines, revisions)

    @executes(EXTEND)
    def extend(self, command: Extend, now_ns: int) -> ExtendOutcome | Conflict | Unknown:
        """Let a hold end `hold_ms` from now, if that is later."""
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        is_repeat = repeats.is_repeat(parts, command, now_ns)
        if isinstance(is_repeat, Conflict):
            return is_repeat
        if _totals(parts)[State.HELD] == 0:
            return ExtendOutcome(_nothing_left(parts, State.HELD), 0, _revisions(parts))
        held_until_ns = _expires_at_ns(parts)
        if is_repeat:
            return ExtendOutcome(None, held_until_ns, _revisions(parts))
        # Point of no return: there is something to extend.
        expires_at_ns = max(held_until_ns, now_ns + command.hold_ms * NS_PER_MS)
        if expires_at_ns > held_until_ns:
            for part in parts:
                record(part.shard, Section.EXTENDS, (expires_at_ns, part.number, 0))
        repeats.remember(parts, command, expires_at_ns)
        return ExtendOutcome(None, expires_at_ns, _revisions(parts))

    @executes(MOVE)
    def move(self, command: Move, now_ns: int) -> MoveOutcome | Ambiguous | Conflict | Unknown:
        """Commit, Fulfill, Release or Cancel: move units along TRANSITIONS."""
        assert command.lines != (), "no lines are not all of them"
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        is_repeat = repeats.is_repeat(parts, command, now_ns)
        if isinstance(is_repeat, Conflict):
            return is_repeat
        if is_repeat:
            return _moved(command, parts)
        named = named_lines.find(parts, command.lines or ())
        if isinstance(named, Ambiguous):
            return named
        leaves, _ = TRANSITIONS[command.verb]
        if _totals(parts)[leaves] == 0:
            return _refuse_move(_nothing_left(parts, leaves), parts)
        chosen = named_lines.choose(named, leaves)
        if isinstance(chosen, Refusal):
            return _refuse_move(chosen, parts)
        # Point of no return: every unit that shall move is in the state that it leaves.
        _move(parts, chosen, command)
        repeats.remember(parts, command, reservation_state(_totals(parts)))
        return _moved(command, parts)

    @executes(GET_RESERVATION)
    def get_reservation(self, command: GetReservation, _now_ns: int) -> ReservationView | Unknown:
        """One reservation with its lines, in the order of the request that made it."""
        parts = self.parts_of(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        lines = [_line_view(part, line) for part, line in joint_turn.lines_in_order(parts)]
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


def _repeat_reserve(command: Reserve, parts: Sequence[Part]) -> ReserveOutcome | Conflict:
    lines = repeats.lines_as_reserved(parts)
    home = parts[0].shard.reservations.records[parts[0].number]
    if conflict := repeats.reserve_difference(lines, int(home["hold_ms"]), command):
        return conflict
    totals = _totals(parts)
    state = reservation_state(totals)
    if totals[State.HELD] == totals[State.COMMITTED] == 0:
        ended = Refusal(RefusalCode.RESERVATION_ENDED)
        return ReserveOutcome(ended, state, 0, (), _revisions(parts), is_repeat=True)
    ends_at_ns = _expires_at_ns(parts)
    return ReserveOutcome(None, state, ends_at_ns, lines, _revisions(parts), is_repeat=True)


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
    return RefusedLine(line.sku, line.location, line.quantity, available, line.line_id)


# --- commands on existing reservations ---


def _units(parts: Sequence[Part]) -> Array:
    units = np.zeros(len(State), np.int64)
    for part in parts:
        part.shard.add_units(part.shard.lines_of(part.number), units)
    return units


def _totals(parts: Sequence[Part]) -> dict[State, int]:
    return dict(zip(State, _units(parts).tolist(), strict=True))


def _nothing_left(parts: Sequence[Part], leaves: State) -> Refusal:
    return Refusal(REFUSALS[kernels.judge_nothing_left(_units(parts), int(leaves))])


def _refuse_move(refusal: Refusal, parts: Sequence[Part]) -> MoveOutcome:
    return MoveOutcome(refusal, reservation_state(_totals(parts)), _revisions(parts))


def _moved(command: Move, parts: Sequence[Part]) -> MoveOutcome:
    """The answer to a command that has taken effect, now or before."""
    state = reservation_state(_totals(parts))
    shortfalls = _shortfalls(parts) if command.verb is Verb.FULFILL else ()
    return MoveOutcome(None, state, _revisions(parts), shortfalls)


def _shortfalls(parts: Sequence[Part]) -> tuple[Shortfall, ...]:
    """The stock levels of shipped lines where promises exceed supply, in the order of the lines.
    One whose SKU has ended is nobody's to refill.
    """
    found: dict[int, Shortfall] = {}
    for shard, number in ((part.shard, part.number) for part in parts):
        lines = shard.lines_of(number)
        records = shard.lines.records[lines.start : lines.stop]
        on_hand, _, _, available, _ = shard.read_levels(records["row"].astype(np.int64))
        for at in np.flatnonzero(available < 0).tolist():
            row = int(records["row"][at])
            if shard.units(lines[at])[State.FULFILLED]:
                figures = int(on_hand[at]), int(available[at])
                found[int(records["position"][at])] = Shortfall(*shard.name_row(row), *figures)
    return tuple(dict.fromkeys(found[position] for position in sorted(found)))


def _move(parts: Sequence[Part], chosen: Sequence[tuple[Shard, int, int]], command: Move) -> None:
    leaves, enters = TRANSITIONS[command.verb]
    if command.lines is None:
        _move_all(parts, leaves, enters)
        return
    for shard, line, quantity in chosen:
        record(shard, Section.MOVES, (quantity, line, leaves, enters, 0))
    if command.remainder is Remainder.GIVE_BACK:
        _move_all(parts, leaves, GIVE_BACK[leaves])


def _move_all(parts: Sequence[Part], leaves: State, enters: State) -> None:
    for part in parts:
        record_whole_moves(part.shard, part.shard.lines_of(part.number), leaves, enters)


def _line_view(part: Part, line: int) -> LineView:
    sku, location, line_id = joint_turn.line_name(part, line)
    return LineView(sku, location, part.shard.units(line), line_id)


def _expires_at_ns(parts: Sequence[Part]) -> int:
    return int(parts[0].shard.reservations.records["expires_at_ns"][parts[0].number])


def _row(shard: Shard, line: int) -> int:
    return int(shard.lines.records["row"][line])


def _revisions(parts: Sequence[Part]) -> tuple[Revision, ...]:
    return joint_turn.revisions([part.shard for part in parts])
