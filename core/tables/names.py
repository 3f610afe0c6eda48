"""Names as running numbers: SKUs, locations, sources, display names and texts of ids."""

import numpy as np

from .. import kernels
from ..limits import ARENA_BYTES_MAX
from .hash_slots import HashSlots
from .table import Array, Table


class NameTable:
    """Bytes in an arena, and for names that are looked up, hash slots over it.

    A number is used once. A removed name keeps its number and text but can't be found.
    """

    __slots__ = ("arena", "arrays", "offsets", "removed", "slots")

    def __init__(self, slots: HashSlots | None) -> None:
        self.arena = Table("u1", rows_max=ARENA_BYTES_MAX)
        self.offsets = Table("i8")
        self.offsets.extend(1)  # the first name begins at 0
        self.removed = Table("u1")
        self.slots = slots
        if slots:  # Names of kernels/arguments.py
            self.arrays = (slots.arrays, self.offsets.records, self.arena.records)

    def __len__(self) -> int:
        return self.removed.count

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
        start, count = len(self), kernels.count_names(packed)
        self.arena.ensure(len(packed))
        self.offsets.ensure(count)
        self.removed.ensure(count)
        self.arena.count = kernels.append_names(
            packed, self.offsets.records, self.arena.records, start
        )
        self.offsets.count += count
        self.removed.count += count
        self._enter(start)

    def remove(self, number: int) -> None:
        """Make a name unknown; its number and text stay."""
        self.removed.records[number] = 1
        kernels.remove_name(self.arrays, number)

    def reindex(self) -> None:
        """Rebuild the slots, which are derived, after a load."""
        if self.slots:
            self.slots.clear(len(self))
            self._enter(0)

    def _enter(self, start: int) -> None:
        """Let the names from `start` on be found."""
        if self.slots:
            self.slots.ensure(len(self) - start)
            kernels.index_names(self.arrays, self.removed.records, start, len(self))


def pack_name(name: str) -> Array:
    """A name as NameTable.add and the journal take it: a byte of length, then its bytes."""
    data = name.encode()
    return np.frombuffer(bytes((len(data),)) + data, np.uint8)
