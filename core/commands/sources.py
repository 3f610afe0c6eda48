"""Commands on sources of stock facts, and their outcomes."""

from dataclasses import dataclass
from typing import NamedTuple

from ..ids import Key
from ..model import EventKind, Fallback, SourceState, UnknownSkus


class SequenceRange(NamedTuple):
    """Numbers of a source, from the first to the last."""

    first: int
    last: int


class Gap(NamedTuple):
    """Numbers of a source that are missing, and since when."""

    first: int
    last: int
    opened_ns: int


@dataclass(frozen=True, slots=True)
class Source:
    """What is set of a source."""

    name: str
    expected_interval_ms: int
    """A fact is expected so often; 0 for a source that says nothing of it."""
    unknown_skus: UnknownSkus | None
    """None as the node is set."""
    fallback: Fallback = Fallback.SELL_ON
    """What may be promised at its stock levels while it is not current."""
    cap: int = 0
    """With Fallback.CAP: units at each of them."""


#: What may change of a source.
SOURCE_FIELDS = ("expected_interval_ms", "unknown_skus", "fallback", "cap")


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source, as it is now."""

    source: Source
    state: SourceState
    last_sequence: int
    last_event_ns: int | None
    """When a fact of it was last recorded."""
    now_ns: int
    gap_count: int
    missing: int
    """Numbers in gaps, and those in gaps that are not listed any more: 2^64 - 1 stands for more."""
    unlisted: int
    gaps: tuple[Gap, ...]
    """The first of them, by their numbers."""


@dataclass(frozen=True, slots=True)
class GetSource:
    """Read one source."""

    name: str


@dataclass(frozen=True, slots=True)
class ListSources:
    """Read a page of sources: at most `count` from `start` on."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class SourcesView:
    """The answer to ListSources, in an order that does not change."""

    sources: tuple[SourceView, ...]
    next_start: int | None
    """Where the next page starts; None after the last."""


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """Change these fields of a source, or create it as it stands here where that is allowed."""

    source: Source
    fields: tuple[str, ...] = SOURCE_FIELDS
    allow_missing: bool = False
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """The answer to UpdateSource: the source as it is now."""

    view: SourceView
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class ResetSource:
    """Let a source number its events anew, above `last_sequence`."""

    source: str
    last_sequence: int
    reason: str = ""
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class SourceReset:
    """The answer to ResetSource: the last number until then."""

    previous_sequence: int
    is_repeat: bool = False


class PendingReversal(NamedTuple):
    """A reversal whose event has not come, by that event, and when it came."""

    source: str
    event_id: str
    kind: EventKind
    sku: str
    location: str
    quantity: int
    came_at_ns: int


@dataclass(frozen=True, slots=True)
class ListPendingReversals:
    """Read a page of pending reversals: at most `count` from `start` on."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class PendingReversalsView:
    """The answer to ListPendingReversals."""

    reversals: tuple[PendingReversal, ...]
    next_start: int | None
    """Where the next page starts; None after the last."""
