"""Effects that make stock levels, quarantine and repair them."""

import numpy as np

from ... import kernels
from ..shard import Shard
from ..table import Array


def apply_levels(shard: Shard, effects: Array) -> None:
    """Append empty stock levels."""
    start = len(shard.levels)
    shard.levels.ensure(len(effects))
    shard.level_chain.extend(len(effects))
    shard.last_counts.extend(len(effects))
    kernels.begin_counts(effects, shard.last_counts.records, start)
    if shard.keeping.is_used:
        shard.latest.extend(len(effects))
    if len(shard.supply_heads):
        shard.supply_heads.extend(len(effects))
    kernels.apply_levels(effects, shard.levels.records, start)
    shard.levels.count += len(effects)
    index_levels(shard, start)


def index_levels(shard: Shard, start: int) -> None:
    """Index the rows from `start` on."""
    shard.level_slots.ensure(len(shard.levels) - start)
    kernels.index_levels(
        start,
        len(shard.levels),
        shard.levels.records,
        shard.level_slots.arrays,
        shard.level_chain.records,
        shard.sku_levels.records,
    )


def apply_quarantines(shard: Shard, effects: Array) -> None:
    """Put stock levels into quarantine, or take them out, in this order."""
    rows = set(shard.quarantined.used.tolist())
    for row, is_quarantined in effects[["row", "is_quarantined"]].tolist():
        (rows.add if is_quarantined else rows.discard)(row)
    shard.quarantined.load(np.array(sorted(rows), np.int32))


def apply_repairs(shard: Shard, effects: Array) -> None:
    """Set what stock levels have. Running totals follow the commands that led here, and stay."""
    for field in ("reserved", "committed", "withheld"):
        shard.levels.records[field][effects["row"]] = effects[field]
