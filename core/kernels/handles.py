"""Handles of stock levels, and the columns that name levels by them (core/handles.py)."""

import numpy as np

from ..limits import ROWS_MAX, SHARDS_MAX
from .codes import OTHER_TIMELINE
from .compiled import kernel

#: Where the shard and the timeline begin in a handle.
SHARD_AT, TIMELINE_AT = 31, 43

_SHARD_AT, _TIMELINE_AT = np.uint64(SHARD_AT), np.uint64(TIMELINE_AT)
_ROW_MASK = np.uint64((1 << SHARD_AT) - 1)
_SHARD_MASK = np.uint64((1 << TIMELINE_AT - SHARD_AT) - 1)

assert ROWS_MAX < 1 << SHARD_AT
assert SHARDS_MAX <= 1 << TIMELINE_AT - SHARD_AT


@kernel
def _split(handle, timeline):
    """(shard, row) of a handle (uint64), where `timeline` are the bits that it should have."""
    row = np.int64(handle & _ROW_MASK) - 1
    if handle != 0 and np.int64(handle >> _TIMELINE_AT) != timeline:
        row = np.int64(OTHER_TIMELINE)
    return np.int64(handle >> _SHARD_AT & _SHARD_MASK), row


@kernel
def split_handles(handles, timeline, shards, rows):
    """Fill in shard numbers and rows (int64) of handles (uint64), where `timeline` are the bits
    that they should have.
    """
    for i in range(handles.size):
        shards[i], rows[i] = _split(np.uint64(handles[i]), timeline)


@kernel
def read_operations(high, low, handles, quantities, hold_ms, timeline, operations):
    """Fill in OPERATION[n] from the columns of a message, of which `hold_ms` may have one value
    that stands for all; return where the first handle of another timeline is, or -1.
    """
    first_other = np.int64(-1)
    for i in range(operations.size):
        operation = operations[i]
        operation.key_hi, operation.key_lo = high[i], low[i]
        operation.quantity = quantities[i]
        operation.hold_ms = hold_ms[i] if hold_ms.size > 1 else hold_ms[0]
        operation.shard, operation.row = _split(np.uint64(handles[i]), timeline)
        operation.flags = operation.location = 0
        if operation.row == OTHER_TIMELINE and first_other < 0:
            first_other = np.int64(i)
    return first_other
