"""Which holds end, and when: a heap of expirations beside the reservations.

Derived state: rebuilt from reservations with held units, in no snapshot. Commit, release and extend
cost nothing here. A reservation has one entry at most, at an end that it had or has: when that time
comes, what was committed or released falls out, and what was extended goes back in at its new end.
An entry leaves with the row of its reservation, so there is room for all entries where there is for
reservations.
"""

from ..kernels.arguments import EXPIRIES, Array
from ..kernels.codes import NEVER_NS
from ..limits import ROWS_MAX
from .address_space import allocate
from .table import figures


class ExpiryHeap:
    """A binary heap of (time, reservation number); its size stands in the shard's header. It has
    room where the reservations have.
    """

    __slots__ = ("_counts", "_times", "arrays")

    def __init__(self, header: Array, rows_max: int = ROWS_MAX) -> None:
        self._counts = figures(header)
        self.arrays = (allocate("i8", rows_max), allocate("i4", rows_max), allocate("i4", rows_max))
        self._times = figures(self.arrays[0])

    def clear(self) -> None:
        """Remove all entries."""
        _, numbers, places = self.arrays
        places[numbers[: self._counts[EXPIRIES]]] = 0
        self._counts[EXPIRIES] = 0

    @property
    def next_ns(self) -> int:
        """No hold ends before this."""
        return self._times[0] if self._counts[EXPIRIES] else NEVER_NS
