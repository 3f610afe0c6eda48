"""What is to be done so that the reservations of an order stand as a channel says.

Rules of this file: it decides and does not wait. A channel says of each line how many units were
ordered, shipped and cancelled since it began: three numbers that rise. What the core has is brought
up to the higher of both, so states that come late or twice change nothing. Where a channel says
what is left of a line instead, the difference to what was placed was cancelled; see `since_began`.

An order has a reservation of its name, and one more for what was ordered later or moved, since the
core adds nothing to a reservation: `name+1`, `name+2`, and so on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from holdfast.v1 import reservation_service_pb2 as reservation

from ..contract import Undecodable
from ..events import OrderEvent, OrderLine
from .divided import Parts
from .facts import Dead, units
from .order_calls import Line

#: Reason of a dead letter that names a line of an order as something else than it was placed as.
LINE_DIFFERS: Final = "LINE_DIFFERS"

#: Reservations of an order. Each event of it reads them all, one after another.
RESERVATIONS_MAX: Final = 200


class LineState(NamedTuple):
    """A line as a channel reports it, in units."""

    id: str
    sku: str
    location: str
    ordered: int
    shipped: int
    cancelled: int


class Piece(NamedTuple):
    """The units of a line in one of the reservations of its order."""

    name: str
    """Of the reservation."""
    sku: str
    location: str
    open: int
    """Held or committed."""
    shipped: int
    cancelled: int

    @property
    def placed(self) -> int:
        """Units that were placed there, and did not run out or were released before."""
        return self.open + self.shipped + self.cancelled


@dataclass(frozen=True, slots=True)
class Standing:
    """A line as the core has it."""

    here: Sequence[Piece]
    """Where it stands now, in the order in which it was placed."""
    before: Sequence[Piece]
    """Where it was before it moved. What is open there is to be given back."""
    ordered: int
    shipped: int
    cancelled: int
    is_told_whole: bool
    """Whether the core still reports all lines of the order."""


Found: TypeAlias = Sequence[reservation.Reservation]
Moves: TypeAlias = dict[str, list[Line]]


def line_states(event: OrderEvent) -> list[LineState]:
    """The lines of a state. Raises Undecodable where one has no id, or the id of another."""
    states: dict[str, LineState] = {}
    for place, line in enumerate(event.lines):
        path = f"lines[{place}]"
        if not line.id or line.id in states:
            raise Undecodable(f"{path}.id", line.id, "an id of its own in the order")
        ordered, shipped, cancelled = (
            units(f"{path}.{name}", getattr(line, name))
            for name in ("quantity", "shipped", "cancelled")
        )
        states[line.id] = LineState(line.id, line.sku, line.location, ordered, shipped, cancelled)
    if not states:
        raise Undecodable("lines", (), "what the order is of")
    return list(states.values())


def next_name(order: str, found: Found) -> str:
    """The name of the next reservation of an order."""
    return f"{order}+{len(found)}" if found else order


def new_name(order: str, found: Found) -> str:
    """The same of one that is to be made. Raises Undecodable where the order has too many."""
    if len(found) >= RESERVATIONS_MAX:
        expected = f"an order in up to {RESERVATIONS_MAX} pieces: give its lines in fewer events"
        raise Undecodable("order", order, expected)
    return next_name(order, found)


def parts_of(found: Found) -> list[reservation.ReservationLine]:
    """The lines of all reservations of an order."""
    return [part for each in found for part in each.lines]


def have_lines_left(found: Found) -> bool:
    """Whether a reservation ended so long ago that the core no longer reports its lines."""
    return any(not each.lines for each in found)


def spread(lines: Sequence[OrderLine], found: Found) -> Parts:
    """Lines of an event by reservation, where an order has several: units are those of the oldest
    that has them open. None where not all of them are.
    """
    parts = spread_open(lines, found)
    taken = sum(units for part in parts.values() for _, units in part)
    wanted = sum(line.quantity for line in lines)
    return parts if len(found) > 1 and taken == wanted else {}


def spread_open(lines: Sequence[OrderLine], found: Found) -> Parts:
    """The same of an order that may have one: as many of the units as are open."""
    left = {
        (each.reservation_id, part.sku, part.location, part.line_id): part.held + part.committed
        for each in found
        for part in each.lines
    }
    parts: Parts = {}
    for place, line in enumerate(lines):
        wanted = units(f"lines[{place}].quantity", line.quantity)
        for each in found:
            key = each.reservation_id, line.sku, line.location, line.id
            if taken := min(wanted, left.get(key, 0)):
                left[key], wanted = left[key] - taken, wanted - taken
                parts.setdefault(each.reservation_id, []).append((place, taken))
    return parts


def has_lines(lines: Sequence[OrderLine], found: Found) -> bool:
    """Whether an order was once of all units of some lines."""
    known: Counter[tuple[str, str, str]] = Counter()
    for each in found:
        for part in each.lines:
            known[part.sku, part.location, part.line_id] += part.quantity
    for line in lines:
        known[line.sku, line.location, line.id] -= int(line.quantity)
    return min(known.values(), default=0) >= 0


def located(lines: Sequence[OrderLine], found: Found) -> tuple[OrderLine, ...]:
    """Lines with the locations where an order has them, of those that name none: with an id, where
    the line stands now. Raises Undecodable where that is none, or one of several.
    """
    known_at: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for part in parts_of(found):
        sku = part.sku
        for line_id in {"", part.line_id}:
            known_at[sku, line_id].append(part.location)
    there = []
    for place, line in enumerate(lines):
        known = known_at[line.sku, line.id]
        if line.location:
            there.append(line)
        elif known and (line.id or len(set(known)) == 1):
            there.append(replace(line, location=known[-1]))
        else:
            has = f"it has {line.sku} at {len(set(known))} locations"
            expected = f"the location of the line in the order: {has}"
            raise Undecodable(f"lines[{place}].location", line.location, expected)
    return tuple(there)


def other_sku(states: Iterable[LineState], found: Found) -> Dead | None:
    """A line that is of another SKU than it was placed as: to ship it would ship the wrong one."""
    placed: dict[str, list[str]] = {}
    for each in found:
        for part in each.lines:
            placed.setdefault(part.line_id, []).append(part.sku)
    for place, line in enumerate(states):
        skus = placed.get(line.id, [line.sku])
        if line.sku not in skus:
            text = f"the order has line {line.id} as {skus[-1]}: another SKU needs an id of its own"
            return Dead(LINE_DIFFERS, text, f"lines[{place}].sku", line.sku)
    return None


def since_began(states: Iterable[LineState], found: Found) -> list[LineState]:
    """States whose quantities are what is left of lines, as numbers that rise: what was placed and
    is not left was cancelled.
    """
    grown = []
    for line, standing in _standings(states, found):
        taken_off = max(0, standing.ordered - line.ordered)
        ordered, cancelled = line.ordered + taken_off, line.cancelled + taken_off
        grown.append(line._replace(ordered=ordered, cancelled=cancelled))
    return grown


def not_forgotten(states: Iterable[LineState], found: Found) -> list[LineState]:
    """States of an old order, less what the core does not have of it and the channel says is done:
    the core may have forgotten that, as it does not forget what is open.
    """
    known = []
    for line, standing in _standings(states, found):
        shipped, cancelled = _untold(line, standing.ordered, standing.shipped, standing.cancelled)
        ordered = line.ordered - shipped - cancelled
        less = LineState(*line[:3], ordered, line.shipped - shipped, line.cancelled - cancelled)
        known.append(less)
    return known


def already_done(states: Iterable[LineState]) -> list[LineState]:
    """What of outdated states whose quantities may have fallen since is still true: what was
    shipped and what was cancelled.
    """
    return [line._replace(ordered=line.shipped + line.cancelled) for line in states]


def missing(states: Iterable[LineState], found: Found) -> list[Line]:
    """What is still to be placed, and where."""
    lines = []
    for line, standing in _standings(states, found):
        if _is_moved(line, standing):
            place, ordered = (line.sku, line.location), line.ordered - standing.shipped
        else:
            # Shipped is shipped, also where it was cancelled before. What left before it could be
            # cancelled is not placed anew to be cancelled.
            done = max(line.shipped, standing.shipped) + standing.cancelled
            ordered = max(line.ordered, done) - standing.ordered
            last = standing.here[-1] if standing.here else line
            place = last.sku, last.location
        if ordered > 0:
            lines.append((*place, ordered, line.id))
    return lines


def shipped_all_the_same(states: Iterable[LineState], found: Found) -> list[tuple[LineState, int]]:
    """Lines of which more units are shipped, and have not come back, than a state leaves of them;
    how many more.
    """
    out: Counter[str] = Counter()
    for each in found:
        for part in each.lines:
            out[part.line_id] += part.fulfilled
    lines = []
    for line, standing in _standings(states, found):
        left = max(line.ordered, standing.ordered) - line.cancelled
        if (more := out[line.id] - max(0, left)) > 0:
            lines.append((line, more))
    return lines


def moves(states: Iterable[LineState], found: Found) -> tuple[Moves, Moves]:
    """What is to be shipped and what to be cancelled, by reservation."""
    shipped: Moves = {}
    cancelled: Moves = {}
    for line, standing in _standings(states, found):
        to_ship = line.shipped - standing.shipped
        to_cancel = line.cancelled - standing.cancelled
        for piece in standing.here:
            ships = _take(piece, piece.open, to_ship, line.id, shipped)
            to_ship -= ships
            to_cancel -= _take(piece, piece.open - ships, to_cancel, line.id, cancelled)
        for piece in standing.before:
            _take(piece, piece.open, piece.open, line.id, cancelled)
    return shipped, cancelled


def _take(piece: Piece, there: int, wanted: int, line_id: str, into: Moves) -> int:
    """Note to move as many units as are wanted and there; how many."""
    taken = max(0, min(there, wanted))
    if taken:
        into.setdefault(piece.name, []).append((piece.sku, piece.location, taken, line_id))
    return taken


def _is_moved(line: LineState, standing: Standing) -> bool:
    """Whether a line has a new place: one where it has not been, from a state that is behind in
    nothing. An old state does not move it back, nor does a channel that does not know that an
    operator has re-sourced it.
    """
    been = {piece.location for piece in (*standing.before, *standing.here)}
    is_behind = (
        line.ordered < standing.ordered
        or line.shipped < standing.shipped
        or line.cancelled < standing.cancelled
    )
    is_new = bool(been) and line.location not in been and standing.is_told_whole
    return is_new and not is_behind and line.ordered - line.cancelled > standing.shipped


def _standings(states: Iterable[LineState], found: Found) -> Iterator[tuple[LineState, Standing]]:
    """Lines as a channel reports them, each with how the core has it."""
    pieces: defaultdict[str, list[Piece]] = defaultdict(list)
    is_told_whole = True
    for each in found:
        parts = each.lines
        is_told_whole &= bool(parts)
        for part in parts:
            piece = Piece(
                *(each.reservation_id, part.sku, part.location, part.held + part.committed),
                *(part.fulfilled + part.returned, part.cancelled),
            )
            pieces[part.line_id].append(piece)
    for line in states:
        yield line, _standing(line, pieces[line.id], is_told_whole=is_told_whole)


def _standing(line: LineState, pieces: Sequence[Piece], *, is_told_whole: bool) -> Standing:
    """A line as the core has it. What it no longer reports is taken to be done, as far as the
    channel says that so much is: a reservation ends when all of it is.
    """
    start = len(pieces)
    while start and pieces[start - 1].location == pieces[-1].location:
        start -= 1
    here, before = pieces[start:], pieces[:start]
    gone = sum(piece.shipped for piece in before)
    ordered = sum(piece.placed for piece in here) + gone
    shipped = sum(piece.shipped for piece in here) + gone
    cancelled = sum(piece.cancelled for piece in here)
    if not is_told_whole:
        left_shipped, left_cancelled = _untold(line, ordered, shipped, cancelled)
        ordered += left_shipped + left_cancelled
        shipped, cancelled = shipped + left_shipped, cancelled + left_cancelled
    return Standing(here, before, ordered, shipped, cancelled, is_told_whole)


def _untold(line: LineState, ordered: int, shipped: int, cancelled: int) -> tuple[int, int]:
    """Units that a channel says were shipped and cancelled, beyond the figures of the core: of
    those that the core does not have.
    """
    left = max(0, line.ordered - ordered)
    left_shipped = min(left, max(0, line.shipped - shipped))
    return left_shipped, min(left - left_shipped, max(0, line.cancelled - cancelled))
