"""A ring: records in the order in which they came, of which the oldest leave.

Records are counted for ever, and record n lies at n modulo the ring's size, so that the counts run
past any size the ring has.
"""

import numpy as np

from ..limits import RING_BITS
from .address_space import allocate
from .table import Array, TableFullError, figures, raw


class Ring:
    """Records from `first` to before `end`, counted for ever; both stand in a header
    (kernels/arguments.py) side by side, so that kernels can read and append.
    """

    __slots__ = ("_at", "_counts", "records")

    def __init__(
        self, dtype: np.dtype | str, header: Array, at: int, size: int = 1 << RING_BITS
    ) -> None:
        assert size & (size - 1) == 0, "kernels take a count modulo the size with a mask"
        self.records = allocate(dtype, size)
        self._counts = figures(header)
        self._at = at

    def __len__(self) -> int:
        return self.end - self.first

    @property
    def first(self) -> int:
        """Count of the oldest record."""
        return self._counts[self._at]

    @property
    def end(self) -> int:
        """Count of the next record."""
        return self._counts[self._at + 1]

    def ensure(self, extra: int) -> None:
        """Raise TableFullError when there is no room for `extra` more records."""
        if len(self) + extra > len(self.records):
            most = len(self.records)
            raise TableFullError(f"{len(self)} records and {extra} more: at most {most}")

    def places(self, first: int, count: int) -> Array:
        """Where `count` records from `first` on lie (int64)."""
        return np.arange(first, first + count) & (len(self.records) - 1)

    def append(self, records: Array) -> None:
        """Add records. Raises TableFullError."""
        self.ensure(len(records))
        raw(self.records)[self.places(self.end, len(records))] = raw(records)
        self._counts[self._at + 1] += len(records)

    def drop(self, count: int) -> None:
        """Let the oldest `count` leave."""
        assert count <= len(self), (count, len(self))
        self._counts[self._at] += count

    @property
    def used(self) -> Array:
        """A copy of the records, the oldest first."""
        return self.records[self.places(self.first, len(self))]

    def load(self, first: int, records: Array) -> None:
        """Replace the content, as recovery does."""
        self._counts[self._at] = self._counts[self._at + 1] = first
        self.append(records)
