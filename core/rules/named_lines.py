"""Which lines of a reservation a command names, and whether they have what it asks for.

A line is named by SKU and location, by the caller's id, or by all three. Whatever is left out, the
rest has to stand for one line.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..commands import Ambiguous, Line, Refusal, RefusedLine
from ..model import RefusalCode, State
from ..tables.shard import Shard
from .joint_turn import Part, line_name, lines_in_order


@dataclass(frozen=True, slots=True)
class Named:
    """Lines of a reservation with their names in full and the units asked for; and what the command
    names that the reservation lacks.
    """

    found: Sequence[tuple[Part, int, Line]]
    missing: Sequence[Line]


def find(parts: Sequence[Part], wanted: Sequence[Line]) -> Named | Ambiguous:
    """Find the lines that are wanted, each once with the sum of what is wanted of it."""
    if not wanted:
        return Named((), ())
    known = _lines_by_name(parts)
    totals: dict[Line, tuple[Part, int, int]] = {}
    missing = []
    for index, line in enumerate(wanted):
        lines = known.get((line.sku, line.location, line.line_id), ())
        if len(lines) > 1:
            return Ambiguous(f"lines[{index}]", line.sku, line.location, line.line_id, len(lines))
        if not lines:
            missing.append(line)
        for part, number, name in lines:
            _, _, before = totals.get(name, (part, number, 0))
            totals[name] = part, number, before + line.quantity
    found = [
        (part, number, Line(name.sku, name.location, quantity, name.line_id))
        for name, (part, number, quantity) in totals.items()
    ]
    return Named(found, missing)


def _lines_by_name(
    parts: Sequence[Part],
) -> dict[tuple[str, str, str], list[tuple[Part, int, Line]]]:
    """The lines of a reservation under every name that may stand for them."""
    known: dict[tuple[str, str, str], list[tuple[Part, int, Line]]] = defaultdict(list)
    for part, number in lines_in_order(parts):
        sku, location, line_id = line_name(part, number)
        line = part, number, Line(sku, location, 0, line_id)
        known[sku, location, ""].append(line)
        if line_id:
            known["", "", line_id].append(line)
            known[sku, location, line_id].append(line)
    return known


def choose(named: Named, leaves: State) -> list[tuple[Shard, int, int]] | Refusal:
    """(shard, line, units) to move out of a state; or why that is not possible."""
    if named.missing:
        blamed = [
            RefusedLine(line.sku, line.location, line.quantity, 0, line.line_id)
            for line in named.missing
        ]
        return Refusal(RefusalCode.NO_SUCH_LINE, tuple(blamed))
    excess = []
    for part, number, line in named.found:
        available = part.shard.units(number)[leaves]
        if line.quantity > available:
            excess.append(
                RefusedLine(line.sku, line.location, line.quantity, available, line.line_id)
            )
    if excess:
        return Refusal(RefusalCode.EXCESS_QUANTITY, tuple(excess))
    return [(part.shard, number, line.quantity) for part, number, line in named.found]
