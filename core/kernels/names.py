"""Names as running numbers: bytes in an arena, and hash slots over it.

Slots are open-addressed with linear probing (Knuth, TAOCP vol. 3, 6.4).
"""

import numpy as np

from .arguments import Names
from .compiled import kernel
from .hashing import hash_bytes


@kernel
def _same_bytes(arena, start, data, size):
    for i in range(size):
        if arena[start + i] != data[i]:
            return False
    return True


@kernel
def find_name(names, data):
    """The number of a name, or -1."""
    names = Names(*names)
    mask = names.slots.size - 1
    slot = np.int64(hash_bytes(data, 0, data.size)) & mask
    while names.slots[slot] != 0:
        number = names.slots[slot] - 1
        if number >= 0:
            start = names.offsets[number]
            if names.offsets[number + 1] - start == data.size and _same_bytes(
                names.arena, start, data, data.size
            ):
                return np.int64(number)
        slot = (slot + 1) & mask
    return np.int64(-1)


@kernel
def _home(names, number):
    """The slot at which the search for a name begins."""
    h = hash_bytes(names.arena, names.offsets[number], names.offsets[number + 1])
    return np.int64(h) & (names.slots.size - 1)


@kernel
def _insert_name(names, number):
    slot = _home(names, number)
    while names.slots[slot] != 0:
        slot = (slot + 1) & (names.slots.size - 1)
    names.slots[slot] = number + 1


@kernel
def count_names(packed):
    """Count names that each stand behind a byte of length."""
    count = 0
    at = 0
    while at < packed.size:
        at += 1 + packed[at]
        count += 1
    return count


@kernel
def add_names(packed, names, count):
    """Append packed names after `count` existing ones; return the arena's new end."""
    names = Names(*names)
    at = 0
    end = names.offsets[count]
    while at < packed.size:
        size = np.int64(packed[at])
        for i in range(size):
            names.arena[end + i] = packed[at + 1 + i]
        at += 1 + size
        end += size
        count += 1
        names.offsets[count] = end
        _insert_name(names, count - 1)
    return end


@kernel
def remove_name(names, number):
    """Make a name unfindable. Its slot stays occupied so that probing goes on past it."""
    names = Names(*names)
    slot = _home(names, number)
    while names.slots[slot] != number + 1:
        slot = (slot + 1) & (names.slots.size - 1)
    names.slots[slot] = -1


@kernel
def index_names(names, removed, count):
    """Fill empty slots from the names."""
    names = Names(*names)
    for number in range(count):
        if not removed[number]:
            _insert_name(names, number)
