"""Backorders of a shard: what effects do to them, and how they are settled."""

import numpy as np

from .. import kernels
from .effects import Section
from .shard import Shard
from .table import Array


def apply_backorders(shard: Shard, effects: Array) -> None:
    """Store how many units of lines are backordered now. Raises TableFullError."""
    shard.backorders.ensure(int(np.count_nonzero(effects["is_new"])))
    shard.backorders.count = kernels.apply_backorders(
        effects,
        shard.backorders.records,
        len(shard.backorders),
        shard.levels.records,
        shard.backordered.records,
    )


def settle_backorders(shard: Shard) -> None:
    """Let backordered units go that were given back, and others take what is on hand, first those
    that were promised first. Written and applied in one go.
    """
    if not len(shard.backorders):
        return
    effects, count = shard.effects[Section.BACKORDERS], len(shard.backorders)
    effects.ensure(2 * count)
    written, shard.backorders.count = kernels.settle_backorders(
        shard.backorders.records,
        count,
        shard.backordered.records,
        shard.levels.records,
        shard.book,
        effects.records[len(effects) :],
    )
    if written:
        shard.effects.touched = True
        effects.extend(written)


def may_be_awaited(shard: Shard, rows: Array) -> bool:
    """Whether some of these rows may have units promised from supply. They may be of other shards,
    or of none: what is meant is a quick no.
    """
    awaits = len(shard.backorders) > 0
    return awaits and bool(shard.backordered.records.take(rows, mode="clip").any())


def available_when_settled(shard: Shard, row: int, available: int) -> int:
    """What is available of a level for others than those who wait, who get theirs soon."""
    left = int(kernels.promisable_at(row, shard.levels.records))
    return min(available, left - min(int(shard.backordered.records[row]), max(0, left)))


def units_by_line(shard: Shard, row: int) -> dict[int, int]:
    """Backordered units at a row, by line."""
    records = of_level(shard, row)
    return dict(zip(records["line"].tolist(), records["units"].tolist(), strict=True))


def of_level(shard: Shard, row: int) -> Array:
    """The backorders at a row (BACKORDER), in the order in which they were promised."""
    found: Array = shard.backorders.used[shard.backorders["row"] == row]
    return found
