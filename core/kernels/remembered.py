"""Keys that are remembered for a while, of requests and of stock events."""

import numpy as np

from .arguments import Index
from .compiled import kernel
from .hash_slots import enter, find_home, hash_key, number_at, probe

_U1 = np.uint64(1)


@kernel
def find_hashed(index, records, h, hi, lo):
    """The number of the record with this key, whose hash is known, or -1."""
    slot = probe(index, find_home(index, h), h)
    while index.slots[slot] != 0:
        number = number_at(index, slot, h)
        if records[number].key_hi == hi and records[number].key_lo == lo:
            return number
        slot = probe(index, slot + 1, h)
    return np.int64(-1)


@kernel
def find_key(index, records, hi, lo):
    """The number of the record with this key, or -1."""
    index = Index(*index)
    return find_hashed(index, records, hash_key(index, hi, lo), hi, lo)


@kernel
def hash_keys(index, his, los, hashes):
    """Write the hash of each key (uint64[n]), which all indexes of one seed share."""
    index = Index(*index)
    for i in range(his.size):
        hashes[i] = hash_key(index, his[i], los[i])


@kernel
def index_keys(index, records, start, hashes):
    """Enter the records from `start` on, for each of which `hashes` (uint64) has a place. Slots are
    read ahead as in `find_events`.
    """
    index = Index(*index)
    for i in range(hashes.size):
        record = records[start + i]
        hashes[i] = hash_key(index, record.key_hi, record.key_lo)
    for i in range(hashes.size):
        hashes[i] |= np.uint64(index.slots[find_home(index, hashes[i])] == 0)
    for i in range(hashes.size):
        enter(index, hashes[i] & ~_U1, start + i)
