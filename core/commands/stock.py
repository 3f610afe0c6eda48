"""Commands on stock facts and availability, and their outcomes."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from ..ids import Key
from ..model import CountBasis, EventKind, EventOutcome, SourceState
from .shared import Revision
from .shortfalls import Shortfall
from .sources import SequenceRange


@dataclass(frozen=True, slots=True)
class Reference:
    """What a stock fact belongs to in its source: a document, or a line of one."""

    kind: str
    id: str
    line: str


Array = np.ndarray

NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reversed:
    """The event that a reversal undoes, which repeats what that said."""

    source: str
    event_id: str
    key: Key
    kind: EventKind
    occur_time_ns: int | None = None
    """When it happened."""


_STATES: Final = {int(state): state for state in SourceState}

#: Levels of a table that are objects at once: less than a millisecond.
_READ_TOGETHER: Final = 1_000

#: The kind of a reference to a reservation of this node; its id and line are those of Reserve.
RESERVATION = "reservation"

#: The kind of a reference to inbound supply: its id is the document, its line one of its lines.
SUPPLY = "supply"

#: The kind of a reference to a transfer between locations: its document, and one of its lines.
TRANSFER = "transfer"


class StockEvent(NamedTuple):
    """One stock fact; `key` is None for a source that numbers its events, `sequence` 0 for one
    that does not. What follows `quantity` is journaled as given, each text up to NAME_BYTES_MAX
    bytes. A tuple, because a message may have a thousand: a frozen dataclass of so many fields
    takes three times as long to make.
    """

    key: Key | None
    sequence: int
    sku: str
    location: str
    kind: EventKind
    quantity: int
    occur_time_ns: int | None = None
    reference: Reference | None = None
    reason: str = ""
    actor: str = ""
    from_status: str = ""
    """The status that the units had, and leave; "" for units that are for sale."""
    to_status: str = ""
    """The status that the units have from then on; "" for units that are for sale."""
    as_of_sequence: int = 0
    """Of a count: the last number of its source that it had seen; 0 for none."""
    basis: CountBasis | None = None
    """Of a count: what it had seen besides that."""
    picked_quantity: int = 0
    """Of a count: units that it leaves out, because they are picked, and that were not shipped."""
    seen_reservations: tuple[str, ...] = ()
    """Of a count from the books: reservations whose shipments it had seen, though none of their
    goods issues is posted here.
    """

    reverses: Reversed | None = None
    """Of a reversal."""

    @property
    def reservation(self) -> Reference | None:
        """The reservation that it refers to, if it refers to one."""
        named = self.reference
        return named if named is not None and named.kind == RESERVATION else None

    expected_ns: int | None = None
    """Of supply: when it is expected; None where nothing is."""

    @property
    def supply(self) -> Reference | None:
        """The inbound supply that it refers to, if it refers to one."""
        named = self.reference
        return named if named is not None and named.kind == SUPPLY else None

    to_location: str = ""
    """Of the dispatch of a transfer: where the units go."""
    takes_promised: bool = False
    """Of the dispatch of a transfer: whether it may take units that are promised."""
    correlation_id: str = ""
    """Journaled with what it changes, in place of the one of its call."""

    @property
    def transfer(self) -> Reference | None:
        """The transfer between locations that it refers to, if it refers to one."""
        named = self.reference
        return named if named is not None and named.kind == TRANSFER else None

    @property
    def is_plain(self) -> bool:
        """Whether it changes units on hand, and no status, no order, no supply and no transfer."""
        kind, named = self.kind, self.reference
        if kind is EventKind.COUNT:
            has_instant = self.occur_time_ns is not None or self.as_of_sequence or self.basis
            return not (has_instant or self.picked_quantity or self.seen_reservations)
        if self.from_status or self.to_status:
            return False
        if kind is EventKind.RECEIPT:
            return named is None or named.kind not in (SUPPLY, TRANSFER)
        if kind is EventKind.RETURN:
            return named is None or named.kind != RESERVATION
        return kind is EventKind.SALE or kind is EventKind.ADJUSTMENT

    @property
    def changes(self) -> int:
        """What one that is not plain counts for among the CHANGING_MAX of a message: supply and
        transfers have names of their own to look up and to keep.
        """
        return 1 if self.supply is None and self.transfer is None else 2


@dataclass(frozen=True, slots=True)
class RecordStockEvents:
    """Record facts of one source, each with an answer of its own."""

    source: str
    events: tuple[StockEvent, ...]
    changing: tuple[StockEvent, ...] = field(init=False, repr=False, compare=False)
    """Those that are not plain: found once, since whether they are is asked in several places."""

    def __post_init__(self) -> None:
        changing = tuple([event for event in self.events if not event.is_plain])
        object.__setattr__(self, "changing", changing)


#: What else an event may say that changes what it does, as a field of a Difference. Of that a hash
#: is kept, so that its values are empty.
OTHERS = "status, reference or instant"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first field in which an event differs from the one recorded under its id or number."""

    field: str
    recorded: str
    now: str


class Reapplied(NamedTuple):
    """What a count had not seen, of one source and kind: units by which it changed on hand, and how
    many facts they are. What was shipped here has no source and no kind.
    """

    source: str
    kind: EventKind | None
    units: int
    facts: int


class EventResult(NamedTuple):
    """What one stock fact did. A tuple, because an answer may have a thousand."""

    outcome: EventOutcome
    on_hand: int
    shortfall: int
    available: int
    creates_sku: bool = False
    difference: Difference | None = None
    """Set when ID_REUSED or REVERSAL_DIFFERS."""
    reapplied: tuple[Reapplied, ...] = ()
    """Of a count: what it had not seen, and was applied again."""
    possible: int = 0
    """Units that there were, when it asks for more of a status, of an order, or of what is not
    promised.
    """
    in_transit: int = 0
    """Of a transfer: units that are under way then; with a minus, that came or were lost beyond
    those that were dispatched.
    """
    is_untracked: bool = False
    """Whether it could not be noted of the supply or transfer that it names."""


@dataclass(frozen=True, slots=True)
class EventsOutcome:
    """The answer to RecordStockEvents, by position."""

    results: tuple[EventResult, ...]
    revisions: tuple[Revision, ...]
    skipped: tuple[SequenceRange, ...] = ()
    """Numbers that the events passed over, in their order: the first 100 ranges."""
    shortfalls: tuple[Shortfall, ...] = ()
    """The stock levels of the events at which promised units can't be kept, in their order."""


@dataclass(frozen=True, slots=True)
class GetAvailability:
    """Read the stock levels of SKUs at some locations, all at one instant; no locations means all
    of them.
    """

    skus: tuple[str, ...]
    locations: tuple[str, ...] = ()
    states: tuple[SourceState, ...] = ()
    """Levels in one of these alone; none means in any."""


class LevelView(NamedTuple):
    """One stock level."""

    location: str
    on_hand: int
    reserved: int
    committed: int
    available: int
    """Units that may still be promised: none at a disabled location; a negative number is a
    shortfall.
    """
    enabled: bool
    unavailable: Mapping[str, int] = NOTHING
    """Units that are on hand and not for sale, by status."""
    incoming: int = 0
    """Units that are announced and still to come."""
    is_quarantined: bool = False
    """Whether the audit found its figures wrong: no new promises are made of it."""
    state: SourceState = SourceState.CURRENT
    """How the source is that counted the level last, or, while none has, that fed it last."""
    backordered: int = 0
    """Units held or committed that are promised from supply and not on hand yet."""


class LevelFigure(IntEnum):
    """The rows of a LevelTable: what LevelView has, but for what is unavailable."""

    LOCATION = 0
    ON_HAND = 1
    RESERVED = 2
    COMMITTED = 3
    AVAILABLE = 4
    ENABLED = 5
    INCOMING = 6
    QUARANTINED = 7
    STATE = 8
    BACKORDERED = 9


@dataclass(frozen=True, slots=True, eq=False)
class LevelTable:
    """Stock levels as columns. An answer may have a hundred thousand, which as objects would hold
    up the garbage collector for longer than a turn.
    """

    pieces: Sequence[Array]
    """By LevelFigure, one after another (int64[10, n] each). As one array they would be many MiB of
    new memory, which a machine may take 25 ms to find (docs/adr/0025).
    """
    bounds: Sequence[int]
    """The place of the first level of each piece, and after them that of the end. The levels of a
    SKU are in one piece.
    """
    locations: Sequence[str]
    """Names by LevelFigure.LOCATION."""
    unavailable: Array
    """Level, status and units (int64[m, 3]), in the order of levels and names of statuses."""
    statuses: Sequence[str]
    """Names by status."""

    def __len__(self) -> int:
        return self.bounds[-1]

    def take(self, levels: Array, figures: int | slice = slice(None)) -> Array:
        """Figures of levels by their places, which rise: all (int64[10, n]), or one (int64[n])."""
        taken = np.empty((*self.pieces[0][figures].shape[:-1], len(levels)), np.int64)
        ends = levels.searchsorted(self.bounds).tolist()
        for piece, at, start, end in zip(self.pieces, self.bounds, ends, ends[1:], strict=False):
            if start < end:
                taken[..., start:end] = piece[figures].take(levels[start:end] - at, -1)
        return taken

    def read(self, start: int, end: int) -> Iterator[LevelView]:
        """Levels [start, end) of a SKU as objects."""
        by_status = self._by_status(start, end)
        home = bisect(self.bounds, start) - 1
        at = self.bounds[home]
        rows = self.pieces[home][:, start - at : end - at].T.tolist()
        for place, row in enumerate(rows, start):
            location, on_hand, reserved, committed, available, enabled, *more = row
            incoming, quarantined, state, backordered = more
            yield LevelView(
                *(self.locations[location], on_hand, reserved, committed, available),
                *(enabled != 0, by_status.get(place, NOTHING), incoming, quarantined != 0),
                *(_STATES[state], backordered),
            )

    def _by_status(self, start: int, end: int) -> dict[int, dict[str, int]]:
        first, last = self.unavailable[:, 0].searchsorted((start, end))
        found: dict[int, dict[str, int]] = {}
        for level, status, units in self.unavailable[first:last].tolist():
            found.setdefault(level, {})[self.statuses[status]] = units
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Stock levels [start, end) of a table."""

    table: LevelTable
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __iter__(self) -> Iterator[LevelView]:
        for start in range(self.start, self.end, _READ_TOGETHER):
            yield from self.table.read(start, min(start + _READ_TOGETHER, self.end))

    def __getitem__(self, index: int) -> LevelView:
        at = range(self.start, self.end)[index]
        (level,) = self.table.read(at, at + 1)
        return level


class AvailabilityView(NamedTuple):
    """The stock levels of one SKU, in the order in which they were first recorded."""

    sku: str
    levels: Levels | tuple[LevelView, ...]
    revision: Revision


@dataclass(frozen=True, slots=True, eq=False)
class AvailabilitiesView:
    """The answer to GetAvailability, by position."""

    skus: tuple[str, ...]
    bounds: Array
    """Where the levels of each SKU start and end in `levels` (int64[2, n])."""
    read_at: Array
    """The revision that each SKU was read at, by its place in `revisions` (int64[n]); -1 for one
    that no stock fact ever named.
    """
    revisions: tuple[Revision, ...]
    levels: LevelTable

    @property
    def views(self) -> tuple[AvailabilityView | None, ...]:
        """Each SKU by itself; None for one that no stock fact ever named."""
        each = zip(self.skus, *self.bounds.tolist(), self.read_at.tolist(), strict=True)
        return tuple(
            AvailabilityView(sku, Levels(self.levels, start, end), self.revisions[at])
            if at >= 0
            else None
            for sku, start, end, at in each
        )
