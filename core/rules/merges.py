"""Two SKUs that turn out to be one: stock and names of the one go to the other (docs/adr/0047)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..commands import (
    Conflict,
    InTheWay,
    LimitReached,
    MergeOutcome,
    MergeSku,
    Reference,
    StockEvent,
    Unknown,
)
from ..commands.registry import MERGE_SKU, executes
from ..kernels.codes import COUNT_BASIS, COUNT_IS_TIMED
from ..limits import (
    LOCATIONS_MAX,
    MERGED_LEVELS_MAX,
    MERGED_STATUSES_MAX,
    ON_HAND_MAX,
    SKU_NAMES_EACH_MAX,
    SKU_NAMES_MAX,
    STATUSES_MAX,
    TOTAL_MAX,
)
from ..model import EventKind, EventOutcome, Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from ..work import EVENT_MERGED, LEVEL_COPIED, STATUS_MERGED, Work
from . import joint_turn, repeats
from .homes import Homes
from .merge_blocks import Merging, find_block, find_unwatched
from .renames import record_name
from .stock_facts import StockFacts

#: The source of the facts by which stock goes from one SKU to another, and the kind of reference
#: under which each of them names the other SKU.
SOURCE = "merge"
REFERENCE = "sku"


class Merges:
    """Merging SKUs, over the shards of a node."""

    def __init__(self, facts: StockFacts, homes: Homes, work: Work) -> None:
        self.facts = facts
        self.homes = homes
        self.names = homes.sku_names
        self.work = work

    @executes(MERGE_SKU)
    def merge(
        self, command: MergeSku, now_ns: int
    ) -> MergeOutcome | Unknown | Conflict | InTheWay | LimitReached:
        """Give all stock and all names of a SKU to another."""
        sku, into = command.sku, command.into_sku
        shard, other = self.homes.shard_of_sku(sku), self.homes.shard_of_sku(into)
        said = {"into_sku": into}
        first = repeats.first_on_sku(self.homes, command, Verb.MERGE_SKU, said, now_ns)
        if isinstance(first, Conflict):
            return first
        if first is not None:
            return self._outcome(into, first[1], other, is_repeat=True)
        for field, name, home in (("sku", sku, shard), ("into_sku", into, other)):
            if home.skus.find(name) < 0:
                return Unknown(field, name)
        if sku == into:
            return InTheWay("into_sku", into, "it is one SKU with sku already")
        rows = self._rows(shard, sku)
        one, two = Merging(shard, rows, sku), Merging(other, self._rows(other, into), into)
        refusal = find_block(one, two) or self._too_much(shard, other, rows, sku, into)
        refusal = refusal or find_unwatched(replace(one, rows=_stocked(shard, rows)), two)
        if refusal is not None:
            return refusal
        # Point of no return: nothing is promised of the SKU, and the other takes what it has.
        on_hand = sum(shard.levels.records["on_hand"][rows].tolist())
        events = tuple(self._facts(shard, rows, sku, into))
        if events:
            outcome = self.facts.record_at_once(SOURCE, events, now_ns)
            assert {EventOutcome.APPLIED} == {each.outcome for each in outcome.results}, outcome
        _end_times(other, two.rows)
        number = shard.skus.find(sku)
        record(shard, Section.ENDED_SKUS, (number,))
        for name in reversed(self.names.all_of(sku)):  # its first name once it has no others
            record_name(other, other.skus.find(into), name, is_present=False)
        repeats.remember_on_sku(other, command, Verb.MERGE_SKU, said, on_hand)
        return self._outcome(into, on_hand, shard, other)

    def _outcome(
        self, into: str, on_hand: int, *shards: Shard, is_repeat: bool = False
    ) -> MergeOutcome:
        revisions = joint_turn.revisions(dict.fromkeys(shards))
        return MergeOutcome(into, self.names.all_of(into), on_hand, revisions, is_repeat)

    def _rows(self, shard: Shard, sku: str) -> Array:
        rows = np.empty(LOCATIONS_MAX, np.int64)
        (end,) = shard.list_levels(np.array([shard.skus.find(sku)]), rows)
        self.work.spend(int(end) * LEVEL_COPIED)
        return rows[:end]

    def _too_much(
        self, shard: Shard, other: Shard, rows: Array, sku: str, into: str
    ) -> LimitReached | None:
        """What of a SKU is more than another can take, or more than a turn can move."""
        names = len(self.names.all_of(sku))
        if len(self.names.all_of(into)) - 1 + names > SKU_NAMES_EACH_MAX:
            return LimitReached("sku", sku, "other names of the SKU", SKU_NAMES_EACH_MAX)
        if len(self.names.first) >= SKU_NAMES_MAX:
            return LimitReached("sku", sku, "other names of all SKUs", SKU_NAMES_MAX)
        stocked = _stocked(shard, rows)
        if len(stocked) > MERGED_LEVELS_MAX:
            return LimitReached("sku", sku, "stock levels with units", MERGED_LEVELS_MAX)
        held = shard.list_unavailable(stocked, shard.levels.records["withheld"][stocked])
        if len(held) > MERGED_STATUSES_MAX:
            what = "statuses of units at stock levels"
            return LimitReached("sku", sku, what, MERGED_STATUSES_MAX)
        named = {shard.statuses.text(status) for _, status, _ in held.tolist()}
        if sum(other.statuses.find(status) < 0 for status in named) > other.statuses.room:
            return LimitReached("sku", sku, "statuses", STATUSES_MAX)
        return self._overflowing(shard, other, stocked, sku, into)

    def _overflowing(
        self, shard: Shard, other: Shard, rows: Array, sku: str, into: str
    ) -> LimitReached | None:
        """Whether a level of the other SKU would leave its range, or the sum of all."""
        for row in rows.tolist():
            there = other.find_row(into, shard.name_row(row)[1])
            if there >= 0 and not _fit(shard.levels.records[row], other.levels.records[there]):
                return LimitReached("sku", sku, "units at a stock level", ON_HAND_MAX)
        if abs(sum(shard.levels.records["on_hand"][rows].tolist())) > TOTAL_MAX:
            return LimitReached("sku", sku, "units", TOTAL_MAX)
        return None

    def _facts(self, shard: Shard, rows: Array, sku: str, into: str) -> Iterator[StockEvent]:
        """The facts by which the units of a SKU become another's, by status."""
        rows = _stocked(shard, rows)
        levels = shard.levels.records
        held = shard.name_unavailable(shard.list_unavailable(rows, levels["withheld"][rows]))
        self.work.spend(STATUS_MERGED * sum(map(len, held.values())))
        places = zip(shard.name_rows(rows), levels["on_hand"][rows].tolist(), strict=True)
        for place, ((_, location), on_hand) in enumerate(places):
            units = held.get(place, {})
            rest = on_hand - sum(units.values())
            for status, moved in [("", rest)] * (rest != 0) + list(units.items()):
                self.work.spend(EVENT_MERGED)
                for name, of, quantity in ((sku, into, -moved), (into, sku, moved)):
                    is_gone = quantity < 0
                    yield StockEvent(
                        *(None, 0, name, location, EventKind.ADJUSTMENT, quantity),
                        reference=Reference(REFERENCE, of, ""),
                        reason=SOURCE,
                        from_status=status if is_gone else "",
                        to_status="" if is_gone else status,
                    )


def _end_times(shard: Shard, rows: Array) -> None:
    """Let facts that come from now on be compared with no instant of a count before: what the other
    SKU had was not counted there.
    """
    latest = shard.latest.used
    for row in rows[rows < len(latest)].tolist():
        basis = int(latest["basis"][row])
        if basis & COUNT_IS_TIMED:
            counted_ns = int(latest["counted_ns"][row])
            record(shard, Section.COUNTS, (counted_ns, row, basis & COUNT_BASIS, 0, 0))


def _stocked(shard: Shard, rows: Array) -> Array:
    """The rows that have units, or statuses of them."""
    levels = shard.levels.records
    has_units: Array = (levels["on_hand"][rows] != 0) | (levels["withheld"][rows] != 0)
    stocked: Array = rows[has_units]
    return stocked


def _fit(one: Array, other: Array) -> bool:
    """Whether two levels together are within the range of one. Of the first nothing is promised."""
    on_hand = int(one["on_hand"]) + int(other["on_hand"])
    free = on_hand - int(one["withheld"]) - int(other["withheld"])
    free -= int(other["reserved"]) + int(other["committed"])
    return max(abs(on_hand), abs(free)) <= ON_HAND_MAX
