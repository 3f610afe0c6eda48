"""The kernels of the audit, on the tables of a shard that goes on meanwhile."""

from random import Random

import numpy as np

from holdfast.core.kernels.codes import SPLIT
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
        _read_damaged(world)


def _add_up(world: Shop) -> None:
    """Add up what all lines hold, while some of them change, and find levels that differ."""
    counted = np.zeros(len(world.lines), np.uint8)
    # Levels that come during a pass are left to the next.
    sums = np.zeros((world.rng.choice((len(world.levels), 2)), 2), np.int64)
    arguments = (world.header, world.book, counted, sums)
    reached = 0
    while reached < world.count:
        reached, done, _ = world.duel.call(
            "count_held", reached, world.count, world.rng.choice((1, 50)), *arguments
        )
        before = world.count
        world.apply_reservations()
        made = np.arange(before, world.count)
        world.duel.call("count_new", made, reached, *arguments[1:], operations=max(1, done))
        moves = world.some_moves()
        world.apply(moves)
        world.duel.call("count_moves", moves, *arguments[1:])
    records = np.zeros(4, UNAVAILABLE)
    slots = make_index(8)
    records["row"], records["units"] = world.rng.randrange(len(sums)), (1, 2, -1, 5)
    world.duel.call("index_unavailable", slots, records)
    expected, found = np.zeros(3, np.int64), np.zeros(world.rng.choice((1, 40)), np.int64)
    backordered = np.array([world.rng.choice((0, 0, 3)) for _ in world.levels], np.int64)
    withheld = (slots, records, world.rng.choice((0, 4)), backordered, expected)
    world.duel.call("find_wrong", 0, len(sums), world.levels, sums, *withheld, found)
    world.duel.call("read_expected", 0, sums, *withheld)


def _read_damaged(world: Shop) -> None:
    """Add up lines of which some are at no level, or nowhere, or split in a way that is not."""
    reservations, lines, *others = (each.copy() for each in world.book)
    for _ in range(3):
        at, number = world.rng.randrange(len(lines)), world.rng.randrange(len(reservations))
        lines["row"][at] = world.rng.choice((-1, len(world.levels)))
        lines["state"][world.rng.randrange(len(lines))] = SPLIT
        lines["quantity"][world.rng.randrange(len(lines))] = world.rng.choice((-1, 10**6))
        reservations["first_line"][number] = world.rng.choice((-1, len(lines)))
    arguments = (world.header, (reservations, lines, *others))
    counted, sums = np.zeros(len(lines), np.uint8), np.zeros((len(world.levels), 2), np.int64)
    world.duel.call("count_held", 0, world.count, 10_000, *arguments, counted, sums)
