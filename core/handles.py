"""Handles: stock levels by number.

    bits 63-43   the high 21 bits of the timeline that it was given out in
    bits 42-31   the shard
    bits 30-0    row + 1; 0 throughout is no handle

Rows are not moved, so a handle holds as long as the timeline of its data directory. One of another
directory, or of the state before a restore, is told by its timeline: it passes for one of this in 1
of 2 million pairs of directories.
"""

import numpy as np

from .limits import ROWS_MAX, SHARDS_MAX

Array = np.ndarray

_SHARD_AT, _TIMELINE_AT = 31, 43
_ROW_MASK = np.uint64((1 << _SHARD_AT) - 1)
_SHARD_MASK = np.uint64((1 << _TIMELINE_AT - _SHARD_AT) - 1)

assert ROWS_MAX < 1 << _SHARD_AT
assert SHARDS_MAX <= 1 << _TIMELINE_AT - _SHARD_AT

#: The row of a handle of another timeline. No stock level has it, like those of kernels/codes.py.
OTHER_TIMELINE = -4


def make_handle(timeline: int, shard: int, row: int) -> int:
    """The handle of a row; 0 where there is none (row < 0)."""
    if row < 0:
        return 0
    return timeline >> _TIMELINE_AT << _TIMELINE_AT | shard << _SHARD_AT | (row + 1)


def split_handles(timeline: int, handles: Array) -> tuple[Array, Array]:
    """Shard numbers and rows (int64) of handles (uint64). A handle of another timeline has the row
    OTHER_TIMELINE; 0 has -1.
    """
    rows = (handles & _ROW_MASK).astype(np.int64) - 1
    shards = (handles >> np.uint64(_SHARD_AT) & _SHARD_MASK).astype(np.int64)
    is_other = handles >> np.uint64(_TIMELINE_AT) != np.uint64(timeline >> _TIMELINE_AT)
    rows[is_other & (handles != 0)] = OTHER_TIMELINE
    return shards, rows
