"""Units that are promised from supply, as plainly as possible; and what may be said of
promises that can't be kept.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.core.commands import (
    Backordered,
    Endangered,
    Line,
    Move,
    MoveOutcome,
    Refusal,
    RefusedLine,
    ReserveOutcome,
    Shortfall,
    Uncovered,
)
from holdfast.core.limits import NS_PER_DAY
from holdfast.core.model import RefusalCode, State, Verb
from tests.model_reservations import HeldLine, Level, Reservation, Supply, key_text

GIVEN_BACK = State.RELEASED, State.EXPIRED, State.CANCELLED


@dataclass(eq=False)
class Backorder:
    """Units of a line that supply has to bring."""

    line: HeldLine
    reservation: Reservation
    line_id: str
    units: int
    latest_ns: int
    given_back: int = 0

    def settle(self) -> None:
        """Give back what the line has given back, or shipped all the same."""
        given_back = sum(self.line.units[state] for state in GIVEN_BACK)
        left = max(0, self.units - (given_back - self.given_back))
        self.units = min(left, self.line.units[State.HELD] + self.line.units[State.COMMITTED])
        self.given_back = given_back


def wait(
    known: Reservation, latest: tuple[int | None, ...], there: Mapping[tuple[str, str], int]
) -> list[Backorder]:
    """Let the lines of a new reservation wait for what is not on hand."""
    left, made = dict(there), []
    lines = zip(known.lines.items(), latest, strict=True)
    for ((sku, location, line_id), line), latest_ns in lines:
        units = line.units[State.HELD]
        missing = units - max(0, min(units, left[sku, location]))
        left[sku, location] -= units
        if missing and latest_ns is not None:
            made.append(Backorder(line, known, line_id, missing, latest_ns))
            line.level.queue.append(made[-1])
    return made


def to_come(skus: Mapping[str, Mapping[str, Level]]) -> list[Level]:
    """The levels that expect supply."""
    levels = (level for levels in skus.values() for level in levels.values())
    return [each for each in levels if any(one.incoming for one in each.supplies.values())]


def due(level: Level, now_ns: int) -> list[Supply]:
    """What is expected at a level today or later, by date."""
    today = now_ns // NS_PER_DAY
    open_ones = [each for each in level.supplies.values() if each.incoming]
    on_time = [each for each in open_ones if each.expected_ns // NS_PER_DAY >= today]
    return sorted(on_time, key=lambda each: each.expected_ns)


def due_by(level: Level, now_ns: int, latest_ns: int) -> int:
    """Units of it until the end of a day."""
    day = latest_ns // NS_PER_DAY
    found = [each for each in due(level, now_ns) if each.expected_ns // NS_PER_DAY <= day]
    return sum(each.incoming for each in found)


def uncovered(level: Level, now_ns: int) -> Iterator[tuple[Backorder, int]]:
    """How many units of each backorder supply does not bring in time, in the order of the queue."""
    needed = max(0, -level.available)
    for each in level.queue:
        needed += each.units
        missing = needed - due_by(level, now_ns, each.latest_ns)
        yield each, min(max(0, missing), each.units)


def expected(level: Level, at: Backorder, now_ns: int) -> int | None:
    """When supply is expected that covers a backorder and all before it."""
    needed = max(0, -level.available)
    needed += sum(each.units for each in level.queue[: level.queue.index(at) + 1])
    for supply in due(level, now_ns):
        needed -= supply.incoming
        if needed <= 0:
            return supply.expected_ns
    return None


def backordered_line(line: HeldLine, now_ns: int) -> Backordered | None:
    """What of a line is not on hand yet."""
    for each in line.level.queue:
        if each.line is line:
            when = expected(line.level, each, now_ns)
            return Backordered(each.units, when, each.latest_ns)
    return None


def coming_by(level: Level, now_ns: int, latest_ns: int) -> int:
    """What comes by a time and is nobody's yet."""
    return due_by(level, now_ns, latest_ns) - level.backordered


def backorders(known: Reservation, now_ns: int) -> tuple[Backordered | None, ...]:
    """What of its lines is not on hand yet; nothing when all is."""
    waiting = tuple(backordered_line(line, now_ns) for line in known.lines.values())
    return waiting if any(waiting) else ()


def again(known: Reservation, now_ns: int) -> ReserveOutcome:
    """What a repeated Reserve is answered: what is promised under its id now, or that it ended."""
    state = known.state
    if not known.is_live:
        refusal = Refusal(RefusalCode.RESERVATION_ENDED)
        return ReserveOutcome(refusal, state, 0, (), (), is_repeat=True)
    waiting = backorders(known, now_ns)
    return ReserveOutcome(None, state, known.expires_at_ns, known.asked.lines, (), True, waiting)


def shortfall_at(
    level: Level, reservations: Iterable[Reservation], most: int, now_ns: int
) -> Shortfall:
    """The shortfall at a level, with lines whose units can't be kept, newest reservations first;
    those of one instant by their ids.
    """
    listed: list[Endangered] = []
    waiting = {each.line: each.units for each in level.queue}
    left = min(max(0, -level.available), level.reserved + level.committed - level.backordered)
    there = [each for each in reservations if each.dropped_at_ns is None]
    for known in sorted(
        there, key=lambda each: (-each.reserved_at_ns, each.asked.key.hi, each.asked.key.lo)
    ):
        for (_, _, line_id), line in known.lines.items():
            held, committed = line.units[State.HELD], line.units[State.COMMITTED]
            units = min(left, held + committed - waiting.get(line, 0))
            if line.level is level and units and len(listed) < most:
                name = key_text(known.asked.key)
                listed.append(Endangered(name, line_id, held, committed, units))
                left -= units
    figures = level.on_hand, level.available
    late = [(each, units) for each, units in uncovered(level, now_ns) if units]
    uncovered_lines = tuple(
        Uncovered(key_text(of.reservation.asked.key), of.line_id, of.units, units, of.latest_ns)
        for of, units in reversed(late)
    )
    missing = sum(units for _, units in late)
    return Shortfall(
        level.sku, level.location, *figures, tuple(listed), left, missing, uncovered_lines[:most]
    )


def moved(
    reservation: Reservation, command: Move, skus: Mapping[str, Mapping[str, Level]]
) -> MoveOutcome:
    """What a command that has taken effect is answered."""
    shortfalls = []
    lines = {} if reservation.dropped_at_ns is not None else reservation.lines
    for (sku, location, _), line in lines.items():
        level = line.level
        is_shipped = command.verb is Verb.FULFILL and line.units[State.FULFILLED] > 0
        is_there = skus.get(sku, {}).get(location) is level
        if is_shipped and is_there and level.available < 0:
            shortfalls.append(Shortfall(sku, location, level.on_hand, level.available))
    return MoveOutcome(None, reservation.state, (), tuple(dict.fromkeys(shortfalls)))


def refuse_shipping(reservation: Reservation, lines: tuple[Line, ...] | None) -> Refusal | None:
    """Refuse to ship units that are not on hand yet."""
    wanted = {
        name: line.units[State.COMMITTED] if lines is None else 0
        for name, line in reservation.lines.items()
    }
    for asked in lines or ():
        (name,) = reservation.named(asked)
        wanted[name] += asked.quantity
    blamed = []
    for (sku, location, line_id), quantity in wanted.items():
        line = reservation.lines[sku, location, line_id]
        held, committed = line.units[State.HELD], line.units[State.COMMITTED]
        waiting = sum(each.units for each in line.level.queue if each.line is line)
        there = min(committed, held + committed - waiting)
        if quantity > there:
            blamed.append(RefusedLine(sku, location, quantity, there, line_id))
    return Refusal(RefusalCode.BACKORDERED, tuple(blamed)) if blamed else None


def settle(waiting: list[Backorder]) -> None:
    """Let those who wait give back what they gave back, then have what is there, in their order."""
    for each in waiting:
        each.settle()
    for each in waiting:
        each.units -= max(0, min(each.units, each.line.level.available))
    for each in [each for each in waiting if not each.units]:
        waiting.remove(each)
        each.line.level.queue.remove(each)
