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
from ..limits import NUMBER_BITS, PART_BITS, PART_NUMBER_BITS, ROWS_MAX
from .hash_slots import HashSlots
from .ring import Ring
from .table import Array, Table

_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1


class HasReservations(Protocol):
    """What the index needs of a shard to be built anew."""

    number: int
    reservations: Table
    ended: Ring


def pack_part(shard: int, number: int) -> int:
    """A part of a reservation as one integer."""
    return shard << PART_NUMBER_BITS | number


def unpack_part(part: int) -> tuple[int, int]:
    """(shard, number) of a part."""
    return part >> PART_NUMBER_BITS, part & _NUMBER_MASK


def unpack_ended(part: int) -> tuple[int, int] | None:
    """(shard, place) of an ended id; None for a part of a reservation."""
    if not part >> NUMBER_BITS & 1:
        return None
    return part >> PART_NUMBER_BITS, part & ROWS_MAX


class ReservationIndex:
    """Hash slots of part references; the keys themselves stay in the shards."""

    __slots__ = ("arrays", "shard_count", "slots")

    def __init__(self, shard_count: int, seed: Array) -> None:
        self.slots = HashSlots(seed, PART_BITS + (shard_count - 1).bit_length())
        self.arrays = self.slots.arrays
        self.shard_count = shard_count

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
        """Enter every reservation and every ended id of these shards anew, into slots that fit
        them.
        """
        self.slots.clear(sum(shard.reservations.in_use + len(shard.ended) for shard in shards))
        for shard in shards:
            table, ended = shard.reservations, shard.ended
            kernels.index_parts(self.arrays, table.records, len(table), shard.number)
            kernels.index_ended(self.arrays, ended.records, ended.first, ended.end, shard.number)
