"""WatchAvailability: what is asked for, and the levels that answer it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX
from holdfast.core.model import SourceState
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import watch_service_pb2 as watch

from .availability import fill_level, source_states
from .batch_availability import level_columns
from .encoding import Column, Figures, Pieces, encode, encode_part
from .faults import invalid, revision_of_other_timeline
from .name_rules import is_name
from .shared import INT64_MAX, SOURCE_STATES
from .validation import bad_name, check_count

STARTS: Final = (
    watch.WATCH_START_UNSPECIFIED,
    watch.WATCH_START_CURRENT_STATE,
    watch.WATCH_START_NOW,
)

#: What units amount to: fewer than none, none, up to the threshold, and more.
_STATUSES: Final = (
    watch.STOCK_STATUS_SHORT,
    watch.STOCK_STATUS_OUT,
    watch.STOCK_STATUS_LOW,
    watch.STOCK_STATUS_IN_STOCK,
)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a watcher asks for."""

    skus: Sequence[str]
    """Empty for all."""
    locations: Sequence[str]
    """Empty for all."""
    after: Sequence[int] | None
    """The sequence of each shard after which it resumes."""
    from_now: bool
    """Whether a watch that does not resume begins without the state as it is."""
    low_threshold: int
    crossings_only: bool
    source_states: Sequence[SourceState] = ()
    """Empty for all."""


def watch_from_request(
    request: watch.WatchAvailabilityRequest, timeline: int, sequences: Sequence[int]
) -> Watch:
    """What a request asks for. `sequences` are those of the shards now."""
    for field, names in (("skus", request.skus), ("locations", request.locations)):
        check_count(field, len(names), 0, BATCH_MAX)
        for index, name in enumerate(names):
            if not is_name(name):
                raise bad_name(f"{field}[{index}]", name)
    if request.start not in STARTS:
        raise invalid("start", request.start, "a WatchStart")
    if request.low_threshold < 0:
        raise invalid("low_threshold", request.low_threshold, f"0 to {INT64_MAX}")
    return Watch(
        tuple(request.skus),
        tuple(request.locations),
        _sequences(request.after, timeline, sequences) if request.after else None,
        request.start == watch.WATCH_START_NOW,
        request.low_threshold,
        request.crossings_only,
        source_states(request.source_states),
    )


def _sequences(after: Sequence[Any], timeline: int, sequences: Sequence[int]) -> list[int]:
    """The sequences of a resume token. Raises a `Fault` when this node did not give it out."""
    for index, revision in enumerate(after):
        if revision.timeline != timeline:
            raise revision_of_other_timeline(f"after[{index}]", revision.timeline)
    expected = f"one revision for each of {len(sequences)} shards, in their order"
    if [revision.shard for revision in after] != list(range(len(sequences))):
        shards = [revision.shard for revision in after[: len(sequences) + 1]]
        raise invalid("after", f"of shards {shards}", expected)
    for revision, sequence in zip(after, sequences, strict=True):
        if revision.sequence > sequence:
            field = f"after[{revision.shard}].sequence"
            raise invalid(field, revision.sequence, f"{sequence} at most, the last of its shard")
    return [revision.sequence for revision in after]


def status_of(available: int, low_threshold: int) -> watch.StockStatus:
    """What so many available units amount to."""
    return _STATUSES[bisect_left((-1, 0, low_threshold), available)]


def statuses_of(available: Figures, low_threshold: int) -> Figures:
    """`status_of` for many."""
    return np.array(_STATUSES)[np.searchsorted((-1, 0, low_threshold), available)]


def level_update(
    level: core.LevelView,
    status: watch.StockStatus,
    crossed_from: watch.StockStatus,
    uncovered: int = 0,
    overdue: int = 0,
) -> watch.LevelUpdate:
    """A level, whose SKU is still to be named, with what of it no supply covers in time, and what
    is overdue.
    """
    update = watch.LevelUpdate(status=status, crossed_from=crossed_from)
    if uncovered:
        update.uncovered = uncovered
    if overdue:
        update.overdue = overdue
    fill_level(update.level, level)
    return update


def encoded_updates(
    figures: Figures, skus: Pieces, locations: Pieces, status: Figures, crossed_from: Figures
) -> bytes:
    """Levels of which `level_update` would set nothing more, as a part of a response: `figures` by
    LevelFigure, and the SKU, status and crossing of each. Locations are numbers of pieces.
    """
    places, none = np.arange(len(status)), np.zeros(len(status), np.int64)
    levels = encode(availability.StockLevel, level_columns(figures, (none, none)), locations)
    columns: dict[str, Column] = {
        "sku": (places, places + 1),
        "level": (skus.many + places, skus.many + places + 1),
        "status": status,
        "crossed_from": crossed_from,
    }
    updates = encode(watch.LevelUpdate, columns, Pieces.joined(skus, levels))
    return encode_part(watch.WatchAvailabilityResponse, updates, levels=updates.many)


def removed_update(location: str, state: SourceState | None = None) -> watch.LevelUpdate:
    """A level that is not watched any more, and is still to be named: its source has come into
    this state, or its SKU has ended.
    """
    level = availability.StockLevel(location=location)
    if state is not None:
        level.source_state = SOURCE_STATES[state]
    return watch.LevelUpdate(level=level, removed=True)
