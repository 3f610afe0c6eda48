"""Which holds end, and when: a heap of expirations beside the reservations.

Derived state: rebuilt from reservations with held units, in no snapshot. Entries are never removed
from the middle. An entry whose reservation was committed, released or extended is stale and falls
out when its time comes, so that commit and release cost nothing here, and the heap never holds more
than was reserved within the longest hold.
"""

import numpy as np

from . import kernels
from .columns import Array, Table


class Expirations:
    """A binary heap of (time, reservation number)."""

    __slots__ = ("numbers", "size", "times")

    def __init__(self) -> None:
        self.times = np.zeros(64, np.int64)
        self.numbers = np.zeros(64, np.int32)
        self.size = 0

    @property
    def next_ns(self) -> int:
        """No hold ends before this."""
        return int(self.times[0]) if self.size else int(kernels.NEVER_NS)

    def ensure(self, extra: int) -> None:
        """Make room for `extra` more entries."""
        needed = self.size + extra
        if needed > len(self.times):
            capacity = max(needed, len(self.times) * 3 // 2)
            self.times = _grown(self.times, self.size, capacity)
            self.numbers = _grown(self.numbers, self.size, capacity)

    def rebuild(self, reservations: Table, lines: Table, splits: Table) -> None:
        """Collect every reservation with held units."""
        self.size = 0
        self.ensure(len(reservations))
        self.size = kernels.index_expiries(
            self.times,
            self.numbers,
            reservations.records,
            len(reservations),
            lines.records,
            splits.records,
        )


def _grown(old: Array, used: int, capacity: int) -> Array:
    new = np.zeros(capacity, old.dtype)
    new[:used] = old[:used]
    return new
