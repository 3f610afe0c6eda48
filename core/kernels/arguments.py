"""What kernels are handed: every array with its dtype and shape, named once.

Arrays that go together travel in one tuple. Python hands over plain tuples, and a kernel gives
them their names again: that way numba's dispatcher takes 2.0 µs over all arrays of a shard, with
named tuples 5.1, one by one 2.3 (docs/adr/0020). The counts that kernels need stand in a header a
shard, an int64[HEADER_SIZE]. Record layouts are those of
tables/layouts.py and, for effects, of tables/effects.py.
"""

from typing import NamedTuple

import numpy as np

from .compiled import kernel

Array = np.ndarray
Arrays = tuple[Array, ...]

#: Places in a header.
(
    SHARD,
    NOW_NS,
    SEQUENCE,  # of the last entry that was closed; the running turn writes the next
    ID_TEXTS,  # texts of ids in use; their bytes are recorded after the reservations
    LEVELS,
    RESERVATIONS,
    LINES,
    SPLITS,
    EXPIRIES,
    SKUS,  # that exist; from here on running totals, so that no one has to pass over the rows
    UNITS_ON_HAND,  # each in two places: the low 32 bits, then the rest (levels.py add_units)
    _,
    UNITS_RESERVED,
    _,
    UNITS_COMMITTED,
    _,
    EXPIRED_LINES,  # since the start of the process
    EFFECTS,  # from here on effects of the running turn, each kind at its number (effects.Section)
) = range(18)
RESERVATION_EFFECTS, LINE_EFFECTS, MOVE_EFFECTS = EFFECTS + 9, EFFECTS + 10, EFFECTS + 12
HEADER_SIZE = EFFECTS + 32


class Index(NamedTuple):
    """From keys to the numbers of records: slots, and how they are laid out (hash_slots.py)."""

    slots: Array
    """uint64[slots]"""
    layout: Array
    """int64[LAYOUT_SIZE]: what the slots are at the moment."""


class Names(NamedTuple):
    """Names by number. Name n is arena[offsets[n]:offsets[n + 1]]."""

    by_text: Index
    """From names to numbers; a removed name is not in it."""
    offsets: Array
    """int64[names + 1]"""
    arena: Array
    """uint8[bytes of all names]"""


class Stock(NamedTuple):
    """What decides whether a line can be had."""

    levels: Array
    """LEVEL[rows]"""
    ended: Array
    """uint8[SKUs]: 1 when the SKU has ended."""
    locations: Array
    """LOCATION[locations]"""


class Book(NamedTuple):
    """Reservations with what hangs on them."""

    reservations: Array
    """RESERVATION[reservations]"""
    lines: Array
    """LINE[lines]"""
    splits: Array
    """int64[splits, 6]: units by state, of lines whose units are in several states."""


class Heap(NamedTuple):
    """A binary heap ordered by (time, number); its size is header[EXPIRIES]."""

    times: Array
    """int64[entries], nanoseconds"""
    numbers: Array
    """int32[entries], of reservations"""


class Effects(NamedTuple):
    """The effects that the running turn is collecting, each counted in the header."""

    reservations: Array
    lines: Array
    moves: Array


class Tables(NamedTuple):
    """All that decides and changes reservations of one shard."""

    header: Array
    """int64[HEADER_SIZE]"""
    stock: Stock
    book: Book
    ids: Index
    """From reservation ids to first parts, over all shards of a node (reservation_index.py)."""
    heap: Heap
    effects: Effects


@kernel
def tables_of(arrays):
    """Tables, from the same as plain tuples."""
    header, stock, book, index, heap, effects = arrays
    return Tables(header, Stock(*stock), Book(*book), Index(*index), Heap(*heap), Effects(*effects))
