"""Handles: stock levels by number.

    bits 63-43   the high 21 bits of the timeline that it was given out in
    bits 42-31   the shard
    bits 30-0    row + 1; 0 throughout is no handle

Rows are not moved, so a handle holds as long as the timeline of its data directory. One of another
directory, or of the state before a restore, is recognised by its timeline: it passes for one of
this in 1 of 2 million pairs of directories.
"""

import numpy as np

from . import kernels
from .kernels.handles import SHARD_AT, TIMELINE_AT

Array = np.ndarray


def make_handle(timeline: int, shard: int, row: int) -> int:
    """The handle of a row; 0 where there is none (row < 0)."""
    if row < 0:
        return 0
    return timeline_bits(timeline) << TIMELINE_AT | shard << SHARD_AT | (row + 1)


def timeline_bits(timeline: int) -> int:
    """The bits of a timeline that its handles have."""
    return timeline >> TIMELINE_AT


def split_handles(timeline: int, handles: Array) -> tuple[Array, Array]:
    """Shard numbers and rows (int64) of handles (uint64). A handle of another timeline has the row
    OTHER_TIMELINE; 0 has -1.
    """
    shards, rows = np.empty((2, len(handles)), np.int64)
    # The kernel is compiled for what comes off the wire, which nobody may write to.
    read_only = handles.view()
    read_only.flags.writeable = False
    kernels.split_handles(read_only, timeline_bits(timeline), shards, rows)
    return shards, rows
