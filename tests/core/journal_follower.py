"""A second node that hears of the first by its journal alone, and has to be its like.

What changes the state without an effect, or otherwise than replay does, is missing in it. The seal
of a clean stop would say so at the next start, and the node would not start: so it is looked for
after every turn.
"""

from collections.abc import Callable, Iterable

import numpy as np

from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import Entry
from holdfast.core.tables.shard import Shard


class Follower:
    """Replays the entries of a node into another, which `make` makes with the same settings."""

    def __init__(self, make: Callable[[], Node]) -> None:
        self._make = make
        self.node = make()

    def follow(self, entries: Iterable[Entry], leader: Node) -> None:
        """Replay the entries of a turn, after which both have to be alike."""
        for entry in entries:
            self.node.replay(entry)
        for shard, live in zip(self.node.shards, leader.shards, strict=True):
            assert [] == differences(shard, live)
        mine, other = self.node.sku_names, leader.sku_names  # which all shards of a node share
        assert (mine.first, mine.shown) == (other.first, other.shown)

    def stop(self, leader: Node) -> list[Entry]:
        """Seal the leader, as a clean stop does: its seals, as entries, have to fit."""
        sealed = leader.seal()
        self.follow(sealed, leader)
        return sealed

    def load(self) -> None:
        """Go on from a snapshot, which has nothing that stands beside the state."""
        before, self.node = self.node, self._make()
        for mine, other in zip(self.node.shards, before.shards, strict=True):
            state_bytes.load(mine, {n: c.copy() for n, c in state_bytes.columns(other).items()})
        self.node.loaded()


def differences(mine: Shard, other: Shard) -> list[str]:
    """Columns that two shards do not have alike. The time goes on without entries."""
    listed, others = state_bytes.columns(mine), state_bytes.columns(other)
    listed["position"], others["position"] = (each["position"][:1] for each in (listed, others))
    return [
        f"{name} of shard {mine.number}"
        for name, column in listed.items()
        if not are_same(column, others[name])
    ]


def are_same(column: np.ndarray, other: np.ndarray) -> bool:
    """Whether two columns have the same bytes."""
    return column.shape == other.shape and column.tobytes() == other.tobytes()
