"""From reservation ids to first parts: hash slots over all shards of a node.

A slot is a hash above a shard above 27 bits of number, plus 1; zero is empty. The shard takes the
bits that the highest one needs, the hash what is left: 35 bits with four shards, 29 with 256.
Homes grow by moving a few slots at a time (tables/reservation_index.py).
"""

import numpy as np

from ..limits import NUMBER_BITS, PART_NUMBER_BITS
from .arguments import Index
from .codes import FLAG_LATER_PART
from .compiled import kernel
from .hashing import mix

_HOME_BITS = 29
_U1 = np.uint64(1)
_SLOT_NUMBER_MASK = (1 << NUMBER_BITS) - 1
_PART_NUMBER_MASK = (1 << PART_NUMBER_BITS) - 1

#: The layout, an int64 each by position: where the homes start and how many there are; the same of
#: the larger ones to which they are moving, if they are; how many homes have moved; how many bits
#: of a slot name a part; how many slots lie behind the last home, because runs that begin near the
#: end go on there, not at the beginning; and how many parts have been entered.
HOMES_AT, HOMES, LARGER_AT, LARGER, MOVED, PART_BITS, SPILL, ENTERED, LAYOUT_SIZE = range(9)


@kernel
def _home(h, homes):
    """Spread a hash over homes of any number, keeping the order of hashes (Lemire, "Fast random
    integer generation in an interval", 2019).
    """
    return (np.int64(h >> np.uint64(64 - _HOME_BITS)) * homes) >> _HOME_BITS


@kernel
def find_home(index, h):
    """The slot at which a hash is looked up and entered."""
    home = _home(h, index.layout[HOMES])
    if home >= index.layout[MOVED]:
        return index.layout[HOMES_AT] + home
    return index.layout[LARGER_AT] + _home(h, index.layout[LARGER])


@kernel
def _find_empty(index, slot):
    """The first empty slot from one on."""
    end = slot + index.layout[SPILL]
    while index.slots[slot] != 0:
        slot += 1
        if slot == end:
            raise MemoryError("too many reservation ids have the same hash")
    return slot


@kernel
def move_slots(index, steps):
    """Copy some more slots to the larger homes, in order, and return whether all have moved.

    It stops at an empty slot, so that no run of filled slots lies on both sides. The slots
    carry all the hash that this takes: no reservation is read.
    """
    index = Index(*index)
    moved = index.layout[MOVED]
    end = min(moved + steps, index.layout[HOMES])
    while moved < index.layout[HOMES] + index.layout[SPILL]:
        entry = index.slots[index.layout[HOMES_AT] + moved]
        if entry != 0:
            home = index.layout[LARGER_AT] + _home(entry, index.layout[LARGER])
            index.slots[_find_empty(index, home)] = entry
        elif moved >= end:
            break
        moved += 1
    index.layout[MOVED] = moved
    return moved >= index.layout[HOMES]


@kernel
def hash_of(index, hi, lo):
    """As much of a key's hash as a slot holds."""
    part_bits = np.uint64(index.layout[PART_BITS])
    return mix(hi, lo) >> part_bits << part_bits


@kernel
def _is_candidate(index, slot, h):
    return np.uint64(0) < index.slots[slot] ^ h < _U1 << np.uint64(index.layout[PART_BITS])


@kernel
def part_at(index, slot, h):
    """The part that a candidate's slot names, as shard << 40 | number."""
    part = np.int64((index.slots[slot] ^ h) - _U1)
    return part >> NUMBER_BITS << PART_NUMBER_BITS | part & _SLOT_NUMBER_MASK


@kernel
def part_shard(part):
    """The shard of a part."""
    return part >> PART_NUMBER_BITS


@kernel
def part_number(part):
    """The number of a part within its shard."""
    return part & _PART_NUMBER_MASK


@kernel
def probe(index, h):
    """The slot of the first candidate for a hash, or the empty one where there is none."""
    slot = find_home(index, h)
    end = slot + index.layout[SPILL]
    while index.slots[slot] != 0 and not _is_candidate(index, slot, h):
        slot += 1
        if slot == end:
            raise MemoryError("too many reservation ids have the same hash")
    return slot


@kernel
def fill_slot(index, slot, h, shard, number):
    """Enter a part at an empty slot."""
    index.slots[slot] = h | (np.uint64(shard) << np.uint64(NUMBER_BITS) | np.uint64(number)) + _U1
    index.layout[ENTERED] += 1


@kernel
def insert_part(index, hi, lo, shard, number):
    """Enter a reservation's first part."""
    index = Index(*index)
    h = hash_of(index, hi, lo)
    slot = _find_empty(index, find_home(index, h))
    fill_slot(index, slot, h, shard, number)


@kernel
def find_part(index, hi, lo, nth):
    """The `nth` candidate for a key as shard << 40 | number, or -1. Candidates agree in
    so many bits of hash that nearly always the first is the one; the caller compares the whole key.
    """
    index = Index(*index)
    h = hash_of(index, hi, lo)
    slot = probe(index, h)
    while index.slots[slot] != 0:
        if _is_candidate(index, slot, h):
            if nth == 0:
                return part_at(index, slot, h)
            nth -= 1
        slot += 1
    return np.int64(-1)


@kernel
def index_parts(index, reservations, count, shard):
    """Enter the first parts of one shard."""
    index = Index(*index)
    for number in range(count):
        record = reservations[number]
        if not record.flags & FLAG_LATER_PART:
            insert_part(index, record.key_hi, record.key_lo, shard, number)
