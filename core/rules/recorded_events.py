"""What is remembered of stock events under their ids and numbers, and whether it was the same.

A message may name an event that came before, whole or with other content. Whether it is the same
event is decided here; what follows from that, in stock_plan.py. Nothing here changes state.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from .. import kernels
from ..commands import Difference
from ..commands.stock import OTHERS
from ..kernels.codes import NEW, OTHER, SAME
from ..model import EventKind
from ..tables.layouts import RECORDED
from ..tables.shard import Shard
from ..tables.table import Array

_NEW: Final = bytes((NEW,))

#: The SKU and location of the event at a position, where they are known.
NameOf = Callable[[int], tuple[str, str] | None]


class RecordedEvents:
    """The events that the shards of a node remember."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards

    def find(
        self,
        numbered: list[tuple[Shard, int]],
        events: Array,
        plan: Array,
        name_of: NameOf,
        now_ns: int,
    ) -> tuple[Array, Array]:
        """What is remembered of the events (RECORDED), compared with them, and the hashes of their
        keys (uint64), but for the lowest bit. `numbered` has where a number of them may stand.
        """
        recorded, hashes = np.zeros(len(events), RECORDED), np.zeros(len(events), np.uint64)
        has_key = events["has_key"].tobytes()
        if 1 in has_key:
            keys = events["key_hi"].copy(), events["key_lo"].copy()
            kernels.hash_keys(self.shards[0].events.current.slots.arrays, *keys, hashes)
            for shard in self.shards:
                shard.events.find_events(events, hashes, shard.number, now_ns, recorded)
        if 0 in has_key:
            for shard, number in numbered:
                kernels.find_numbered(events, number, shard.numbered.used, shard.number, recorded)
        if recorded["match"].tobytes().strip(_NEW):
            self._compare(recorded, events, plan, name_of)
        return recorded, hashes

    def _compare(self, recorded: Array, events: Array, plan: Array, name_of: NameOf) -> None:
        """Distinguish the same events from others under their id or number. Of an event whose level
        is not there any more, the names are not known and count as the same.
        """
        known = recorded["match"] != NEW
        is_same = recorded["quantity"] == events["quantity"]
        is_same &= recorded["kind"] == events["kind"]
        is_same &= recorded["content"] == events["content"]
        is_there = (recorded["shard"] == events["shard"]) & (recorded["row"] == events["row"])
        is_there |= plan["is_open"] == 0
        is_unknown = recorded["kind"] == 0  # an earlier build did not keep what it was
        is_same, is_there = is_same | is_unknown, is_there | is_unknown
        # While a level is open, it is the one of its names. Later there may be another of them.
        elsewhere = np.flatnonzero(known & is_same & ~is_there)
        for index in elsewhere[~self._is_open(recorded[elsewhere])].tolist():
            is_there[index] = self._name(recorded[index], events, name_of) == name_of(index)
        recorded["match"][known] = np.where(is_same & is_there, SAME, OTHER)[known]

    def _is_open(self, recorded: Array) -> Array:
        """Whether the levels on which events were recorded are still those of their names."""
        is_open = np.zeros(len(recorded), bool)
        for shard in self.shards:
            mine = recorded["shard"] == shard.number
            levels = shard.levels.records[recorded["row"][mine]]
            is_open[mine] = shard.skus.removed.records[levels["sku"]] == 0
        return is_open

    def _name(self, recorded: Array, events: Array, name_of: NameOf) -> tuple[str, str] | None:
        """The names under which an event was recorded, in this message or before."""
        shard, row = self.shards[int(recorded["shard"])], int(recorded["row"])
        if row < len(shard.levels):
            return shard.name_row(row)
        is_of_message = (events["shard"] == shard.number) & (events["row"] == row)
        return name_of(int(is_of_message.argmax()))

    def difference(self, recorded: Array, events: Array, index: int, name_of: NameOf) -> Difference:
        """The first field in which an event is not what was recorded."""
        name = name_of(index)
        was = _content(recorded, name and self._name(recorded, events, name_of))
        now = _content(events[index], name)
        first = next(field for field in was if was[field] != now[field])
        if first == OTHERS:
            return Difference(first, "", "")
        return Difference(first, was[first], now[first])


def _content(event: Array, name: tuple[str, str] | None) -> dict[str, str]:
    """What an event says, in the order in which it is compared."""
    said = {
        "kind": EventKind(int(event["kind"])).name,
        "quantity": str(event["quantity"]),
        OTHERS: str(event["content"]),
    }
    return said if name is None else {"sku": name[0], "location": name[1], **said}
