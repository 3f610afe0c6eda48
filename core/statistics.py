"""Figures of a shard, for operators.

All of them stand in the shard's header, where kernels keep them as they go: a copy of the header is
the figures of that moment, and reading them costs no pass over the rows.
"""

from dataclasses import dataclass

from .kernels.arguments import (
    ENDED,
    EXPIRED_LINES,
    FREE_RESERVATIONS,
    GAPS,
    LEVELS,
    QUARANTINED,
    QUARANTINED_SKUS,
    RESERVATIONS,
    SEQUENCE,
    SHARD,
    SKUS,
    UNITS_COMMITTED,
    UNITS_ON_HAND,
    UNITS_RESERVED,
    total_at,
)
from .tables.table import Array


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
    """Reservations whose lines are in memory, parts counted in each shard that they touch."""
    ended_ids: int
    """Reservations of which the id is left."""
    on_hand: int
    reserved: int
    committed: int
    source_gaps: int
    """Ranges of numbers that are missing, over all sources."""
    quarantined_levels: int
    """Stock levels that the audit found wrong and that were not repaired since."""
    quarantined_skus: int
    """SKUs that nobody knows, and no operator has admitted."""
    expired_lines: int
    """Lines of holds that ended by time since the process started."""


def read_statistics(header: Array) -> ShardStatistics:
    """The figures of a shard, from its header (int64[HEADER_SIZE]) or a copy of it."""
    figures = header.tolist()
    return ShardStatistics(
        shard=figures[SHARD],
        sequence=figures[SEQUENCE],
        skus=figures[SKUS],
        stock_levels=figures[LEVELS],
        reservations=figures[RESERVATIONS] - figures[FREE_RESERVATIONS],
        ended_ids=figures[ENDED + 1] - figures[ENDED],
        on_hand=total_at(figures, UNITS_ON_HAND),
        reserved=total_at(figures, UNITS_RESERVED),
        committed=total_at(figures, UNITS_COMMITTED),
        source_gaps=figures[GAPS],
        quarantined_levels=figures[QUARANTINED],
        quarantined_skus=figures[QUARANTINED_SKUS],
        expired_lines=figures[EXPIRED_LINES],
    )
