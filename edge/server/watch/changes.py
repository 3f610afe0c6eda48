"""When each stock level of a shard last changed: all that is kept for watchers.

A watcher's position is a sequence, and what it has yet to be sent are the levels that changed
after it, with the values that they have now. So a slow watcher costs no more than a fast one,
whatever happens meanwhile. What changed is read out of a turn's entry with NumPy, without an object
for each effect.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.table import Array, Table

#: Rows that the newest entries may have touched together: those of 16 of the largest batches. A
#: watcher that is further behind looks through all rows.
RECENT_ROWS_MAX: Final = 131_072

#: Effects that change the level whose row they name.
_WITH_ROW: Final = frozenset(
    {
        *(Section.STOCK, Section.LINES, Section.UNAVAILABLE, Section.SUPPLIES),
        *(Section.QUARANTINES, Section.REPAIRS, Section.BACKORDERS),
    }
)

#: The same of effects that name a SKU.
_WITH_SKU: Final = (Section.ENDED_SKUS, Section.SKU_QUARANTINES, Section.SKU_RENAMES)

#: Effects that may change all levels of a location or source.
_WIDE: Final = (Section.LOCATIONS, Section.SOURCES, Section.SOURCE_STATES)


class ShardChanges:
    """The sequence of the last change of each level, known for changes after `floor`. `ended_at`
    is that of the last entry in which a SKU ended.
    """

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.floor = self.ended_at = shard.sequence
        self.changed_at = Table("i8", rows_max=shard.levels.rows_max)
        self._follow()
        # Sequence and rows of the newest entries; all those after `_recent_from`.
        self._recent: deque[tuple[int, Array]] = deque()
        self._recent_rows = 0
        self._recent_from = self.floor
        # A change of a location, or of how a source is, is one of all its levels; they are looked
        # for by who has to know.
        self._locations: dict[int, int] = {}
        self._sources: dict[int, int] = {}
        self._locations_known = len(shard.locations)

    def _follow(self) -> None:
        self.changed_at.extend(len(self.shard.levels) - len(self.changed_at))

    def record(self, entry: Entry) -> Array | None:
        """Note what an entry changed, and return the rows of the levels, some of them several
        times; None when they are too many to name. The shard is as its turn left it.
        """
        rows = np.concatenate([np.empty(0, np.int64), *self._touched(entry.sections)])
        self._follow()
        self.changed_at.records[rows] = entry.sequence
        self._recent.append((entry.sequence, rows))
        self._recent_rows += len(rows)
        while self._recent_rows > RECENT_ROWS_MAX:
            self._recent_from, dropped = self._recent.popleft()
            self._recent_rows -= len(dropped)
        kinds = {kind for kind, _ in entry.sections}
        if Section.ENDED_SKUS in kinds:
            self.ended_at = entry.sequence
        is_wide = not kinds.isdisjoint(_WIDE) and self._note_wide(entry)
        self._locations_known = len(self.shard.locations)
        return None if is_wide else rows

    def _note_wide(self, entry: Entry) -> bool:
        """Note which locations and sources an entry changed; return whether there are any."""
        locations = [
            int(effect["location"])
            for effect in entry.effects(Section.LOCATIONS)
            # A location that is new has no levels but those that the entry makes.
            if effect["location"] < self._locations_known
        ]
        kinds = Section.SOURCES, Section.SOURCE_STATES
        sources = [each for kind in kinds for each in entry.effects(kind)["source"].tolist()]
        self._locations.update(dict.fromkeys(locations, entry.sequence))
        self._sources.update(dict.fromkeys(sources, entry.sequence))
        return bool(locations or sources)

    def _touched(self, sections: Sequence[tuple[Section, Array]]) -> Iterator[Array]:
        """Rows of the effects; a row may come several times."""
        for section, effects in sections:
            if section in _WITH_ROW:
                yield effects["row"]
            elif section is Section.MOVES:
                # Taken at once: the record of a line may be used again.
                yield self.shard.lines.records["row"][effects["line"]]
            elif section is Section.LEVELS:
                yield np.arange(len(self.changed_at), len(self.shard.levels))
            elif section in _WITH_SKU:
                yield self.rows_of(np.unique(effects["sku"]))

    def rows_of(self, skus: Array) -> Array:
        """The rows of SKUs, given by number."""
        # A SKU has a level at a location at most once.
        count = min(len(skus) * len(self.shard.locations), len(self.shard.levels))
        rows = np.empty(count, np.int64)
        ends = self.shard.list_levels(skus.astype(np.int64), rows)
        return rows[: ends[-1]] if len(ends) else rows[:0]

    def is_behind(self, after: int) -> bool:
        """Whether more has changed after a sequence than the newest entries show."""
        return after < self._recent_from

    def recent(self, after: int) -> list[Array] | None:
        """The rows that each entry after a sequence touched; None when that is not known any more,
        or a location or a source changed, so that one has to look through all rows.
        """
        if self.is_behind(after) or self.locations_since(after) or self.sources_since(after):
            return None
        found = []
        for sequence, rows in reversed(self._recent):
            if sequence <= after:
                break
            found.append(rows)
        return found

    def locations_since(self, after: int) -> list[int]:
        """The locations that changed after a sequence."""
        return [number for number, sequence in self._locations.items() if sequence > after]

    def sources_since(self, after: int) -> list[int]:
        """The sources that are in another state, or were set anew, since a sequence."""
        return [number for number, sequence in self._sources.items() if sequence > after]

    def changed(self, rows: Array, after: int) -> Array:
        """Which of these rows changed after a sequence, as booleans."""
        found: Array = self.changed_at.records[rows] > after
        if locations := self.locations_since(after):
            found |= np.isin(self.shard.levels.records["location"][rows], locations)
        if sources := self.sources_since(after):
            found |= np.isin(self.shard.last_counts.records["source"][rows], sources)
        return found
