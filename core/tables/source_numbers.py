"""What earlier schemas kept of the numbers of a source, and what is told of its gaps."""

import numpy as np

from .. import kernels
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


def apply_gaps(shard: Shard, effects: Array) -> None:
    """Note numbers that sources skipped, and those that came after all."""
    shard.gaps.ensure(len(effects))
    shard.gaps.count = kernels.apply_gaps(
        effects, shard.source_records.records, shard.gaps.records, len(shard.gaps), shard.now_ns
    )
