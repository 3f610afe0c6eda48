"""Movements and stock levels of a whole directory as rows, in batches, for files of other programs.

They are read from journal and archive, with and without a node beside it, and not from an index.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np

from holdfast.core.commands import LevelFigure
from holdfast.core.model import SourceState
from holdfast.core.rules.read_levels import figures_of
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.sku_names import SkuNames

from ..archive.segments import History
from ..codec import DamagedEntryError, read_appends
from ..data_directory import DataDirectory
from ..journal import JournalReader
from ..recovery import Progress, empty_node, locate_damage, replay
from ..snapshots.file import load_newest
from .movements import LEVEL_COLUMNS
from .queries import Movement, movements_at
from .replica import Replica
from .states import first_state
from .tail import Tail

Row: TypeAlias = tuple[Any, ...]

#: Rows that are in memory at a time, or a few more: an append is not cut.
BATCH_ROWS: Final = 10_000

#: Column -> its type. Times are nanoseconds since 1970.
MOVEMENT_COLUMNS: Final[dict[str, type]] = {
    "number": int,
    "time_ns": int,
    "shard": int,
    "sequence": int,
    "kind": str,
    "quantity": int,
    "sku": str,
    "location": str,
    "status": str,
    "reservation_id": str,
    "principal": str,
    "correlation_id": str,
    "reason": str,
    "actor": str,
    **{f"{name}_before": int for name in LEVEL_COLUMNS},
    **{f"{name}_after": int for name in LEVEL_COLUMNS},
    "source": str,
    "source_sequence": int,
    "occur_time_ns": int,
    "reference_kind": str,
    "reference": str,
    "reference_line": str,
}

#: Column -> what reads call it.
_FIGURES: Final = {
    "on_hand": LevelFigure.ON_HAND,
    "reserved": LevelFigure.RESERVED,
    "committed": LevelFigure.COMMITTED,
    "backordered": LevelFigure.BACKORDERED,
    "available": LevelFigure.AVAILABLE,
    "incoming": LevelFigure.INCOMING,
    "enabled": LevelFigure.ENABLED,
    "quarantined": LevelFigure.QUARANTINED,
}

#: What a read of the level answers. `enabled` and `quarantined` are 0 or 1, and
#: `unavailable_by_status` is a JSON object.
STATE_COLUMNS: Final[dict[str, type]] = {
    "sku": str,
    "location": str,
    **dict.fromkeys(_FIGURES, int),
    "source_state": str,
    "unavailable": int,
    "unavailable_by_status": str,
    "first_sku": str,
}


def movement_rows(
    directory: DataDirectory, journal: JournalReader, progress: Progress
) -> Iterator[list[Row]]:
    """All movements, oldest first, in the order of MOVEMENT_COLUMNS. Where the beginning of history
    is gone, they begin with openings.

    Raises RECOVERY_ERRORS.
    """
    history = History(directory, journal)
    state = first_state(directory, history)
    replica, tail = Replica(state.node), Tail(0)
    if state.position:
        replica.open(tail)
    try:
        for position, group in read_appends(history, state.position, state.chain):
            if tail.count >= BATCH_ROWS:
                yield _rows(tail)
                tail = Tail(tail.first + tail.count)
                replica.forget_numbers()
            replica.follow(position, group, tail)
            progress(position, history.position)
    except DamagedEntryError as error:
        raise locate_damage(directory, error) from error
    yield _rows(tail)


def _rows(tail: Tail) -> list[Row]:
    return [_row(each) for each in movements_at(tail, np.arange(tail.count))]


def _row(movement: Movement) -> Row:
    record, fact = movement.record, movement.fact
    time_ns, shard, sequence = (int(record[name]) for name in ("time_ns", "shard", "sequence"))
    what = (movement.kind.name, int(record["quantity"]))
    where = (movement.text(record, field) for field in ("sku", "location", "status"))
    notes = (
        movement.text(movement.note, name)
        for name in ("principal", "correlation_id", "reason", "actor")
    )
    head = (movement.number, time_ns, shard, sequence, *what, *where)
    noted = (movement.reservation_id, *notes)
    return (*head, *noted, *movement.before, *movement.after, *_fact_row(movement, fact))


def _fact_row(movement: Movement, fact: Any) -> Row:
    if fact is None:
        return ("", 0, None, "", "", "")
    occurred = int(fact["occurred_at_ns"]) if fact["has_time"] else None
    reference = (movement.text(fact, f"reference{part}") for part in ("_kind", "", "_line"))
    source = (movement.text(fact, "source"), int(fact["source_sequence"]))
    return (*source, occurred, *reference)


def state_rows(
    directory: DataDirectory, journal: JournalReader, progress: Progress
) -> Iterator[list[Row]]:
    """All stock levels of SKUs that have not ended, as a read would answer now, in the order of
    STATE_COLUMNS. `first_sku` is how a SKU was called first, by which movements name it.

    Raises RECOVERY_ERRORS.
    """
    start, _ = load_newest(directory, empty_node)
    end = replay(directory, History(directory, journal), start, progress)
    for shard in end.node.shards:
        live = np.flatnonzero(shard.skus.removed.used[shard.levels["sku"]] == 0)
        for at in range(0, len(live), BATCH_ROWS):
            yield list(_state_rows(shard, live[at : at + BATCH_ROWS], end.node.sku_names))


def _state_rows(shard: Shard, rows: Any, names: SkuNames) -> Iterator[Row]:
    units = shard.read_levels(rows)
    by_status = shard.name_unavailable(shard.list_unavailable(rows, units[5]))
    figures = figures_of(shard, rows, units)
    columns = figures[list(_FIGURES.values())].T.tolist(), units[5:].T.tolist()
    for place, (first, location) in enumerate(shard.name_rows(rows)):
        unavailable, state = columns[1][place]
        withheld = unavailable, json.dumps(by_status.get(place, {}), ensure_ascii=False)
        named = names.current_name(first), location
        yield *named, *columns[0][place], SourceState(state).name, *withheld, first
