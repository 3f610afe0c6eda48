"""Keys that are remembered for a while, of requests and of stock events."""

import numpy as np

from .arguments import Index
from .compiled import kernel
from .hash_slots import enter, find_home, hash_key, number_at, probe


@kernel
def _find(index, records, h, hi, lo):
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
    return _find(index, records, hash_key(index, hi, lo), hi, lo)


@kernel
def hash_keys(index, his, los, hashes):
    """Write the hash of each key (uint64[n]), which all indexes of one seed share."""
    index = Index(*index)
    for i in range(his.size):
        hashes[i] = hash_key(index, his[i], los[i])


@kernel
def find_keys(index, records, his, los, hashes, after_ns, known):
    """Mark the keys that have a record from after `after_ns`; pass over those marked already."""
    index = Index(*index)
    for i in range(his.size):
        if not known[i]:
            number = _find(index, records, hashes[i], his[i], los[i])
            known[i] = number >= 0 and records[number].at_ns > after_ns


@kernel
def index_keys(index, records, start, end):
    """Enter records [start, end)."""
    index = Index(*index)
    for number in range(start, end):
        enter(index, hash_key(index, records[number].key_hi, records[number].key_lo), number)
