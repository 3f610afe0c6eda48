"""Hash slots that grow without a pause: what all tables that are searched stand on.

Slots are derived state: they are filled anew after a load and stand in no snapshot, so their seed
shows nowhere. They grow by moving a few slots to a larger place for every record that is entered;
`layout` says how far that has come (kernels/hash_slots.py).
"""

import numpy as np

from .. import kernels
from ..kernels.arguments import Array, Arrays
from ..kernels.hash_slots import (
    ENTERED,
    HOMES,
    HOMES_AT,
    LARGER,
    LARGER_AT,
    LAYOUT_SIZE,
    MOVED,
    RECORD_BITS,
    SEED_0,
    SEED_1,
    SPILL,
)
from ..limits import NUMBER_BITS
from .address_space import allocate, discard, use_huge_pages
from .table import TableFullError, figures

#: Growth begins when three quarters of the homes are taken, to twice what is there. It is done when
#: an eighth as many records have been entered, before the old slots are too full.
_FULL, _ROOM, _MOVES_AN_ENTRY = 0.75, 2.0, 8

_HOMES_MIN = 64

#: Slots are taken by turns from the two halves of an address space of 4 GiB.
_HALF = 1 << 28

#: After the last home there is room for the runs that begin near it. At seven eighths full, the
#: longest of 2^28 slots is expected to be 2,300.
_SPILL = 1 << 16

#: 4 MiB of slots are worth pages of 2 MiB, and are given back at a time: in some 0.2 ms.
_HUGE_HOMES_MIN = _GIVEN_BACK = 1 << 19


class HashSlots:
    """From the hash of a key to the number of its record. The keys stay in the records.

    The seed (int64[2]) is unknown to those who choose the keys. A number has `record_bits`.
    """

    __slots__ = ("_empty", "_figures", "_freed", "_scratch", "_settled_max", "arrays")

    def __init__(self, seed: Array, record_bits: int = NUMBER_BITS) -> None:
        self._empty = np.zeros(LAYOUT_SIZE, np.int64)
        self._empty[HOMES] = _homes(0)
        self._empty[RECORD_BITS] = record_bits
        self._empty[SPILL] = _SPILL
        self._empty[SEED_0 : SEED_1 + 1] = seed
        layout = self._empty.copy()
        self.arrays: Arrays = (allocate("u8", 2 * _HALF), layout)
        self._figures: memoryview[int] = figures(layout)
        self._freed = 0
        self._scratch = np.empty(0, np.uint64)
        self._settle()

    @property
    def rows_max(self) -> int:
        """Records that can be entered in all."""
        return int((_HALF - _SPILL) * _FULL)

    @property
    def room(self) -> int:
        """Records that can still be entered."""
        return self.rows_max - self.count

    @property
    def count(self) -> int:
        """Records entered."""
        return self._figures[ENTERED]

    def ensure(self, extra: int) -> None:
        """Make room for `extra` more records. Raises TableFullError, and changes nothing, when
        there are some 200 million.
        """
        count = self.count + extra
        if count > self.rows_max:
            raise TableFullError(f"{self.count} keys and {extra} more")
        if count > self._settled_max:
            self._grow(count, extra)

    def clear(self, count: int) -> None:
        """Empty the slots, and lay them out for `count` records."""
        slots, layout = self.arrays
        discard(slots, 0, 2 * _HALF)
        layout[:] = self._empty
        layout[HOMES] = _homes(count)
        self._freed = 0
        self._lay_out(HOMES_AT)
        self._settle()

    def scratch(self, count: int) -> Arrays:
        """Empty slots under the same seed for `count` records, which one command looks up among
        themselves. They do not grow, and hold until the next call: new memory for every message
        would take longer than what is done with it.
        """
        homes = max(_HOMES_MIN, 2 * count)
        layout = self._empty.copy()
        layout[HOMES], layout[RECORD_BITS], layout[SPILL] = homes, NUMBER_BITS, count + 1
        size = homes + count + 1
        if size > len(self._scratch):
            self._scratch = np.empty(size, np.uint64)
        slots = self._scratch[:size]
        slots.fill(0)
        return slots, layout

    def give_back(self) -> bool:
        """Free some memory of slots that nobody looks into any more, and return whether there is
        more.
        """
        slots, layout = self.arrays
        for at in (LARGER_AT, HOMES_AT):
            start, homes = layout[at : at + 2].tolist()
            if homes:
                layout[at + 1] = left = (homes - 1) // _GIVEN_BACK * _GIVEN_BACK
                discard(slots, start + left, start + homes + _SPILL)
                return True
        return False

    def _grow(self, count: int, extra: int) -> None:
        layout = self.arrays[1]
        self._settled_max = -1
        while layout[LARGER] or count > layout[HOMES] * _FULL:
            if not layout[LARGER]:
                layout[LARGER] = _homes(count)
                layout[LARGER_AT] = _HALF - layout[HOMES_AT]
                self._lay_out(LARGER_AT)
            has_moved = kernels.move_slots(self.arrays, extra * _MOVES_AN_ENTRY)
            self._free_moved(int(layout[MOVED]))
            if not has_moved:
                return
            self._leave()
        self._settle()

    def _settle(self) -> None:
        self._settled_max = int(self.arrays[1][HOMES] * _FULL)

    def _lay_out(self, at: int) -> None:
        slots, layout = self.arrays
        start, homes = layout[at : at + 2].tolist()
        if homes >= _HUGE_HOMES_MIN:
            use_huge_pages(slots, start, start + homes + _SPILL)

    def _free_moved(self, moved: int) -> None:
        """Free the memory of slots that have moved, in pieces: all at once would be a pause."""
        slots, layout = self.arrays
        start = int(layout[HOMES_AT])
        while self._freed + _GIVEN_BACK <= moved:
            end = self._freed + _GIVEN_BACK
            discard(slots, start + self._freed, start + end)
            self._freed = end

    def _leave(self) -> None:
        """Go on in the larger half alone."""
        slots, layout = self.arrays
        start, homes = layout[[HOMES_AT, HOMES]].tolist()
        discard(slots, start + self._freed, start + homes + _SPILL)
        self._freed = 0
        layout[HOMES_AT] = layout[LARGER_AT]
        layout[HOMES] = layout[LARGER]
        layout[LARGER] = layout[MOVED] = 0


def _homes(count: int) -> int:
    return min(max(_HOMES_MIN, int(count * _ROOM)), _HALF - _SPILL)
