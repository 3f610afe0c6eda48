"""Which lines of a reservation a command names, and whether they have what it asks for.

A line is named by SKU and location, by the caller's id, or by all three. Whatever is left out, the
rest has to stand for one line.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..commands import Ambiguous, Line, Refusal, RefusedLine
from ..model import RefusalCode, State
from .joint_turn import Lines

#: Lines to move: which part has it, its number there, and how many units.
Chosen = Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Named:
    """Lines of a reservation by their place among all, with the units asked for of each; and what
    the command names that the reservation lacks.
    """

    units: dict[int, int]
    missing: Sequence[Line]


def find(lines: Lines, wanted: Sequence[Line]) -> Named | Ambiguous:
    """Find the lines that are wanted, each once with the sum of what is wanted of it."""
    known = _places_by_name(lines)
    units: dict[int, int] = {}
    missing = []
    for index, line in enumerate(wanted):
        places = known.get((line.sku, line.location, line.line_id), ())
        if len(places) > 1:
            return Ambiguous(f"lines[{index}]", line.sku, line.location, line.line_id, len(places))
        if not places:
            missing.append(line)
        for place in places:
            units[place] = units.get(place, 0) + line.quantity
    return Named(units, missing)


def _places_by_name(lines: Lines) -> dict[tuple[str, str, str], list[int]]:
    """The places of lines under every name that may stand for them."""
    known: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, (sku, location, line_id) in enumerate(lines.names):
        known[sku, location, ""].append(place)
        if line_id:
            known["", "", line_id].append(place)
            known[sku, location, line_id].append(place)
    return known


def choose(lines: Lines, named: Named, leaves: State) -> Chosen | Refusal:
    """The lines to move out of a state; or why that is not possible."""
    if named.missing:
        blamed = [
            RefusedLine(line.sku, line.location, line.quantity, 0, line.line_id)
            for line in named.missing
        ]
        return Refusal(RefusalCode.NO_SUCH_LINE, tuple(blamed))
    available = lines.units[:, leaves - 1].tolist()
    excess = []
    for place, quantity in named.units.items():
        if quantity > available[place]:
            sku, location, line_id = lines.names[place]
            excess.append(RefusedLine(sku, location, quantity, available[place], line_id))
    if excess:
        return Refusal(RefusalCode.EXCESS_QUANTITY, tuple(excess))
    return [
        (lines.parts[place], lines.numbers[place], quantity)
        for place, quantity in named.units.items()
    ]
