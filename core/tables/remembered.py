"""Keys that are remembered for a stated retention: request ids and stock event ids.

Two generations. When the current one is a retention old it becomes the previous one, whose records
have all run out by the time it is retired: forgetting costs nothing per key. A lookup compares
times, so that what a caller sees depends on the retention, not on when a generation turned.
"""

import numpy as np

from .. import kernels
from ..limits import RETENTION_NS, ROWS_MAX
from .hash_slots import HashSlots
from .table import Array, Table


class _Generation:
    """Records, and hash slots of their numbers."""

    __slots__ = ("records", "slots")

    def __init__(self, dtype: np.dtype, seed: Array, rows_max: int) -> None:
        self.records = Table(dtype, rows_max=rows_max)
        self.slots = HashSlots(seed)

    def find(self, hi: int, lo: int) -> Array | None:
        key = np.uint64(hi), np.uint64(lo)
        index = kernels.find_key(self.slots.arrays, self.records.records, *key)
        return None if index < 0 else self.records.records[index]

    def index(self, start: int) -> None:
        """Enter the records from `start` on."""
        count = len(self.records) - start
        self.slots.ensure(count)
        hashes = np.empty(count, np.uint64)
        kernels.index_keys(self.slots.arrays, self.records.records, start, hashes)

    def reindex(self) -> None:
        self.slots.clear(len(self.records))
        self.index(0)

    def give_back(self) -> bool:
        """Free some memory of a generation that nobody looks into any more, and return whether
        there is more. All at once would be a pause.
        """
        return self.records.give_back() or self.slots.give_back()


class Remembered:
    """Records by 128-bit key, each with `key_hi`, `key_lo` and the `at_ns` from which its retention
    runs.
    """

    __slots__ = ("_retired", "_seed", "current", "dtype", "previous", "rows_max", "since_ns")

    def __init__(self, dtype: np.dtype, seed: Array, rows_max: int = ROWS_MAX) -> None:
        self.dtype = dtype
        self.rows_max = rows_max
        self._seed = seed
        self.current = _Generation(dtype, seed, rows_max)
        self.previous = _Generation(dtype, seed, rows_max)
        self._retired: _Generation | None = None
        self.since_ns = 0

    def find(self, hi: int, lo: int, now_ns: int) -> Array | None:
        """The record of a key, if it is still remembered."""
        for generation in (self.current, self.previous):
            record = generation.find(hi, lo)
            if record is not None and now_ns - int(record["at_ns"]) < RETENTION_NS:
                return record
        return None

    def find_events(
        self, events: Array, hashes: Array, shard: int, now_ns: int, recorded: Array
    ) -> None:
        """Fill in what is remembered of stock events (STOCK_EVENT, RECORDED) in this shard.
        `hashes` are those of kernels.hash_keys.
        """
        for generation in (self.current, self.previous):
            if len(generation.records):
                after_ns = now_ns - RETENTION_NS
                tables = generation.slots.arrays, generation.records.records
                kernels.find_events(*tables, events, hashes, after_ns, shard, recorded)

    def remember(self, count: int, now_ns: int) -> Array:
        """Make room for `count` new records and return them, to be filled in and then entered by
        `index`.
        """
        if now_ns - self.since_ns >= RETENTION_NS:
            self._retired, self.previous = self.previous, self.current
            self.current = _Generation(self.dtype, self._seed, self.rows_max)
            self.since_ns = now_ns
        if self._retired and not self._retired.give_back():
            self._retired = None
        return self.current.records.extend(count)

    def index(self, count: int) -> None:
        """Enter the last `count` records."""
        self.current.index(len(self.current.records) - count)

    def room_at(self, now_ns: int) -> int:
        """Records that it can still take. A new generation has room for as many as the last."""
        has_turned = now_ns - self.since_ns >= RETENTION_NS
        return self.rows_max if has_turned else self.current.records.room

    def columns(self) -> dict[str, Array]:
        """The state, for snapshots."""
        return {
            "current": self.current.records.used,
            "previous": self.previous.records.used,
            "since_ns": np.array([self.since_ns], np.int64),
        }

    def load(self, columns: dict[str, Array]) -> None:
        """Take over what `columns` gave. The slots are still to be rebuilt."""
        self.since_ns = int(columns["since_ns"][0])
        for name, generation in (("current", self.current), ("previous", self.previous)):
            generation.records.load(columns[name])

    def reindex(self) -> None:
        """Rebuild the slots, which are derived, after a load."""
        for generation in (self.current, self.previous):
            generation.reindex()
