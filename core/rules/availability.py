"""Reading availability: by SKU, by handle, and handles for names."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..commands import (
    AvailabilitiesView,
    AvailabilityView,
    GetAvailability,
    Handles,
    LevelColumns,
    Levels,
    LevelView,
    ReadLevels,
    ResolveLevels,
    Unknown,
)
from ..commands.registry import GET_AVAILABILITY, READ_LEVELS, RESOLVE_LEVELS, executes
from ..commands.stock import NOTHING
from ..handles import make_handle, split_handles
from ..kernels.codes import NO_LEVEL, UNKNOWN_LOCATION, UNKNOWN_SKU
from ..limits import LEVELS_READ_MAX
from ..model import SourceState, Unresolved
from ..tables.shard import Shard
from ..tables.supply import sum_incoming
from ..tables.table import Array
from ..work import (
    LEVEL_COPIED,
    LEVEL_TOLD,
    NAME_FOUND,
    SHARD_READ,
    SKU_FOUND,
    SKU_TOLD,
    STATUS_COPIED,
    STATUS_TOLD,
    Steps,
    Work,
)
from .batches import revisions_of
from .homes import Homes

_STATES = {int(state): state for state in SourceState}

#: Levels that are put into an answer before the turn may end, and names that are looked up.
TOLD_MAX, NAMES_MAX = 1_000, 250

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
        self._rows = np.empty(LEVELS_READ_MAX, np.int64)

    @executes(GET_AVAILABILITY)
    def get(self, command: GetAvailability, _now_ns: int) -> Steps[AvailabilitiesView | Unknown]:
        """The stock levels of SKUs, those of a shard at one instant: as many at once as
        LEVELS_READ_MAX allows. They are copied first; the turn may end while the copy is told.
        """
        self.work.spend(len(command.skus) * SKU_FOUND + len(command.locations) * NAME_FOUND)
        locations = (
            self.shards[0].locations.find_all(command.locations) if command.locations else []
        )
        if -1 in locations:
            index = locations.index(-1)
            return Unknown(f"locations[{index}]", command.locations[index])
        views: list[AvailabilityView | None] = [None] * len(command.skus)
        for shard, places in self._places(command.skus).items():
            numbers = shard.skus.find_all([command.skus[place] for place in places])
            known = [(place, n) for place, n in zip(places, numbers, strict=True) if n >= 0]
            while known:
                if self.work.is_over:
                    yield
                revision = shard.revision_now()
                skus = np.array([number for _, number in known])
                ends, columns = self._copy(shard, skus, locations, command.states)
                told = yield from self._tell(shard, *columns)
                self.work.spend(len(ends) * SKU_TOLD)
                for (place, _), (start, end) in zip(known, pairwise([0, *ends]), strict=False):
                    mine = Levels(told, start, end)
                    views[place] = AvailabilityView(command.skus[place], mine, revision)
                known = known[len(ends) :]
        return AvailabilitiesView(tuple(views))

    def _places(self, skus: Sequence[str]) -> dict[Shard, list[int]]:
        """Shard -> places in the request of its SKUs."""
        places: dict[Shard, list[int]] = {}
        for place, sku in enumerate(skus):
            places.setdefault(self.homes.shard_of_sku(sku), []).append(place)
        return places

    def _copy(
        self,
        shard: Shard,
        skus: Array,
        locations: Sequence[int],
        states: Sequence[SourceState],
    ) -> tuple[list[int], tuple[Array, Array, list[int]]]:
        """Where the levels of the first of these SKUs (int64) end; all of these levels as columns:
        on_hand, reserved, committed, available, enabled, withheld, state, location, quarantined,
        backordered (int64[10, n]); what is unavailable at them (int64[m, 3]); and what is still to
        come to them. Without locations, or states, all levels.
        """
        ends = shard.list_levels(skus, self._rows)
        rows = self._rows[: ends[-1]]
        if locations:
            self.work.spend(len(rows) * LEVEL_COPIED)
            is_asked = np.isin(shard.levels.records["location"][rows], locations)
            rows, ends = rows[is_asked], np.cumsum([0, *is_asked])[ends]
        self.work.spend(SHARD_READ + len(rows) * LEVEL_COPIED)
        columns = np.empty((10, len(rows)), np.int64)
        columns[:7] = shard.read_levels(rows)
        columns[7] = shard.levels.records["location"][rows]
        columns[4] = shard.location_records.records["enabled"][columns[7]]
        columns[8] = shard.are_quarantined(rows)
        columns[9] = shard.backordered.records[rows] if len(shard.backorders) else 0
        if states:
            is_asked = np.isin(columns[6], states)
            # Compressed, not indexed: kernels are compiled for rows that lie in one piece.
            rows, columns = rows[is_asked], columns.compress(is_asked, axis=1)
            ends = np.cumsum([0, *is_asked])[ends]
        unavailable = shard.list_unavailable(rows, columns[5])
        self.work.spend(len(unavailable) * STATUS_COPIED)
        incoming = sum_incoming(shard, rows)
        self.work.spend(len(shard.supplies) and len(rows) * STATUS_COPIED)
        return ends.tolist(), (columns, unavailable, incoming)

    def _tell(
        self, shard: Shard, columns: Array, unavailable: Array, incoming: list[int]
    ) -> Steps[list[list[Any]]]:
        """Copied levels as columns of LevelView."""
        told: list[list[Any]] = [[] for _ in LevelView._fields]
        for start in range(0, columns.shape[1], TOLD_MAX):
            if self.work.is_over:
                yield
            piece = columns[:, start : start + TOLD_MAX]
            self.work.spend(piece.shape[1] * LEVEL_TOLD)
            names = shard.locations.texts(piece[7])
            is_enabled = (piece[4] != 0).tolist()
            by_status = self._tell_unavailable(shard, unavailable, start, len(names))
            coming = incoming[start : start + TOLD_MAX]
            more = (is_enabled, by_status, coming, (piece[8] != 0).tolist())
            states = map(_STATES.__getitem__, piece[6].tolist())
            pieces = (names, *piece[:4].tolist(), *more, states, piece[9].tolist())
            for column, more in zip(told, pieces, strict=True):
                column += more
        return told

    def _tell_unavailable(
        self, shard: Shard, unavailable: Array, start: int, count: int
    ) -> list[Mapping[str, int]]:
        """What is unavailable at `count` copied levels from `start` on, by status."""
        told: list[Mapping[str, int]] = [NOTHING] * count
        first, last = np.searchsorted(unavailable[:, 0], (start, start + count))
        self.work.spend(int(last - first) * STATUS_TOLD)
        for place, by_status in shard.name_unavailable(unavailable[first:last]).items():
            told[place - start] = by_status
        return told

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
        # A forged handle may name a shard that does not exist: such are counted behind the last.
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
