"""What may be promised by date: what is available now, and what supply adds to it.

Days are those of UTC. Supply counts on its day as a whole. What was expected on an earlier day and
has not come is overdue: nobody knows when it will, so it promises nothing until its source says.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from .. import kernels
from ..commands import (
    AvailableToPromiseView,
    DayView,
    GetAvailableToPromise,
    PromiseView,
    SupplyView,
    Unknown,
)
from ..commands.registry import AVAILABLE_TO_PROMISE, executes
from ..limits import LOCATIONS_MAX, NS_PER_DAY, PROMISE_SUPPLIES_MAX
from ..model import SourceState
from ..tables.shard import Shard
from ..tables.supply import list_open, names_of
from ..tables.table import Array
from ..work import LEVEL_COPIED, LEVEL_LISTED, NAME_FOUND, SUPPLY_LISTED, Work
from .homes import Homes

#: Of the columns of Shard.read_levels.
_AVAILABLE, _STATE = 3, 6


class AvailableToPromise:
    """Availability by date over the shards of a node."""

    def __init__(self, homes: Homes, work: Work) -> None:
        self.homes = homes
        self.work = work
        self._rows = np.empty(LOCATIONS_MAX, np.int64)

    @executes(AVAILABLE_TO_PROMISE)
    def get(self, command: GetAvailableToPromise, now_ns: int) -> AvailableToPromiseView | Unknown:
        """A page of the stock levels of a SKU, each with what may be promised of it by date."""
        shard = self.homes.shard_of_sku(command.sku)
        sku = shard.skus.find(command.sku)
        if sku < 0:
            return Unknown("sku", command.sku)
        locations = shard.locations.find_all(command.locations) if command.locations else []
        self.work.spend(len(locations) * NAME_FOUND)
        if -1 in locations:
            index = locations.index(-1)
            return Unknown(f"locations[{index}]", command.locations[index])
        rows = self._find(shard, sku, locations, command.start)
        if command.states:
            self.work.spend(len(rows) * LEVEL_COPIED)
            rows = rows[np.isin(shard.read_levels(rows)[_STATE], command.states)]
        page, supplies, places = self._page(shard, rows, command.levels_max)
        today_ns = now_ns // NS_PER_DAY * NS_PER_DAY
        end_ns = today_ns + (command.horizon_days + 1) * NS_PER_DAY
        views = _promises(shard, page, supplies, places, today_ns, end_ns)
        next_start = int(rows[len(page)]) if len(page) < len(rows) else None
        return AvailableToPromiseView(
            command.sku, tuple(views), today_ns, shard.revision_now(), next_start
        )

    def _find(self, shard: Shard, sku: int, locations: Sequence[int], start: int) -> Array:
        """The rows of a SKU from `start` on, at some locations or everywhere."""
        rows = self._rows[: shard.list_levels(np.array([sku]), self._rows)[0]]
        self.work.spend(len(rows) * LEVEL_COPIED)
        rows = rows[np.searchsorted(rows, start) :]
        if locations:
            rows = rows[np.isin(shard.levels.records["location"][rows], locations)]
        return rows

    def _page(self, shard: Shard, rows: Array, levels_max: int) -> tuple[Array, Array, Array]:
        """The rows of the page, their open supplies by row and date, and the index of the row of
        each.
        """
        page = rows[:levels_max]
        supplies, places, row_count = list_open(shard, page, PROMISE_SUPPLIES_MAX)
        self.work.spend(row_count * LEVEL_LISTED + len(supplies) * SUPPLY_LISTED)
        # What is expected at once stands in the order of its key, wherever its records lie.
        keys = supplies["key_lo"], supplies["key_hi"], supplies["expected_ns"], places
        order = np.lexsort(keys)
        return page[:row_count], supplies[order], places[order]


def _promises(
    shard: Shard, rows: Array, supplies: Array, places: Array, today_ns: int, end_ns: int
) -> Iterator[PromiseView]:
    expected = supplies["expected_ns"]
    units = np.maximum(supplies["quantity"] - supplies["received"], 0)
    due = np.where((expected >= today_ns) & (expected < end_ns), units, 0)
    available = np.empty(len(due), np.int64)
    backordered = shard.backordered.records
    kernels.promise_supplies(rows, places, due, backordered, shard.header, shard.stock, available)
    levels = shard.read_levels(rows)
    now, states = levels[_AVAILABLE].tolist(), levels[_STATE].tolist()
    names = shard.locations.texts(shard.levels.records["location"][rows])
    starts = np.searchsorted(places, np.arange(len(rows) + 1)).tolist()
    for index, (name, promised, state) in enumerate(zip(names, now, states, strict=True)):
        mine = slice(starts[index], starts[index + 1])
        views = [
            (_view(shard, supply), later)
            for supply, later in zip(supplies[mine], available[mine].tolist(), strict=True)
            if supply["expected_ns"] < end_ns
        ]
        overdue = sum(each.incoming for each, _ in views if each.expected_ns < today_ns)
        on_time = [
            (each, later) for each, later in views if each.expected_ns >= today_ns and each.incoming
        ]
        days = tuple(_days(on_time))
        coming = tuple(each for each, _ in views)
        yield PromiseView(name, promised, overdue, days, coming, SourceState(state))


def _days(supplies: Sequence[tuple[SupplyView, int]]) -> Iterator[DayView]:
    """Supplies by day, each with what may be promised once it has come."""
    for day, several in groupby(supplies, lambda each: each[0].expected_ns // NS_PER_DAY):
        listed = list(several)
        incoming = sum(each.incoming for each, _ in listed)
        yield DayView(day * NS_PER_DAY, incoming, listed[-1][1])


def _view(shard: Shard, supply: Array) -> SupplyView:
    announced, received = int(supply["quantity"]), int(supply["received"])
    names, left = names_of(shard, supply), announced - received
    is_transfer, over = bool(supply["is_transfer"]), max(0, -left)
    figures = int(supply["expected_ns"]), announced, received, max(0, left)
    return SupplyView(*names, *figures, is_transfer, over)
