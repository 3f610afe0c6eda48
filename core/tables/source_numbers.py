"""What earlier schemas kept of the numbers of a source, and what is reported of its gaps."""

import numpy as np

from .. import kernels
from ..model import Fallback, SourceState
from .layouts import GAP
from .shard import Shard
from .table import Array


def list_gaps(shard: Shard, source: int) -> Array:
    """The gaps of a source in a shard (GAP), in the order of their numbers."""
    record = shard.source_records.records[source]
    found = np.zeros(int(record["gap_count"]), GAP)
    kernels.list_gaps(int(record["gaps"]), shard.gaps.records, found)
    found.sort(order="first")
    return found


def load_earlier_sources(shard: Shard, sequences: Array, gaps: Array) -> None:
    """Take over what snapshots had before schema 6: the last number of each source, and from schema
    3 a count, a floor and the newest skipped ranges. Those are below the floor now, as they are for
    a replay.
    """
    sources = shard.source_records.extend(len(shard.sources))
    sources["last_sequence"] = sequences
    if gaps.shape[1] > 2:
        lasts = gaps[:, 3::2]
        sources["floor"] = np.maximum(gaps[:, 1], lasts.max(axis=1))


def count_not_current(records: Array) -> Array:
    """How many of these sources (SOURCE) are not current, and how many of those restrict what may
    be promised (int64[2]), as the header has them from NOT_CURRENT on.
    """
    is_not = (records["state"] > 0) & (records["state"] < SourceState.CURRENT)
    restricts = is_not & (records["fallback"] > Fallback.SELL_ON)
    return np.array((np.count_nonzero(is_not), np.count_nonzero(restricts)))


def apply_gaps(shard: Shard, effects: Array) -> None:
    """Note numbers that sources skipped, and those that came after all."""
    shard.gaps.ensure(len(effects))
    shard.gaps.count = kernels.apply_gaps(
        effects, shard.source_records.records, shard.gaps.records, len(shard.gaps), shard.now_ns
    )
