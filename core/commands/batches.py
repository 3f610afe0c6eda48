"""Commands as columns, one value per operation, and their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..model import SourceState, Unresolved, Verb
from .shared import Revision
from .sources import SequenceRange
from .stock import Difference

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class ReserveBatch:
    """Single-line reserves as OPERATION (tables/layouts.py); `linked[i]` ties i to the next."""

    operations: Array
    linked: Array | None


@dataclass(frozen=True, slots=True)
class ReserveRun:
    """Single-line reserves of as many callers, in the order in which they came: OPERATION without
    shards and rows, which are those of the `names` of SKU and location.
    """

    operations: Array
    names: Sequence[tuple[str, str]]
    correlations: Sequence[str] = ()
    """Of each, the caller's id for it, "" for none; or nothing where none has one."""


@dataclass(frozen=True, slots=True)
class RunCodes:
    """The answer to a ReserveRun: by position ACCEPTED or INSUFFICIENT_STOCK of BatchOutcome
    (uint8); any other code is that of one that was left alone, because it takes more than a code.
    """

    codes: Array
    available: Array
    """What may be promised at the level of each that is short (int64)."""
    accepted_at_ns: int
    revisions: tuple[Revision, ...]
    """That of each shard, in their order."""


@dataclass(frozen=True, slots=True)
class MoveBatch:
    """Move reservations whole along TRANSITIONS[verb]; of an OPERATION the key alone is read."""

    verb: Verb
    operations: Array


@dataclass(frozen=True, slots=True)
class BatchCodes:
    """The answer to a batch: BatchOutcome by position (uint8)."""

    codes: Array
    accepted_at_ns: int
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class ResolveLevels:
    """Turn (SKU, location) names into handles."""

    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Handles:
    """The answer to ResolveLevels, by position: handles (uint64), 0 where there is no such stock
    level, and for each of those what is missing.
    """

    handles: Array
    unresolved: dict[int, Unresolved]


@dataclass(frozen=True, slots=True)
class ReadLevels:
    """Read stock levels by handle (uint64)."""

    handles: Array
    states: tuple[SourceState, ...] = ()
    """The figures of levels in other states are 0; none means any."""


@dataclass(frozen=True, slots=True)
class LevelColumns:
    """The answer to ReadLevels, by position (int64). A handle is stale (bool) and its figures are
    zeros where no stock level has it or where its SKU has ended.
    """

    on_hand: Array
    reserved: Array
    committed: Array
    available: Array
    unavailable: Array
    states: Array
    """SourceState of each (uint8); 0 where there is no such level."""
    is_stale: Array
    revisions: tuple[Revision, ...]


class TextColumn(NamedTuple):
    """Texts by position, which may be empty, without an object for each."""

    data: Array
    """UTF-8 of all of them (uint8)."""
    starts: Array
    """Where each begins in it (int64)."""
    sizes: Array
    """The bytes of each (int64)."""

    def part(self, piece: slice) -> "TextColumn":
        """Those of some positions that follow one another."""
        return TextColumn(self.data, self.starts[piece], self.sizes[piece])


class StockDetails(NamedTuple):
    """What facts of a StockBatch came with, by position."""

    occur_times_ns: Array
    """When each happened (int64, nanoseconds since 1970), 0 for unknown."""
    kind: str
    """The kind of all references."""
    ids: TextColumn
    """The document that each belongs to."""
    lines: TextColumn
    """The line of it."""
    are_detailed: Array
    """Whether there is any of it (bool)."""

    def part(self, piece: slice) -> "StockDetails":
        """Those of some facts that follow one another."""
        times, kind, ids, lines, are_detailed = self
        parts = ids.part(piece), lines.part(piece)
        return StockDetails(times[piece], kind, *parts, are_detailed[piece])


@dataclass(frozen=True, slots=True)
class StockBatch:
    """Record facts of one source, as STOCK_EVENT (tables/layouts.py) with keys of ids.event_key."""

    source: str
    events: Array
    details: StockDetails | None = None
    correlation_id: str = ""
    """See StockEvent."""


@dataclass(frozen=True, slots=True)
class StockCodes:
    """The answer to StockBatch by position: EventOutcome (uint8), and what an EventResult has;
    `differences` are those of the reused ids, in their order, and `skipped` as in EventsOutcome.
    """

    codes: Array
    on_hand: Array
    shortfalls: Array
    available: Array
    differences: tuple[Difference, ...]
    revisions: tuple[Revision, ...]
    skipped: tuple[SequenceRange, ...] = ()
