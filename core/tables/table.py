"""A table: one contiguous array of fixed-width records, of which some are in use.

`table["on_hand"]` is the column. Nothing here holds a Python object per row, so a snapshot is a
copy of bytes and a restart does not rebuild a million objects.
"""

from typing import Any

import numpy as np

from ..limits import ROWS_MAX
from .address_space import allocate, discard

Array = np.ndarray

#: Records that are given back at a time: 3 MiB of stock events, in some 0.2 ms. Whatever their
#: size, so many of them begin at a page.
_GIVEN_BACK = 1 << 17


def raw(records: Array) -> Array:
    """The records as plain bytes of their size: NumPy copies these 30 times faster than fields."""
    return records.view(f"V{records.itemsize}")


def figures(array: Array) -> "memoryview[int]":
    """The same integers, as Python reads them in a third of the time that NumPy takes."""
    view: Any = array
    return memoryview(view)


class TableFullError(Exception):
    """A table has no room for more records."""


class Table:
    """Records, and how many of them are in use: a place in a header (kernels/arguments.py), so
    that kernels can append. It grows in place (address_space.py).
    """

    __slots__ = ("_at", "_counts", "records", "rows_max")

    def __init__(
        self,
        dtype: np.dtype | str,
        width: tuple[int, ...] = (),
        rows_max: int = ROWS_MAX,
        header: Array | None = None,
        at: int = 0,
    ) -> None:
        self.records = allocate(dtype, rows_max, width)
        self.rows_max = rows_max
        self._counts = figures(np.zeros(1, np.int64) if header is None else header)
        self._at = at

    @property
    def count(self) -> int:
        """Records in use."""
        return self._counts[self._at]

    @count.setter
    def count(self, count: int) -> None:
        self._counts[self._at] = count

    def __getitem__(self, field: str) -> Array:
        return self.records[field][: self.count]

    def __len__(self) -> int:
        return self.count

    @property
    def used(self) -> Array:
        """The records in use, as a view."""
        return self.records[: self.count]

    @property
    def room(self) -> int:
        """Records that it can still take."""
        return self.rows_max - self.count

    def ensure(self, extra: int) -> None:
        """Raise TableFullError when there is no room for `extra` more records."""
        self._end(extra)

    def _end(self, extra: int) -> int:
        """Where `extra` more records would end."""
        end = self._counts[self._at] + extra
        if end > self.rows_max:
            count = end - extra
            raise TableFullError(f"{count} records and {extra} more: at most {self.rows_max}")
        return end

    def extend(self, extra: int) -> Array:
        """Take `extra` more records into use, as they lie there, and return a view of them. Raises
        TableFullError.
        """
        end = self._end(extra)
        self._counts[self._at] = end
        return self.records[end - extra : end]

    def append(self, *records: tuple[int, ...]) -> Array:
        """Add records and return a view of them. Raises TableFullError."""
        added = self.extend(len(records))
        added[:] = list(records)  # a tuple would be read as one record
        return added

    def give_back(self) -> bool:
        """Drop some of the last records and free their memory; return whether there were any."""
        if not self.count:
            return False
        start = (self.count - 1) // _GIVEN_BACK * _GIVEN_BACK
        discard(self.records, start, self.count)
        self.count = start
        return True

    def load(self, records: Array) -> None:
        """Replace the content, as recovery does."""
        self.count = 0
        raw(self.extend(len(records)))[:] = raw(records)
