"""Compiles every kernel before traffic comes, by running a scratch node through a short life.

numba compiles at the first call with new types and keeps the result on disk beside this package
(`__pycache__`) or in the user's cache folder. The first start of a build takes some seconds here,
every later one loads. A kernel that this file misses is compiled while a caller waits, so
`tests/core/test_warm.py` holds that traffic after it compiles nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from . import kernels
from .commands import (
    Audit,
    Command,
    DeleteSku,
    Extend,
    GetAvailability,
    GetAvailableToPromise,
    GetReservation,
    GetShortfall,
    Line,
    ListLocations,
    Location,
    Move,
    MoveBatch,
    ReadLevels,
    RecordStockEvents,
    Reference,
    Reserve,
    ReserveAgainstSupply,
    ReserveAlreadySold,
    ReserveBatch,
    ReserveRun,
    ResetSource,
    ResolveLevels,
    Reversed,
    Source,
    StockBatch,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from .commands.stock import RESERVATION, SUPPLY, TRANSFER
from .handles import make_handle, split_handles
from .ids import key_from_parts, key_from_text, text_from_key
from .kernels.reserve_requests import SPANS_END, TAGS_END
from .limits import HOLD_MS_MIN, LINES_KEPT_NS, NS_PER_MS, RETENTION_NS
from .model import CountBasis, EventKind, Fallback, LocationKind, Remainder, Verb
from .node import Node
from .statistics import read_statistics
from .tables import state_bytes
from .tables.effects import Entry
from .tables.layouts import OPERATION, STOCK_EVENT
from .tables.numbering import Numbering

#: A reservation over both shards.
_SPREAD = key_from_text("00000000-0000-4000-8000-000000000001")
_ORDER = Reference(RESERVATION, text_from_key(_SPREAD.hi, _SPREAD.lo), "")

#: One whose id is no UUID.
_TEXT = key_from_text("text")

#: Records for which hash slots have to grow.
_MORE_THAN_AT_FIRST = 1_000


class _Nobody:
    """A ticket that nobody waits for and nobody cancels."""

    def cancelled(self) -> bool:
        """False: nobody waits, and nobody gives up."""
        return False


def warm_up(progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
    """Run every kind of command, effect, load and hash once."""
    node, twin = Node(2, history_window_ns=RETENTION_NS), Node(2)
    steps = list(_life())
    for done, (now_ns, command) in enumerate(steps):
        node.post(command, _Nobody())
        for entry in node.turn(now_ns).entries:
            twin.replay(entry)
        progress(done + 1, len(steps))
    for entry in (*_warm_batches(node), *_warm_retention(node), *node.seal()):
        twin.replay(entry)
    loaded = Node(2)
    for old, new in zip(node.shards, loaded.shards, strict=True):
        columns = state_bytes.columns(old)
        state_bytes.load(new, {name: column.copy() for name, column in columns.items()})
        read_statistics(new.header)
    loaded.loaded()
    loaded.state_hash()
    loaded.index.slots.ensure(_MORE_THAN_AT_FIRST)
    _warm_audit(loaded)
    _warm_messages()


def _warm_batches(node: Node) -> Sequence[Entry]:
    home = node.homes.shard_of_sku("S0")
    handles = np.array([make_handle(0, home.number, home.find_row("S0", "W"))], np.uint64)
    operations = np.zeros(2, OPERATION)
    # Not to be written to, as what comes off the wire.
    keys, holds = (np.frombuffer(bytes(2 * size), f"u{size}") for size in (8, 4))
    kernels.read_operations(keys, keys, keys, keys.view("i8"), holds, 0, operations)
    operations["key_lo"] = (98, 99)
    operations["quantity"], operations["hold_ms"] = 1, HOLD_MS_MIN
    operations["shard"], operations["row"] = split_handles(0, handles.repeat(2))
    linked = np.array((1, 0), np.uint8)
    spread = np.zeros(2, OPERATION)  # once more when it is done
    spread["key_hi"], spread["key_lo"] = _SPREAD.hi, _SPREAD.lo
    events = np.zeros(2, STOCK_EVENT)
    events["shard"], events["row"] = operations["shard"], operations["row"]
    events["kind"], events["quantity"] = EventKind.RECEIPT, 1
    events["key_lo"], events["has_key"] = (98, 99), 1
    for command in (
        StockBatch("source", events),
        ReserveBatch(operations[:1].copy(), None),
        ReserveBatch(operations, linked),
        ReserveRun(operations.copy(), (("S0", "W"),) * 2),
        MoveBatch(Verb.COMMIT, operations),
        MoveBatch(Verb.COMMIT, spread),
        ReadLevels(handles),
        ResolveLevels((("S0", "W"),)),
        *_warm_lookups(node, operations),
    ):
        node.post(command, _Nobody())
    return node.turn(node.now_ns).entries


def _warm_retention(node: Node) -> Iterator[Entry]:
    """What has ended is seen, leaves, and is forgotten; a count would name a number of before."""
    kernels.find_first_numbered(node.shards[0].facts.current.used, 0, 0, 1)
    numbering = Numbering()
    numbering.give_back(numbering.take(1)[0])
    for days in (2, 4, 40):
        yield from node.turn(node.now_ns + days * LINES_KEPT_NS).entries


def _warm_audit(node: Node) -> None:
    """A pass while reservations come and go, and what it finds when a level is damaged."""
    home = node.homes.shard_of_sku("S1")
    home.levels.records["reserved"][home.find_row("S1", "W")] += 1
    node.post(Audit(begins=True), _Nobody())
    for number in range(20):
        key = key_from_text(f"audit {number}")
        node.post(Reserve(key, (Line("S2", "W", 1),), HOLD_MS_MIN), _Nobody())
        node.post(Move(Verb.RELEASE, key, None, None, Remainder.KEEP), _Nobody())
        node.turn(node.now_ns + NS_PER_MS)


def _warm_messages() -> None:
    """Requests are weighed and read, and answers encoded, at the edge: by kernels too."""
    fields, columns = np.zeros((1, 3), np.int64), np.zeros((1, 1), np.int64)
    figures = np.zeros(2, np.int64)
    data = np.zeros(0, np.uint8)
    kernels.measure_messages(fields, columns, figures, figures.copy())
    kernels.write_messages(fields, columns, data, figures, figures.copy(), data.copy())
    kernels.sum_positive(figures, figures, figures, figures.copy())
    received = np.frombuffer(b"", np.uint8)  # not to be written to, as what comes off the wire
    kernels.weigh_fields(received, data, figures, 0)
    operations, spans = np.zeros(1, OPERATION), np.zeros((1, SPANS_END), np.int32)
    tags, byte = np.zeros(TAGS_END, np.uint8), np.zeros(1, np.uint8)
    kernels.read_reserves(byte, figures[:1], tags, operations, spans)
    revisions = np.zeros((1, 2), np.uint64)
    kernels.write_holds(operations, byte, revisions, 0, tags, byte, spans, byte, figures)


def _warm_lookups(node: Node, operations: np.ndarray) -> Iterator[Command]:
    """What is looked up many at a time once it was forgotten, and ids that another shard knows."""
    for shard in node.shards:
        shard.rows.clear()
    names = [f"S{number}" for number in range(5)]
    yield ResolveLevels(tuple((name, "W") for name in names))
    yield GetAvailability(tuple(names))
    elsewhere = operations.copy()
    elsewhere["shard"] = 1 - operations["shard"]
    yield ReserveBatch(elsewhere, None)


def _warm_supply() -> Iterator[Command]:
    """What is to come, and comes."""
    order, other = (Reference(SUPPLY, "order", line) for line in "12")
    move = Reference(TRANSFER, "move", "1")
    for fact in (
        StockEvent(None, 11, "S0", "W", EventKind.SUPPLY, 9, reference=order, expected_ns=9),
        StockEvent(None, 12, "S0", "W", EventKind.RECEIPT, 1, reference=order),
        StockEvent(None, 13, "S0", "W", EventKind.SUPPLY, 5, reference=other, expected_ns=9),
        *(
            StockEvent(key_from_parts("move", half), 0, "S0", "W", EventKind.RECEIPT, 1, None, move)
            for half in "12"
        ),
    ):
        yield RecordStockEvents("statuses", (fact,))


def _warm_backorders() -> Iterator[Command]:
    """Units that are promised by date, from supply, and given back in part."""
    yield GetAvailableToPromise("S0", (), 1, 0, 9)
    order = Reference(SUPPLY, "order", "3")
    coming = StockEvent(None, 14, "S1", "W", EventKind.SUPPLY, 99, reference=order, expected_ns=9)
    yield RecordStockEvents("statuses", (coming,))
    key, line = key_from_text("later"), Line("S1", "W", 20)
    yield ReserveAgainstSupply(key, (line,), HOLD_MS_MIN, (9,))
    yield GetShortfall("S1", "W", 9)
    for verb, lines in ((Verb.COMMIT, None), (Verb.CANCEL, (Line("S1", "W", 1),))):
        yield Move(verb, key, None, lines, Remainder.KEEP)


def _life() -> Iterator[tuple[int, Command]]:
    """Instants, and what is asked then."""
    yield from _at(2, _warm_receipts())
    yield from _at(3, _warm_reserves())
    yield from _at(5, _warm_moves())
    yield from _at(5, _warm_statuses())
    yield from _at(6, _warm_fulfilments())
    yield from _at(6, _warm_reversals())
    yield from _at(6, _warm_supply())
    yield from _at(6, _warm_backorders())
    yield from _at(7, _warm_sources())
    yield from _at(8, _warm_reads())
    yield 9 + HOLD_MS_MIN * NS_PER_MS, GetReservation(_TEXT)
    yield 10 + HOLD_MS_MIN * NS_PER_MS, DeleteSku("S3")


def _at(now_ns: int, commands: Iterable[Command]) -> Iterator[tuple[int, Command]]:
    return ((now_ns, command) for command in commands)


def _warm_receipts() -> Iterator[Command]:
    """A location, and units there in both shards."""
    yield UpdateLocation(Location("W", LocationKind.WAREHOUSE, "Warehouse", enabled=True))
    for number in range(5):  # S4 lies in the other shard
        key = key_from_parts("source", str(number))
        event = StockEvent(key, number + 1, f"S{number}", "W", EventKind.RECEIPT, 9)
        yield RecordStockEvents("source", (event,))


def _warm_reserves() -> Iterator[Command]:
    """Over both shards, by ids of both kinds; a repeat; one that is refused, then held as sold."""
    lines = tuple(Line(f"S{number}", "W", 2) for number in range(5))
    for key in (_SPREAD, _TEXT, _SPREAD):
        yield Reserve(key, lines, HOLD_MS_MIN)
    late = key_from_text("late")
    yield Reserve(late, (Line("S0", "W", 99),), HOLD_MS_MIN)
    yield ReserveAlreadySold(late, (Line("S0", "W", 99),), HOLD_MS_MIN)
    yield Move(Verb.RELEASE, late, None, None, Remainder.KEEP)


def _warm_moves() -> Iterator[Command]:
    """A hold is extended, and a part of it committed, once more when it is done."""
    yield Extend(_SPREAD, key_from_parts("text", "extend"), 2 * HOLD_MS_MIN)
    request = key_from_parts("text", "commit")
    for _ in range(2):
        yield Move(Verb.COMMIT, _SPREAD, request, (Line("S0", "W", 2),), Remainder.KEEP)


def _warm_statuses() -> Iterator[Command]:
    """Units that enter and leave a status, and come back under a line of a reservation."""
    ended = key_from_text("ended")
    yield Reserve(ended, (Line("S0", "W", 1, "line"),), HOLD_MS_MIN)
    back = Reference(RESERVATION, "ended", "line")
    for facts in (
        (StockEvent(None, 5, "S0", "W", EventKind.STATUS_CHANGE, 1, to_status="damaged"),),
        (StockEvent(None, 6, "S0", "W", EventKind.SALE, 1, from_status="damaged"),),
        (StockEvent(None, 7, "S0", "W", EventKind.RETURN, 1, reference=back),),
        (StockEvent(None, 7, "S0", "W", EventKind.RECEIPT, 1, to_status="damaged"),),
    ):
        yield RecordStockEvents("statuses", facts)
    for _ in range(2):
        yield Move(Verb.RELEASE, ended, None, None, Remainder.KEEP)


def _warm_fulfilments() -> Iterator[Command]:
    """Units of an order that are shipped, counted and posted."""
    yield Move(Verb.FULFILL, _SPREAD, None, (Line("S0", "W", 1),), Remainder.GIVE_BACK)
    for fact in (
        StockEvent(None, 8, "S0", "W", EventKind.COUNT, 9, occur_time_ns=5),
        StockEvent(None, 9, "S0", "W", EventKind.COUNT, 9, basis=CountBasis.BOOKS),
        StockEvent(None, 10, "S0", "W", EventKind.GOODS_ISSUE, 1, reference=_ORDER),
    ):
        yield RecordStockEvents("statuses", (fact,))
    yield Move(Verb.FULFILL, _SPREAD, None, (Line("S0", "W", 1),), Remainder.KEEP)


def _warm_reversals() -> Iterator[Command]:
    """A fact is undone, and restored; one is undone before it comes; a shipment comes back."""
    for event_id, undone, kind in (
        ("undoes", "0", EventKind.RECEIPT),
        ("waits", "to come", EventKind.SALE),
        ("restores", "undoes", EventKind.REVERSAL),
    ):
        named = Reversed("source", undone, key_from_parts("source", undone), kind)
        key, quantity = key_from_parts("source", event_id), 1 if undone == "to come" else 9
        event = StockEvent(key, 0, "S0", "W", EventKind.REVERSAL, quantity, reverses=named)
        yield RecordStockEvents("source", (event,))
    key = key_from_parts("source", "to come")
    for event in (
        StockEvent(key, 0, "S0", "W", EventKind.SALE, 1),
        StockEvent(key, 11, "S0", "W", EventKind.SHIPMENT_REVERSAL, 1, reference=_ORDER),
    ):
        yield RecordStockEvents("source", (event,))


def _warm_sources() -> Iterator[Command]:
    """A source that numbers its facts, is missed, skips numbers and begins anew."""
    yield UpdateSource(Source("numbers", 0, None, Fallback.CAP, 9), allow_missing=True)
    for number in (9, 9, 7):  # one that skips some, a repeat, and one of those
        event = StockEvent(None, number, "S0", "W", EventKind.COUNT, 9)
        yield RecordStockEvents("numbers", (event,))
    yield ResetSource("numbers", 0)
    key = key_from_parts("source", "to come")  # that of another fact
    yield RecordStockEvents("source", (StockEvent(key, 0, "S1", "W", EventKind.COUNT, 1),))


def _warm_reads() -> Iterator[Command]:
    yield GetReservation(_SPREAD)
    yield ListLocations(0, 1_000)
    yield GetAvailability(("S0", "unknown"))
