"""Columns of a message with handles: of this timeline and others, of all shards and rows."""

from random import Random

import numpy as np

from holdfast.core.limits import HOLD_MS_MAX, ROWS_MAX, SHARDS_MAX
from holdfast.core.tables.layouts import OPERATION
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import Duel
from tests.core.kernels.worlds import EDGES

TIMELINES = (0, 1, (1 << 21) - 1)


def columns(duel: Duel, rng: Random) -> None:
    """Read batches as they come, with one hold for all or one for each."""
    for _ in range(30):
        count, timeline = rng.randint(1, 20), rng.choice(TIMELINES)
        handles = sent([_handle(rng, timeline) for _ in range(count)])
        shards, rows = np.zeros((2, count), np.int64)
        duel.call("split_handles", handles, timeline, shards, rows, operations=count)
        high, low = (sent(rng.choices(EDGES, k=count)) for _ in range(2))
        quantities = sent(rng.choices(EDGES, k=count)).view("<i8")
        holds = sent(rng.choices((0, 1, HOLD_MS_MAX), k=rng.choice((1, count))), "<u4")
        duel.call(
            "read_operations", high, low, handles, quantities, holds, timeline,
            np.ones(count, OPERATION), operations=count,
        )  # fmt: skip


def sent(values: list[int], dtype: str = "<u8") -> Array:
    """Values as they come off the wire, not to be written to."""
    return np.frombuffer(np.array(values, dtype).tobytes(), dtype)


def _handle(rng: Random, timeline: int) -> int:
    shard, row = rng.randrange(SHARDS_MAX), rng.choice((0, 1, 7, ROWS_MAX))
    mine = timeline << 43 | shard << 31 | row
    return rng.choice((mine, mine, mine, rng.choice(EDGES)))
