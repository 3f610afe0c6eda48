"""Counts of the moment whose numbers come late (docs/adr/0038).

What a source reports under a late number happened before that number was skipped. Facts that add up
may be added later all the same; a count may not, because it says what was on hand then. So it is
recorded by itself, as of its number.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..kernels.codes import COUNT, SEQUENCE_MAX
from ..model import EventOutcome
from ..tables.shard import Shard
from ..tables.table import Array
from ..work import FACT_CHANGING, Work
from .counts import Counted, Counts
from .sources import Sources


class LateCounts:
    """Late counts over the shards of a node."""

    def __init__(self, sources: Sources, counts: Counts, work: Work) -> None:
        self.sources = sources
        self.counts = counts
        self.work = work

    def parts(self, source: str, kinds: Array, sequences: Array) -> Iterator[slice]:
        """A message in parts: a count whose number may be missing is a part by itself."""
        alone = self._positions(source, kinds, sequences)
        cuts = sorted({0, *alone, *(index + 1 for index in alone), len(kinds)})
        return (slice(start, end) for start, end in pairwise(cuts))

    def _positions(self, source: str, kinds: Array, sequences: Array) -> list[int]:
        counts = np.flatnonzero((kinds == COUNT) & (sequences > 0))
        if not len(counts):
            return []
        numbering = self.sources.numbering(self.sources.known(source), sequences)
        highest = np.maximum.accumulate(np.concatenate([[numbering.last], sequences[:-1]]))
        late = counts[sequences[counts] <= highest[counts]].tolist()
        return [index for index in late if numbering.may_be_missing(int(sequences[index]))]

    def judge(
        self, source: str, event: Array, plan: Array, shard: Shard, now_ns: int
    ) -> Counted | None:
        """What a plain count comes to, which is entered in the plan; None when its number is not
        in a gap.
        """
        sequence = int(event["sequence"])
        known = self.sources.known(source)
        gap = self.sources.numbering(known, event["sequence"].reshape(1)).gap_of(sequence)
        if gap is None:
            return None
        self.work.spend(FACT_CHANGING)
        self.counts.history.begin(shard)
        row = int(event["row"]) if int(event["row"]) < len(shard.levels) else -1
        if row >= 0 and _was_outdated(shard, source, row, sequence):
            return None  # the plan finds that
        opened_ns = int(gap["opened_ns"])
        counted = self.counts.judge_late_count(source, sequence, opened_ns, shard, row, now_ns)
        plan["given"] = counted.delta
        if counted.refusal is EventOutcome.COUNT_OUTDATED:
            plan["is_counted"] = 1
            return Counted()
        return counted


def _was_outdated(shard: Shard, source: str, row: int, sequence: int) -> bool:
    """Whether its source has counted a level under a later number."""
    count, number = shard.last_counts.records[row], shard.sources.find(source)
    if number < 0 or count["source"] != number:
        return False
    resets = shard.source_records.records[number]["resets"]
    return bool(count["resets"] == resets and int(count["sequence"]) & SEQUENCE_MAX >= sequence)
