"""Which holds end, and when: a heap of expirations beside the reservations.

Derived state: rebuilt from reservations with held units, in no snapshot. Entries are never removed
from the middle. An entry whose reservation was committed, released or extended is stale and falls
out when its time comes, so that commit and release cost nothing here, and the heap never holds more
than was reserved within the longest hold.
"""

from .. import kernels
from ..limits import ROWS_MAX
from .address_space import reserve
from .layouts import Table, TableFullError


class Expirations:
    """A binary heap of (time, reservation number)."""

    __slots__ = ("numbers", "size", "times")

    def __init__(self) -> None:
        self.times = reserve("i8", ROWS_MAX)
        self.numbers = reserve("i4", ROWS_MAX)
        self.size = 0

    @property
    def next_ns(self) -> int:
        """No hold ends before this."""
        return int(self.times[0]) if self.size else int(kernels.NEVER_NS)

    def ensure(self, extra: int) -> None:
        """Raise TableFullError when `extra` more entries have no place."""
        if self.size + extra > ROWS_MAX:
            raise TableFullError(f"{self.size} expirations and {extra} more: at most {ROWS_MAX}")

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
