"""What must be so in every state, whatever led to it: looked for by `verify` and by tests.

Rules of this file: plain NumPy over the columns, without the kernels that wrote them. It reads and
changes nothing.
"""

from collections.abc import Iterator

import numpy as np

from .kernels.codes import (
    FLAG_LATER_PART,
    FLAG_LINE_IDS,
    FLAG_TEXT,
    NO_PART,
    NO_TEXT,
    SPLIT,
)
from .limits import ON_HAND_MAX
from .model import State
from .node import Node
from .statistics import read_statistics
from .tables.reservation_index import unpack_part
from .tables.shard import Shard
from .tables.table import Array


def check_invariants(node: Node) -> list[str]:
    """Name everything in a node's state that contradicts something else in it."""
    problems = [
        f"shard {shard.number}: {problem}"
        for shard in node.shards
        for check in _CHECKS
        for problem in check(shard)
    ]
    # Links lead from shard to shard, so they can be followed where the shards are sound.
    return problems or list(_wrong_links(node))


def units_by_line(shard: Shard) -> Array:
    """Units of every line, with a column per state."""
    lines = shard.lines.used
    units = np.zeros((len(lines), len(State)), np.int64)
    is_split = lines["state"] == SPLIT
    units[is_split] = shard.splits.used[lines["quantity"][is_split]]
    whole = np.flatnonzero(~is_split)
    units[whole, lines["state"][whole] - 1] = lines["quantity"][whole]
    return units


def _wrong_lines(shard: Shard) -> Iterator[str]:
    lines, count = shard.lines.used, len(shard.levels)
    is_split = lines["state"] == SPLIT
    yield from _where(lines["state"] > len(State), "line {} is in an unknown state")
    yield from _where((lines["row"] < 0) | (lines["row"] >= count), "line {} is at no stock level")
    rows = np.sort(lines["quantity"][is_split])
    if not np.array_equal(rows, np.arange(len(shard.splits))):
        yield "split lines and rows of splits do not match"


def _wrong_units(shard: Shard) -> Iterator[str]:
    if any(_wrong_lines(shard)):
        return  # units can't be counted
    units, levels, rows = units_by_line(shard), shard.levels.used, shard.lines.used["row"]
    yield from _where(units.min(axis=1) < 0, "line {} has less than no units in a state")
    yield from _where(units.sum(axis=1) <= 0, "line {} has no units")
    for field, state in (("reserved", State.HELD), ("committed", State.COMMITTED)):
        totals = np.zeros(len(levels), np.int64)
        np.add.at(totals, rows, units[:, state - 1])
        problem = f"{field} of stock level {{}} is not the sum over its lines"
        yield from _where(levels[field] != totals, problem)
    on_hand = levels["on_hand"]
    yield from _where(
        (on_hand < -ON_HAND_MAX) | (on_hand > ON_HAND_MAX), "on_hand of stock level {} is too much"
    )


def _wrong_levels(shard: Shard) -> Iterator[str]:
    levels = shard.levels.used
    yield from _where(levels["withheld"] < 0, "stock level {} withholds less than no units")
    for field, names in (("sku", shard.skus), ("location", shard.locations)):
        is_known = (levels[field] >= 0) & (levels[field] < len(names))
        yield from _where(~is_known, f"stock level {{}} has no {field}")
    pairs = np.stack([levels["sku"], levels["location"]], axis=1)
    if len(np.unique(pairs, axis=0)) != len(pairs):
        yield "two stock levels are of the same SKU and location"


def _wrong_names(shard: Shard) -> Iterator[str]:
    for kind in ("skus", "locations", "sources", "principals", "display_names"):
        table = getattr(shard, kind)
        names = [table.text(number) for number in np.flatnonzero(table.removed.used == 0)]
        if len(set(names)) != len(names):
            yield f"a name stands twice among the {kind}"


def _wrong_reservations(shard: Shard) -> Iterator[str]:
    """Reservations take the lines one after the other, and likewise the texts of ids."""
    reservations = shard.reservations.used
    counts = reservations["line_count"].astype(np.int64)
    starts = np.cumsum(counts) - counts
    yield from _where(counts == 0, "reservation {} has no lines")
    yield from _where(reservations["first_line"] != starts, "reservation {} has others' lines")
    if counts.sum() != len(shard.lines):
        yield f"{len(shard.lines)} lines, but reservations have {counts.sum()}"
    texts = (reservations["flags"] & FLAG_TEXT != 0).astype(np.int64)
    texts += np.where(reservations["flags"] & FLAG_LINE_IDS != 0, counts, 0)
    first_texts = np.where(texts > 0, np.cumsum(texts) - texts, NO_TEXT)
    yield from _where(reservations["id_text"] != first_texts, "reservation {} has another's id")
    if texts.sum() != len(shard.id_texts):
        yield f"{len(shard.id_texts)} texts of ids, but reservations have {texts.sum()}"
    times = reservations["expires_at_ns"] < reservations["reserved_at_ns"]
    yield from _where(times, "reservation {} ends before it began")


def _wrong_totals(shard: Shard) -> Iterator[str]:
    statistics, levels = read_statistics(shard.header), shard.levels.used
    sums = {field: _sum(levels[field]) for field in ("on_hand", "reserved", "committed")}
    sums["skus"] = int(np.count_nonzero(shard.skus.removed.used == 0))
    for field, expected in sums.items():
        if expected != (total := getattr(statistics, field)):
            yield f"the running total of {field} is {total}, over all rows it is {expected}"


def _sum(column: Array) -> int:
    """The exact sum of int64s, in halves: five levels at their limit are more than an int64."""
    low = column & 0xFFFF_FFFF
    return (int((column >> 32).sum()) << 32) + int(low.sum())


_CHECKS = (
    _wrong_lines,
    _wrong_units,
    _wrong_levels,
    _wrong_names,
    _wrong_reservations,
    _wrong_totals,
)


def _wrong_links(node: Node) -> Iterator[str]:
    """Every later part is the next of one part, of the same reservation, in another shard."""
    linked = set()
    for shard in node.shards:
        parts = shard.reservations.used
        for number in np.flatnonzero(parts["next_part"] != NO_PART).tolist():
            place, next_number = unpack_part(int(parts["next_part"][number]))
            linked.add((place, next_number))
            if not _is_next(node, shard, number, place, next_number):
                yield f"shard {shard.number}: reservation {number} is linked to another"
    later = {
        (shard.number, number)
        for shard in node.shards
        for number in np.flatnonzero(shard.reservations.used["flags"] & FLAG_LATER_PART).tolist()
    }
    if linked != later:
        yield "later parts of reservations and links to them do not match"
    yield from _wrong_ids(node)
    yield from _wrong_homes(node)


def _is_next(node: Node, shard: Shard, number: int, place: int, next_number: int) -> bool:
    if place == shard.number or place >= len(node.shards):
        return False
    others = node.shards[place].reservations
    if next_number >= len(others):
        return False
    part, other = shard.reservations.records[number], others.records[next_number]
    return all(part[field] == other[field] for field in ("key_hi", "key_lo", "hold_ms"))


def _wrong_ids(node: Node) -> Iterator[str]:
    ids = [
        np.stack([first["key_hi"], first["key_lo"], first["flags"] & FLAG_TEXT], axis=1)
        for shard in node.shards
        for parts in [shard.reservations.used]
        for first in [parts[parts["flags"] & FLAG_LATER_PART == 0]]
    ]
    together = np.concatenate(ids)
    if len(np.unique(together, axis=0)) != len(together):
        yield "two reservations have the same id"


def _wrong_homes(node: Node) -> Iterator[str]:
    for shard in node.shards:
        for number in range(len(shard.skus)):
            if node.homes.of_sku(shard.skus.text(number)) != shard.number:
                yield f"shard {shard.number}: SKU {number} belongs to another shard"


def _where(is_wrong: Array, problem: str) -> Iterator[str]:
    """Name the first of what is wrong."""
    if is_wrong.any():
        yield problem.format(int(is_wrong.argmax()))
