"""Names as running numbers: SKUs, locations, sources, principals and display names."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .. import kernels
from ..limits import NAME_BYTES_MAX, ROWS_MAX
from .hash_slots import HashSlots
from .table import Array, Table

#: Names that a table remembers the answers for: to look one up through NumPy and a kernel takes 2
#: µs, and a stock fact looks up its source in every shard. Sources and locations are few.
FOUND_MAX = 1_024


class NameTable:
    """Bytes in an arena, and hash slots over it.

    A number is used once. A removed name keeps its number and text but can't be found.
    """

    __slots__ = ("_found", "arena", "arrays", "offsets", "removed", "rows_max", "slots")

    def __init__(self, slots: HashSlots, rows_max: int = ROWS_MAX) -> None:
        self.rows_max = rows_max
        self.arena = Table("u1", rows_max=rows_max * NAME_BYTES_MAX)
        self.offsets = Table("i8", rows_max=rows_max + 1)
        self.offsets.extend(1)  # the first name begins at 0
        self.removed = Table("u1", rows_max=rows_max)
        self.slots = slots
        self._found: dict[str, int] = {}
        # Names of kernels/arguments.py
        self.arrays = (slots.arrays, self.offsets.records, self.arena.records)

    def __len__(self) -> int:
        return self.removed.count

    @property
    def room(self) -> int:
        """Names that it can still take, however long they are."""
        return self.removed.room

    def find(self, name: str) -> int:
        """The number of a name, or -1."""
        number = self._found.get(name)
        return self._look_up(name) if number is None else number

    def _look_up(self, name: str) -> int:
        number = int(kernels.find_name(self.arrays, np.frombuffer(name.encode(), np.uint8)))
        if len(self._found) >= FOUND_MAX:
            self._found.clear()
        self._found[name] = number
        return number

    def find_all(self, names: Sequence[str]) -> list[int]:
        """The numbers of many names, each -1 where it is unknown."""
        if len(names) == 1:  # three times as fast
            return [self.find(names[0])]
        found: list[int] = self.find_joined(*join_names(names), np.arange(len(names))).tolist()
        return found

    def find_joined(self, data: Array, ends: Array, places: Array) -> Array:
        """The numbers of some of many names, which `join_encoded` has joined; -1 for unknown ones.
        `places` (int64) says which. Returns int64[places].
        """
        numbers = np.empty(len(places), np.int64)
        kernels.find_names(data, ends, places, self.arrays, numbers)
        return numbers

    def text(self, number: int) -> str:
        """The name of a number."""
        start, end = self.offsets.records[number : number + 2]
        return self.arena.records[start:end].tobytes().decode()

    def texts(self, numbers: Array) -> list[str]:
        """The names of many numbers."""
        starts, ends = self.offsets.records[numbers], self.offsets.records[numbers + 1]
        arena = self.arena.records.data
        return [
            str(arena[start:end], "utf-8")
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]

    def joined(self, numbers: Array) -> tuple[Array, Array]:
        """The names of many numbers in UTF-8, one after the other (uint8), and where each begins
        and the last ends (int64[n + 1]).
        """
        starts = self.offsets.records[numbers]
        ends = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(self.offsets.records[numbers + 1] - starts, out=ends[1:])
        places = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], np.diff(ends))
        return self.arena.records[places], ends

    def add(self, packed: Array) -> None:
        """Add names, given as one byte of length before each. The caller has made sure that they
        are new. Raises TableFullError.
        """
        self._found.clear()
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
        self._found.clear()
        self.removed.records[number] = 1
        kernels.remove_name(self.arrays, number)

    def was_removed(self, name: str, numbers: range) -> bool:
        """Whether one of these numbers had this name, and was removed."""
        data = name.encode()
        removed = numbers.start + np.flatnonzero(self.removed.records[numbers.start : numbers.stop])
        starts = self.offsets.records[removed]
        starts = starts[self.offsets.records[removed + 1] - starts == len(data)]
        for at, byte in enumerate(data):
            starts = starts[self.arena.records[starts + at] == byte]
        return len(starts) > 0

    def reindex(self) -> None:
        """Rebuild the slots, which are derived, after a load."""
        self._found.clear()
        self.slots.clear(len(self))
        self._enter(0)

    def _enter(self, start: int) -> None:
        """Make the names from `start` on findable."""
        self.slots.ensure(len(self) - start)
        kernels.index_names(self.arrays, self.removed.records, start, len(self))


def pack_names(*names: str) -> Array:
    """Names as NameTable.add and the journal take them: a byte of length before each."""
    encoded = [name.encode() for name in names]
    return np.frombuffer(b"".join([bytes((len(data),)) + data for data in encoded]), np.uint8)


def unpack_names(packed: Array) -> Iterator[str]:
    """The names of `pack_names`."""
    data, at = packed.tobytes(), 0
    while at < len(data):
        end = at + 1 + data[at]
        yield data[at + 1 : end].decode()
        at = end


def encode_names(names: Iterable[str]) -> list[bytes]:
    """Names as UTF-8."""
    return [name.encode() for name in names]


def join_names(names: Iterable[str]) -> tuple[Array, Array]:
    """Names as kernels look for them: their bytes together, and where each ends."""
    return join_encoded(encode_names(names))


def join_encoded(encoded: Sequence[bytes]) -> tuple[Array, Array]:
    """`join_names` of names as UTF-8."""
    ends = np.cumsum([len(data) for data in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends
