"""What is derived from the state is made anew after a load: slots, chains, the heap, totals.

All but the index of reservations, which spans shards: the node rebuilds that.
"""

import numpy as np

from .. import kernels
from ..kernels.arguments import (
    NOT_CURRENT,
    RESTRICTED,
    SKUS,
    UNITS_COMMITTED,
    UNITS_ON_HAND,
)
from .apply.levels import index_levels
from .shard import Shard
from .source_numbers import count_not_current


def rebuild(shard: Shard) -> None:
    """Rebuild all that `state_bytes.load` leaves out."""
    for names in (
        shard.skus,
        shard.locations,
        shard.sources,
        shard.principals,
        shard.statuses,
        shard.display_names,
    ):
        names.reindex()
    skus = shard.sku_name_records["sku"].tolist()
    shard.sku_names.load(shard.sku_name_records, {sku: shard.skus.text(sku) for sku in skus})
    for memory in (shard.requests, shard.events, shard.reversed):
        memory.reindex()
    shard.rows.clear()
    shard.level_slots.clear(len(shard.levels))
    shard.level_chain.load(np.zeros(len(shard.levels), np.int32))
    shard.sku_levels.load(np.zeros((len(shard.skus), 2), np.int32))
    index_levels(shard, 0)
    shard.unavailable_slots.clear(len(shard.unavailable))
    kernels.index_unavailable(shard.unavailable_slots.arrays, shard.unavailable.used)
    kernels.sum_backordered(
        shard.backorders.records, len(shard.backorders), shard.backordered.records
    )
    kernels.index_counts(shard.facts.arrays, shard.latest.used, shard.counted.records)
    shard.expirations.clear()
    kernels.index_expiries(shard.arrays)
    sum_up(shard)


def sum_up(shard: Shard) -> None:
    """The running totals, by a pass over all rows."""
    header = shard.header
    header[SKUS] = len(shard.skus) - int(shard.skus.removed.used.sum())
    header[NOT_CURRENT : RESTRICTED + 1] = count_not_current(shard.source_records.used)
    header[UNITS_ON_HAND : UNITS_COMMITTED + 2] = 0
    kernels.sum_levels(shard.levels.records, len(shard.levels), header)
