"""Reading availability: by SKU, by handle, and handles for names."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..commands import (
    AvailabilitiesView,
    GetAvailability,
    Handles,
    LevelColumns,
    ReadLevels,
    ResolveLevels,
    Unknown,
)
from ..commands.registry import GET_AVAILABILITY, READ_LEVELS, RESOLVE_LEVELS, executes
from ..handles import make_handle, split_handles
from ..kernels.codes import NO_LEVEL, UNKNOWN_LOCATION, UNKNOWN_SKU
from ..limits import LEVELS_READ_MAX, LOCATIONS_MAX, WITHHELD_READ_MAX
from ..model import SourceState, Unresolved
from ..tables.names import encode_names, join_encoded
from ..tables.shard import Shard
from ..tables.table import Array
from ..work import (
    LEVEL_COPIED,
    NAME_FOUND,
    SHARD_READ,
    SKU_FOUND,
    STATUS_COPIED,
    SUPPLY_SUMMED,
    Steps,
    Work,
)
from .batches import revisions_of
from .homes import NAMES_MAX, Homes
from .read_levels import Answer, Copied, figures_of

#: What `Shard.find_row` says where there is no row.
_UNRESOLVED = {
    NO_LEVEL: Unresolved.NO_STOCK_LEVEL,
    UNKNOWN_SKU: Unresolved.UNKNOWN_SKU,
    UNKNOWN_LOCATION: Unresolved.UNKNOWN_LOCATION,
}


class Availability:
    """Availability over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, timeline: int, work: Work) -> None:
        self.shards = shards
        self.homes = homes
        self.timeline = timeline
        self.work = work
        self._rows = np.empty(LOCATIONS_MAX, np.int64)

    @executes(GET_AVAILABILITY)
    def get(self, command: GetAvailability, _now_ns: int) -> Steps[AvailabilitiesView | Unknown]:
        """The stock levels of SKUs, those of a shard at one instant as far as `_list` allows."""
        self.work.spend(len(command.skus) * SKU_FOUND + len(command.locations) * NAME_FOUND)
        locations = (
            self.shards[0].locations.find_all(command.locations) if command.locations else []
        )
        if -1 in locations:
            index = locations.index(-1)
            return Unknown(f"locations[{index}]", command.locations[index])
        answer = Answer(command.skus)
        for shard, places, numbers in self._find(command.skus):
            while len(places):
                if self.work.is_over:
                    yield
                self.work.spend(SHARD_READ)
                copied = self._copy(shard, numbers, locations, command.states)
                count = len(copied.ends)
                answer.add(shard, places[:count], copied)
                places, numbers = places[count:], numbers[count:]
        return (yield from answer.view(self.shards[0].locations, self.work))

    def _find(self, skus: Sequence[str]) -> Iterator[tuple[Shard, Array, Array]]:
        """By shard, places in the request of the SKUs that it knows, and their numbers (int64)."""
        if len(skus) == 1:  # ten times as fast
            shard = self.homes.shard_of_sku(skus[0])
            if (number := shard.skus.find(skus[0])) >= 0:
                yield shard, np.zeros(1, np.int64), np.array([number])
            return
        names = encode_names(skus)
        homes = np.array(self.homes.of_names(names), np.int64)
        joined = join_encoded(names)
        for shard in self.shards:
            places = np.flatnonzero(homes == shard.number)
            if len(places):
                numbers = shard.skus.find_joined(*joined, places)
                yield shard, places[numbers >= 0], numbers[numbers >= 0]

    def _copy(
        self,
        shard: Shard,
        skus: Array,
        locations: Sequence[int],
        states: Sequence[SourceState],
    ) -> Copied:
        """The levels of the first of these SKUs (int64). No locations, or states, are all."""
        rows, ends = self._list(shard, skus)
        if locations:
            self.work.spend(len(rows) * LEVEL_COPIED)
            is_asked = np.isin(shard.levels.records["location"][rows], locations)
            rows, ends = rows[is_asked], _kept(is_asked, ends)
        self.work.spend(len(rows) * LEVEL_COPIED)
        units = shard.read_levels(rows)
        if states:
            is_asked = np.isin(units[6], states)
            # Compressed, not indexed: kernels are compiled for rows that lie in one piece.
            rows, ends = rows[is_asked], _kept(is_asked, ends)
            units = units.compress(is_asked, axis=1)
        if len(shard.supplies):
            self.work.spend(len(rows) * SUPPLY_SUMMED)
        figures = figures_of(shard, rows, units)
        unavailable = shard.list_unavailable(rows, units[5])
        self.work.spend(len(unavailable) * STATUS_COPIED)
        return Copied(ends, figures, unavailable)

    def _list(self, shard: Shard, skus: Array) -> tuple[Array, Array]:
        """Rows of the first of these SKUs (int64), and where those of each end: of as many SKUs as
        are read in one step, and of one at least.
        """
        ends = shard.list_levels(skus, self._rows[:LEVELS_READ_MAX])
        if not len(ends):
            ends = shard.list_levels(skus[:1], self._rows)
        rows = self._rows[: ends[-1]]
        if len(shard.unavailable):
            withheld = _kept(shard.levels.records["withheld"][rows] != 0, ends)
            ends = ends[: max(1, np.searchsorted(withheld, WITHHELD_READ_MAX, "right"))]
        return rows[: ends[-1]], ends

    @executes(RESOLVE_LEVELS)
    def resolve(self, command: ResolveLevels, _now_ns: int) -> Steps[Handles]:
        """Handles for names; 0 where there is no such stock level."""
        handles: list[int] = []
        unresolved = {}
        for start in range(0, len(command.names), NAMES_MAX):
            if self.work.is_over:
                yield
            names = command.names[start : start + NAMES_MAX]
            self.work.spend(len(names) * NAME_FOUND)
            for shard, row in zip(*self.homes.find_rows(names), strict=True):
                if row < 0:
                    unresolved[len(handles)] = _UNRESOLVED[row]
                handles.append(make_handle(self.timeline, shard.number, row))
        return Handles(np.array(handles, np.uint64), unresolved)

    @executes(READ_LEVELS)
    def read(self, command: ReadLevels, _now_ns: int) -> LevelColumns:
        """Stock levels by handle."""
        numbers, rows = split_handles(self.timeline, command.handles)
        columns = np.zeros((7, len(rows)), np.int64)
        # A forged handle may name a shard that does not exist: such are counted after the last.
        counts = np.bincount(np.minimum(numbers, len(self.shards)), minlength=len(self.shards))
        for shard, count in zip(self.shards, counts.tolist(), strict=False):
            if count:
                mine = np.flatnonzero(numbers == shard.number)
                columns[:, mine] = shard.read_levels(rows[mine])
        on_hand, reserved, committed, available, is_open, withheld, states = columns
        revisions = revisions_of(self.shards, numbers)
        states = states.astype(np.uint8)
        if command.states:
            columns[:6, ~np.isin(states, command.states)] = 0
        figures = on_hand, reserved, committed, available, withheld, states
        return LevelColumns(*figures, is_open == 0, revisions)


def _kept(is_asked: Array, ends: Array) -> Array:
    """Ends among rows that are asked for, from ends among all."""
    kept: Array = np.append(0, np.cumsum(is_asked))[ends]
    return kept
