"""Names as running numbers: bytes in an arena, and hash slots over it."""

import numpy as np

from .arguments import Index, Names
from .compiled import kernel
from .hash_slots import enter, find_home, hash_text, leave_slot, number_at, probe


@kernel
def names_of(arrays):
    """Names, from the same as plain tuples."""
    index, offsets, arena = arrays
    return Names(Index(*index), offsets, arena)


@kernel
def _is_name(names, number, data):
    start = names.offsets[number]
    if names.offsets[number + 1] - start != data.size:
        return False
    for i in range(data.size):
        if names.arena[start + i] != data[i]:
            return False
    return True


@kernel
def find_name(arrays, data):
    """The number of a name, or -1."""
    names = names_of(arrays)
    h = hash_text(names.by_text, data, 0, data.size)
    slot = probe(names.by_text, find_home(names.by_text, h), h)
    while names.by_text.slots[slot] != 0:
        number = number_at(names.by_text, slot, h)
        if _is_name(names, number, data):
            return number
        slot = probe(names.by_text, slot + 1, h)
    return np.int64(-1)


@kernel
def find_names(data, ends, places, names, numbers):
    """`find_name` for those of many names that have these places (int64): name i ends at `ends[i]`
    (int64), where the next begins. `numbers` (int64) answers.
    """
    for i in range(places.size):
        place = places[i]
        start = ends[place - 1] if place else np.int64(0)
        numbers[i] = find_name(names, data[start : ends[place]])


@kernel
def _hash_of(names, number):
    return hash_text(names.by_text, names.arena, names.offsets[number], names.offsets[number + 1])


@kernel
def count_names(packed):
    """Count names that each follow a byte of length."""
    count = 0
    at = 0
    while at < packed.size:
        at += 1 + packed[at]
        count += 1
    return count


@kernel
def append_names(packed, offsets, arena, count):
    """Append packed names after `count` existing ones; return the arena's new end."""
    at = 0
    end = offsets[count]
    while at < packed.size:
        size = np.int64(packed[at])
        for i in range(size):
            arena[end + i] = packed[at + 1 + i]
        at += 1 + size
        end += size
        count += 1
        offsets[count] = end
    return end


@kernel
def remove_name(arrays, number):
    """Make a name unfindable."""
    names = names_of(arrays)
    h = _hash_of(names, number)
    slot = probe(names.by_text, find_home(names.by_text, h), h)
    while number_at(names.by_text, slot, h) != number:
        slot = probe(names.by_text, slot + 1, h)
    leave_slot(names.by_text, slot)


@kernel
def index_names(arrays, removed, start, end):
    """Enter the names [start, end) that are not removed."""
    names = names_of(arrays)
    for number in range(start, end):
        if not removed[number]:
            enter(names.by_text, _hash_of(names, number), number)
