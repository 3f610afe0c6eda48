"""What must be so in every state, whatever led to it: looked for by `verify` and by tests.

Rules of this file: plain NumPy over the columns, without the kernels that wrote them. It reads and
changes nothing.
"""

from collections.abc import Iterator

import numpy as np

from .kernels.arguments import (
    FIRST_FREE_RESERVATION,
    FIRST_FREE_SPLIT,
    FREE_LINES,
    FREE_RESERVATIONS,
    FREE_SPLITS,
    FREE_SUPPLY_TEXTS,
    FREE_TEXTS,
)
from .kernels.blocks import FREE_SIZE
from .kernels.codes import (
    ENDED_TEXT,
    FLAG_FREE,
    FLAG_LATER_PART,
    FLAG_LINE_IDS,
    FLAG_OWNER,
    FLAG_TEXT,
    NO_PART,
    NO_TEXT,
    SPLIT,
)
from .limits import ON_HAND_MAX, SUPPLIES_CLOSED_MAX, SUPPLIES_OPEN_MAX
from .model import State
from .node import Node
from .statistics import read_statistics
from .tables.layouts import LINE
from .tables.reservation_index import unpack_part
from .tables.shard import Shard
from .tables.sku_names import text_of
from .tables.table import Array, Table


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


def units_by_line(shard: Shard) -> tuple[Array, Array]:
    """The lines of reservations, by number, and their units with a column per state."""
    numbers = _lines_in_use(shard)
    lines = shard.lines.records[numbers]
    units = np.zeros((len(lines), len(State)), np.int64)
    is_split = lines["state"] == SPLIT
    units[is_split] = shard.splits.used[lines["quantity"][is_split]]
    whole = np.flatnonzero(~is_split)
    units[whole, lines["state"][whole] - 1] = lines["quantity"][whole]
    return numbers, units


def _lines_in_use(shard: Shard) -> Array:
    records = shard.reservations.used
    counts = records["line_count"].astype(np.int64)
    return np.sort(_numbers(records["first_line"], counts))


def _numbers(firsts: Array, counts: Array) -> Array:
    """All numbers of runs that begin at `firsts`, one run after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(firsts - before, counts) + np.arange(counts.sum())


def _wrong_lines(shard: Shard) -> Iterator[str]:
    numbers, count = _lines_in_use(shard), len(shard.levels)
    if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < len(shard.lines):
        yield "a reservation has lines that are not there"
        return
    lines = shard.lines.records[numbers]
    is_split = lines["state"] == SPLIT
    yield from _where(lines["state"] > len(State), "line {} is in an unknown state", numbers)
    is_nowhere = (lines["row"] < 0) | (lines["row"] >= count)
    yield from _where(is_nowhere, "line {} is at no stock level", numbers)
    free = _chain(int(shard.header[FIRST_FREE_SPLIT]), shard.splits.records[:, 0])
    rows = np.sort(np.concatenate([lines["quantity"][is_split], free]))
    if not np.array_equal(rows, np.arange(len(shard.splits))):
        yield "split lines and rows of splits do not match"
    if len(free) != shard.header[FREE_SPLITS]:
        yield f"{len(free)} rows of splits are free, not {shard.header[FREE_SPLITS]}"


def _chain(first: int, following: Array) -> Array:
    """Numbers of free rows: each has the next one + 1, the last 0."""
    found: dict[int, None] = {}
    while 0 < first <= len(following) and first - 1 not in found:
        found[first - 1] = None
        first = int(following[first - 1])
    return np.array(list(found), np.int64)


def _wrong_units(shard: Shard) -> Iterator[str]:
    if any(_wrong_lines(shard)):
        return  # units can't be counted
    numbers, units = units_by_line(shard)
    levels, rows = shard.levels.used, shard.lines.records["row"][numbers]
    is_less: Array = np.any(units < 0, axis=1)
    yield from _where(is_less, "line {} has less than no units in a state", numbers)
    sums: Array = units.sum(axis=1)
    yield from _where(sums <= 0, "line {} has no units", numbers)
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
    totals = np.zeros(len(levels), np.int64)
    np.add.at(totals, shard.unavailable.used["row"], shard.unavailable.used["units"])
    yield from _where(totals < 0, "less than no units are unavailable at stock level {}")
    np.subtract.at(totals, shard.backorders.used["row"], shard.backorders.used["units"])
    problem = "stock level {} does not withhold what is unavailable there"
    yield from _where(levels["withheld"] != totals, problem)
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


def _wrong_sku_names(shard: Shard) -> Iterator[str]:
    """Another name is that of one SKU, and no SKU begins under it."""
    records, names = shard.sku_name_records.used, shard.sku_names
    is_known = (records["sku"] >= 0) & (records["sku"] < len(shard.skus))
    yield from _where(~is_known, "name {} is of no SKU")
    for record in records[is_known]:
        first, name = shard.skus.text(int(record["sku"])), text_of(record)
        if first in names.first:
            continue  # it was merged into another SKU, which has its names
        if names.first.get(name) != first:
            yield f"{name} is not a name of {first}, or of another SKU too"
        if shard.skus.find(name) >= 0:
            yield f"{name} is a SKU, and another name of {first}"
        if (names.shown.get(name) == name) != bool(record["is_present"]):
            yield f"whether {first} is called {name} is not as it is noted"


def _wrong_quarantine(shard: Shard) -> Iterator[str]:
    skus = shard.quarantined_skus.used["sku"]
    if (np.diff(skus) <= 0).any():
        yield "SKUs in quarantine are not in their order"
    has_ended = shard.skus.removed.records[skus] != 0
    yield from _where(has_ended, "SKU {} is in quarantine and has ended", skus)


def _wrong_reservations(shard: Shard) -> Iterator[str]:
    """Every line and every granule of text is a reservation's, or free, and no two have it."""
    reservations = shard.reservations.used
    counts = reservations["line_count"].astype(np.int64)
    is_free = reservations["flags"] & FLAG_FREE != 0
    is_empty: Array = counts == 0
    yield from _where(is_empty ^ is_free, "reservation {} has no lines")
    free = _chain(int(shard.header[FIRST_FREE_RESERVATION]), reservations["next_part"])
    if not np.array_equal(np.sort(free), np.flatnonzero(is_free)):
        yield "rows of reservations that are free do not match"
    if len(free) != shard.header[FREE_RESERVATIONS]:
        yield f"{len(free)} reservations are free, not {shard.header[FREE_RESERVATIONS]}"
    yield from _wrong_blocks("lines", reservations["first_line"], counts, shard.lines, shard)
    yield from _wrong_texts(shard)
    times = reservations["expires_at_ns"] < reservations["reserved_at_ns"]
    yield from _where(times, "reservation {} ends before it began")


def _wrong_texts(shard: Shard) -> Iterator[str]:
    reservations = shard.reservations.used
    has_texts = reservations["flags"] & (FLAG_TEXT | FLAG_OWNER | FLAG_LINE_IDS) != 0
    first = reservations["id_text"].astype(np.int64)
    is_wrong = has_texts != (first != NO_TEXT)
    is_wrong = is_wrong | (first >= len(shard.id_texts))
    yield from _where(is_wrong, "reservation {} has no text, or one of another")
    if is_wrong.any():
        return
    numbers = np.flatnonzero(has_texts)
    counts = [_granules(shard, reservations[number]) for number in numbers.tolist()]
    granules, sizes = shard.id_texts.granules, np.array(counts, np.int64)
    yield from _wrong_blocks("granules of text", first[numbers], sizes, granules, shard)


def _granules(shard: Shard, record: Array) -> int:
    """Granules that the texts of a reservation take."""
    flags, count = int(record["flags"]), int(record["line_count"])
    texts = bool(flags & FLAG_TEXT) + bool(flags & FLAG_OWNER)
    texts += count if flags & FLAG_LINE_IDS else 0
    start = at = int(record["id_text"]) * LINE.itemsize
    for _ in range(texts):
        at += 1 + int(shard.id_texts.data[at])
    return -(-(at - start) // LINE.itemsize)


def _wrong_blocks(
    what: str, firsts: Array, sizes: Array, table: Table, shard: Shard, owners: str = "reservations"
) -> Iterator[str]:
    """Blocks in use and free blocks cover a table once."""
    free_at = {
        id(shard.lines): FREE_LINES,
        id(shard.id_texts.granules): FREE_TEXTS,
        id(shard.supply_texts.granules): FREE_SUPPLY_TEXTS,
    }[id(table)]
    free = list(_free_blocks(table.records, shard.header[free_at : free_at + FREE_SIZE]))
    starts, lengths = np.array(free, np.int64).reshape(-1, 2).T
    every = np.concatenate([_numbers(firsts, sizes), _numbers(starts, lengths)])
    if not np.array_equal(np.sort(every), np.arange(len(table))):
        yield f"{what}: {len(table)} are not those of {owners} and those that are free"
    if lengths.sum() != shard.header[free_at]:
        yield f"{lengths.sum()} {what} are free, not {shard.header[free_at]}"


def _free_blocks(records: Array, free: Array) -> Iterator[tuple[int, int]]:
    """(first, size) of every free block, by the lists that kernels/blocks.py describes."""
    for at in range(1, FREE_SIZE):
        seen, place = 0, int(free[at])
        while 0 < place <= len(records) and seen <= free[0]:
            first = records[place - 1]
            yield place - 1, int(first["row"])
            seen, place = seen + int(first["row"]), int(first["quantity"]) & 0xFFFF_FFFF


def _wrong_supplies(shard: Shard) -> Iterator[str]:
    """Every supply is in the chain of its level, which is not too long; no two have a text."""
    supplies, seen = shard.supplies.used, 0
    is_nowhere = (supplies["row"] < 0) | (supplies["row"] >= len(shard.supply_heads))
    yield from _where(is_nowhere, "supply {} is at no stock level")
    for row in np.flatnonzero(shard.supply_heads.used).tolist():
        mine = _chain(int(shard.supply_heads.records[row]), supplies["next"])
        seen += len(mine)
        left = supplies["quantity"][mine] - supplies["received"][mine]
        is_open = (left > 0) | ((supplies["is_transfer"][mine] != 0) & (left < 0))
        if (supplies["row"][mine] != row).any():
            yield f"stock level {row} has a supply of another"
        if is_open.sum() > SUPPLIES_OPEN_MAX or (~is_open).sum() > SUPPLIES_CLOSED_MAX:
            yield f"stock level {row} has too many supplies"
    if seen != len(supplies):
        yield f"{seen} supplies are in chains, and {len(supplies)} there"
    sizes = -(-supplies["text_size"].astype(np.int64) // LINE.itemsize)
    granules, first = shard.supply_texts.granules, supplies["text"].astype(np.int64)
    yield from _wrong_blocks("granules of names", first, sizes, granules, shard, "supplies")


def _wrong_backorders(shard: Shard) -> Iterator[str]:
    """What is backordered is under a promise and not on hand, and nobody can bind it."""
    backorders, levels = shard.backorders.used, shard.levels.used
    if any(_wrong_lines(shard)):
        return  # units can't be counted
    numbers, units = units_by_line(shard)
    places = np.minimum(np.searchsorted(numbers, backorders["line"]), len(numbers) - 1)
    if len(backorders) and not np.array_equal(numbers[places], backorders["line"]):
        yield "a backorder is of no line"
        return
    if len(np.unique(backorders["line"])) != len(backorders):
        yield "two backorders are of one line"
    promised = units[places][:, [State.HELD - 1, State.COMMITTED - 1]].sum(axis=1)
    is_wrong = (backorders["units"] <= 0) | (backorders["units"] > promised)
    yield from _where(is_wrong, "backorder {} has units that are not promised")
    given_back = (State.RELEASED, State.EXPIRED, State.CANCELLED)
    gone = sum(units[places, state - 1] for state in given_back)
    yield from _where(backorders["given_back"] != gone, "backorder {} missed what was given back")
    is_wrong = shard.lines.records["row"][backorders["line"]] != backorders["row"]
    yield from _where(is_wrong, "backorder {} is at another stock level than its line")
    mine = levels[backorders["row"]]
    free = mine["on_hand"] - mine["reserved"] - mine["committed"] - mine["withheld"]
    yield from _where(free > 0, "backorder {} waits for what is on hand")


def _wrong_ended_ids(shard: Shard) -> Iterator[str]:
    """What is left of reservations: in a ring, of which marks say when its records came."""
    ended, marks = shard.ended, shard.ended_marks.used
    count = ended.end - ended.first
    if not 0 <= count <= len(ended.records):
        yield f"{count} ended ids, in a ring of {len(ended.records)}"
        return
    yield from _where(ended.used["states"] & 0x7F == 0, "ended id {} had no units")
    is_before_last = np.diff(marks["first"]) < 0
    is_before_last |= np.diff(marks["at_ns"]) < 0
    yield from _where(is_before_last, "mark {} of ended ids is before the last")
    if len(ended) and (not len(marks) or marks["first"][0] > ended.first):
        yield "ended ids without a mark"


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
    _wrong_quarantine,
    _wrong_sku_names,
    _wrong_reservations,
    _wrong_supplies,
    _wrong_backorders,
    _wrong_ended_ids,
    _wrong_totals,
)


def _wrong_links(node: Node) -> Iterator[str]:
    """Every later part is the next of one part, of the same reservation, in another shard."""
    linked = set()
    for shard in node.shards:
        parts = shard.reservations.used
        is_linked = (parts["next_part"] != NO_PART) & (parts["flags"] & FLAG_FREE == 0)
        for number in np.flatnonzero(is_linked).tolist():
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
        for first in [parts[parts["flags"] & (FLAG_LATER_PART | FLAG_FREE) == 0]]
    ]
    for ended in [shard.ended.used for shard in node.shards]:
        is_text = np.where(ended["states"] & ENDED_TEXT, FLAG_TEXT, 0)
        ids.append(np.stack([ended["key_hi"], ended["key_lo"], is_text.astype(np.uint64)], axis=1))
    together = np.concatenate(ids)
    if len(np.unique(together, axis=0)) != len(together):
        yield "two reservations have the same id"


def _wrong_homes(node: Node) -> Iterator[str]:
    for shard in node.shards:
        for number in range(len(shard.skus)):
            if node.homes.of_name(shard.skus.text(number)) != shard.number:
                yield f"shard {shard.number}: SKU {number} belongs to another shard"


def _where(is_wrong: Array, problem: str, numbers: Array | None = None) -> Iterator[str]:
    """Name the first of what is wrong, by its place or by its number."""
    if is_wrong.any():
        first = int(is_wrong.argmax())
        yield problem.format(first if numbers is None else numbers[first])
