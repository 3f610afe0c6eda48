"""Which shard knows a reservation: the node's table from id to first part.

Derived state: it is rebuilt from the shards' reservations and stands in no snapshot. It exists
because an id must be unique over all shards, while the lines of a repeated request may name other
shards than the first time.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from . import kernels
from .columns import Table, slots_size
from .constants import PART_NUMBER_BITS
from .ids import Key

_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1


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


class Directory:
    """Open-addressed slots of part references; the keys themselves stay in the shards."""

    __slots__ = ("count", "shards", "slots")

    def __init__(self, shards: Sequence[HasReservations]) -> None:
        self.shards = shards
        self.slots = np.zeros(64, np.int64)
        self.count = 0

    def find(self, key: Key) -> int:
        """Return the first part of a reservation, or -1."""
        nth = 0
        while True:
            part = kernels.find_part(self.slots, np.uint64(key.hi), np.uint64(key.lo), nth)
            if part < 0:
                return -1
            shard, number = unpack_part(part)
            if self.shards[shard].is_reservation(number, key):
                return int(part)
            nth += 1

    def ensure(self, extra: int) -> None:
        """Make room for `extra` more reservations, which the caller is about to enter."""
        self.count += extra
        if slots_size(self.count, len(self.slots)) != len(self.slots):
            self.rebuild(self.count)

    def rebuild(self, count: int) -> None:
        """Enter every reservation anew into slots that fit `count`."""
        self.slots = np.zeros(slots_size(count, 64), np.int64)
        for shard in self.shards:
            table = shard.reservations
            kernels.index_parts(self.slots, table.records, len(table), shard.number)
        self.count = count
