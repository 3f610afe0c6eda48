"""Sources of stock facts and their numbering.

A shard knows of a source what it recorded itself; the node takes the shards together. Kept are the
last number, the ranges of numbers that were skipped (because an event had no effect, or did not
come), and a floor: at and below it nothing is known of a number that is in no range, because older
ranges were dropped, because an operator reset the source, or because it began there. A number in a
range is missing, and counts when it comes (docs/adr/0038). Any other that is not above the last,
and above the floor, was recorded.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .. import kernels
from ..commands import SequenceRange
from ..kernels.arguments import RESTRICTED
from ..kernels.codes import CAME, CAP_MAX, EVENT_APPLIED, SKIPPED
from ..limits import RANGES_LISTED_MAX
from ..model import UnknownSkus
from ..tables.effects import DTYPES, Section
from ..tables.layouts import GAP
from ..tables.shard import Shard
from ..tables.source_numbers import list_gaps
from ..tables.table import Array
from ..tables.writing import record, record_all
from .source_states import SourceStates

_U0, _U1 = np.uint64(0), np.uint64(1)
_NO_GAPS = np.zeros(0, GAP)


class Numbering(NamedTuple):
    """What has to be known of the numbers of a source to judge those of a message: without a late
    one among them, the last alone.
    """

    last: np.uint64
    floor: np.uint64 = _U0
    gaps: Array = _NO_GAPS
    """GAP, in the order of their numbers, over all shards."""

    def gap_of(self, sequence: int) -> Array | None:
        """The gap that a number is in."""
        at = int(np.searchsorted(self.gaps["first"], np.uint64(sequence), side="right")) - 1
        return self.gaps[at] if at >= 0 and sequence <= self.gaps["last"][at] else None

    def may_be_missing(self, sequence: int) -> bool:
        """Whether a number is in a gap, or in one that a message may open before it comes."""
        return bool(sequence > self.last) or self.gap_of(sequence) is not None


class Sources:
    """Sources over the shards of a node."""

    def __init__(
        self, shards: Sequence[Shard], unknown_skus: UnknownSkus, states: SourceStates
    ) -> None:
        self.states = states
        self.default_unknown_skus = int(unknown_skus)
        self.shards = shards

    def unknown_skus(self, known: Sequence[tuple[Shard, int]]) -> int:
        """What facts of a source do whose SKU is unknown (UnknownSkus): what is set of it, or of
        the node.
        """
        mine = int(known[0][0].source_records.records[known[0][1]]["unknown_skus"]) if known else 0
        return mine or self.default_unknown_skus

    def quarantines(self, source: str) -> bool:
        """Whether SKUs that nobody knows begin in quarantine when this source names them."""
        return self.unknown_skus(self.known(source)) == UnknownSkus.QUARANTINE

    def cap(self, known: Sequence[tuple[Shard, int]]) -> int:
        """How many units may be promised at each level of a source (kernels/promise.py)."""
        if not known or not known[0][0].header[RESTRICTED]:
            return CAP_MAX
        shard, number = known[0]
        return int(kernels.cap_of(shard.source_records.records, number))

    def known(self, source: str) -> list[tuple[Shard, int]]:
        """The shards that know a source, and its number there."""
        numbers = ((shard, shard.sources.find(source)) for shard in self.shards)
        return [(shard, number) for shard, number in numbers if number >= 0]

    def last_number(self, known: Sequence[tuple[Shard, int]]) -> int:
        """The last number that a source has reached, in whatever shard."""
        # A field of all records first: to take one record out costs ten times as much.
        lasts = (shard.source_records.records["last_sequence"][n] for shard, n in known)
        return max(map(int, lasts), default=0)

    def numbering(self, known: Sequence[tuple[Shard, int]], sequences: Array) -> Numbering:
        """What has to be known of the numbers of a source to judge these."""
        last = np.uint64(self.last_number(known))
        if sequences.min() > last or not ((sequences > 0) & (sequences <= last)).any():
            return Numbering(last)
        records = (shard.source_records.records[number] for shard, number in known)
        floor = max(int(each["floor"]) for each in records)
        gaps = np.concatenate([list_gaps(shard, number) for shard, number in known])
        gaps.sort(order="first")
        return Numbering(last, np.uint64(floor), gaps)

    def note_numbers(
        self, source: str, events: Array, plan: Array, codes: Array
    ) -> tuple[SequenceRange, ...]:
        """Write which numbers came without being the next, when what takes effect is written;
        return what was skipped, the first RANGES_LISTED_MAX ranges.
        """
        skips = plan["gap_first"] > 0
        if skips.any():
            self._note_skipped(source, events, plan, skips & (codes != EVENT_APPLIED))
        if plan["is_noted"].any():
            self._note_came(self.known(source), events["sequence"][plan["is_noted"] != 0])
        listed = np.flatnonzero(skips & (plan["gap_kind"] == SKIPPED))[:RANGES_LISTED_MAX]
        lasts = (events["sequence"][listed] - _U1).tolist()
        return tuple(map(SequenceRange, plan["gap_first"][listed].tolist(), lasts))

    def _note_skipped(self, source: str, events: Array, plan: Array, which: Array) -> None:
        """Write what was skipped by events that take no effect."""
        shard, number = self.known(source)[0]
        effects = np.zeros(int(which.sum()), DTYPES[Section.GAPS])
        effects["first"], effects["kind"] = plan["gap_first"][which], plan["gap_kind"][which]
        effects["last"], effects["source"] = events["sequence"][which] - _U1, number
        record_all(shard, Section.GAPS, effects)

    def _note_came(self, known: Sequence[tuple[Shard, int]], sequences: Array) -> None:
        """Write that numbers came, each in the shard that has the gap with it."""
        numbers = np.unique(sequences)
        for shard, source in known:
            gaps = list_gaps(shard, source)
            at = np.searchsorted(gaps["first"], numbers, side="right") - 1
            is_here = at >= 0
            is_here[is_here] = numbers[is_here] <= gaps["last"][at[is_here]]
            came, at = numbers[is_here], at[is_here]
            if len(came):
                is_next = (np.diff(came) == 1) & (np.diff(at) == 0)
                starts = np.flatnonzero(np.concatenate([[True], ~is_next]))
                ends = np.concatenate([starts[1:], [len(came)]]) - 1
                effects = np.zeros(len(starts), DTYPES[Section.GAPS])
                effects["first"], effects["last"] = came[starts], came[ends]
                effects["source"], effects["kind"] = source, CAME
                record_all(shard, Section.GAPS, effects)
            numbers = numbers[~is_here]
        if len(numbers):  # above all: an event that was recorded came again under another number
            shard, source = known[0]
            record(shard, Section.GAPS, (int(numbers[-1]), int(numbers[-1]), source, CAME, 0))
