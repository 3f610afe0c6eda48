"""Sources of stock facts and their numbering.

A shard knows of a source what it recorded itself; the node takes the shards together. Kept are the
last number, the newest ranges of numbers that were skipped (because an event had no effect, or did
not come), and a floor: at and below it nobody can tell any more, because older ranges were dropped,
or because an operator reset the source. So a number counts as recorded when it is not above the
last, above the floor and in no range.
"""

from collections.abc import Sequence

import numpy as np

from ..commands import ResetSource, SourceReset, Unknown
from ..commands.registry import RESET_SOURCE, executes
from ..tables.effects import Section
from ..tables.layouts import GAP
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from ..work import SOURCE_RESET, Work

#: Last number, floor (uint64), and skipped ranges (GAP).
Numbering = tuple[np.uint64, np.uint64, Array]


_NO_GAPS = np.zeros(0, GAP)


class Sources:
    """Sources over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], work: Work) -> None:
        self.shards = shards
        self.work = work

    @executes(RESET_SOURCE)
    def reset(self, command: ResetSource, _now_ns: int) -> SourceReset | Unknown:
        """Set the last number of a source, in every shard that knows it."""
        known = self.known(command.source)
        if not known:
            return Unknown("source", command.source)
        # Point of no return: the source exists.
        previous = self.last_number(known)
        self.work.spend(len(known) * SOURCE_RESET)
        for shard, number in known:
            record(shard, Section.SOURCE_RESETS, (command.last_sequence, number, 0))
        return SourceReset(previous)

    def known(self, source: str) -> list[tuple[Shard, int]]:
        """The shards that know a source, and its number there."""
        numbers = ((shard, shard.sources.find(source)) for shard in self.shards)
        return [(shard, number) for shard, number in numbers if number >= 0]

    def last_number(self, known: Sequence[tuple[Shard, int]]) -> int:
        """The last number that a source has reached, in whatever shard."""
        return max((int(shard.source_sequences.records[n]) for shard, n in known), default=0)

    def numbering(self, known: Sequence[tuple[Shard, int]], sequences: Array) -> Numbering:
        """What has to be known of the numbers of a source to judge these: without a late one among
        them, the last alone.
        """
        last = np.uint64(self.last_number(known))
        if sequences.min() > last or not ((sequences > 0) & (sequences <= last)).any():
            return last, np.uint64(0), _NO_GAPS
        rows = [shard.source_gaps.records[number] for shard, number in known]
        gaps = np.concatenate([row[2:] for row in rows]).view(GAP)
        floor = max(int(row[1]) for row in rows)
        return last, np.uint64(floor), gaps[gaps["first"] > 0]
