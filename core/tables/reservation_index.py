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
from ..limits import NUMBER_BITS, PART_NUMBER_BITS
from .hash_slots import HashSlots
from .table import Array, Table

_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1


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
    """Hash slots of part references; the keys themselves stay in the shards."""

    __slots__ = ("arrays", "slots")

    def __init__(self, shard_count: int, seed: Array) -> None:
        self.slots = HashSlots(seed, NUMBER_BITS + (shard_count - 1).bit_length())
        self.arrays = self.slots.arrays

    def candidates(self, key: Key) -> Iterator[int]:
        """Parts whose slots look like this key's; nearly always there is one or none. Their keys
        are still to be compared.
        """
        hi, lo = np.uint64(key.hi), np.uint64(key.lo)
        part, passed = kernels.find_part(self.arrays, hi, lo, 0)
        while part >= 0:
            yield part
            part, passed = kernels.find_part(self.arrays, hi, lo, passed)

    def rebuild(self, shards: Sequence[HasReservations]) -> None:
        """Enter every reservation of these shards anew, into slots that fit them."""
        self.slots.clear(sum(len(shard.reservations) for shard in shards))
        for shard in shards:
            table = shard.reservations
            kernels.index_parts(self.arrays, table.records, len(table), shard.number)
