"""Reading availability: by SKU, by handle, and handles for names."""

from collections.abc import Sequence

import numpy as np

from ..commands import (
    AvailabilitiesView,
    AvailabilityView,
    GetAvailability,
    Handles,
    LevelColumns,
    LevelView,
    ReadLevels,
    ResolveLevels,
    Revision,
)
from ..commands.registry import GET_AVAILABILITY, READ_LEVELS, RESOLVE_LEVELS, executes
from ..handles import make_handle, split_handles
from ..tables.shard import Shard
from .batches import revisions_of
from .homes import Homes


class Availability:
    """Availability over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, timeline: int) -> None:
        self.shards = shards
        self.homes = homes
        self.timeline = timeline

    @executes(GET_AVAILABILITY)
    def get(self, command: GetAvailability, _now_ns: int) -> AvailabilitiesView:
        """The stock levels of SKUs, all at one instant."""
        rows: dict[Shard, list[int]] = {}
        spans = [self._add_rows(sku, rows) for sku in command.skus]
        # One read a shard: a call into a kernel costs as much as some fifty rows.
        levels = {shard: _level_views(shard, found) for shard, found in rows.items()}
        views = (
            None
            if span is None
            else AvailabilityView(sku, tuple(levels[shard][span]), _revision(shard))
            for sku, (shard, span) in zip(command.skus, spans, strict=True)
        )
        return AvailabilitiesView(tuple(views))

    def _add_rows(self, sku: str, rows: dict[Shard, list[int]]) -> tuple[Shard, slice | None]:
        """Add the rows of a SKU to those of its shard; the shard, and where they stand there."""
        shard = self.homes.shard_of_sku(sku)
        number = shard.skus.find(sku)
        if number < 0:
            return shard, None
        found = rows.setdefault(shard, [])
        start = len(found)
        found += shard.rows_of_sku(number)
        return shard, slice(start, len(found))

    @executes(RESOLVE_LEVELS)
    def resolve(self, command: ResolveLevels, _now_ns: int) -> Handles:
        """Handles for names; 0 where there is no such stock level."""
        handles = np.zeros(len(command.names), np.uint64)
        for index, (sku, location) in enumerate(command.names):
            shard = self.homes.shard_of_sku(sku)
            row = shard.find_row(sku, location)
            handles[index] = make_handle(self.timeline, shard.number, row)
        return Handles(handles)

    @executes(READ_LEVELS)
    def read(self, command: ReadLevels, _now_ns: int) -> LevelColumns:
        """Stock levels by handle."""
        numbers, rows = split_handles(self.timeline, command.handles)
        columns = np.zeros((5, len(rows)), np.int64)
        for shard in self.shards:
            mine = np.flatnonzero(numbers == shard.number)
            columns[:, mine] = shard.read_levels(rows[mine])
        on_hand, reserved, committed, available, is_open = columns
        revisions = revisions_of(self.shards, numbers)
        return LevelColumns(on_hand, reserved, committed, available, is_open == 0, revisions)


def _revision(shard: Shard) -> Revision:
    return shard.revision_now()


def _level_views(shard: Shard, rows: list[int]) -> list[LevelView]:
    *columns, _ = shard.read_levels(np.array(rows, np.int64)).tolist()
    places = shard.levels.records["location"][rows].tolist()
    return [
        LevelView(
            shard.locations.text(place),
            on_hand,
            reserved,
            committed,
            available,
            shard.is_enabled(place),
        )
        for place, on_hand, reserved, committed, available in zip(places, *columns, strict=True)
    ]
