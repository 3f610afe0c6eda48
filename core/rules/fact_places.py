"""The stock levels that stock facts name: where they are, and those that the facts begin."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, count
from operator import attrgetter

from ..commands import StockEvent
from ..kernels.arguments import QUARANTINED_SKUS
from ..kernels.codes import CAP_MAX, EVENT_APPLIED, UNKNOWN_SKU
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import number_of_name, record, record_levels, record_names
from .homes import Homes
from .stock_plan import Plan

_NAME = attrgetter("sku", "location")


@dataclass(slots=True)
class NewLevel:
    """A stock level that a message may create."""

    shard: Shard
    sku: str
    location: str
    new_sku: int
    """Counts the unknown SKUs of the message from 1; 0 for a known SKU."""
    row: int
    """The row that it would get if all new levels were created; when it is, the row that it has."""

    @property
    def is_quarantined(self) -> bool:
        """Whether it is one more level of a SKU in quarantine."""
        return self.shard.is_sku_quarantined(self.shard.skus.find(self.sku))


class FactPlaces:
    """The stock levels that events name. One that is not there yet has the row that it would get if
    all of them were created.
    """

    def __init__(self, homes: Homes, named: Sequence[StockEvent]) -> None:
        self.new: dict[tuple[str, str], NewLevel] = {}
        """By SKU and location, in the order in which they were named."""
        self.new_skus: dict[str, int] = {}
        """Unknown SKUs, counted from 1."""
        self._new_rows: dict[Shard, Iterator[int]] = {}
        self._indexes: list[int] = []
        """Of the events on new levels, which `_levels` names."""
        self._levels: list[NewLevel] = []
        names = list(map(_NAME, named))
        self.shards, self.rows = homes.find_rows(names)
        """Of each event."""
        if min(self.rows) < 0:
            self._find_new(names)

    def _find_new(self, names: Sequence[tuple[str, str]]) -> None:
        """Give the levels that are not there their rows."""
        for index, (name, row) in enumerate(zip(names, self.rows, strict=True)):
            if row < 0:
                level = self.new.get(name)
                if level is None:
                    level = self._add(self.shards[index], name, knows_sku=row != UNKNOWN_SKU)
                self.rows[index] = level.row
                self._indexes.append(index)
                self._levels.append(level)

    def _add(self, shard: Shard, name: tuple[str, str], *, knows_sku: bool) -> NewLevel:
        if shard not in self._new_rows:
            self._new_rows[shard] = count(len(shard.levels))
        row, sku = next(self._new_rows[shard]), name[0]
        new_sku = 0 if knows_sku else self.new_skus.setdefault(sku, len(self.new_skus) + 1)
        self.new[name] = NewLevel(shard, *name, new_sku, row)
        return self.new[name]

    def open(self, plan: Array, *, quarantines: bool) -> None:
        """Plan for the new levels. Those of a SKU in quarantine take no promises."""
        if not self.new:
            return
        plan["is_open"][self._indexes] = 1
        is_enabled = _are_enabled(self._levels[0].shard, self._levels)
        found = zip(
            *((each.new_sku, is_enabled[each.location]) for each in self._levels), strict=True
        )
        plan["new_sku"][self._indexes], plan["may_promise"][self._indexes] = found
        plan["cap"][self._indexes], plan["is_uncounted"][self._indexes] = CAP_MAX, 1
        if quarantines or any(shard.header[QUARANTINED_SKUS] for shard in self._new_rows):
            pairs = zip(self._indexes, self._levels, strict=True)
            held = [
                at for at, level in pairs if (quarantines and level.new_sku) or level.is_quarantined
            ]
            plan["may_promise"][held] = 0

    def create(self, decided: Plan, quarantining: str | None) -> None:
        """Create the new levels on which an event takes effect, and give the events their rows. New
        SKUs begin in quarantine for the source that asks for that.
        """
        if not self.new:
            return
        applied = (decided.codes[self._indexes] == EVENT_APPLIED).tolist()
        created: dict[Shard, dict[tuple[str, str], NewLevel]] = {}
        for level in compress(self._levels, applied):
            created.setdefault(level.shard, {})[level.sku, level.location] = level
        for shard, levels in created.items():
            _create_levels(shard, list(levels.values()), quarantining)
        # Events that have no effect keep a row that nobody reads.
        decided.events["row"][self._indexes] = [level.row for level in self._levels]


def _are_enabled(shard: Shard, levels: Iterable[NewLevel]) -> dict[str, bool]:
    """Whether locations take reservations, by name: every shard knows all of them."""
    names = {level.location for level in levels}
    return {name: shard.is_enabled(shard.locations.find(name)) for name in names}


def _create_levels(shard: Shard, levels: Sequence[NewLevel], quarantining: str | None) -> None:
    """Record new stock levels of a shard, and their SKUs where they are new, and note the rows."""
    named, locations = zip(*map(_NAME, levels), strict=True)
    names = list(dict.fromkeys(named))
    skus = dict(zip(names, shard.skus.find_all(names), strict=True))
    unknown = [sku for sku, number in skus.items() if number < 0]
    if unknown:
        skus.update(zip(unknown, count(len(shard.skus)), strict=False))
        record_names(shard, Section.SKU_NAMES, *unknown)
    if unknown and quarantining is not None:
        source = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, quarantining)
        record(shard, Section.SKU_QUARANTINES, *((skus[sku], source, 1, 0) for sku in unknown))
    places = {place: shard.locations.find(place) for place in set(locations)}
    for row, level in enumerate(levels, len(shard.levels)):
        level.row = row
    record_levels(shard, ((skus[each.sku], places[each.location]) for each in levels))
