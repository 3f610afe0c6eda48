"""Blocks of lines, so that those of ended reservations are used again.

A reservation takes as many lines as it has, side by side. Blocks that are given back join their
free neighbours and stand in lists by size: list k has those of 2^k to 2^(k+1) - 1 lines. A block is
cut from the first that is surely large enough, or appended (a two-level segregated fit with one
level: Masmano et al., TLSF, ECRTS 2004). While nothing was given back, blocks lie one after the
other.

The first and the last line of a free block have the state FREE, which no line in use has, and its
size in `row`; the first has the neighbours in its list in `quantity`: next + 1 below, the one
before + 1 above 32 bits; 0 is none. `free[k]` is the first block of list k, + 1, and free[FREE_SUM]
the lines in all of them.
"""

from .codes import FREE
from .compiled import kernel

#: Lists of free blocks: ROWS_MAX lines at most.
LISTS = 28
FREE_SUM = LISTS
FREE_SIZE = LISTS + 1

_LOW = (1 << 32) - 1


@kernel
def _list_of(size):
    k = 0
    while size > 1:
        size >>= 1
        k += 1
    return k


@kernel
def _link(lines, free, start, size):
    at = _list_of(size)
    first = lines[start]
    first.state = FREE
    first.row = size
    first.quantity = free[at]
    if free[at]:
        after = lines[free[at] - 1]
        after.quantity = after.quantity & _LOW | (start + 1) << 32
    last = lines[start + size - 1]
    last.state = FREE
    last.row = size
    free[at] = start + 1
    free[FREE_SUM] += size


@kernel
def _unlink(lines, free, start):
    first = lines[start]
    after, before = first.quantity & _LOW, first.quantity >> 32
    if before:
        lines[before - 1].quantity = lines[before - 1].quantity >> 32 << 32 | after
    else:
        free[_list_of(first.row)] = after
    if after:
        lines[after - 1].quantity = lines[after - 1].quantity & _LOW | before << 32
    free[FREE_SUM] -= first.row
    lines[start + first.row - 1].state = 0
    first.state = 0
    return first.row


@kernel
def find_block(lines, free, size):
    """The first line of a free block of `size` lines at least, or -1."""
    at = _list_of(size)
    if free[at] and lines[free[at] - 1].row >= size:
        return free[at] - 1
    for larger in range(at + 1, LISTS):
        if free[larger]:
            return free[larger] - 1
    return -1


@kernel
def take_block(lines, free, header, end_at, size):
    """Take `size` lines side by side and return the first. header[end_at] is the end of all blocks;
    the caller has made sure that there is room behind it.
    """
    start = find_block(lines, free, size)
    if start < 0:
        start = header[end_at]
        header[end_at] += size
        return start
    found = _unlink(lines, free, start)
    if found > size:
        _link(lines, free, start + size, found - size)
    return start


@kernel
def give_back_block(lines, free, header, end_at, start, size):
    """Free `size` lines, and join them with free neighbours."""
    end = start + size
    if end < header[end_at] and lines[end].state == FREE:
        size += _unlink(lines, free, end)
    if start > 0 and lines[start - 1].state == FREE:
        start -= lines[start - 1].row
        size += _unlink(lines, free, start)
    if start + size == header[end_at]:
        header[end_at] = start
    else:
        _link(lines, free, start, size)
