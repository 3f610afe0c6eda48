"""Which shard knows a reservation: the node's table from id to first part.

Derived state: it is rebuilt from the shards' reservations and stands in no snapshot. It exists
because an id must be unique over all shards, while the lines of a repeated request may name other
shards than the first time.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .. import kernels
from ..ids import Key
from ..limits import PART_NUMBER_BITS
from .address_space import give_back, reserve, use_huge_pages
from .layouts import Table, TableFullError

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
    """What the directory needs of a shard."""

    number: int
    reservations: Table

    def is_reservation(self, number: int, key: Key) -> bool:
        """Whether a reservation has this key."""


def pack_part(shard: int, number: int) -> int:
    """Spell a part of a reservation as one integer."""
    return shard << PART_NUMBER_BITS | number


def unpack_part(part: int) -> tuple[int, int]:
    """The opposite of `pack_part`."""
    return part >> PART_NUMBER_BITS, part & _NUMBER_MASK


class ReservationIndex:
    """Open-addressed slots of part references; the keys themselves stay in the shards.

    It grows by moving a few slots to larger ones for every reservation that is entered, so that
    growth is never a pause. `layout` says where it stands; see kernels.HOMES_AT.
    """

    __slots__ = ("_settled_max", "count", "layout", "shards", "slots")

    def __init__(self, shards: Sequence[HasReservations]) -> None:
        self.shards = shards
        self.count = 0
        self.slots = reserve("u8", 2 * _HALF)
        self.layout = np.zeros(7, np.int64)
        self.layout[kernels.HOMES] = _homes(0)
        shard_bits = max(shard.number for shard in shards).bit_length()
        self.layout[kernels.PART_BITS] = kernels.NUMBER_BITS + shard_bits
        self.layout[kernels.SPILL] = _SPILL
        self._settle()

    def find(self, key: Key) -> int:
        """Return the first part of a reservation, or -1."""
        his_lo = np.uint64(key.hi), np.uint64(key.lo)
        nth = 0
        while (part := kernels.find_part(self.slots, self.layout, *his_lo, nth)) >= 0:
            shard, number = unpack_part(part)
            if self.shards[shard].is_reservation(number, key):
                return int(part)
            nth += 1
        return -1

    def ensure(self, extra: int) -> None:
        """Make room for `extra` more reservations, which the caller is about to enter. Raises
        TableFullError, and changes nothing, when the node holds some 200 million.
        """
        if self.count + extra > (_HALF - _SPILL) * _FULL:
            raise TableFullError(f"{self.count} reservations on this node and {extra} more")
        self.count += extra
        if self.count > self._settled_max:
            self._grow(extra)

    def _grow(self, extra: int) -> None:
        layout = self.layout
        self._settled_max = -1
        while layout[kernels.LARGER] or self.count > layout[kernels.HOMES] * _FULL:
            if not layout[kernels.LARGER]:
                layout[kernels.LARGER] = _homes(self.count)
                layout[kernels.LARGER_AT] = _HALF - layout[kernels.HOMES_AT]
                self._lay_out(kernels.LARGER_AT)
            if not kernels.move_slots(self.slots, layout, extra * _MOVES_AN_ENTRY):
                return
            self._leave()
        self._settle()

    def _settle(self) -> None:
        self._settled_max = int(self.layout[kernels.HOMES] * _FULL)

    def _lay_out(self, at: int) -> None:
        start, homes = self.layout[at : at + 2].tolist()
        if homes >= _HUGE_HOMES_MIN:
            use_huge_pages(self.slots, start, start + homes + _SPILL)

    def _leave(self) -> None:
        """Go on in the larger half alone."""
        layout = self.layout
        start = int(layout[kernels.HOMES_AT])
        give_back(self.slots, start, start + _HALF)
        layout[kernels.HOMES_AT] = layout[kernels.LARGER_AT]
        layout[kernels.HOMES] = layout[kernels.LARGER]
        layout[kernels.LARGER] = layout[kernels.MOVED] = 0

    def rebuild(self, count: int) -> None:
        """Enter every reservation anew, into slots that fit `count`."""
        give_back(self.slots, 0, 2 * _HALF)
        self.layout[: kernels.PART_BITS] = 0
        self.layout[kernels.HOMES] = _homes(count)
        self._lay_out(kernels.HOMES_AT)
        for shard in self.shards:
            table = shard.reservations
            kernels.index_parts(self.slots, self.layout, table.records, len(table), shard.number)
        self.count = count
        self._settle()


def _homes(count: int) -> int:
    return min(max(64, int(count * _ROOM)), _HALF - _SPILL)
