"""Openings in place of movements: what the oldest runs lead to, when they are let go.

History that leaves the archive leaves the ledger too, as whole runs. What is kept then begins with
what was there: of each level that they moved what was on hand, what was not for sale under each
status, what was still to come, and what each reservation had of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from holdfast.core.tables.table import copied

from .movements import (
    BACKORDERING,
    COMING,
    LEVEL_COLUMNS,
    NO_TEXT,
    TEXTS,
    WITHHOLDING,
    MovementKind,
    differences,
    write_levels,
)
from .run import Run
from .tail import Tail


class _Opened(NamedTuple):
    """Openings of one kind: of each the row of its level, units, and the texts that it has."""

    kind: MovementKind
    rows: Any
    quantity: Any
    reservation: Any = NO_TEXT
    status: Any = NO_TEXT


def openings_of(runs: Sequence[Run]) -> Tail:
    """What these runs lead to, as movements that end with the number of their last one."""
    tail = Tail(0)
    records = np.concatenate([_with_texts_of(run, tail) for run in runs])
    for shard in np.unique(records["shard"]):
        _open_shard(records[records["shard"] == shard], tail)
    tail.movements["time_ns"] = records["time_ns"][-1]
    tail.first = runs[-1].first + len(runs[-1].movements) - tail.count
    return tail


def _with_texts_of(run: Run, tail: Tail) -> Any:
    """A copy of a run's movements, with numbers of the tail's texts."""
    records = copied(run.movements)
    for field in TEXTS["movement"]:
        numbers, places = np.unique(records[field], return_inverse=True)
        added = [NO_TEXT if n < 0 else tail.texts.add(run.texts[n]) for n in numbers.tolist()]
        records[field] = np.array(added, np.int32)[places]
    return records


def _open_shard(records: Any, tail: Tail) -> None:
    """Put the openings of a shard after the tail."""
    rows, newest = np.unique(records["row"][::-1], return_index=True)
    last = records[::-1][newest]
    opened = [each for each in _opened(records, rows, last) if len(each.rows)]
    moved = np.concatenate([each.rows for each in opened])
    added = tail.extend("movement", len(moved))
    added["sequence"], added["shard"] = records["sequence"][-1], records["shard"][0]
    added["row"] = moved
    added["kind"] = np.repeat([each.kind for each in opened], [len(each.rows) for each in opened])
    added["quantity"] = np.concatenate([each.quantity for each in opened])
    for field in ("reservation", "status"):
        texts = [np.broadcast_to(getattr(each, field), len(each.rows)) for each in opened]
        added[field] = np.concatenate(texts)
    level = last[np.searchsorted(rows, moved)]
    for field in ("sku", "location"):
        added[field] = level[field]
    write_levels(added, moved, level)


def _opened(records: Any, rows: Any, last: Any) -> Iterator[_Opened]:
    """The openings of a shard, each level's in this order. `last` is the last movement of each."""
    yield _Opened(MovementKind.OPENING, rows, last["on_hand"])
    withheld = records[np.isin(records["kind"], WITHHOLDING)]
    of_status, units = _sums(withheld, "status", withheld["quantity"])
    kind = MovementKind.OPENING_UNAVAILABLE
    yield _Opened(kind, of_status >> 32, units, status=of_status & 0xFFFF_FFFF)
    is_coming = np.isin(records["kind"], COMING)
    coming = np.zeros(len(rows), np.int64)
    np.add.at(
        coming, np.searchsorted(rows, records["row"][is_coming]), records["quantity"][is_coming]
    )
    yield _Opened(MovementKind.OPENING_INCOMING, rows[coming != 0], coming[coming != 0])
    owned = records[records["reservation"] != NO_TEXT]
    changed = differences(owned)
    is_waiting = np.isin(owned["kind"], BACKORDERING)
    for kind, units in (
        (MovementKind.OPENING_HELD, changed[:, LEVEL_COLUMNS.index("reserved")]),
        (MovementKind.OPENING_COMMITTED, changed[:, LEVEL_COLUMNS.index("committed")]),
        (MovementKind.OPENING_BACKORDER, np.where(is_waiting, owned["quantity"], 0)),
    ):
        promises, left = _sums(owned, "reservation", units)
        yield _Opened(kind, promises >> 32, left, promises & 0xFFFF_FFFF)
    ended = np.unique(records["row"][records["kind"] == MovementKind.SKU_ENDED])
    yield _Opened(MovementKind.SKU_ENDED, ended, np.zeros(len(ended), np.int64))


def _sums(records: Any, field: str, units: Any) -> tuple[Any, Any]:
    """What units come to by row and text, where that is not 0: row << 32 + text, and the sum."""
    names = (records["row"].astype(np.int64) << 32) + records[field]
    distinct, places = np.unique(names, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, places, units)
    return distinct[sums != 0], sums[sums != 0]
