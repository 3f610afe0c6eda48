"""A ring: records in the order in which they came, of which the oldest leave.

Records are counted for ever, and record n lies at n modulo the ring's size, so that the counts run
past any size the ring has.
"""

import numpy as np

from .address_space import allocate, discard
from .table import GIVEN_BACK, Array, figures, raw


class Ring:
    """Records from `first` to before `end`, counted for ever; both stand in a header
    (kernels/arguments.py) side by side, so that kernels can read, append and drop.
    """

    __slots__ = ("_at", "_counts", "_kept_from", "records")

    def __init__(self, dtype: np.dtype, header: Array, at: int, size: int) -> None:
        self.records = allocate(dtype, size)
        self._counts = figures(header)
        self._at = at
        self._kept_from = 0

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

    @property
    def room(self) -> int:
        """Records that it can still take."""
        return len(self.records) - len(self)

    @property
    def used(self) -> Array:
        """The records, the oldest first: a view unless they go round the end."""
        size = len(self.records)
        start, end = self.first % size, self.end % size
        if start < end or not len(self):
            return self.records[start : start + len(self)]
        return np.concatenate([self.records[start:], self.records[:end]])

    def free_left(self) -> None:
        """Give the memory back of what has left, in pieces: all at once would be a pause."""
        while self._kept_from + GIVEN_BACK <= self.first:
            place = self._kept_from % len(self.records)
            end = min(place + GIVEN_BACK, len(self.records))
            if place % GIVEN_BACK == 0 and end - place == GIVEN_BACK:
                discard(self.records, place, end)
            self._kept_from += end - place

    def load(self, records: Array) -> None:
        """Replace the content, as recovery does; where it begins was loaded elsewhere."""
        places = np.arange(self.first, self.first + len(records)) % len(self.records)
        raw(self.records)[places] = raw(records)
        self._kept_from = self.first // GIVEN_BACK * GIVEN_BACK
