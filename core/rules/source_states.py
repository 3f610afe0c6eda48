"""How sources are: current, silent for longer than they state, or with numbers missing.

It is journaled when it changes, in every shard that knows the source, since it may restrict what is
promised: a replay comes to the same promises. A turn notices silence before its commands; what an
event or an operator changes is noticed when that is written.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice

import numpy as np

from ..kernels.codes import NEVER_NS
from ..limits import NS_PER_MS
from ..model import SourceState
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import record
from ..work import SOURCE_LOOKED_AT, SOURCE_REVIEWED, Work

#: Sources that a turn reviews because they may have become silent; of all sources, records that it
#: looks at to find those that may.
REVIEWED_MAX, LOOKED_AT_MAX = 32, 200


class SourceStates:
    """The states of sources over the shards of a node, and when they may change by themselves."""

    def __init__(self, shards: Sequence[Shard], work: Work) -> None:
        self.shards = shards
        self.work = work
        self._unseen: Iterator[tuple[str, bool]] | None = None
        self._is_known = False
        self._not_current: set[str] = set()
        self._due: list[tuple[int, str]] = []
        self._first_due: dict[str, int] = {}

    @property
    def next_ns(self) -> int:
        """When the next source may become silent; 0 while not all were looked at."""
        if not self._is_known:
            return 0
        return self._due[0][0] if self._due else NEVER_NS

    def forget(self) -> None:
        """The state was changed from elsewhere: look at all sources again."""
        self._is_known, self._unseen = False, None

    def go_on(self, now_ns: int) -> None:
        """Review sources that may have become silent, as many as a turn has time for."""
        if not self._is_known:
            self._look_on()
        for _ in range(REVIEWED_MAX):
            if not self._due or self._due[0][0] > now_ns or self.work.is_over:
                break
            _, name = heappop(self._due)
            self._first_due.pop(name, None)
            self.review(name, now_ns)

    def _look_on(self) -> None:
        """Look at some more of all sources."""
        if self._unseen is None:
            self._due, self._first_due, self._not_current = [], {}, set()
            self._unseen = self._all_that_may_change()
        found = list(islice(self._unseen, LOOKED_AT_MAX))
        for name, is_current in found:
            self._wait(name, 0)
            if not is_current:
                self._not_current.add(name)
        self.work.spend(len(found) * SOURCE_LOOKED_AT)
        self._is_known = len(found) < LOOKED_AT_MAX

    def _all_that_may_change(self) -> Iterator[tuple[str, bool]]:
        """The names of sources that may change by themselves, and whether each is current."""
        for shard in self.shards:
            records = shard.source_records.used
            is_current = (records["state"] == 0) | (records["state"] == SourceState.CURRENT)
            has_gaps = (records["gap_count"] > 0) | (records["unlisted"] > 0)
            may_change = ~is_current | has_gaps | (records["expected_interval_ms"] > 0)
            for number in np.flatnonzero(may_change).tolist():
                yield shard.sources.text(number), bool(is_current[number])

    def after_events(self, name: str, now_ns: int, *, has_skipped: bool) -> None:
        """Events of a source were recorded, or passed over numbers."""
        if has_skipped or name in self._not_current:
            self.review(name, now_ns)

    def review(self, name: str, now_ns: int) -> None:
        """Write how a source is, where that has changed."""
        numbers = ((shard, shard.sources.find(name)) for shard in self.shards)
        known = [(shard, number) for shard, number in numbers if number >= 0]
        if not known:
            return
        self.work.spend(len(known) * SOURCE_REVIEWED)
        silent_from_ns = _silent_from_ns(known)
        state = SourceState.STALE if silent_from_ns <= now_ns else SourceState.CURRENT
        if any(_read("gap_count", known)) or any(_read("unlisted", known)):
            state = SourceState.GAP
        for (shard, number), before in zip(known, _read("state", known), strict=True):
            if (before or SourceState.CURRENT) != state:
                record(shard, Section.SOURCE_STATES, (number, state, 0))
        (self._not_current.discard if state is SourceState.CURRENT else self._not_current.add)(name)
        if now_ns < silent_from_ns < NEVER_NS:
            self._wait(name, silent_from_ns)

    def _wait(self, name: str, due_ns: int) -> None:
        """Review a source at a time, unless it is reviewed earlier and then waits again."""
        if due_ns < self._first_due.get(name, NEVER_NS):
            self._first_due[name] = due_ns
            heappush(self._due, (due_ns, name))


def _silent_from_ns(known: Sequence[tuple[Shard, int]]) -> int:
    """When a source is stale that is not heard before; NEVER_NS when it may be silent for ever."""
    interval_ns = next(_read("expected_interval_ms", known)) * NS_PER_MS
    return max(_read("last_event_ns", known)) + interval_ns + 1 if interval_ns else NEVER_NS


def _read(field: str, known: Sequence[tuple[Shard, int]]) -> Iterator[int]:
    """A field of a source, in each shard. The field of all records first: to take a record out
    costs ten times as much.
    """
    return (int(shard.source_records.records[field][number]) for shard, number in known)
