"""The business rules of reservations: what each command may do, and what it answers.

Rules of this file: a command is a list of guards, each returning one named answer in the order of
precedence; then the line "Point of no return"; then effects. Code before that line changes no
state, code after it does not refuse. A turn has ended all due holds before a command runs, so an
expired hold is not seen as held.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice, repeat

import numpy as np

from .. import kernels
from ..commands import (
    Ambiguous,
    AnyReserve,
    Backordered,
    Conflict,
    Extend,
    ExtendOutcome,
    ForcedOutcome,
    ForceRelease,
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
from ..commands.naming import sum_lines
from ..commands.registry import EXTEND, FORCE_RELEASE, GET_RESERVATION, MOVE, RESERVE, executes
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
from ..tables.backorders import settle_backorders
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_decision, record_whole_moves
from ..work import LINE_LISTED, LINE_MOVED, LINE_READ, PART, Steps, Work, finished
from . import joint_turn, named_lines, repeats
from .backorders import are_waiting, backordered_lines, judge_shipping
from .homes import Ended, Homes
from .joint_turn import Lines, Part
from .named_lines import Chosen

_STATES = tuple(State)

#: Lines of a reservation that are listed before the turn may end.
LINES_LISTED_MAX = 500

#: The code of an operation -> the refusal of the same name, in the order of precedence.
REFUSALS: dict[int, RefusalCode] = {
    int(BatchOutcome[code.name]): code
    for code in RefusalCode
    if code.name in BatchOutcome.__members__
}


class Reservations:
    """Reservations over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, work: Work) -> None:
        self.shards = shards
        self.homes = homes
        self.work = work

    def find(self, key: Key) -> list[Part] | Ended:
        """The parts of a reservation, home first, or what is left of one that has ended. No parts
        when the id is unknown.
        """
        first = self.homes.first_part(key)
        if first < 0:
            return []
        if ended := self.homes.ended(first, key):
            return ended
        parts = joint_turn.parts_of(self.shards, first)
        self.work.spend(len(parts) * PART + _line_count(parts) * LINE_MOVED)
        return parts

    def parts_in_memory(self, key: Key) -> list[Part]:
        """The parts of a reservation. None when the id is unknown or its lines have left memory."""
        found = self.find(key)
        return [] if isinstance(found, Ended) else found

    def units(self, key: Key) -> Array:
        """Units of a whole reservation by state (int64[7]). Once its lines have left memory: 1 for
        each state in which it had any.
        """
        found = self.find(key)
        return found.units if isinstance(found, Ended) else _units(found)

    @executes(RESERVE)
    def reserve(self, command: Reserve, now_ns: int) -> ReserveOutcome | Conflict | Unknown:
        """Hold all lines until `hold_ms` from now, or none."""
        known = self.answer_known(command, now_ns)
        if known is not None:
            return known
        operations = joint_turn.find_lines(self.homes, command)
        if isinstance(operations, Unknown):
            return operations
        touched = [self.shards[number] for number in joint_turn.shards_of(operations)]
        codes = np.zeros(len(operations), np.uint8)  # PENDING
        available = joint_turn.decide(touched, operations, codes)
        if refusal := refusal_of(command.lines, codes.tolist(), available):
            return ReserveOutcome(refusal, None, 0, (), joint_turn.revisions(touched))
        # Point of no return: every line is there.
        joint_turn.hold(touched, operations, command)
        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        revisions = joint_turn.revisions(touched)
        return ReserveOutcome(None, State.HELD, expires_at_ns, command.lines, revisions)

    def answer_known(self, command: AnyReserve, now_ns: int) -> ReserveOutcome | Conflict | None:
        """The answer to a Reserve whose id is known; None where it is new."""
        found = self.find(command.key)
        if isinstance(found, Ended):
            return _reserve_ended(found.units, (found.shard.revision_now(),))
        return self._repeat_reserve(command, found, now_ns) if found else None

    @executes(EXTEND)
    def extend(self, command: Extend, now_ns: int) -> ExtendOutcome | Conflict | Unknown:
        """Let a hold end `hold_ms` from now, if that is later."""
        parts = self.find(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        is_repeat = repeats.is_repeat(_home(parts), command, now_ns)
        if isinstance(is_repeat, Conflict):
            return is_repeat
        if isinstance(parts, Ended):
            refusal = _nothing_left(parts.units, State.HELD)
            return ExtendOutcome(refusal, 0, (parts.shard.revision_now(),))
        if _totals(parts)[State.HELD] == 0:
            return ExtendOutcome(_nothing_left(_units(parts), State.HELD), 0, _revisions(parts))
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
        parts = self.find(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        is_repeat = repeats.is_repeat(_home(parts), command, now_ns)
        if isinstance(is_repeat, Conflict):
            return is_repeat
        if isinstance(parts, Ended):
            return _move_ended(parts, command, is_repeat=is_repeat)
        if is_repeat:
            return self._moved(command, parts)
        chosen = self._choose(parts, command)
        if isinstance(chosen, Ambiguous):
            return chosen
        if isinstance(chosen, Refusal):
            return _refuse_move(chosen, parts)
        # Point of no return: every unit to be moved is in the state that it leaves.
        _move(parts, chosen, command)
        for part in parts:
            settle_backorders(part.shard)
        repeats.remember(parts, command, reservation_state(_totals(parts)))
        return self._moved(command, parts)

    def _choose(self, parts: Sequence[Part], command: Move) -> Chosen | Ambiguous | Refusal:
        """The lines that a command names, none when it names all; or why they cannot move."""
        leaves, _ = TRANSITIONS[command.verb]
        if command.lines is None:
            if not _totals(parts)[leaves]:
                return _nothing_left(_units(parts), leaves)
            return self._judge_shipping(parts, command, ())
        lines = self._read_lines(parts)
        named = named_lines.find(lines, command.lines)
        if isinstance(named, Ambiguous):
            return named
        if not lines.units[:, leaves - 1].any():
            return _nothing_left(_units(parts), leaves)
        chosen = named_lines.choose(lines, named, leaves)
        if isinstance(chosen, Refusal):
            return chosen
        return self._judge_shipping(parts, command, chosen)

    def _judge_shipping(
        self, parts: Sequence[Part], command: Move, chosen: Chosen
    ) -> Chosen | Refusal:
        """The chosen lines, or the refusal of a Fulfill of units that are not on hand yet."""
        if command.verb is not Verb.FULFILL or not are_waiting(parts):
            return chosen
        return judge_shipping(parts, self._read_lines(parts), chosen) or chosen

    def _moved(self, command: Move, parts: Sequence[Part]) -> MoveOutcome:
        """The answer to a command that has taken effect, now or before."""
        state = reservation_state(_totals(parts))
        shortfalls = _shortfalls(parts) if command.verb is Verb.FULFILL else ()
        self.work.spend(len(shortfalls) * LINE_LISTED)
        return MoveOutcome(None, state, _revisions(parts), shortfalls)

    @executes(FORCE_RELEASE)
    def force_release(
        self, command: ForceRelease, now_ns: int
    ) -> ForcedOutcome | Unknown | Conflict:
        """Give back what is held or committed, by decision of an operator. A repeat, known by its
        id, moves nothing.
        """
        parts = self.find(command.key)
        if not parts:
            return Unknown("reservation_id", id_text(command.key))
        first = repeats.forced_before(_home(parts), command, now_ns)
        if isinstance(first, Conflict):
            return first
        if first is None:
            outcome = self._force(parts, command)
            repeats.remember_forced(_home(parts), command, outcome.released, outcome.cancelled)
            return outcome
        return ForcedOutcome(*first, (_home(parts).revision_now(),), is_repeat=True)

    def _force(self, parts: Sequence[Part] | Ended, command: ForceRelease) -> ForcedOutcome:
        if isinstance(parts, Ended):
            return ForcedOutcome(0, 0, (parts.shard.revision_now(),))
        totals = _totals(parts)
        self.work.spend(_line_count(parts) * LINE_MOVED)
        # Point of no return: the reservation exists.
        before = [part.shard.effects.written() for part in parts]
        for leaves in (State.HELD, State.COMMITTED):
            if totals[leaves]:
                _move_all(parts, leaves, GIVE_BACK[leaves])
        for part, written in zip(parts, before, strict=True):
            record_decision(part.shard, command.reason, command.actor, written)
        return ForcedOutcome(totals[State.HELD], totals[State.COMMITTED], _revisions(parts))

    @executes(GET_RESERVATION)
    def get_reservation(
        self, command: GetReservation, now_ns: int
    ) -> Unknown | Steps[ReservationView] | None:
        """One reservation, in steps, or None if the turn has no time to read its lines."""
        found = self.find(command.key)
        if not found:
            return Unknown("reservation_id", id_text(command.key))
        lines = 0 if isinstance(found, Ended) else _line_count(found)
        return self._view(found, now_ns) if self.work.fits(lines * LINE_READ) else None

    def view(self, key: Key, now_ns: int) -> ReservationView:
        """A reservation that is known, at once."""
        return finished(self._view(self.find(key), now_ns))

    def _view(self, found: Sequence[Part] | Ended, now_ns: int) -> Steps[ReservationView]:
        """One reservation at the instant of the first step. Its lines are in the order of the
        request that made it, and absent once they have left memory.
        """
        if isinstance(found, Ended):
            revisions = (found.shard.revision_now(),)
            return ReservationView(_state(found.units), (), None, None, revisions)
        lines = self._read_lines(found)
        waiting = backordered_lines(found, lines, now_ns, self.work)
        home = found[0].shard.reservations.records[found[0].number]
        view = ReservationView(
            reservation_state(_totals(found)),
            (),
            int(home["reserved_at_ns"]),
            int(home["expires_at_ns"]),
            _revisions(found),
            found[0].shard.owner(found[0].number),
        )
        return replace(view, lines=(yield from self._list_lines(lines, waiting)))

    def _list_lines(
        self, lines: Lines, waiting: Sequence[Backordered | None]
    ) -> Steps[tuple[LineView, ...]]:
        listed: list[LineView] = []
        columns = zip(lines.names, lines.units.tolist(), waiting or repeat(None), strict=False)
        while piece := list(islice(columns, LINES_LISTED_MAX)):
            if self.work.is_over:
                yield
            self.work.spend(len(piece) * LINE_LISTED)
            listed += [
                LineView(sku, location, dict(zip(_STATES, units, strict=True)), line_id, awaited)
                for (sku, location, line_id), units, awaited in piece
            ]
        return tuple(listed)

    def _read_lines(self, parts: Sequence[Part]) -> Lines:
        self.work.spend(_line_count(parts) * LINE_READ)
        return joint_turn.read_lines(parts)

    def _repeat_reserve(
        self, command: AnyReserve, parts: Sequence[Part], now_ns: int
    ) -> ReserveOutcome | Conflict:
        """The reservation as it is now, or the first field in which the command now differs."""
        # SKUs may have been merged since, so that several lines are of one SKU now.
        may_be_merged = bool(self.homes.sku_names.first)
        if (count := _line_count(parts)) != len(command.lines) and not may_be_merged:
            return Conflict("lines", str(count), str(len(command.lines)))
        # Costs no more than the lines of a new Reserve, which the command's weight covers.
        found = joint_turn.read_lines(parts)
        lines = repeats.lines_as_reserved(found)
        home = parts[0].shard.reservations.records[parts[0].number]
        owner = parts[0].shard.owner(parts[0].number)
        asked = sum_lines(lines) if may_be_merged else lines
        if conflict := repeats.reserve_difference(asked, int(home["hold_ms"]), owner, command):
            return conflict
        totals = _totals(parts)
        if totals[State.HELD] == totals[State.COMMITTED] == 0:
            return _reserve_ended(_units(parts), _revisions(parts))
        state = reservation_state(totals)
        ends_at_ns = _expires_at_ns(parts)
        waiting = backordered_lines(parts, found, now_ns, self.work)
        revisions = _revisions(parts)
        return ReserveOutcome(None, state, ends_at_ns, lines, revisions, True, waiting)


def id_text(key: Key) -> str:
    """Spell a reservation id as its caller did."""
    return key.text if key.text is not None else text_from_key(key.hi, key.lo)


# --- Reserve ---


def refusal_of(lines: Sequence[Line], codes: list[int], available: Array) -> Refusal | None:
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
    """A line that cannot be held, with the units that could be promised."""
    return RefusedLine(line.sku, line.location, line.quantity, available, line.line_id)


def _reserve_ended(units: Array, revisions: tuple[Revision, ...]) -> ReserveOutcome:
    ended = Refusal(RefusalCode.RESERVATION_ENDED)
    return ReserveOutcome(ended, _state(units), 0, (), revisions, is_repeat=True)


# --- commands on existing reservations ---


def _home(found: Sequence[Part] | Ended) -> Shard:
    return found.shard if isinstance(found, Ended) else found[0].shard


def _move_ended(ended: Ended, command: Move, *, is_repeat: bool) -> MoveOutcome:
    leaves, _ = TRANSITIONS[command.verb]
    refusal = None if is_repeat else _nothing_left(ended.units, leaves)
    return MoveOutcome(refusal, _state(ended.units), (ended.shard.revision_now(),))


def _state(units: Array) -> State:
    return reservation_state(dict(zip(_STATES, units.tolist(), strict=True)))


def _units(parts: Sequence[Part]) -> Array:
    units = np.zeros(len(State), np.int64)
    for part in parts:
        part.shard.add_units(part.shard.lines_of(part.number), units)
    return units


def _totals(parts: Sequence[Part]) -> dict[State, int]:
    return dict(zip(_STATES, _units(parts).tolist(), strict=True))


def _nothing_left(units: Array, leaves: State) -> Refusal:
    return Refusal(REFUSALS[kernels.judge_nothing_left(units, int(leaves))])


def _refuse_move(refusal: Refusal, parts: Sequence[Part]) -> MoveOutcome:
    return MoveOutcome(refusal, reservation_state(_totals(parts)), _revisions(parts))


def _shortfalls(parts: Sequence[Part]) -> tuple[Shortfall, ...]:
    """The stock levels of shipped lines where promises exceed supply, in the order of the lines.
    Levels of a SKU that has ended are left out: nobody will refill them.
    """
    found: dict[int, Shortfall] = {}
    for shard, number in ((part.shard, part.number) for part in parts):
        lines = shard.read_lines(number)
        on_hand, _, _, available, *_ = shard.read_levels(lines[:, 0].copy())
        is_short = (available < 0) & (lines[:, 1 + State.FULFILLED] > 0)
        names = shard.name_rows(lines[is_short, 0])
        figures = np.stack([lines[:, 1], on_hand, available])[:, is_short].tolist()
        for name, position, *rest in zip(names, *figures, strict=True):
            found[position] = Shortfall(*name, *rest)
    return tuple(dict.fromkeys(found[position] for position in sorted(found)))


def _move(parts: Sequence[Part], chosen: Chosen, command: Move) -> None:
    leaves, enters = TRANSITIONS[command.verb]
    if command.lines is None:
        _move_all(parts, leaves, enters)
        return
    moves: list[list[tuple[int, ...]]] = [[] for _ in parts]
    for place, line, quantity in chosen:
        moves[place].append((quantity, line, leaves, enters, 0))
    for part, mine in zip(parts, moves, strict=True):
        if mine:
            record(part.shard, Section.MOVES, *mine)
    if command.remainder is Remainder.GIVE_BACK:
        _move_all(parts, leaves, GIVE_BACK[leaves])


def _move_all(parts: Sequence[Part], leaves: State, enters: State) -> None:
    for part in parts:
        record_whole_moves(part.shard, part.shard.lines_of(part.number), leaves, enters)


def _expires_at_ns(parts: Sequence[Part]) -> int:
    return int(parts[0].shard.reservations.records["expires_at_ns"][parts[0].number])


def _line_count(parts: Iterable[Part]) -> int:
    return sum(int(part.shard.reservations.records["line_count"][part.number]) for part in parts)


def _revisions(parts: Sequence[Part]) -> tuple[Revision, ...]:
    return joint_turn.revisions([part.shard for part in parts])
