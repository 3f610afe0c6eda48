"""Blocks of records, so that those of ended reservations are used again.

A reservation takes as many lines as it has, side by side, and its texts as many granules as they
fill. Blocks that are given back join their free neighbours and stand in lists by size: list k has
those of 2^k to 2^(k+1) - 1 records. A block is cut from the first that is surely large enough, or
appended (a two-level segregated fit with one level: Masmano et al., TLSF, ECRTS 2004). While
nothing was given back, blocks lie one after the other.

The first and the last record (LINE) of a free block have the state FREE, which no record in use
has, and its size in `row`; the first has the neighbours in its list in `quantity`: next + 1 below,
the one before + 1 above 32 bits; 0 is none. Of a kind of blocks the header has, from `free_at` on:
how many records are free, and the first block of each list, + 1.
"""

from .codes import FREE
from .compiled import kernel

#: Lists of free blocks: 2^31 records at most.
LISTS = 31
FREE_SIZE = 1 + LISTS

_LOW = (1 << 32) - 1


@kernel
def _list_of(size):
    k = 1
    while size > 1:
        size >>= 1
        k += 1
    return k


@kernel
def _link(records, header, free_at, start, size):
    at = free_at + _list_of(size)
    first = records[start]
    first.state = FREE
    first.row = size
    first.quantity = header[at]
    if header[at]:
        after = records[header[at] - 1]
        after.quantity = after.quantity & _LOW | (start + 1) << 32
    last = records[start + size - 1]
    last.state = FREE
    last.row = size
    header[at] = start + 1
    header[free_at] += size


@kernel
def _unlink(records, header, free_at, start):
    first = records[start]
    size = first.row
    after, before = first.quantity & _LOW, first.quantity >> 32
    if before:
        records[before - 1].quantity = records[before - 1].quantity >> 32 << 32 | after
    else:
        header[free_at + _list_of(size)] = after
    if after:
        records[after - 1].quantity = records[after - 1].quantity & _LOW | before << 32
    header[free_at] -= size
    records[start + size - 1].state = 0
    first.state = 0
    return size


@kernel
def _find_block(records, header, free_at, size):
    """The first record of a free block of `size` at least, or -1."""
    at = free_at + _list_of(size)
    if header[at] and records[header[at] - 1].row >= size:
        return header[at] - 1
    for larger in range(at + 1, free_at + FREE_SIZE):
        if header[larger]:
            return header[larger] - 1
    return -1


@kernel
def _take_free(records, header, free_at, size):
    start = _find_block(records, header, free_at, size)
    if start >= 0:
        found = _unlink(records, header, free_at, start)
        if found > size:
            _link(records, header, free_at, start + size, found - size)
    return start


@kernel
def take_block(records, header, end_at, free_at, size):
    """Take `size` records side by side and return the first. header[end_at] is the end of all
    blocks; the caller has made sure that there is room after it.
    """
    if header[free_at] >= size:
        start = _take_free(records, header, free_at, size)
        if start >= 0:
            return start
    start = header[end_at]
    header[end_at] += size
    return start


@kernel
def give_back_block(records, header, end_at, free_at, start, size):
    """Free `size` records, and join them with free neighbours."""
    end = start + size
    if end < header[end_at] and records[end].state == FREE:
        size += _unlink(records, header, free_at, end)
    if start > 0 and records[start - 1].state == FREE:
        start -= records[start - 1].row
        size += _unlink(records, header, free_at, start)
    if start + size == header[end_at]:
        header[end_at] = start
    else:
        _link(records, header, free_at, start, size)
