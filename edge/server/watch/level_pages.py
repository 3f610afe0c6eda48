"""What a response tells of levels.

Many at once are encoded from columns, if they are plain: there, under one name, with all their
units for sale and nothing late. The others, and few, are messages.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from holdfast.core.model import SourceState
from holdfast.core.rules.read_levels import figures_of
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.supply import sum_incoming
from holdfast.core.tables.table import Array, Table
from holdfast.v1 import watch_service_pb2 as watch

from ...wire.encoding import Encoded, Pieces
from ...wire.watch import (
    Watch,
    encoded_updates,
    level_update,
    removed_update,
    status_of,
    statuses_of,
)
from .level_reads import LevelReads

#: So many levels are encoded faster than they are made messages: 70 µs and 0.1 for each level, and
#: 3 for each.
ENCODED_MIN: Final = 20

#: By what was noted of a level: the status that it was sent with.
_STATUSES: Final = (
    watch.STOCK_STATUS_UNSPECIFIED,
    watch.STOCK_STATUS_IN_STOCK,
    watch.STOCK_STATUS_LOW,
    watch.STOCK_STATUS_OUT,
    watch.STOCK_STATUS_SHORT,
    watch.STOCK_STATUS_UNSPECIFIED,
)

#: In place of a status: the level was sent as one that left the watched states.
LEFT: Final = len(_STATUSES) - 1

Response: TypeAlias = watch.WatchAvailabilityResponse | Encoded


class Page:
    """The levels of one response. `statuses` has what each was sent with last, by shard."""

    def __init__(self, wanted: Watch, levels: LevelReads, statuses: Sequence[Table]) -> None:
        self._wanted = wanted
        self._levels = levels
        self._statuses = statuses
        self._updates: list[watch.LevelUpdate] = []
        self._encoded: list[bytes] = []

    @property
    def is_empty(self) -> bool:
        """Whether it tells nothing."""
        return not (self._updates or self._encoded)

    def response(self, **fields: Any) -> Response:
        """A response with these levels and these other fields."""
        response = watch.WatchAvailabilityResponse(levels=self._updates, **fields)
        if not self._encoded:
            return response
        return Encoded(*self._encoded, response.SerializeToString())

    def tell(self, shard: Shard, rows: Array, today_ns: int, *, is_whole: bool) -> None:
        """Tell the levels at these rows, as they are. Where everything is sent, as `is_whole` says,
        nothing is removed.
        """
        if len(rows) >= ENCODED_MIN:
            rows = self._tell_plain(shard, rows, today_ns)
        if len(rows):
            self._updates += self._others(shard, rows, today_ns, is_whole=is_whole)

    def tell_left(self, shard: Shard, rows: Array) -> None:
        """Tell of the levels at these rows that their source left the states that are watched."""
        self._statuses[shard.number].records[rows] = LEFT
        states = shard.read_levels(rows)[6].tolist()
        for (sku, location), state in zip(shard.name_rows(rows), states, strict=True):
            self._updates.append(_named(shard, sku, removed_update(location, SourceState(state))))

    def _tell_plain(self, shard: Shard, rows: Array, today_ns: int) -> Array:
        """Tell the plain ones of these levels, and return the others."""
        units = shard.read_levels(rows)
        is_plain = _are_plain(shard, rows, units, today_ns)
        others: Array = rows[~is_plain]
        rows, units = rows[is_plain], units[:, is_plain]
        statuses = self._statuses[shard.number].records
        before = np.array(_STATUSES)[statuses[rows]]
        statuses[rows] = status = statuses_of(units[3], self._wanted.low_threshold)
        is_told = (before != status) | (not self._wanted.crossings_only)
        if is_told.any():
            told = rows[is_told], units[:, is_told], before[is_told], status[is_told]
            self._encoded.append(_encoded(shard, *told))
        return others

    def _others(
        self, shard: Shard, rows: Array, today_ns: int, *, is_whole: bool
    ) -> Iterator[watch.LevelUpdate]:
        statuses = self._statuses[shard.number]
        for row, (sku, location), level, of_supply in self._levels.read(shard, rows, today_ns):
            before = _STATUSES[statuses.records[row]]
            if level is None:
                statuses.records[row] = 0
                # A SKU of the same name may have begun since, with levels of its own.
                # Of a SKU that was merged into another, the other's levels have its names.
                is_merged = shard.skus.text(shard.levels.records["sku"][row]) != sku
                if not (is_whole or is_merged) and shard.find_row(sku, location) < 0:
                    yield _named(shard, sku, removed_update(location))
                continue
            status = status_of(level.available, self._wanted.low_threshold)
            statuses.records[row] = status
            if before != status or not self._wanted.crossings_only:
                crossed_from = before if before != status else _STATUSES[0]
                update = level_update(level, status, crossed_from, *of_supply)
                yield _named(shard, sku, update)


def _are_plain(shard: Shard, rows: Array, units: Array, today_ns: int) -> Array:
    """Which levels are plain (bool), by `Shard.read_levels` of them."""
    is_open, withheld = units[4:6]
    is_plain: Array = (is_open != 0) & (withheld == 0)
    if len(shard.supplies):
        is_plain &= sum_incoming(shard, rows, today_ns) == 0
    if shown := shard.sku_names.shown:
        skus = shard.skus.texts(shard.levels.records["sku"][rows])
        is_plain &= np.array([sku not in shown for sku in skus])
    return is_plain


def _encoded(shard: Shard, rows: Array, units: Array, before: Array, status: Array) -> bytes:
    """Plain levels, by `Shard.read_levels` of them and their statuses, as a part of a response."""
    return encoded_updates(
        figures_of(shard, rows, units),
        Pieces(*shard.skus.joined(shard.levels.records["sku"][rows])),
        Pieces(shard.locations.arena.records, shard.locations.offsets.records),
        status,
        np.where(before == status, 0, before),
    )


def _named(shard: Shard, sku: str, update: watch.LevelUpdate) -> watch.LevelUpdate:
    """An update with the name of its SKU, and the other names that it has had."""
    update.sku = shard.sku_names.shown.get(sku, sku)
    if update.sku in shard.sku_names.shown:
        names = shard.sku_names.all_of(sku)
        update.other_names.extend(name for name in names if name != update.sku)
    return update
