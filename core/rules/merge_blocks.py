"""What keeps a SKU from being merged into another (docs/adr/0047)."""

from dataclasses import dataclass

import numpy as np

from ..commands import InTheWay
from ..kernels.codes import CURRENT, SELL_ON, UNCOUNTED
from ..limits import PROMISE_SUPPLIES_MAX
from ..tables.shard import Shard
from ..tables.supply import list_open
from ..tables.table import Array


@dataclass(frozen=True, slots=True)
class Merging:
    """One of the two SKUs: its shard, the rows of its levels (int64), and its name."""

    shard: Shard
    rows: Array
    sku: str


def find_block(one: Merging, into: Merging) -> InTheWay | None:
    """What of a SKU can't be given to another, or why that can't take it."""
    return _keeps(one) or _refuses(into)


def _keeps(one: Merging) -> InTheWay | None:
    shard, rows, sku = one.shard, one.rows, one.sku
    levels = shard.levels.records[rows]
    # Python's integers: of levels at their limit, five are more than an int64.
    promised = sum(levels["reserved"].tolist()) + sum(levels["committed"].tolist())
    if promised:
        what = "units of it that are held or committed"
        return InTheWay("sku", sku, what, promised, "ship, release or cancel them first")
    coming = len(list_open(shard, rows, PROMISE_SUPPLIES_MAX)[0])
    if coming:
        what = "supplies and transfers of it that are open"
        return InTheWay("sku", sku, what, coming, "cancel or receive them first")
    waiting = int(np.isin(shard.awaited.used["row"], rows).sum())
    if waiting:
        what = "reversals that wait for events of it"
        return InTheWay("sku", sku, what, waiting, "send the events first")
    return _found_wrong("sku", one)


def _refuses(into: Merging) -> InTheWay | None:
    """Nothing is promised of a SKU or a level in quarantine: what came to it could not be had."""
    if into.shard.is_sku_quarantined(into.shard.skus.find(into.sku)):
        return InTheWay("into_sku", into.sku, "it is in quarantine: admit it first")
    return _found_wrong("into_sku", into)


def _found_wrong(field: str, one: Merging) -> InTheWay | None:
    wrong = int(np.isin(one.rows, one.shard.quarantined.used).sum())
    if not wrong:
        return None
    what = "stock levels of it that the audit found wrong"
    return InTheWay(field, one.sku, what, wrong, "repair them first")


def find_unwatched(one: Merging, into: Merging) -> InTheWay | None:
    """Whether units could be promised that a source keeps back when it is silent or has numbers
    missing (Fallback). A level of the other SKU stays that of the source which counted it, and
    else becomes one of the merge itself, which keeps nothing back. `one` has the rows with units.
    """
    silent = uncounted = 0
    for row in one.rows.tolist():
        there = into.shard.find_row(into.sku, one.shard.name_row(row)[1])
        found = _careful_source(one.shard, row), _careful_source(into.shard, there)
        careful = [each for each in found if each is not None]
        silent += any(0 < each["state"] < CURRENT for each in careful)
        uncounted += bool(careful) and not _is_counted(into.shard, there)
    if silent:
        what = "stock levels whose source is not current and restricts what may be promised"
        advice = "wait until it is heard, or have them counted by another source, first"
        return InTheWay("sku", one.sku, what, silent, advice)
    if uncounted:
        what = "stock levels not counted for it, where a source may restrict what may be promised"
        return InTheWay("into_sku", into.sku, what, uncounted, "count them first")
    return None


def _careful_source(shard: Shard, row: int) -> Array | None:
    """The source of a level (SOURCE) if it restricts promises while it is not current."""
    number = int(shard.last_counts.records["source"][row]) if row >= 0 else -1
    if number < 0:
        return None
    source: Array = shard.source_records.records[number]
    return source if source["fallback"] > SELL_ON else None


def _is_counted(shard: Shard, row: int) -> bool:
    return row >= 0 and int(shard.last_counts.records["resets"][row]) != UNCOUNTED
