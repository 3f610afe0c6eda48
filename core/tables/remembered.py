"""Keys that are remembered for a stated retention: request ids and stock event ids.

Two generations. When the current one is a retention old it becomes the previous one, whose records
have all run out by the time it is dropped: forgetting costs nothing per key. A lookup compares
times, so that what a caller sees depends on the retention, not on when a generation turned.
"""

import numpy as np

from .. import kernels
from ..limits import RETENTION_NS
from .hash_slots import slots_size
from .table import Array, Table


class _Generation:
    """Records, and an open-addressed table of their numbers."""

    __slots__ = ("records", "slots")

    def __init__(self, dtype: np.dtype) -> None:
        self.records = Table(dtype)
        self.slots = np.zeros(64, np.int32)

    def find(self, hi: int, lo: int) -> Array | None:
        index = kernels.find_key(self.slots, self.records.records, np.uint64(hi), np.uint64(lo))
        return None if index < 0 else self.records.records[index]

    def index(self, start: int) -> None:
        """Enter the records from `start` on, growing the slots when they fill."""
        size = slots_size(len(self.records), len(self.slots))
        if size != len(self.slots):
            self.slots = np.zeros(size, np.int32)
            start = 0
        kernels.index_keys(self.slots, self.records.records, start, len(self.records))


class Remembered:
    """Records by 128-bit key, each with `key_hi`, `key_lo` and the `at_ns` from which its retention
    runs.
    """

    __slots__ = ("current", "dtype", "previous", "since_ns")

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.current = _Generation(dtype)
        self.previous = _Generation(dtype)
        self.since_ns = 0

    def find(self, hi: int, lo: int, now_ns: int) -> Array | None:
        """The record of a key, if it is still remembered."""
        for generation in (self.current, self.previous):
            record = generation.find(hi, lo)
            if record is not None and now_ns - int(record["at_ns"]) < RETENTION_NS:
                return record
        return None

    def find_all(self, his: Array, los: Array, now_ns: int, known: Array) -> None:
        """Mark in `known` which keys are still remembered; those marked already are passed over."""
        for generation in (self.current, self.previous):
            if len(generation.records):
                after_ns = now_ns - RETENTION_NS
                table = generation.records.records
                kernels.find_keys(generation.slots, table, his, los, after_ns, known)

    def remember(self, count: int, now_ns: int) -> Array:
        """Make room for `count` new records and return them, to be filled in and then entered by
        `index`.
        """
        if now_ns - self.since_ns >= RETENTION_NS:
            self.previous, self.current = self.current, _Generation(self.dtype)
            self.since_ns = now_ns
        return self.current.records.extend(count)

    def index(self, count: int) -> None:
        """Enter the last `count` records."""
        self.current.index(len(self.current.records) - count)

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
            generation.slots = np.zeros(64, np.int32)
            generation.index(0)
