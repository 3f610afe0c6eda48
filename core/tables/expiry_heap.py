"""Which holds end, and when: a heap of expirations beside the reservations.

Derived state: rebuilt from reservations with held units, in no snapshot. Entries leave at the top
alone. An entry whose reservation was committed, released or extended is stale and falls out when
its time comes, so that commit and release cost nothing here, and the heap holds no more than was
reserved and extended within the longest hold.
"""

from ..kernels.arguments import EXPIRIES, Array
from ..kernels.codes import NEVER_NS
from ..limits import ROWS_MAX
from .address_space import allocate
from .table import TableFullError, figures


class ExpiryHeap:
    """A binary heap of (time, reservation number); its size stands in the shard's header."""

    __slots__ = ("_counts", "_times", "arrays")

    def __init__(self, header: Array) -> None:
        self._counts = figures(header)
        self.arrays = (allocate("i8", ROWS_MAX), allocate("i4", ROWS_MAX))
        self._times = figures(self.arrays[0])

    @property
    def next_ns(self) -> int:
        """No hold ends before this."""
        return self._times[0] if self._counts[EXPIRIES] else NEVER_NS

    def ensure(self, extra: int) -> None:
        """Raise TableFullError when there is no room for `extra` more entries."""
        size = self._counts[EXPIRIES]
        if size + extra > ROWS_MAX:
            raise TableFullError(f"{size} expirations and {extra} more: at most {ROWS_MAX}")
