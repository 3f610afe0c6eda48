"""Handles: stock levels by number, shard << 40 | row + 1; 0 is no handle.

Rows are not moved, so a handle holds as long as the data directory that it was resolved in.
"""

import numpy as np

from .limits import PART_NUMBER_BITS

Array = np.ndarray

_ROW_MASK = (1 << PART_NUMBER_BITS) - 1


def make_handle(shard: int, row: int) -> int:
    """The handle of a row; 0 where there is none (row < 0)."""
    return shard << PART_NUMBER_BITS | (row + 1) if row >= 0 else 0


def split_handles(handles: Array) -> tuple[Array, Array]:
    """Shard numbers and rows (int64) of handles (uint64); what is no handle has row -1."""
    rows = (handles & np.uint64(_ROW_MASK)).astype(np.int64) - 1
    rows[rows > np.iinfo(np.int32).max] = -1
    return (handles >> np.uint64(PART_NUMBER_BITS)).astype(np.int64), rows
