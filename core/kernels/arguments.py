"""What kernels are handed: every array with its dtype and shape, named once.

Arrays that go together travel in one tuple. Python hands over plain tuples, and a kernel gives
them their names again: that way numba's dispatcher takes 2.0 µs over all arrays of a shard, with
named tuples 5.1, one by one 2.3 (docs/adr/0020). The counts that kernels need stand in one header
for each shard, an int64[HEADER_SIZE]. Record layouts are those of tables/layouts.py and, for
effects, of tables/effects.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .blocks import FREE_SIZE
from .compiled import kernel

Array = np.ndarray
Arrays = tuple[Array, ...]

#: Places in a header.
(
    SHARD,
    NOW_NS,
    SEQUENCE,  # of the last entry that was closed; the running turn writes the next
    LEVELS,
    RESERVATIONS,  # the end of those in use, as of the next three: some before it are free
    LINES,
    SPLITS,
    ID_TEXTS,
    EXPIRIES,
    SKUS,  # that exist; from here on running totals, so that no one has to pass over the rows
    UNITS_ON_HAND,  # each in two places: the low 32 bits, then the rest (levels.py add_units)
    _,
    UNITS_RESERVED,
    _,
    UNITS_COMMITTED,
    _,
    EXPIRED_LINES,  # since the start of the process
    GAPS,
    SUPPLY_TEXTS,
    QUARANTINED,
    QUARANTINED_SKUS,
    NOT_CURRENT,  # sources that are silent or miss numbers
    RESTRICTED,  # those of them that restrict what may be promised meanwhile
    EFFECTS,  # from here on effects of the running turn, each kind at its number (effects.Section)
) = range(24)
RESERVATION_EFFECTS, LINE_EFFECTS, MOVE_EFFECTS = EFFECTS + 9, EFFECTS + 10, EFFECTS + 12
SECTIONS_END = EFFECTS + 64

#: Further places: what was given back and is used again (kernels/blocks.py, kernels/retention.py).
#: It is state: it decides where the next reservation lies.
FREE_RESERVATIONS = SECTIONS_END  # how many, then the first + 1; the same of splits
FIRST_FREE_RESERVATION = FREE_RESERVATIONS + 1
FREE_SPLITS = FREE_RESERVATIONS + 2
FIRST_FREE_SPLIT = FREE_RESERVATIONS + 3
ENDED = FREE_RESERVATIONS + 4  # the first of the ended ids, counted for ever, and their end
FREE_LINES = FREE_RESERVATIONS + 6
FREE_TEXTS = FREE_LINES + FREE_SIZE
FREE_SUPPLY_TEXTS = FREE_TEXTS + FREE_SIZE
HEADER_SIZE = FREE_SUPPLY_TEXTS + FREE_SIZE


def total_at(figures: Sequence[int], place: int) -> int:
    """A running total of a header, which may be more than an int64."""
    return (figures[place + 1] << 32) + figures[place]


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
    """What decides whether a line can be reserved."""

    levels: Array
    """LEVEL[rows]"""
    ended: Array
    """uint8[SKUs]: 1 when the SKU has ended."""
    locations: Array
    """LOCATION[locations]"""
    quarantined: Array
    """int32[levels in quarantine]: their rows, in rising order."""
    quarantined_skus: Array
    """QUARANTINED_SKU[SKUs in quarantine], by rising numbers of SKUs."""
    last_counts: Array
    """LAST_COUNT[rows]"""
    sources: Array
    """SOURCE[sources]"""


class Book(NamedTuple):
    """Reservations with what hangs on them."""

    reservations: Array
    """RESERVATION[reservations]"""
    lines: Array
    """LINE[lines]"""
    splits: Array
    """int64[splits, 7]: units by state, of lines whose units are in several states."""
    ended: Array
    """ENDED_ID[ended ids]: what is left of ended reservations; record n lies at n modulo this."""


class Heap(NamedTuple):
    """A binary heap ordered by (time, number); its size is header[EXPIRIES]."""

    times: Array
    """int64[entries], nanoseconds"""
    numbers: Array
    """int32[entries], of reservations"""
    places: Array
    """int32[reservations]: 1 + where a reservation's entry stands, or 0"""


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
