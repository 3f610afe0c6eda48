"""Watchers are told of each stock level that an entry changes, whatever kind of effect does it."""

from random import Random

import numpy as np

from holdfast.core.node import Node
from holdfast.core.tables.effects import Entry, Section
from holdfast.edge.server.watch.changes import ShardChanges
from tests.core.tables.test_effects import BASE, Unit, stage

SEEDS = 10


def changed_by(unit: Unit) -> tuple[set[int], set[int]]:
    """The levels that differ after effects that are replayed alone, and those that are reported."""
    node = Node(1)
    for entry in BASE.entries:
        node.replay(entry)
    (shard,) = node.shards
    changes = ShardChanges(shard)
    before = shard.levels.used.copy()
    entry = Entry(0, shard.sequence + 1, 2, unit)
    node.replay(entry)
    changes.record(entry)
    differs = np.flatnonzero(before != shard.levels.used[: len(before)])
    new = range(len(before), len(shard.levels))
    reported = np.flatnonzero(changes.changed(np.arange(len(shard.levels)), entry.sequence - 1))
    return {*differs.tolist(), *new}, set(reported.tolist())


def test_every_effect_that_changes_a_level_is_reported() -> None:
    """A new kind of effect is among them (`stage` has to know it), and a level that differs after
    it and is not reported is found here.
    """
    changing: set[Section] = set()
    for seed in range(SEEDS):
        for unit in stage(Random(seed)):
            differing, reported = changed_by(unit)
            assert differing <= reported, unit
            changing |= {unit[-1][0]} if differing else set()
    kinds = {Section.LINES, Section.LEVELS, Section.MOVES, Section.STOCK, Section.UNAVAILABLE}
    assert kinds | {Section.BACKORDERS} == changing
