"""Figures of a shard, for operators."""

from dataclasses import dataclass

from . import kernels
from .tables.shard import Shard


@dataclass(frozen=True, slots=True)
class ShardStatistics:
    """Figures of one shard."""

    shard: int
    sequence: int
    """The shard's last journal entry."""
    skus: int
    """SKUs that exist; ended ones are not counted."""
    stock_levels: int
    reservations: int
    """Reservations ever made, parts counted in each shard that they touch."""
    on_hand: int
    reserved: int
    committed: int


def read_statistics(shard: Shard) -> ShardStatistics:
    """The figures of a shard, by a pass over all rows."""
    on_hand, reserved, committed = kernels.sum_levels(shard.levels.records, len(shard.levels))
    return ShardStatistics(
        shard=shard.number,
        sequence=shard.sequence,
        skus=len(shard.skus) - int(shard.skus.removed.used.sum()),
        stock_levels=len(shard.levels),
        reservations=len(shard.reservations),
        on_hand=on_hand,
        reserved=reserved,
        committed=committed,
    )
