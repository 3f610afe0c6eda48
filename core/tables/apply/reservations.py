"""Effects on reservations and their lines."""

import numpy as np

from ... import kernels
from ..recent import append_shipments
from ..shard import Shard
from ..table import Array


def apply_reservations(shard: Shard, effects: Array, line_effects: Array) -> Array:
    """Store reservations with their lines, HELD from now; return their numbers (int32)."""
    shard.reservations.ensure(len(effects))
    shard.lines.ensure(len(line_effects))
    shard.index.slots.ensure(len(effects))
    numbers = np.empty(len(effects), np.int32)
    kernels.apply_reservations(effects, line_effects, shard.arrays, numbers)
    if shard.line_sums is not None:
        shard.line_sums.follow_new(numbers)
    return numbers


def apply_links(shard: Shard, effects: Array) -> None:
    """Link parts of reservations over several shards."""
    kernels.apply_links(effects, shard.reservations.records)


def apply_moves(shard: Shard, effects: Array) -> None:
    """Move units of lines from state to state."""
    shard.splits.ensure(len(effects))
    if kernels.apply_moves(effects, shard.header, shard.book, shard.levels.records):
        keep_shipments(shard, effects)
    if shard.line_sums is not None:
        shard.line_sums.follow_moves(effects)


def keep_shipments(shard: Shard, moves: Array) -> None:
    """Keep what moves have shipped, if that is kept."""
    if shard.keeping.window_ns:
        latest, lines = shard.latest.used, shard.lines.records
        append_shipments(shard.shipments, latest, moves, lines, shard.now_ns, shard.keeping)


def apply_extends(shard: Shard, effects: Array) -> None:
    """Move the ends of holds."""
    kernels.apply_extends(effects, shard.reservations.records)


def apply_requests(shard: Shard, effects: Array) -> None:
    """Remember commands that carried a request id, and what they came to."""
    records = shard.requests.remember(len(effects), shard.now_ns)
    for field in effects.dtype.names or ():
        records[field] = effects[field]
    records["at_ns"] = shard.now_ns
    shard.requests.index(len(effects))
