"""Keys that are remembered for a while, of requests and of stock events.

A slot has 4 bits of hash above the index + 1, so that a key that is not there is seldom looked for
among the records: they lie far apart, and each costs a miss of the processor's caches.
"""

import numpy as np

from ..limits import NUMBER_BITS
from .compiled import kernel
from .hashing import mix

_U60 = np.uint64(60)
_INDEX_MASK = (1 << NUMBER_BITS) - 1


@kernel
def find_key(slots, records, hi, lo):
    """The index of the record with this key, or -1."""
    mask = slots.size - 1
    h = mix(hi, lo)
    tag = np.int64(h >> _U60)
    slot = np.int64(h) & mask
    while slots[slot] != 0:
        if slots[slot] >> NUMBER_BITS == tag:
            index = np.int64(slots[slot] & _INDEX_MASK) - 1
            record = records[index]
            if record.key_hi == hi and record.key_lo == lo:
                return index
        slot = (slot + 1) & mask
    return np.int64(-1)


@kernel
def find_keys(slots, records, his, los, after_ns, known):
    """Mark the keys that have a record from after `after_ns`; pass over those marked already."""
    for i in range(his.size):
        if not known[i]:
            index = find_key(slots, records, his[i], los[i])
            known[i] = index >= 0 and records[index].at_ns > after_ns


@kernel
def index_keys(slots, records, start, end):
    """Enter records [start, end)."""
    mask = slots.size - 1
    for index in range(start, end):
        record = records[index]
        h = mix(record.key_hi, record.key_lo)
        slot = np.int64(h) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = np.int64(h >> _U60) << NUMBER_BITS | (index + 1)
