"""Effects of stock facts: on levels, on sources, on what is remembered."""

import numpy as np

from ... import kernels
from ...kernels.codes import NOT_KEPT
from ...limits import NUMBERED_MAX
from ..shard import Shard
from ..table import Array


def apply_stock(shard: Shard, effects: Array, counted: Array) -> None:
    """Change stock on hand, note how far sources have come, and remember what the events were.
    `counted` has what their counts found.
    """
    if not len(shard.numbered) and effects["sequence"].any():
        shard.numbered.extend(NUMBERED_MAX)
    quantities = np.empty(len(effects), np.int64)
    kernels.read_quantities(effects, counted, quantities)
    _apply(shard, effects, quantities, shard.numbered.used)


def apply_plain_stock(shard: Shard, effects: Array) -> None:
    """The same for facts of an earlier build, of which the content was not kept."""
    _apply(shard, effects, np.full(len(effects), NOT_KEPT), shard.numbered.records[:0])


def _apply(shard: Shard, effects: Array, quantities: Array, numbered: Array) -> None:
    levels, sequences = shard.levels.records, shard.source_sequences.records
    kernels.apply_stock(effects, quantities, shard.header, levels, sequences, numbered)
    keyed = int(np.count_nonzero(effects["has_key"]))
    remembered = shard.events.remember(keyed, shard.now_ns)
    kernels.apply_event_keys(effects, quantities, remembered, shard.now_ns)
    shard.events.index(keyed)


def apply_gaps(shard: Shard, effects: Array) -> None:
    """Note numbers that sources skipped."""
    kernels.apply_gaps(effects, shard.source_gaps.records)


def apply_source_resets(shard: Shard, effects: Array) -> None:
    """Set the last numbers of sources, and forget what they numbered."""
    kernels.apply_source_resets(
        effects, shard.source_sequences.records, shard.source_gaps.records, shard.numbered.used
    )
