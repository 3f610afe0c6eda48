"""The kernels of backorders, on the tables of a shard whose reservations come and go."""

from random import Random

import numpy as np

from holdfast.core.kernels import codes
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import BACKORDER
from tests.core.kernels.duel import Duel
from tests.core.kernels.ledger_world import Shop


def backorders(duel: Duel, rng: Random) -> None:
    """Promise units from supply, and settle them."""
    world = Shop(duel, rng)
    steps = (world.reserve_batch, world.apply_reservations, world.apply_moves, world.sweep)
    for _ in range(5):
        rng.choice(steps)()
        _promise_later(world)


def _promise_later(world: Shop) -> None:
    """Promise units of some lines from supply, then see who may have what is there."""
    lines = [
        (line, number)
        for number, record in enumerate(world.reservations[: world.count])
        for line in range(record["first_line"], record["first_line"] + record["line_count"])
        if not record["flags"] & codes.FLAG_FREE
    ]
    chosen = world.rng.sample(lines, min(len(lines), world.rng.randint(0, 20)))
    effects = np.zeros(len(chosen), DTYPES[Section.BACKORDERS])
    for effect, (line, number) in zip(effects, chosen, strict=True):
        effect["line"], effect["reservation"] = line, number
        effect["row"] = world.lines["row"][line]
        effect["units"] = effect["change"] = world.rng.choice((0, 1, 2, 99))
        effect["is_new"], effect["latest_ns"] = 1, world.rng.choice((0, 1, 2**62))
    levels, backorders = world.levels.copy(), np.zeros(len(chosen) + 1, BACKORDER)
    backordered = np.zeros(len(levels), np.int64)
    count = world.duel.call(
        "apply_backorders", effects, backorders, 0, levels, backordered,
        operations=max(1, len(chosen)),
    )  # fmt: skip
    book = world.arrays[2]
    written = np.zeros(2 * count, DTYPES[Section.BACKORDERS])
    arguments = (backorders, count, backordered, levels, book, written)
    done, left = world.duel.call("settle_backorders", *arguments, operations=max(1, count))
    world.duel.call("sum_backordered", backorders, left, np.zeros(len(levels), np.int64))
    world.duel.call("promisable_at", world.rng.randrange(len(levels)), levels)
    names = world.skus.arrays, world.places.arrays
    world.duel.call(
        "hash_backorders", backorders[:left], world.reservations, levels, np.uint64(done), *names
    )
