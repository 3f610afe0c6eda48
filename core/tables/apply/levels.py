"""Effects on stock levels."""

import numpy as np

from ... import kernels
from ..hash_slots import slots_size
from ..shard import Shard
from ..table import Array


def apply_levels(shard: Shard, effects: Array) -> None:
    """Append empty stock levels."""
    start = len(shard.levels)
    shard.levels.ensure(len(effects))
    shard.level_chain.extend(len(effects))
    kernels.apply_levels(effects, shard.levels.records, start)
    shard.levels.count += len(effects)
    index_levels(shard, start)


def index_levels(shard: Shard, start: int) -> None:
    """Index the rows from `start` on, all of them when the slots have to grow."""
    size = slots_size(len(shard.levels), len(shard.level_slots))
    if size != len(shard.level_slots):
        shard.level_slots = np.zeros(size, np.int32)
        shard.sku_levels.used[:] = 0
        start = 0
    kernels.index_levels(
        start,
        len(shard.levels),
        shard.levels.records,
        shard.level_slots,
        shard.level_chain.records,
        shard.sku_levels.records,
    )


def apply_stock(shard: Shard, effects: Array) -> None:
    """Change stock on hand, note how far sources have come, and remember the ids of events."""
    kernels.apply_stock(effects, shard.levels.records, shard.source_sequences.records)
    keyed = int(np.count_nonzero(effects["has_key"]))
    remembered = shard.events.remember(keyed, shard.now_ns)
    kernels.apply_event_keys(effects, remembered, shard.now_ns)
    shard.events.index(keyed)
