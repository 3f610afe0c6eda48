"""Backorders: what is not on hand is promised from supply, and takes what comes before others can.

They stand in a queue by level, in the order in which they were promised. A line is promised when
supply that is due by its latest time covers it after all that stand before it; so a new promise
breaks no earlier one, and what comes late or short is missed by those who asked last
(docs/adr/0046).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..commands import Backordered, Refusal, RefusedLine
from ..kernels.codes import NEVER_NS
from ..limits import NS_PER_DAY, SUPPLIES_OPEN_MAX
from ..model import RefusalCode, State
from ..tables.backorders import of_level
from ..tables.shard import Shard
from ..tables.supply import list_open
from ..tables.table import Array
from ..work import BACKORDER_SEEN, QUEUE_READ, Work
from .joint_turn import Lines, Part

#: Lines of a reservation by number: its part, its line there, and units.
Chosen = Sequence[tuple[int, int, int]]


class Queue(NamedTuple):
    """The backorders of a level, in the order in which they were promised."""

    records: Array
    """BACKORDER[n]"""
    expected_ns: list[int | None]
    """When the supply is expected that covers each; None when none does."""
    uncovered: list[int]
    """Units of each that no supply covers which is due by its latest time."""


def queue_at(shard: Shard, row: int, now_ns: int) -> Queue:
    """The backorders of a level. Overdue supply covers nothing."""
    records = of_level(shard, row)
    expected, units = _due(shard, row, now_ns)
    covered = np.cumsum(units)
    missing = -min(0, int(kernels.promisable_at(row, shard.levels.records)))
    needed = np.cumsum(records["units"]) + missing
    places = np.searchsorted(covered, needed).tolist()
    expected_ns = [int(expected[at]) if at < len(expected) else None for at in places]
    by_then = np.searchsorted(expected, _end_of_days(records["latest_ns"]))
    in_time = np.concatenate([[0], covered])[by_then]
    uncovered = np.clip(needed - in_time, 0, records["units"])
    return Queue(records, expected_ns, uncovered.tolist())


def uncovered_at(shard: Shard, rows: Array, now_ns: int) -> list[int]:
    """Units promised from supply at rows (int64) that no supply covers which is due in time."""
    if not len(shard.backorders):
        return [0] * len(rows)
    waiting = shard.backordered.records[rows].tolist()
    return [
        sum(queue_at(shard, row, now_ns).uncovered) if units else 0
        for row, units in zip(rows.tolist(), waiting, strict=True)
    ]


def _due(shard: Shard, row: int, now_ns: int) -> tuple[Array, Array]:
    """When supply of a level is expected, today or later, by date; and its units (int64)."""
    supplies, _, _ = list_open(shard, np.array([row]), SUPPLIES_OPEN_MAX)
    supplies = supplies[supplies["expected_ns"] >= now_ns // NS_PER_DAY * NS_PER_DAY]
    supplies = supplies[np.argsort(supplies["expected_ns"], kind="stable")]
    units = np.maximum(supplies["quantity"] - supplies["received"], 0)
    return supplies["expected_ns"], units


def _end_of_days(times_ns: Array) -> Array:
    # The last day of an int64 has no end.
    days: Array = np.minimum(times_ns, NEVER_NS - NS_PER_DAY) // NS_PER_DAY
    return (days + 1) * NS_PER_DAY


def due_by(shard: Shard, row: int, now_ns: int, latest_ns: int) -> int:
    """Units of a level that may be promised from what is on hand and supply that is due by a time,
    when all who wait have got theirs.
    """
    expected, units = _due(shard, row, now_ns)
    is_due = expected < _end_of_days(np.array([latest_ns]))
    due = np.array([units[is_due].sum()])
    available, place = np.zeros((2, 1), np.int64)
    what = shard.backordered.records, shard.header, shard.stock
    kernels.promise_supplies(np.array([row]), place, due, *what, available)
    return int(available[0])


def backordered_lines(
    parts: Sequence[Part], lines: Lines, now_ns: int, work: Work
) -> tuple[Backordered | None, ...]:
    """What of each line of a reservation is backordered; nothing where nothing is."""
    found: dict[tuple[int, int], Backordered] = {}
    for place, part in enumerate(parts):
        waiting = part.shard.backorders
        if not len(waiting):
            continue
        work.spend(len(waiting) * BACKORDER_SEEN)
        mine = waiting["row"][waiting["reservation"] == part.number]
        for row in np.unique(mine).tolist():
            work.spend(QUEUE_READ + len(waiting) * BACKORDER_SEEN)
            queue = queue_at(part.shard, row, now_ns)
            for at in np.flatnonzero(queue.records["reservation"] == part.number).tolist():
                each = queue.records[at]
                backordered = Backordered(
                    int(each["units"]), queue.expected_ns[at], int(each["latest_ns"])
                )
                found[place, int(each["line"])] = backordered
    if not found:
        return ()
    return tuple(found.get(place) for place in zip(lines.parts, lines.numbers, strict=True))


def judge_shipping(parts: Sequence[Part], lines: Lines, chosen: Chosen) -> Refusal | None:
    """Refuse to ship units that are not on hand yet: all that is committed, or what is chosen."""
    units = {
        (place, int(each["line"])): int(each["units"])
        for place, part in enumerate(parts)
        for each in part.shard.backorders.used[part.shard.backorders["reservation"] == part.number]
    }
    wanted: dict[tuple[int, int], int] = {}
    for place, line, quantity in chosen:
        wanted[place, line] = wanted.get((place, line), 0) + quantity
    blamed = []
    figures = lines.units[:, [State.HELD - 1, State.COMMITTED - 1]].tolist()
    of_parts = zip(lines.parts, lines.numbers, strict=True)
    for key, name, (held, committed) in zip(of_parts, lines.names, figures, strict=True):
        asked = wanted.get(key, 0) if chosen else committed
        there = min(committed, held + committed - units.get(key, 0))
        if asked > there:
            sku, location, line_id = name
            blamed.append(RefusedLine(sku, location, asked, there, line_id))
    return Refusal(RefusalCode.BACKORDERED, tuple(blamed)) if blamed else None


def are_waiting(parts: Iterable[Part]) -> bool:
    """Whether any shard of a reservation has backorders."""
    return any(len(part.shard.backorders) for part in parts)
