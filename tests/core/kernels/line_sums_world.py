"""The kernels of the audit, on the tables of a shard that goes on meanwhile."""

from random import Random

import numpy as np

from holdfast.core.tables.layouts import UNAVAILABLE
from tests.core.kernels.duel import Duel
from tests.core.kernels.ledger_world import Shop
from tests.core.kernels.worlds import make_index


def sums(duel: Duel, rng: Random) -> None:
    """Add up what lines hold, now and then, while reservations come and go."""
    world = Shop(duel, rng)
    steps = (world.reserve_batch, world.apply_reservations, world.apply_moves, world.sweep)
    for _ in range(5):
        rng.choice(steps)()
        _add_up(world)


def _add_up(world: Shop) -> None:
    """Add up what all lines hold, while some of them change, and find levels that differ."""
    counted = np.zeros(len(world.lines), np.uint8)
    sums = np.zeros((len(world.levels), 2), np.int64)
    told = (world.header, world.book, counted, sums)
    reached = 0
    while reached < world.count:
        reached, done, _ = world.duel.call(
            "count_held", reached, world.count, world.rng.choice((1, 50)), *told
        )
        before = world.count
        world.apply_reservations()
        made = np.arange(before, world.count)
        world.duel.call("count_new", made, reached, *told[1:], operations=max(1, done))
        moves = world.some_moves()
        world.apply(moves)
        world.duel.call("count_moves", moves, *told[1:])
    records = np.zeros(4, UNAVAILABLE)
    slots = make_index(8)
    records["row"], records["units"] = world.rng.randrange(len(world.levels)), (1, 2, -1, 5)
    world.duel.call("index_unavailable", slots, records)
    expected, found = np.zeros(3, np.int64), np.zeros(world.rng.choice((1, 40)), np.int64)
    withheld = (slots, records, world.rng.choice((0, 4)), expected)
    world.duel.call("find_wrong", 0, len(world.levels), world.levels, sums, *withheld, found)
    world.duel.call("read_expected", 0, sums, *withheld)
