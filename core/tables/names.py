"""Names as running numbers: SKUs, locations, sources, display names and texts of ids."""

import numpy as np

from .. import kernels
from ..kernels.arguments import Arrays
from ..limits import ARENA_BYTES_MAX
from .hash_slots import slots_size
from .table import Array, Table


class NameTable:
    """Bytes in an arena, and an open-addressed table of numbers over it.

    A number is used once. A removed name keeps its number and text but can't be found.
    """

    __slots__ = ("arena", "arrays", "offsets", "removed")

    def __init__(self) -> None:
        self.arena = Table("u1", rows_max=ARENA_BYTES_MAX)
        self.offsets = Table("i8")
        self.offsets.extend(1)  # the first name begins at 0
        self.removed = Table("u1")
        self.arrays = self._arrays(64)

    def __len__(self) -> int:
        return self.removed.count

    def _arrays(self, size: int) -> Arrays:
        """Names of kernels/arguments.py, with empty slots."""
        return (np.zeros(size, np.int32), self.offsets.records, self.arena.records)

    def find(self, name: str) -> int:
        """The number of a name, or -1."""
        return int(kernels.find_name(self.arrays, np.frombuffer(name.encode(), np.uint8)))

    def text(self, number: int) -> str:
        """The name of a number."""
        start, end = self.offsets.records[number : number + 2]
        return self.arena.records[start:end].tobytes().decode()

    def add(self, packed: Array) -> None:
        """Add names, given as one byte of length before each. The caller has made sure that they
        are new. Raises TableFullError.
        """
        count = kernels.count_names(packed)
        self.arena.ensure(len(packed))
        self.offsets.ensure(count)
        self.removed.ensure(count)
        self._make_slots(len(self) + count)
        self.arena.count = kernels.add_names(packed, self.arrays, len(self))
        self.offsets.count += count
        self.removed.count += count

    def remove(self, number: int) -> None:
        """Make a name unknown; its number and text stay."""
        self.removed.records[number] = 1
        kernels.remove_name(self.arrays, number)

    def reindex(self) -> None:
        """Rebuild the slots, which are derived, after a load."""
        self.arrays = self._arrays(64)
        self._make_slots(len(self), always=True)

    def _make_slots(self, count: int, *, always: bool = False) -> None:
        size = slots_size(count, len(self.arrays[0]))
        if size == len(self.arrays[0]) and not always:
            return
        self.arrays = self._arrays(size)
        kernels.index_names(self.arrays, self.removed.records, len(self))


def pack_name(name: str) -> Array:
    """A name as NameTable.add and the journal take it: a byte of length, then its bytes."""
    data = name.encode()
    return np.frombuffer(bytes((len(data),)) + data, np.uint8)
