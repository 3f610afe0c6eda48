"""From reservation ids to first parts: the node's index.

Derived state: it is rebuilt from the shards' reservations and stands in no snapshot. It exists
because an id must be unique over all shards, while the lines of a repeated request may name other
shards than the first time.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from .. import kernels
from ..ids import Key
from ..kernels.reservation_index import (
    ENTERED,
    HOMES,
    HOMES_AT,
    LARGER,
    LARGER_AT,
    LAYOUT_SIZE,
    MOVED,
    PART_BITS,
    SPILL,
)
from ..limits import NUMBER_BITS, PART_NUMBER_BITS
from .address_space import allocate, discard, use_huge_pages
from .table import Table, TableFullError, figures

_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1

#: Growth begins when three quarters of the homes are taken, to twice what is there. It is done when
#: an eighth as many reservations have been entered, before the old slots are too full.
_FULL, _ROOM, _MOVES_AN_ENTRY = 0.75, 2.0, 8

#: Slots are taken by turns from the two halves of an address space of 4 GiB.
_HALF = 1 << 28

#: Ids of callers can be made to share a hash. Behind the last home there is room for a million of
#: them; it is address space and takes no memory.
_SPILL = 1 << 20

#: 4 MiB of slots are worth pages of 2 MiB.
_HUGE_HOMES_MIN = 1 << 19


class HasReservations(Protocol):
    """What the index needs of a shard to be built anew."""

    number: int
    reservations: Table


def pack_part(shard: int, number: int) -> int:
    """A part of a reservation as one integer."""
    return shard << PART_NUMBER_BITS | number


def unpack_part(part: int) -> tuple[int, int]:
    """(shard, number) of a part."""
    return part >> PART_NUMBER_BITS, part & _NUMBER_MASK


class ReservationIndex:
    """Open-addressed slots of part references; the keys themselves stay in the shards.

    It grows by moving a few slots to larger ones for every reservation that is entered, so that
    growth is not a pause. `layout` says where it stands (kernels/reservation_index.py).
    """

    __slots__ = ("_figures", "_settled_max", "arrays", "layout", "slots")

    def __init__(self, shard_count: int) -> None:
        self.slots = allocate("u8", 2 * _HALF)
        self.layout = np.zeros(LAYOUT_SIZE, np.int64)
        self.layout[HOMES] = _homes(0)
        self.layout[PART_BITS] = NUMBER_BITS + (shard_count - 1).bit_length()
        self.layout[SPILL] = _SPILL
        self.arrays = (self.slots, self.layout)
        self._figures: memoryview[int] = figures(self.layout)
        self._settle()

    @property
    def count(self) -> int:
        """Reservations entered, each by its first part."""
        return self._figures[ENTERED]

    def candidates(self, key: Key) -> Iterator[int]:
        """Parts whose slots look like this key's; nearly always there is one or none. Their keys
        are still to be compared.
        """
        his_lo = np.uint64(key.hi), np.uint64(key.lo)
        nth = 0
        while (part := kernels.find_part(self.arrays, *his_lo, nth)) >= 0:
            yield int(part)
            nth += 1

    def ensure(self, extra: int) -> None:
        """Make room for `extra` more reservations. Raises TableFullError, and changes nothing, when
        the node holds some 200 million.
        """
        count = self.count + extra
        if count > (_HALF - _SPILL) * _FULL:
            raise TableFullError(f"{self.count} reservations on this node and {extra} more")
        if count > self._settled_max:
            self._grow(count, extra)

    def _grow(self, count: int, extra: int) -> None:
        layout = self.layout
        self._settled_max = -1
        while layout[LARGER] or count > layout[HOMES] * _FULL:
            if not layout[LARGER]:
                layout[LARGER] = _homes(count)
                layout[LARGER_AT] = _HALF - layout[HOMES_AT]
                self._lay_out(LARGER_AT)
            if not kernels.move_slots(self.arrays, extra * _MOVES_AN_ENTRY):
                return
            self._leave()
        self._settle()

    def _settle(self) -> None:
        self._settled_max = int(self.layout[HOMES] * _FULL)

    def _lay_out(self, at: int) -> None:
        start, homes = self.layout[at : at + 2].tolist()
        if homes >= _HUGE_HOMES_MIN:
            use_huge_pages(self.slots, start, start + homes + _SPILL)

    def _leave(self) -> None:
        """Go on in the larger half alone."""
        layout = self.layout
        start = int(layout[HOMES_AT])
        discard(self.slots, start, start + _HALF)
        layout[HOMES_AT] = layout[LARGER_AT]
        layout[HOMES] = layout[LARGER]
        layout[LARGER] = layout[MOVED] = 0

    def rebuild(self, shards: Sequence[HasReservations]) -> None:
        """Enter every reservation of these shards anew, into slots that fit them."""
        discard(self.slots, 0, 2 * _HALF)
        self.layout[:PART_BITS] = 0
        self.layout[ENTERED] = 0
        self.layout[HOMES] = _homes(sum(len(shard.reservations) for shard in shards))
        self._lay_out(HOMES_AT)
        for shard in shards:
            table = shard.reservations
            kernels.index_parts(self.arrays, table.records, len(table), shard.number)
        self._settle()


def _homes(count: int) -> int:
    return min(max(64, int(count * _ROOM)), _HALF - _SPILL)
