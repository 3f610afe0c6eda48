"""What is read of many SKUs, shard by shard, put together as one answer."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..commands import AvailabilitiesView, LevelFigure, LevelTable, Revision
from ..tables.names import NameTable
from ..tables.shard import Shard
from ..tables.supply import sum_incoming
from ..tables.table import Array
from ..work import LEVEL_PASSED, LOCATION_PASSED, NAME_LISTED, Steps, Work

#: Names that are listed before the turn may end.
NAMES_LISTED_MAX = 1_000


class Copied(NamedTuple):
    """Levels of one shard, copied at one instant."""

    ends: Array
    """Where those of each SKU end (int64[n])."""
    figures: Array
    """As in a LevelTable, locations by number."""
    unavailable: Array
    """As in a LevelTable, statuses by number and in any order."""


def figures_of(shard: Shard, rows: Array, units: Array) -> Array:
    """Rows (int64[n]), and `Shard.read_levels` of them, as figures of a LevelTable, locations by
    number (int64[10, n]).
    """
    figures = np.zeros((len(LevelFigure), len(rows)), np.int64)
    figures[LevelFigure.ON_HAND : LevelFigure.AVAILABLE + 1] = units[:4]
    location = figures[LevelFigure.LOCATION] = shard.levels.records["location"][rows]
    figures[LevelFigure.ENABLED] = shard.location_records.records["enabled"][location] != 0
    figures[LevelFigure.QUARANTINED] = shard.are_quarantined(rows)
    figures[LevelFigure.STATE] = units[6]
    figures[LevelFigure.INCOMING] = sum_incoming(shard, rows)
    if len(shard.backorders):
        figures[LevelFigure.BACKORDERED] = shard.backordered.records[rows]
    return figures


class Answer:
    """The answer to a GetAvailability, while it is put together."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        self._skus = skus
        self._bounds = np.zeros((2, len(skus)), np.int64)
        self._read_at = np.full(len(skus), -1, np.int64)
        self._revisions: list[Revision] = []
        self._figures: list[Array] = []
        self._ends = [0]
        self._unavailable: list[Array] = []
        self._statuses: dict[str, int] = {}

    def add(self, shard: Shard, places: Array, copied: Copied) -> None:
        """Take in the levels of SKUs, which have these places in the request (int64)."""
        first = self._ends[-1]
        self._bounds[1, places] = ends = first + copied.ends
        self._bounds[0, places[0]] = first
        self._bounds[0, places[1:]] = ends[:-1]
        self._read_at[places] = len(self._revisions)
        self._revisions.append(shard.revision_now())
        if len(copied.unavailable):
            self._add_unavailable(shard.statuses, copied.unavailable)
        self._figures.append(copied.figures)
        self._ends.append(first + copied.figures.shape[1])

    def _add_unavailable(self, statuses: NameTable, unavailable: Array) -> None:
        names = statuses.texts(np.arange(len(statuses)))
        ours = np.array([self._statuses.setdefault(name, len(self._statuses)) for name in names])
        # Sorted here, a few at a time: later levels come after these.
        ranks = np.argsort(np.argsort(names))
        by_level = np.lexsort((ranks[unavailable[:, 1]], unavailable[:, 0]))
        levels, status, units = unavailable[by_level].T
        self._unavailable.append(np.stack((self._ends[-1] + levels, ours[status], units), 1))

    def view(self, locations: NameTable, work: Work) -> Steps[AvailabilitiesView]:
        """The answer. Locations have the same numbers in all shards."""
        # Where there is nothing to list, the locations need not be passed.
        is_named = yield from self._find_named(len(locations) if self._ends[-1] else 0, work)
        yield from self._number_anew(is_named.cumsum() - 1, work)
        numbers = np.flatnonzero(is_named)
        names: list[str] = []
        while len(names) < len(numbers):
            if work.is_over:
                yield
            piece = numbers[len(names) : len(names) + NAMES_LISTED_MAX]
            work.spend(len(piece) * NAME_LISTED)
            names += locations.texts(piece)
        table = LevelTable(self._figures, self._ends, names, *self._all_unavailable())
        revisions = tuple(self._revisions)
        return AvailabilitiesView(self._skus, self._bounds, self._read_at, revisions, table)

    def _find_named(self, locations: int, work: Work) -> Steps[Array]:
        """Which of so many locations the levels are at (bool)."""
        work.spend(locations * LOCATION_PASSED)
        is_named = np.zeros(locations, bool)
        for figures in self._figures:
            if work.is_over:
                yield
            work.spend(figures.shape[1] * LEVEL_PASSED)
            is_named[figures[LevelFigure.LOCATION]] = True
        return is_named

    def _number_anew(self, places: Array, work: Work) -> Steps[None]:
        """Give each location its place among those that are listed (int64, by number)."""
        for figures in self._figures:
            if work.is_over:
                yield
            work.spend(figures.shape[1] * LEVEL_PASSED)
            figures[LevelFigure.LOCATION] = places[figures[LevelFigure.LOCATION]]

    def _all_unavailable(self) -> tuple[Array, Sequence[str]]:
        """What is unavailable, in the order of levels and names of statuses, and these names."""
        if not self._unavailable:
            return np.zeros((0, 3), np.int64), ()
        unavailable = np.concatenate(self._unavailable)
        names = sorted(self._statuses)
        ranks = np.zeros(len(names), np.int64)
        ranks[[self._statuses[name] for name in names]] = np.arange(len(names))
        unavailable[:, 1] = ranks[unavailable[:, 1]]
        return unavailable, names
