"""From reservation ids to first parts, over all shards of a node.

What a slot names is a shard above 28 bits: a number, and whether it is that of an ended id
(kernels/retention.py), not of a reservation. The shard takes the bits that the highest one needs,
the hash what is left: 34 bits with four shards, 28 with 256.
"""

import numpy as np

from ..limits import NUMBER_BITS, PART_BITS, PART_NUMBER_BITS
from .arguments import Index
from .codes import FLAG_FREE, FLAG_LATER_PART
from .compiled import kernel
from .hash_slots import enter, find_home, hash_key, number_at, probe

_SLOT_NUMBER_MASK = (1 << PART_BITS) - 1
_PLACE_MASK = (1 << NUMBER_BITS) - 1
_PART_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1


@kernel
def slot_number(shard, number):
    """What a slot holds of a part."""
    return np.int64(shard) << PART_BITS | np.int64(number)


@kernel
def ended_number(place):
    """What stands in the place of a part's number for an ended id."""
    return np.int64(place) | 1 << NUMBER_BITS


@kernel
def is_ended(part):
    """Whether a part is an ended id."""
    return part >> NUMBER_BITS & 1 == 1


@kernel
def ended_place(part):
    """The place of an ended id in the ring of its shard."""
    return part & _PLACE_MASK


@kernel
def part_at(index, slot, h):
    """The part that a candidate's slot names, as shard << 40 | number."""
    part = number_at(index, slot, h)
    return part >> PART_BITS << PART_NUMBER_BITS | part & _SLOT_NUMBER_MASK


@kernel
def part_shard(part):
    """The shard of a part."""
    return part >> PART_NUMBER_BITS


@kernel
def part_number(part):
    """The number of a part within its shard."""
    return part & _PART_NUMBER_MASK


@kernel
def insert_part(index, hi, lo, shard, number):
    """Enter a reservation's first part."""
    index = Index(*index)
    enter(index, hash_key(index, hi, lo), slot_number(shard, number))


@kernel
def find_part(index, hi, lo, passed):
    """The next candidate for a key, as (shard << 40 | number, slots passed up to it), or (-1, 0).

    `passed` is 0 at first, later what the last call returned, from where the search goes on.
    Candidates agree in all the bits of hash that a slot holds; the caller compares the whole key.
    """
    index = Index(*index)
    h = hash_key(index, hi, lo)
    home = find_home(index, h)
    slot = probe(index, home + passed, h)
    if index.slots[slot] == 0:
        return np.int64(-1), np.int64(0)
    return part_at(index, slot, h), slot + 1 - home


@kernel
def index_parts(index, reservations, count, shard):
    """Enter the first parts of one shard."""
    index = Index(*index)
    for number in range(count):
        record = reservations[number]
        if not record.flags & (FLAG_LATER_PART | FLAG_FREE):
            insert_part(index, record.key_hi, record.key_lo, shard, number)
