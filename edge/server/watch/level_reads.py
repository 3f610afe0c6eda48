"""Stock levels as watchers see them.

Watchers of one changed level all get the same values, so what was read last is kept.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from holdfast.core import commands as core
from holdfast.core.model import SourceState
from holdfast.core.rules.backorders import uncovered_at
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.supply import sum_incoming
from holdfast.core.tables.table import Array

#: Of a level whose SKU has ended, there may be none.
_STATES: Final = {int(state): state for state in SourceState}

_NOTHING: Final[dict[str, int]] = {}

#: A row, SKU and location, the level or None when its SKU has ended, and how many of its units no
#: supply covers in time, and are overdue.
LevelRead: TypeAlias = tuple[int, tuple[str, str], core.LevelView | None, tuple[int, int]]


class LevelReads:
    """Reads levels, those of one change once."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._read: Sequence[LevelRead] = ()

    def read(self, shard: Shard, rows: Array, today_ns: int) -> Sequence[LevelRead]:
        """The levels at some rows of a shard, as they are."""
        asked = (shard.number, shard.sequence, today_ns, rows.dtype, rows.tobytes())
        if asked != self._of:
            self._of, self._read = asked, list(_read(shard, rows, today_ns))
        return self._read


def _read(shard: Shard, rows: Array, today_ns: int) -> Iterator[LevelRead]:
    uncovered = uncovered_at(shard, rows, today_ns)
    late = zip(uncovered, sum_incoming(shard, rows, today_ns).tolist(), strict=True)
    for (row, name, level), of_supply in zip(_levels(shard, rows), late, strict=True):
        yield row, name, level, of_supply


def _levels(
    shard: Shard, rows: Array
) -> Iterator[tuple[int, tuple[str, str], core.LevelView | None]]:
    """Rows with their names and levels; None for a level whose SKU has ended."""
    columns = shard.read_levels(rows)
    *units, is_open, _, states = columns.tolist()
    names = shard.name_rows(rows)
    enabled = shard.location_records.records["enabled"][shard.levels.records["location"][rows]]
    unavailable = shard.name_unavailable(shard.list_unavailable(rows, columns[5]))
    # Column by column: a watcher of all asks for thousands.
    levels = zip(
        (location for _, location in names),
        *units,
        (enabled != 0).tolist(),
        (unavailable.get(place, _NOTHING) for place in range(len(rows))),
        sum_incoming(shard, rows).tolist(),
        shard.are_quarantined(rows).tolist(),
        map(_STATES.get, states),
        shard.backordered.records[rows].tolist(),
        strict=True,
    )
    for row, name, is_there, level in zip(rows.tolist(), names, is_open, levels, strict=True):
        yield row, name, core.LevelView._make(level) if is_there else None
