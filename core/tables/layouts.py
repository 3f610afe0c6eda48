"""The shapes of the state: record layouts, growable tables of them, and names on flat arrays.

A table is one contiguous array of fixed-width records; `table["on_hand"]` is the column. Records
rather than separate arrays, because a reserve touches every field of one stock level: 32 bytes are
half a cache line and one miss (docs/adr/0015). Nothing here holds a Python object per row, so a
snapshot is a copy of bytes and a restart does not rebuild a million objects.
"""

import numpy as np

from .. import kernels
from ..limits import ARENA_BYTES_MAX, ROWS_MAX
from .address_space import reserve

Array = np.ndarray

#: A stock level. `sku` and `location` are numbers from the shard's name tables.
LEVEL = np.dtype(
    [("on_hand", "i8"), ("reserved", "i8"), ("committed", "i8"), ("sku", "i4"), ("location", "i4")]
)

#: A reservation, or the part of one that lives in this shard. `sequence` and `reserved_at_ns`
#: rebuild the first answer. `next_part` links the parts of a reservation over several shards, -1 at
#: the end; `id_text` is -1 for a UUID.
RESERVATION = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("reserved_at_ns", "i8"),
        ("expires_at_ns", "i8"),
        ("sequence", "i8"),
        ("next_part", "i8"),
        ("hold_ms", "u4"),
        ("first_line", "i4"),
        ("id_text", "i4"),
        ("line_count", "u2"),
        ("flags", "u2"),
    ]
)

#: A line. While all its units share one state, `state` names it and `quantity` is their number;
#: when they part, `state` is 0 and `quantity` is the row of `splits` that counts them by state.
LINE = np.dtype(
    [("quantity", "i8"), ("row", "i4"), ("position", "u2"), ("state", "u1"), ("pad", "u1")]
)

LOCATION = np.dtype([("display_name", "i4"), ("kind", "u1"), ("enabled", "u1"), ("pad", "u2")])

#: The first answer to a command that carried a request id.
REQUEST = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("at_ns", "i8"),
        ("sequence", "i8"),
        ("result", "i8"),
        ("lines_hash", "u8"),
        ("hold_ms", "u4"),
        ("verb", "u1"),
        ("remainder", "u1"),
        ("pad", "u2"),
    ]
)

#: A stock event that was applied.
EVENT = np.dtype([("key_hi", "u8"), ("key_lo", "u8"), ("at_ns", "i8")])

#: One operation of a batch: a single-line reserve, or (with its key alone) a command on a
#: reservation.
OPERATION = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("quantity", "i8"),
        ("row", "i4"),
        ("hold_ms", "u4"),
        ("shard", "u2"),
        ("flags", "u2"),
        ("pad", "u4"),
    ]
)


def raw(records: Array) -> Array:
    """View records as plain bytes of their size: NumPy copies these 30 times faster than fields."""
    return records.view(f"V{records.itemsize}")


class TableFullError(Exception):
    """A table has no place for more records."""


class Table:
    """A table of records; `count` of them are in use. It grows in place (address_space.py)."""

    __slots__ = ("count", "records")

    def __init__(
        self, dtype: np.dtype | str, width: tuple[int, ...] = (), rows_max: int = ROWS_MAX
    ) -> None:
        self.records = reserve(dtype, rows_max, width)
        self.count = 0

    def __getitem__(self, field: str) -> Array:
        return self.records[field][: self.count]

    def __len__(self) -> int:
        return self.count

    @property
    def used(self) -> Array:
        """The records in use, as a view."""
        return self.records[: self.count]

    def ensure(self, extra: int) -> None:
        """Raise TableFullError when `extra` more records have no place."""
        if self.count + extra > len(self.records):
            raise TableFullError(
                f"{self.count} records and {extra} more: at most {len(self.records)}"
            )

    def append(self, *records: tuple[int, ...]) -> Array:
        """Add records and return a view of them."""
        start = self.count
        self.ensure(len(records))
        for record in records:
            self.records[self.count] = record
            self.count += 1
        return self.records[start : self.count]

    def load(self, records: Array) -> None:
        """Replace the content, as recovery does."""
        self.count = 0
        self.ensure(len(records))
        self.count = len(records)
        raw(self.records)[: self.count] = raw(records)


class NameTable:
    """Names as running numbers: bytes in an arena, and an open-addressed table of numbers over it.

    A number is never used twice. A removed name keeps its number and text but is found no more.
    """

    __slots__ = ("arena", "offsets", "removed", "slots")

    def __init__(self) -> None:
        self.arena = Table("u1", rows_max=ARENA_BYTES_MAX)
        self.offsets = Table("i8")
        self.offsets.append(0)  # type: ignore[arg-type]
        self.removed = Table("u1")
        self.slots = np.zeros(64, np.int32)

    def __len__(self) -> int:
        return self.removed.count

    def find(self, name: str) -> int:
        """Return the number of a name, or -1."""
        data = np.frombuffer(name.encode(), np.uint8)
        return int(kernels.find_name(self.slots, self.offsets.records, self.arena.records, data))

    def text(self, number: int) -> str:
        """Return the name of a number."""
        start, end = self.offsets.records[number : number + 2]
        return self.arena.records[start:end].tobytes().decode()

    def add(self, packed: Array) -> None:
        """Add names, given as one byte of length before each. The caller has made sure that they
        are new.
        """
        count = kernels.count_names(packed)
        self.arena.ensure(len(packed))
        self.offsets.ensure(count)
        self.removed.ensure(count)
        self._make_slots(len(self) + count)
        self.arena.count = kernels.add_names(
            packed, self.slots, self.offsets.records, self.arena.records, len(self)
        )
        self.offsets.count += count
        self.removed.count += count

    def remove(self, number: int) -> None:
        """Make a name unknown; its number and text stay."""
        self.removed.records[number] = 1
        kernels.remove_name(self.slots, self.offsets.records, self.arena.records, number)

    def reindex(self) -> None:
        """Rebuild the slots, which are derived, after a load."""
        self.slots = np.zeros(64, np.int32)
        self._make_slots(len(self), always=True)

    def _make_slots(self, count: int, *, always: bool = False) -> None:
        size = slots_size(count, len(self.slots))
        if size == len(self.slots) and not always:
            return
        self.slots = np.zeros(size, np.int32)
        kernels.index_names(
            self.slots, self.offsets.records, self.arena.records, self.removed.records, len(self)
        )


def pack_name(name: str) -> Array:
    """Spell a name as NameTable.add and the journal take it."""
    data = name.encode()
    return np.frombuffer(bytes((len(data),)) + data, np.uint8)


def slots_size(count: int, size: int) -> int:
    """Size of an open-addressed table for `count` keys: a power of two, at most two thirds full."""
    while count * 3 > size * 2:
        size *= 2
    return size
