"""Hash slots: from keys to the numbers of records, for all tables that are searched.

Open addressing with linear probing (Knuth, TAOCP vol. 3, 6.4). A slot is a keyed hash above the
number of a record, plus 1; zero is empty. Of the hash it holds 37 bits, or what is left above a
longer number: the other records are hardly ever looked at. Homes keep the order of hashes, so the
slots move to a larger place from the first to the last, a few at a time (tables/hash_slots.py), and
a lookup compares its home with how far the move has come and looks in one place.
"""

import numpy as np

from .arguments import Index
from .compiled import kernel
from .hashing import keyed_hash, keyed_hash_bytes

_HOME_BITS = 29
_U0, _U1 = np.uint64(0), np.uint64(1)

#: The layout, an int64 each by position: where the homes start and how many there are; the same of
#: the larger ones to which they are moving, if they are; how many homes have moved; how many bits
#: of a slot are the number; how many slots lie after the last home, because runs that begin near
#: the end go on there, not at the beginning; how many records have been entered; and the seed.
(
    HOMES_AT,
    HOMES,
    LARGER_AT,
    LARGER,
    MOVED,
    RECORD_BITS,
    SPILL,
    ENTERED,
    SEED_0,
    SEED_1,
    LAYOUT_SIZE,
) = range(11)


@kernel
def _as_held(index, h):
    """As much of a hash as a slot holds."""
    record_bits = np.uint64(index.layout[RECORD_BITS])
    return h >> record_bits << record_bits


@kernel
def hash_key(index, hi, lo):
    """The hash of a key of two words, as a slot holds it."""
    seed_0, seed_1 = np.uint64(index.layout[SEED_0]), np.uint64(index.layout[SEED_1])
    return _as_held(index, keyed_hash(seed_0, seed_1, np.uint64(hi), np.uint64(lo)))


@kernel
def hash_text(index, data, start, end):
    """The hash of data[start:end], as a slot holds it."""
    seed_0, seed_1 = np.uint64(index.layout[SEED_0]), np.uint64(index.layout[SEED_1])
    return _as_held(index, keyed_hash_bytes(seed_0, seed_1, data, start, end))


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
def _is_candidate(index, slot, h):
    return _U0 < index.slots[slot] ^ h < _U1 << np.uint64(index.layout[RECORD_BITS])


@kernel
def probe(index, slot, h):
    """The first slot from `slot` on that is a candidate for a hash, or the empty one before which
    there is none. A search begins at `find_home`, and goes on after a candidate that is another's.
    """
    end = slot + index.layout[SPILL]
    while index.slots[slot] != 0 and not _is_candidate(index, slot, h):
        slot += 1
        if slot == end:
            raise MemoryError("too many keys have the same hash")
    return slot


@kernel
def number_at(index, slot, h):
    """The number of the record that a candidate's slot names."""
    return np.int64((index.slots[slot] ^ h) - _U1)


@kernel
def fill_slot(index, slot, h, number):
    """Enter a record at an empty slot."""
    index.slots[slot] = h | (np.uint64(number) + _U1)
    index.layout[ENTERED] += 1


@kernel
def find_empty(index, slot):
    """The first empty slot from one on."""
    end = slot + index.layout[SPILL]
    while index.slots[slot] != 0:
        slot += 1
        if slot == end:
            raise MemoryError("too many keys have the same hash")
    return slot


@kernel
def enter(index, h, number):
    """Enter a record under a hash."""
    fill_slot(index, find_empty(index, find_home(index, h)), h, number)


@kernel
def leave_slot(index, slot):
    """Empty a slot, and close the gap: later ones of its run move up, none of them before its home
    (Knuth's algorithm R). Nothing stays behind that a search would have to pass.
    """
    following = slot + 1
    while index.slots[following] != 0:
        if find_home(index, index.slots[following]) <= slot:
            index.slots[slot] = index.slots[following]
            slot = following
        following += 1
    index.slots[slot] = 0
    index.layout[ENTERED] -= 1


@kernel
def move_slots(index, steps):
    """Copy some more slots to the larger homes, in order, and return whether all have moved.

    It stops at an empty slot, so that no run of filled slots lies on both sides. The slots carry
    all the hash that this takes: no record is read.
    """
    index = Index(*index)
    moved = index.layout[MOVED]
    end = min(moved + steps, index.layout[HOMES])
    while moved < index.layout[HOMES] + index.layout[SPILL]:
        entry = index.slots[index.layout[HOMES_AT] + moved]
        if entry != 0:
            home = index.layout[LARGER_AT] + _home(entry, index.layout[LARGER])
            index.slots[find_empty(index, home)] = entry
        elif moved >= end:
            break
        moved += 1
    index.layout[MOVED] = moved
    return moved >= index.layout[HOMES]
