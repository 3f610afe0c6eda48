"""Which levels are watched, and the rows that a watcher looks at, some at a time."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Final

import numpy as np

from holdfast.core.tables.shard import Shard
from holdfast.core.tables.table import Array

from ...wire.watch import Watch
from .changes import ShardChanges

#: Levels in a response: a millisecond of the loop, or 5 where all of them are renamed or awaited.
PAGE_LEVELS: Final = 1_000

#: Rows that are looked through at once: less than a millisecond.
LOOKED_THROUGH: Final = 65_536

#: Up to this many rows are looked through faster one by one.
FEW: Final = 16

#: One row in so many, or fewer, is sorted faster than found again among all: 60 ns a row in batches
#: of thousands, and 0.1 for each of all.
SPARSE: Final = 512

#: Levels in a page that have units promised from supply.
WAITING_LEVELS: Final = 10

NO_ROWS: Final = np.empty(0, np.int64)


class LevelFilter:
    """Which levels of a shard are watched."""

    def __init__(self, shard: Shard, wanted: Watch) -> None:
        self.shard = shard
        self._wanted = wanted
        self._names_seen = (-1, -1, -1)
        # SKUs that ended stay, so that their end is sent.
        self.skus: set[int] = set()
        self.locations: set[int] = set()
        self.follow()  # at once: a SKU may end before anything else of it is seen

    @property
    def is_by_sku(self) -> bool:
        """Whether SKUs are named."""
        return bool(self._wanted.skus)

    def follow(self) -> None:
        """Look up names again when there are new ones."""
        shard, names = self.shard, self.shard.sku_names
        seen = (len(shard.skus), len(shard.locations), names.changes)
        if seen == self._names_seen:
            return
        self._names_seen = seen
        if self._wanted.skus:
            first = [names.first.get(sku, sku) for sku in self._wanted.skus]
            self.skus.update(shard.skus.find_all(first))
            self.skus.discard(-1)
        if self._wanted.locations:
            self.locations = set(shard.locations.find_all(self._wanted.locations))

    def watched(self, rows: Array) -> Array:
        """Those of these rows that are watched."""
        levels = self.shard.levels.records
        if self._wanted.skus:
            rows = rows[_are_in(levels["sku"][rows], self.skus)]
        if self._wanted.locations:
            rows = rows[_are_in(levels["location"][rows], self.locations)]
        return rows


def _are_in(numbers: Array, wanted: Collection[int]) -> Array | list[int]:
    """Which numbers are wanted, or where: NumPy takes longer to begin than a few need."""
    if len(numbers) > FEW:
        return np.isin(numbers, list(wanted))
    return [at for at, number in enumerate(numbers.tolist()) if number in wanted]


def distinct(rows: Array, count: int) -> Array:
    """Each of these rows once, in their order, out of so many."""
    if len(rows) * SPARSE < count:
        return np.unique(rows)
    is_there = np.zeros(count, bool)
    is_there[rows] = True
    return np.flatnonzero(is_there)


async def looked_through(changes: ShardChanges, wanted: LevelFilter) -> AsyncIterator[Array]:
    """All watched rows, some at a time."""
    if wanted.is_by_sku:
        yield wanted.watched(changes.rows_of(np.array(sorted(wanted.skus), np.int64)))
        return
    count = len(changes.shard.levels)
    for start in range(0, count, LOOKED_THROUGH):
        yield wanted.watched(np.arange(start, min(start + LOOKED_THROUGH, count)))
        await asyncio.sleep(0)


async def overdue_since(shard: Shard, day_ns: int, today_ns: int) -> Array:
    """The rows whose supply was expected from a day on and is overdue today."""
    found = [NO_ROWS]
    for start in range(0, len(shard.supplies), LOOKED_THROUGH):
        supplies = shard.supplies.used[start : start + LOOKED_THROUGH]
        expected, is_open = supplies["expected_ns"], supplies["quantity"] > supplies["received"]
        is_late = (expected >= day_ns) & (expected < today_ns) & is_open
        found.append(supplies["row"][is_late].astype(np.int64))
        await asyncio.sleep(0)
    return np.unique(np.concatenate(found))


def without(excluded: Array, rows: Array) -> Array:
    return rows[np.isin(rows, excluded, invert=True)] if len(excluded) else rows


async def pages(shard: Shard, rows: Array) -> AsyncIterator[Array]:
    """Rows in pages. Of those where units are promised from supply there are few in a page, since
    for each of them the queue is looked through: some 0.2 ms.
    """
    is_waiting = shard.backordered.records[rows] > 0 if len(shard.backorders) else None
    if is_waiting is None or not is_waiting.any():
        for start in range(0, len(rows), PAGE_LEVELS):
            yield rows[start : start + PAGE_LEVELS]
        return
    ends = np.flatnonzero(is_waiting)[WAITING_LEVELS - 1 :: WAITING_LEVELS] + 1
    for part in np.split(rows, ends):
        for start in range(0, len(part), PAGE_LEVELS):
            yield part[start : start + PAGE_LEVELS]
            await asyncio.sleep(0)
