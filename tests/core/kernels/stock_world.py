"""A world for the kernels of stock facts as columns: messages over the levels of some shards."""

from random import Random

import numpy as np

from holdfast.core.kernels.arguments import SHARD
from holdfast.core.limits import ON_HAND_MAX, QUANTITY_MAX
from holdfast.core.model import EventKind
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import EVENT, LEVEL, LOCATION, PLAN, STOCK_EVENT
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import Duel
from tests.core.kernels.worlds import TIMES, make_header, make_index, random_keys

SHARDS = 3
QUANTITIES = (0, 1, 2, 7, QUANTITY_MAX - 1, QUANTITY_MAX)
STOCKS = (0, 1, -5, ON_HAND_MAX, -ON_HAND_MAX, ON_HAND_MAX - 1)


def feed(duel: Duel, rng: Random) -> None:
    """Messages one after the other; ids, numbers and levels come again and again."""
    levels = [_make_levels(rng) for _ in range(SHARDS)]
    removed = np.array([rng.random() < 0.2 for _ in range(8)], np.uint8)
    sequences = [np.zeros(1, np.uint64) for _ in range(SHARDS)]
    last = np.uint64(0)
    for _ in range(5):
        events = _make_events(rng, rng.choice((1, 2, 30, 60)))
        codes, effects = _record(duel, rng, events, levels, removed, last)
        duel.note("plan_stock", codes)
        for shard in range(SHARDS):
            mine = effects[shard]
            duel.call(
                "apply_stock", mine, make_header(), levels[shard], sequences[shard],
                operations=len(mine),
            )  # fmt: skip
            remembered = np.zeros(int(mine["has_key"].sum()), EVENT)
            now_ns = rng.choice(TIMES)
            duel.call("apply_event_keys", mine, remembered, now_ns, operations=len(mine))
        last = np.uint64(max(int(each[0]) for each in sequences))


def _record(
    duel: Duel, rng: Random, events: Array, levels: list[Array], removed: Array, last: np.uint64
) -> tuple[Array, list[Array]]:
    """Plan a message, and write the effects of each shard."""
    size = len(events)
    plan, codes = np.zeros(size, PLAN), np.zeros(size, np.uint8)
    for shard, table in enumerate(levels):
        header = make_header(levels=len(table))
        header[SHARD] = shard
        stock = (table, removed, np.zeros(1, LOCATION))
        duel.call("find_event_levels", events, plan, header, stock)
    known = (events["has_key"] == 0) | (np.array([rng.random() < 0.1 for _ in events]))
    slots = [make_index(64) for _ in range(2)]
    counts = np.zeros(SHARDS, np.int64)
    duel.call("plan_stock", events, known, last, *slots, plan, codes, counts, operations=size)
    effects = []
    for shard in range(SHARDS):
        table = np.zeros(counts[shard], DTYPES[Section.STOCK])
        duel.call("write_stock", events, plan, codes, shard, 0, table, operations=size)
        effects.append(table)
    return codes, effects


def _make_levels(rng: Random) -> Array:
    levels = np.zeros(rng.choice((0, 1, 4, 8)), LEVEL)
    for row, level in enumerate(levels):
        level["on_hand"], level["sku"] = rng.choice(STOCKS), row
        level["withheld"] = rng.choice(QUANTITIES)
        level["reserved"], level["committed"] = rng.choice(QUANTITIES), rng.choice(QUANTITIES)
    return levels


def _make_events(rng: Random, size: int) -> Array:
    events = np.zeros(size, STOCK_EVENT)
    keys = random_keys(rng, size)
    for event in events:
        if rng.random() < 0.7:
            event["key_hi"], event["key_lo"] = rng.choice(keys)
            event["has_key"] = 1
        if rng.random() < 0.5 or not event["has_key"]:
            event["sequence"] = rng.choice((rng.randint(1, 200), 2**63 - 1 - rng.randint(0, 9)))
        event["kind"] = rng.choice(tuple(EventKind))
        event["quantity"] = rng.choice(QUANTITIES)
        event["row"] = rng.choice((-1, 0, 0, 1, 2, 3, 7, 8, 2**31 - 1))
        event["shard"] = rng.choice((*range(SHARDS), 2**16 - 1))
    return events
