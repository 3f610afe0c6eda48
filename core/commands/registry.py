"""Every operation of the engine: one entry per command, and what the node must know of it.

An entry says which outcome answers the command, in which actor's mailbox it waits, what it weighs
there and whether it is a read. The rule that executes it points back here (`executes`). Adding a
command is one entry, one rule, one conversion and one method (docs/hacking.md).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, Protocol, TypeVar

from ..ids import Key
from ..limits import MERGED_LEVELS_MAX, MERGED_STATUSES_MAX
from ..work import (
    FACT_CHANGING,
    FACT_REVERSED,
    LEVEL_NAMED,
    LINE_BACKORDERED,
    LINE_RESERVED,
    LINE_SOLD,
)
from .auditing import Audit, AuditView, RepairLevels, RepairsOutcome
from .batches import (
    BatchCodes,
    Handles,
    LevelColumns,
    MoveBatch,
    ReadLevels,
    ReserveBatch,
    ReserveRun,
    ResolveLevels,
    RunCodes,
    StockBatch,
    StockCodes,
)
from .catalogue import (
    CreateLocation,
    DeleteOutcome,
    DeleteSku,
    GetLocation,
    ListLocations,
    LocationOutcome,
    LocationsView,
    LocationView,
    MergeOutcome,
    MergeSku,
    RenameOutcome,
    RenameSku,
    UpdateLocation,
)
from .reservations import (
    AnyReserve,
    Extend,
    ExtendOutcome,
    ForcedOutcome,
    ForceRelease,
    GetReservation,
    Move,
    MoveOutcome,
    ReservationView,
    Reserve,
    ReserveAgainstSupply,
    ReserveAlreadySold,
    ReserveOutcome,
)
from .shortfalls import GetShortfall, ShortfallView
from .sku_quarantine import ListQuarantinedSkus, QuarantinedSkusView, SettleSku, SkuSettled
from .sources import (
    GetSource,
    ListPendingReversals,
    ListSources,
    PendingReversalsView,
    ResetSource,
    SourceOutcome,
    SourceReset,
    SourcesView,
    SourceView,
    UpdateSource,
)
from .stock import (
    AvailabilitiesView,
    EventsOutcome,
    GetAvailability,
    RecordStockEvents,
    StockEvent,
)
from .supply import AvailableToPromiseView, GetAvailableToPromise

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Rule = TypeVar("Rule", bound=Callable[..., Any])


class ShardFinder(Protocol):
    """Knows the shard that a name or an id in a command leads to."""

    def of_sku(self, sku: str) -> int:
        """The shard that holds all stock of a SKU."""

    def of_source(self, source: str) -> int:
        """The shard in whose turns a source of stock facts is heard."""

    def of_reservation(self, key: Key) -> int:
        """The shard of a reservation's first part; 0 when the id is unknown."""


class Growth(IntEnum):
    """Tables that commands add to, by what they are about (capacity.py lists them)."""

    HOLDS = 1
    MOVES = 2
    STOCK = 3
    PLACES = 4
    PRINCIPALS = 5
    SOURCES = 6
    BACKORDERS = 7
    MERGES = 8
    SALES = 9


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Generic[Asked, Answer]):
    """What the node knows of a kind of command before its rule runs."""

    command: type[Asked]
    outcome: type[Answer]
    """What answers it, unless a fault does."""
    home: Callable[[Asked, ShardFinder], int]
    """The shard whose mailbox it waits in."""
    weight: Callable[[Asked], int]
    """The work that it is, as far as the command alone shows (core/work.py); this is what it counts
    for in that mailbox.
    """
    is_read: bool
    """A read goes on when storage is full."""
    grows: Growth | None
    """The tables that it may add to; None for one that adds nothing."""
    rows: Callable[[Asked], int]
    """How many records it adds to one table at most."""
    may_fault: bool
    """Its rule may answer with a fault, so that a message after it in a stream has to wait."""


#: Command -> its operation. Filled by the entries below.
OPERATIONS: dict[type, Operation[Any, Any]] = {}


def executes(operation: Operation[Any, Any]) -> Callable[[Rule], Rule]:
    """Mark the method that is the rule of an operation."""

    def mark(rule: Rule) -> Rule:
        rule.operation = operation  # type: ignore[attr-defined]
        return rule

    return mark


def bind_rules(owners: Iterable[object]) -> Mapping[type, Callable[[Any, int], Any]]:
    """Command -> the marked method of these owners; every operation has exactly one."""
    rules: dict[type, Callable[[Any, int], Any]] = {}
    for owner in owners:
        for name in dir(type(owner)):
            operation = getattr(getattr(type(owner), name), "operation", None)
            if operation is not None:
                assert operation.command not in rules, operation
                rules[operation.command] = getattr(owner, name)
    assert rules.keys() == OPERATIONS.keys(), rules.keys() ^ OPERATIONS.keys()
    return rules


def _operation(
    command: type[Asked],
    outcome: type[Answer],
    home: Callable[[Asked, ShardFinder], int],
    weight: Callable[[Asked], int],
    grows: Growth | None = None,
    rows: Callable[[Asked], int] = lambda _: 0,
    *,
    is_read: bool = False,
    may_fault: bool = False,
) -> Operation[Asked, Answer]:
    operation = Operation(command, outcome, home, weight, is_read, grows, rows, may_fault)
    OPERATIONS[command] = operation
    return operation


def _by_reservation(
    command: Extend | Move | ForceRelease | GetReservation, homes: ShardFinder
) -> int:
    return homes.of_reservation(command.key)


def _by_source(command: RecordStockEvents | StockBatch | ResetSource, homes: ShardFinder) -> int:
    # One mailbox for a source keeps what it sends in order, whatever SKUs it names.
    return homes.of_source(command.source)


def _anywhere(_command: object, _homes: ShardFinder) -> int:
    return 0  # it touches all shards alike


def _weighs(first: int, each: float = 0, field: str = "") -> Callable[[Any], int]:
    """`first` for the command, and `each` for every member of a field."""
    return lambda command: first + int(each * len(getattr(command, field))) if field else first


def _weight_of_reserve(command: Reserve) -> int:
    # Reserves of one line share a kernel call; a longer one is a joint turn.
    return LINE_RESERVED if len(command.lines) == 1 else 60 + 3 * len(command.lines)


def _rows_of_request(command: Any) -> int:
    return command.request is not None


def _rows_of_sku_request(command: Any) -> int:
    # Under the name that was asked for, and under the first one.
    return 2 * _rows_of_request(command)


def _rows_of_move(command: Move) -> int:
    # All units of a line stay together when the line is not named.
    return len(command.lines or ()) + (command.request is not None)


def _weight_of_move(command: Move) -> int:
    return 30 + 2 * len(command.lines or ())


def weight_of_events(count: int, changing: Sequence[StockEvent]) -> int:
    """The work of so many stock facts, of which those `changing` are not plain."""
    changes = sum(event.changes for event in changing)
    reversals = sum(event.reverses is not None for event in changing)
    return 165 + 8 * count + FACT_CHANGING * changes + FACT_REVERSED * reversals


def _rows_of_reserve(command: AnyReserve) -> int:
    # Each line may have an id, too.
    return len(command.lines) + (command.key.text is not None) + bool(command.owner)


RESERVE = _operation(
    Reserve,
    ReserveOutcome,
    lambda command, homes: homes.of_sku(command.lines[0].sku),
    _weight_of_reserve,
    Growth.HOLDS,
    _rows_of_reserve,
    may_fault=True,
)
RESERVE_AGAINST_SUPPLY = _operation(
    ReserveAgainstSupply,
    ReserveOutcome,
    lambda command, homes: homes.of_sku(command.lines[0].sku),
    _weighs(100, LINE_BACKORDERED, "lines"),
    Growth.BACKORDERS,
    _rows_of_reserve,
    may_fault=True,
)
RESERVE_ALREADY_SOLD = _operation(
    ReserveAlreadySold,
    ReserveOutcome,
    lambda command, homes: homes.of_sku(command.lines[0].sku),
    _weighs(130, LINE_SOLD, "lines"),
    Growth.SALES,
    # Each line may begin a stock level.
    _rows_of_reserve,
    may_fault=True,
)
EXTEND = _operation(
    Extend, ExtendOutcome, _by_reservation, _weighs(30), Growth.MOVES, lambda _: 1, may_fault=True
)
MOVE = _operation(
    Move,
    MoveOutcome,
    _by_reservation,
    _weight_of_move,
    Growth.MOVES,
    _rows_of_move,
    may_fault=True,
)
FORCE_RELEASE = _operation(
    ForceRelease,
    ForcedOutcome,
    _by_reservation,
    _weighs(60),
    Growth.MOVES,
    lambda command: 2 * _rows_of_request(command),
    may_fault=True,
)
GET_RESERVATION = _operation(
    GetReservation, ReservationView, _by_reservation, _weighs(55), is_read=True, may_fault=True
)
RESERVE_BATCH = _operation(
    ReserveBatch,
    BatchCodes,
    _anywhere,
    _weighs(50, 0.25, "operations"),
    Growth.HOLDS,
    lambda command: len(command.operations),
)
RESERVE_RUN = _operation(
    ReserveRun,
    RunCodes,
    _anywhere,
    _weighs(50, 3, "operations"),
    Growth.HOLDS,
    lambda command: len(command.operations),
)
MOVE_BATCH = _operation(MoveBatch, BatchCodes, _anywhere, _weighs(50, 0.2, "operations"))
RESOLVE_LEVELS = _operation(
    ResolveLevels, Handles, _anywhere, _weighs(20, 1.5, "names"), is_read=True
)
READ_LEVELS = _operation(
    ReadLevels, LevelColumns, _anywhere, _weighs(70, 0.15, "handles"), is_read=True
)
GET_AVAILABILITY = _operation(
    GetAvailability,
    AvailabilitiesView,
    lambda command, homes: homes.of_sku(command.skus[0]),
    _weighs(20, 0.6, "skus"),
    is_read=True,
    may_fault=True,
)
AVAILABLE_TO_PROMISE = _operation(
    GetAvailableToPromise,
    AvailableToPromiseView,
    lambda command, homes: homes.of_sku(command.sku),
    _weighs(60),
    is_read=True,
    may_fault=True,
)
GET_SHORTFALL = _operation(
    GetShortfall,
    ShortfallView,
    lambda command, homes: homes.of_sku(command.sku),
    _weighs(20),
    is_read=True,
    may_fault=True,
)
RECORD_STOCK_EVENTS = _operation(
    RecordStockEvents,
    EventsOutcome,
    _by_source,
    lambda command: weight_of_events(len(command.events), command.changing),
    Growth.STOCK,
    # A change of status has two, and the dispatch of a transfer may begin two levels.
    lambda command: 2 * len(command.events),
    may_fault=True,
)
STOCK_BATCH = _operation(
    StockBatch,
    StockCodes,
    _by_source,
    _weighs(100, 0.4, "events"),
    Growth.STOCK,
    lambda command: len(command.events),
)
RESET_SOURCE = _operation(
    ResetSource,
    SourceReset,
    _by_source,
    _weighs(100),
    Growth.MOVES,
    _rows_of_request,
    may_fault=True,
)
GET_SOURCE = _operation(GetSource, SourceView, _anywhere, _weighs(20), is_read=True, may_fault=True)
LIST_SOURCES = _operation(ListSources, SourcesView, _anywhere, _weighs(20), is_read=True)
LIST_PENDING_REVERSALS = _operation(
    ListPendingReversals, PendingReversalsView, _anywhere, _weighs(50), is_read=True
)
LIST_QUARANTINED_SKUS = _operation(
    ListQuarantinedSkus, QuarantinedSkusView, _anywhere, _weighs(20), is_read=True
)
SETTLE_SKU = _operation(
    SettleSku,
    SkuSettled,
    lambda command, homes: homes.of_sku(command.sku),
    _weighs(30),
    Growth.MOVES,
    _rows_of_sku_request,
    may_fault=True,
)
UPDATE_SOURCE = _operation(
    UpdateSource,
    SourceOutcome,
    lambda command, homes: homes.of_source(command.source.name),
    _weighs(200),
    Growth.SOURCES,
    lambda _: 1,
    may_fault=True,
)
AUDIT = _operation(Audit, AuditView, _anywhere, _weighs(200), is_read=True)
REPAIR_LEVELS = _operation(
    RepairLevels,
    RepairsOutcome,
    _anywhere,
    _weighs(100, LEVEL_NAMED, "levels"),
    Growth.MOVES,
    _rows_of_request,
    may_fault=True,
)
CREATE_LOCATION = _operation(
    CreateLocation,
    LocationOutcome,
    _anywhere,
    _weighs(200),
    Growth.PLACES,
    lambda _: 1,
    may_fault=True,
)
UPDATE_LOCATION = _operation(
    UpdateLocation,
    LocationOutcome,
    _anywhere,
    _weighs(200),
    Growth.PLACES,
    lambda _: 1,
    may_fault=True,
)
GET_LOCATION = _operation(
    GetLocation, LocationView, _anywhere, _weighs(20), is_read=True, may_fault=True
)
LIST_LOCATIONS = _operation(ListLocations, LocationsView, _anywhere, _weighs(20), is_read=True)
DELETE_SKU = _operation(
    DeleteSku,
    DeleteOutcome,
    lambda command, homes: homes.of_sku(command.sku),
    _weighs(30),
    Growth.MOVES,
    _rows_of_sku_request,
    may_fault=True,
)
RENAME_SKU = _operation(
    RenameSku,
    RenameOutcome,
    lambda command, homes: homes.of_sku(command.sku),
    _weighs(40),
    Growth.MOVES,
    _rows_of_sku_request,
    may_fault=True,
)
MERGE_SKU = _operation(
    MergeSku,
    MergeOutcome,
    lambda command, homes: homes.of_sku(command.into_sku),
    _weighs(100),
    Growth.MERGES,
    lambda _: 2 * (MERGED_LEVELS_MAX + MERGED_STATUSES_MAX),
    may_fault=True,
)
