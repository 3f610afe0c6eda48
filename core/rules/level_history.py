"""What recently happened at a level, as rules read it: the facts and shipments that are kept of it
(tables/recent.py), and which of them a count had seen.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from .. import kernels
from ..commands import StockEvent
from ..kernels.codes import (
    ANY_SOURCE,
    COUNT,
    COUNT_BASIS,
    GOODS_ISSUE,
    HISTORY_COUNTED,
    HISTORY_PLAIN,
    SEQUENCE_MAX,
)
from ..limits import HISTORY_READ_MAX
from ..model import CountBasis
from ..tables.effects import Section
from ..tables.layouts import HISTORY, SOURCE
from ..tables.recent import History
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from ..work import RECORD_PASSED, RECORD_READ, RECORD_SEARCHED, Work

NO_RECORDS: Final = np.zeros(0, HISTORY)

#: Records of all shards that are passed over to find the first number of a source: some 2 ms.
PASSED_MAX: Final = 1_000_000

#: Records of a level among which a fact is searched for: some 3 ms. If it is older than those,
#: it is known when it came, and no more.
SEARCHED_MAX = 200_000

#: In place of a count of the shelf: the last one was of the books.
BOOKS: Final = CountBasis.BOOKS


class FactSought(NamedTuple):
    """A fact as the history has it; `came_at_ns` is None for one that is not remembered. Its tag is
    of source and id; `source` is None for one that is found through its reversals.
    """

    source: int | None
    tag: int
    came_at_ns: int | None


class FactFound(NamedTuple):
    """What the history says of a fact: its number and when it happened, zeros where it has none;
    and whether the last count of its level was one of the shelf, after it.
    """

    number: int = 0
    at_ns: int = 0
    is_counted: bool = False


class LevelHistory:
    """What is kept of the levels of a node's shards."""

    def __init__(self, shards: Sequence[Shard], work: Work) -> None:
        self.shards = shards
        self.work = work
        self._found = np.zeros(HISTORY_READ_MAX, HISTORY)

    def begin(self, shard: Shard) -> None:
        """Keep what happens for the whole window from now on, in all shards: somebody asks."""
        if shard.keeping.is_used or not shard.keeping.window_ns:
            return
        for each in self.shards:
            record(each, Section.HISTORY_WINDOWS, (each.keeping.window_ns, True))

    def last_number(self, source: str) -> int:
        """The highest number of a source that is recorded, or 0."""
        return max(int(mine["last_sequence"]) for _, _, mine in self._known(source))

    def has_all_after(self, source: str, sequence: int, home: Shard, now_ns: int) -> bool:
        """Whether all facts are kept in a shard that a source has numbered above a number: what
        came before has lower numbers than the first that came in its order to any shard since
        `home` keeps all.
        """
        if sequence >= self.last_number(source) or all(
            _is_whole(shard, now_ns) for shard in self.shards
        ):
            return True
        kept_ns = kept_since_ns(home, now_ns)  # others may reach further back
        found = [self._first_numbered(*each, kept_ns, now_ns) for each in self._known(source)]
        _, first = min((each for each in found if each[1]), default=(0, 0))
        return 0 < first <= sequence + 1

    def _known(self, source: str) -> Iterator[tuple[Shard, int, Array]]:
        """Shards, the number of a source in each, and what is known of it there (SOURCE)."""
        nothing = np.zeros((), SOURCE)
        for shard in self.shards:
            number = shard.sources.find(source)
            yield shard, number, shard.source_records.records[number] if number >= 0 else nothing

    def _first_numbered(
        self, shard: Shard, number: int, mine: Array, after_ns: int, now_ns: int
    ) -> tuple[int, int]:
        """When the first number of a source that was not late came to a shard after an instant, and
        that; or zeros.
        """
        after_ns = max(after_ns, kept_since_ns(shard, now_ns), int(mine["reset_ns"]) - 1)
        generations = () if number < 0 else (shard.facts.previous, shard.facts.current)
        for each in generations:
            came_at_ns, first, looked = kernels.find_first_numbered(
                each.used, number, after_ns, PASSED_MAX // (2 * len(self.shards))
            )
            self.work.spend(looked * RECORD_PASSED)
            if first:
                return int(came_at_ns), int(first)
        return 0, 0

    def last_count_of(self, fact: FactSought, shard: Shard, row: int, now_ns: int) -> FactFound:
        """What the history says of a fact."""
        kept_ns = kept_since_ns(shard, now_ns)
        came_at_ns = kept_ns if fact.came_at_ns is None else fact.came_at_ns
        found = self._find(fact, shard, row) if came_at_ns > kept_ns else NO_RECORDS
        was_counted = len(found) and found["flags"][0] & HISTORY_COUNTED
        after_ns = kept_ns if was_counted else max(kept_ns, came_at_ns - 1)
        return _found(found, self.shelf_count(shard, row, after_ns), fact.came_at_ns)

    def _find(self, fact: FactSought, shard: Shard, row: int) -> Array:
        """The record of a fact, if it is among the newest of its level (HISTORY[0 or 1])."""
        newest = int(shard.latest.records["facts"][row])
        source = ANY_SOURCE if fact.source is None else fact.source
        sought = source, fact.tag, fact.came_at_ns, SEARCHED_MAX
        number, looked = kernels.find_fact(shard.facts.arrays, newest, *sought)
        self.work.spend(looked * RECORD_SEARCHED)
        return _copied(shard, int(number))

    def shelf_count(
        self, shard: Shard, row: int, after_ns: int
    ) -> Array | Literal[CountBasis.BOOKS] | None:
        """The last count of a level after an instant, or BOOKS when it was one of those."""
        last = self.last_count(shard, row, after_ns)
        if last is None:
            return None
        is_plain = last["flags"] & HISTORY_PLAIN
        is_of_books = shard.latest.records["basis"][row] & COUNT_BASIS == CountBasis.BOOKS
        return BOOKS if is_of_books and not is_plain else last

    def last_count(self, shard: Shard, row: int, after_ns: int) -> Array | None:
        """The last count of a level, if it came after an instant (HISTORY)."""
        counts = _copied(shard, int(shard.counted.records[row]))
        return counts[0] if (counts["came_at_ns"] > after_ns).any() else None

    def unposted_of_late(self, shard: Shard, row: int, unposted: int, now_ns: int) -> int:
        """Units that were shipped from a level and not posted, as far as they were shipped within
        the window; or below 0 units that were posted and taken back within it.
        """
        if not unposted or not shard.keeping.window_ns:
            return 0
        number = int(shard.latest.records["shipments"][row])
        after_ns = now_ns - shard.keeping.window_ns
        units, looked = kernels.sum_shipped(
            shard.shipments.arrays, number, unposted, after_ns, HISTORY_READ_MAX
        )
        self.work.spend(looked * RECORD_READ)
        return max(unposted, min(int(units), 0)) if unposted < 0 else max(0, min(units, unposted))

    def since(self, history: History, shard: Shard, row: int, after_ns: int) -> Array | None:
        """Records of a level that came after an instant; None when there are too many."""
        if not shard.keeping.window_ns:
            return NO_RECORDS
        field = "facts" if history is shard.facts else "shipments"
        number = int(shard.latest.records[field][row])
        count = kernels.list_since(history.arrays, number, after_ns, self._found, HISTORY_READ_MAX)
        self.work.spend((count if count >= 0 else HISTORY_READ_MAX) * RECORD_READ)
        return None if count < 0 else _in_todays_numbers(self._found[:count].copy(), shard)


def _copied(shard: Shard, number: int) -> Array:
    """A record of a fact as `LevelHistory.since` has it, if it is there (HISTORY[0 or 1])."""
    records = shard.facts.find(number).copy()
    records["link"] = number
    return _in_todays_numbers(records, shard)


def _found(
    found: Array, last: Array | Literal[CountBasis.BOOKS] | None, came_at_ns: int | None
) -> FactFound:
    """The record of a fact, of which there may be none, beside the last count of its level."""
    shelf = None if last is BOOKS else last
    if not len(found):
        is_after = came_at_ns is None or (shelf is not None and int(shelf["at_ns"]) >= came_at_ns)
        return FactFound(is_counted=shelf is not None and is_after)
    if found["flags"][0] & HISTORY_COUNTED:
        is_after = last is not BOOKS
    else:
        is_after = shelf is not None and _is_after(shelf, found[0])
    return FactFound(int(found["link"][0]), int(found["at_ns"][0]), is_after)


def _is_whole(shard: Shard, now_ns: int) -> bool:
    """Whether a shard has forgotten no facts, and all are within the window."""
    facts = shard.facts
    oldest = (facts.previous if len(facts.previous) else facts.current).used[:1]
    is_within = (oldest["came_at_ns"] > kept_since_ns(shard, now_ns)).all()
    return not facts.has_forgotten and bool(is_within)


def _in_todays_numbers(records: Array, shard: Shard) -> Array:
    """Records without the numbers that their sources gave before they were reset."""
    resets = shard.source_records.records["reset_ns"]
    if len(resets):
        records["sequence"][records["came_at_ns"] < resets[records["source"]]] = 0
    return records


def kept_since_ns(shard: Shard, now_ns: int) -> int:
    """Whatever happened after this is known. Without a history, that is nothing."""
    window_ns = shard.keeping.window_ns
    if not window_ns:
        return now_ns
    kept = (history.reaches_back_to_ns for history in (shard.facts, shard.shipments))
    return max(now_ns - window_ns, *kept)


def happened_later(facts: Array, source: int, event: StockEvent, as_of_ns: int) -> Array:
    """Which facts a count had not seen: of its own source by their numbers, if it names one; else
    by their times, if it states its own and they have one; else by its own number. At the same
    time numbers tell.
    """
    is_later = came_later(facts, source, event.as_of_sequence or event.sequence, as_of_ns)
    if event.occur_time_ns is not None and not event.as_of_sequence:
        is_timed = facts["at_ns"] != facts["came_at_ns"]
        is_timed &= (facts["at_ns"] != as_of_ns) | (facts["sequence"] == 0) | (not event.sequence)
        is_timed |= facts["kind"] == COUNT
        is_later[is_timed] = facts["at_ns"][is_timed] > as_of_ns
    return is_later


def seen_by_last(shard: Shard, row: int, source: int) -> int | None:
    """The number up to which the last count of a level had seen its source's facts, if it is of
    this source, and since that was reset last.
    """
    last = shard.last_counts.records[row]
    if source < 0 or last["source"] != source:
        return None
    if last["resets"] != shard.source_records.records[source]["resets"]:
        return None
    return int(last["sequence"]) & SEQUENCE_MAX


def came_later(facts: Array, source: int, sequence: int, as_of_ns: int) -> Array:
    """Which facts are later than a number of a source, if there is one, and than an instant."""
    is_later: Array = facts["at_ns"] > as_of_ns
    if sequence:
        is_own = (facts["source"] == source) & (facts["sequence"] > 0)
        is_later[is_own] = facts["sequence"][is_own] > np.uint64(sequence)
    return is_later


def _is_after(count: Array, fact: Array) -> bool:
    """Whether a count came after a fact: by their numbers, if they are of one source."""
    if count["source"] == fact["source"] and count["sequence"] and fact["sequence"]:
        return bool(count["sequence"] > fact["sequence"])
    counted = int(count["at_ns"]), int(count["link"])
    return counted > (int(fact["at_ns"]), int(fact["link"]))


def seen_by(count: Array, facts: Array) -> Array:
    """Facts that came after a count of the shelf and that it had seen, if it states its instant."""
    if count["flags"] & HISTORY_PLAIN:
        return NO_RECORDS
    counted = int(count["source"]), int(count["sequence"]), int(count["at_ns"])
    seen: Array = facts[~came_later(facts, *counted)]
    return seen


def units_shipped(shipments: Array, seen: Array) -> int:
    """Units that were shipped, but for those that came with a goods issue which is `seen`: they
    had left before. What was taken back was shipped last, or before all of these. A goods issue
    that is taken back is still one that shipped, and what takes it back ships nothing.
    """
    units = -int(shipments["units"].sum())
    issues = seen[(seen["kind"] == GOODS_ISSUE) & (seen["units"] > 0)]
    for came_ns in np.unique(issues["came_at_ns"]):
        left = shipments["units"][shipments["came_at_ns"] == came_ns]
        posted = int(issues["units"][issues["came_at_ns"] == came_ns].sum())
        units -= min(posted, -int(left[left < 0].sum()))
    return max(0, units)
