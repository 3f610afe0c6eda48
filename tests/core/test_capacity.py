"""Full tables: what does not fit is refused before it is queued, and all else goes on."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.capacity import TABLES, TableFullError
from holdfast.core.commands import (
    Command,
    Extend,
    GetAvailability,
    GetReservation,
    Line,
    Location,
    Move,
    MoveBatch,
    RecordStockEvents,
    Reserve,
    ReserveAlreadySold,
    ReserveBatch,
    Reversed,
    StockBatch,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.registry import OPERATIONS, Growth
from holdfast.core.ids import Key, key_from_parts, key_from_text
from holdfast.core.limits import RETENTION_NS
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.core.tables.layouts import OPERATION, STOCK_EVENT
from tests.core.engine import Ticket

ROWS_MAX = 40
SKUS = [f"S{number}" for number in range(8)]
LINES = tuple(Line(sku, "W", 1_000) for sku in SKUS)


def ask(node: Node, *commands: Command, now_ns: int = 1) -> list[Ticket]:
    """Post commands, run until nothing waits, and return their tickets."""
    tickets = [Ticket(command) for command in commands]
    for ticket in tickets:
        node.post(ticket.command, ticket)
    has_more = True
    while has_more:
        turn = node.turn(now_ns)
        has_more = turn.has_more
        for answered, outcome in turn.answers:
            assert isinstance(answered, Ticket)
            answered.outcome = outcome
    return tickets


def stocked(shard_count: int) -> Node:
    """A node with small tables, stock and one order."""
    node = Node(shard_count, rows_max=ROWS_MAX)
    place = Location("W", LocationKind.STORE, "W", enabled=True)
    facts = (
        StockEvent(None, n + 1, sku, "W", EventKind.RECEIPT, 10**9) for n, sku in enumerate(SKUS)
    )
    ask(node, UpdateLocation(place))
    ask(node, RecordStockEvents("erp", tuple(facts)))
    ask(node, Reserve(key(0), LINES[:1], 60_000))
    return node


def key(number: int) -> Key:
    return Key(7, number, None)


def move(verb: Verb, number: int, lines: tuple[Line, ...] | None = None, request: int = 0) -> Move:
    request_key = key_from_parts("request", str(request)) if request else None
    return Move(verb, key(number), request_key, lines, Remainder.KEEP)


def operations(node: Node, first: int, size: int) -> np.ndarray:
    found = np.zeros(size, OPERATION)
    found["key_hi"], found["key_lo"] = 7, np.arange(first, first + size)
    found["quantity"], found["hold_ms"] = 1, 60_000
    shard = node.homes.shard_of_sku("S0")
    found["shard"], found["row"] = shard.number, shard.find_row("S0", "W")
    return found


def facts(node: Node, first: int, size: int) -> np.ndarray:
    events = np.zeros(size, STOCK_EVENT)
    where = operations(node, 0, 1)[0]
    events["shard"], events["row"] = where["shard"], where["row"]
    events["kind"], events["quantity"] = EventKind.RECEIPT, 1
    events["key_lo"], events["has_key"] = np.arange(first, first + size), 1
    return events


def fact(name: str = "", sku: str = "S0") -> StockEvent:
    event_key = key_from_parts("event", name) if name else None
    return StockEvent(event_key, 0 if name else 1, sku, "W", EventKind.RECEIPT, 1)


#: Table -> commands that fill it, each a message that adds a few records; so that every path leads
#: to a full table: single calls, joint turns, batches, linked groups, streams of events.
def reserve_one(_node: Node) -> Iterator[Command]:
    return (Reserve(key(n), LINES[:1], 60_000) for n in count(1))


def reserve_many(_node: Node) -> Iterator[Command]:
    return (Reserve(key(n), LINES[:3], 60_000) for n in count(1))


def reserve_texts(_node: Node) -> Iterator[Command]:
    line = Line("S0", "W", 1, "line".ljust(128, "."))
    return (Reserve(key_from_text(f"order {n}".ljust(128, ".")), (line,), 60_000) for n in count(1))


def reserve_batches(node: Node) -> Iterator[Command]:
    return (ReserveBatch(operations(node, 5 * n, 5), None) for n in count(1))


def reserve_groups(node: Node) -> Iterator[Command]:
    linked = np.array([1, 1, 0], np.uint8)
    return (ReserveBatch(operations(node, 3 * n, 3), linked) for n in count(1))


def extend(_node: Node) -> Iterator[Command]:
    return (Extend(key(0), key_from_parts("e", str(n)), 60_000) for n in count(1))


def name_requests(_node: Node) -> Iterator[Command]:
    return (move(Verb.COMMIT, 0, (Line("S0", "W", 1),), n) for n in count(1))


def split_lines(_node: Node) -> Iterator[Command]:
    for number in count(1):
        yield Reserve(key(number), LINES[:1], 1_000)
        yield move(Verb.COMMIT, number, (Line("S0", "W", 1),))


def make_levels(_node: Node) -> Iterator[Command]:
    return (
        RecordStockEvents("new", (StockEvent(None, n, f"N{n}", "W", EventKind.RECEIPT, 1),))
        for n in count(1)
    )


def sell_elsewhere(_node: Node) -> Iterator[Command]:
    for n in count(1):
        yield UpdateLocation(Location(f"L{n}", LocationKind.STORE, "", enabled=True))
        yield ReserveAlreadySold(key(n), (Line("S0", f"L{n}", 1),), 60_000)


def name_sources(_node: Node) -> Iterator[Command]:
    return (RecordStockEvents(f"till {n}", (fact(),)) for n in count(1))


def name_events(_node: Node) -> Iterator[Command]:
    return (RecordStockEvents("erp", (fact(f"a{n}"), fact(f"b{n}"))) for n in count(1))


def batch_events(node: Node) -> Iterator[Command]:
    return (StockBatch("erp", facts(node, 7 * n, 7)) for n in count(1))


def change_statuses(_node: Node) -> Iterator[Command]:
    for n in count(1):
        event = fact()._replace(sequence=100 + n, to_status=f"status {n}")
        yield RecordStockEvents("erp", (event,))


def reverse_events(_node: Node) -> Iterator[Command]:
    for n in count(1):
        of = key_from_parts("erp", f"of {n}")
        named = Reversed("erp", f"of {n}", of, EventKind.RECEIPT, -RETENTION_NS)
        event = fact()._replace(key=key_from_parts("erp", f"{n}"), kind=EventKind.REVERSAL)
        yield RecordStockEvents("erp", (event._replace(sequence=0, reverses=named),))


def skip_numbers(_node: Node) -> Iterator[Command]:
    event = fact()
    return (
        RecordStockEvents("erp", tuple(event._replace(sequence=4 * n + at) for at in (0, 2)))
        for n in count(1)
    )


def put_locations(_node: Node) -> Iterator[Command]:
    return (
        UpdateLocation(Location(f"L{n}", LocationKind.STORE, "", enabled=True)) for n in count(1)
    )


def rename_location(_node: Node) -> Iterator[Command]:
    return (
        UpdateLocation(Location("W", LocationKind.STORE, f"{n}", enabled=True)) for n in count(1)
    )


FILLERS = {
    reserve_one: "reservations",
    reserve_many: "lines",
    reserve_texts: "id_texts",
    reserve_batches: "reservations",
    reserve_groups: "reservations",
    sell_elsewhere: "levels",
    extend: "requests",
    name_requests: "requests",
    split_lines: "reservations",
    make_levels: "levels",
    name_sources: "sources",
    skip_numbers: "gaps",
    name_events: "events",
    batch_events: "events",
    change_statuses: "unavailable",
    reverse_events: "reversed",
    put_locations: "locations",
    rename_location: "display_names",
}


def digests(node: Node) -> list[tuple[int, int]]:
    return [state_bytes.digest(shard) for shard in node.shards]


def restarted(node: Node) -> Node:
    """Another node with the same state, as from a snapshot."""
    other = Node(len(node.shards), rows_max=ROWS_MAX)
    for old, new in zip(node.shards, other.shards, strict=True):
        columns = {name: column.copy() for name, column in state_bytes.columns(old).items()}
        state_bytes.load(new, columns)
    other.loaded()
    return other


def fill(node: Node, commands: Iterator[Command]) -> tuple[Command, TableFullError]:
    """Ask until a command is refused; return it, and what was said."""
    for command in commands:
        before = digests(node)
        try:
            ask(node, command)
        except TableFullError as error:
            assert before == digests(node)
            assert not any(actor.mailbox for actor in node.actors)
            return command, error
    raise AssertionError


@pytest.mark.parametrize("filler", FILLERS, ids=lambda filler: filler.__name__)
@pytest.mark.parametrize("shard_count", [1, 4])
def test_a_full_table_refuses_before_anything_changes(filler: object, shard_count: int) -> None:
    """It is named with its limit; reads and commands that add nothing go on, here and after a
    restart.
    """
    assert callable(filler)
    node = stocked(shard_count)
    command, error = fill(node, filler(node))
    assert FILLERS[filler] == error.table
    assert ROWS_MAX == error.rows_max
    assert [] == check_invariants(node)
    for each in (node, restarted(node)):
        with pytest.raises(TableFullError, match=error.table):
            each.post(command, Ticket(command))
        going_on: tuple[Command, ...] = (
            GetAvailability(tuple(SKUS)),
            GetReservation(key(0)),
            move(Verb.COMMIT, 0),
            MoveBatch(Verb.FULFILL, operations(each, 0, 1)),
        )
        assert all(ticket.outcome is not None for ticket in ask(each, *going_on))
        assert [] == check_invariants(each)


@pytest.mark.parametrize("filler", FILLERS, ids=lambda filler: filler.__name__)
def test_what_waits_counts_before_it_is_done(filler: object) -> None:
    """Commands that are posted together do not fill a table in the middle of a turn."""
    assert callable(filler)
    node = stocked(4)
    posted = post_what_fits(node, filler(node))
    assert posted
    assert posted == len(ask_nothing(node))
    assert [] == check_invariants(node)


def post_what_fits(node: Node, commands: Iterator[Command]) -> int:
    """Post commands until one is refused; return how many were not."""
    for posted, command in enumerate(commands):
        try:
            node.post(command, Ticket(command))
        except TableFullError:
            return posted
    raise AssertionError


def ask_nothing(node: Node) -> list[object]:
    """Run until nothing waits; return the answers."""
    answers: list[object] = []
    has_more = True
    while has_more:
        turn = node.turn(1)
        answers += turn.answers
        has_more = turn.has_more
    return answers


def test_tables_of_remembered_ids_have_room_again_after_their_retention() -> None:
    node = stocked(2)
    command, _ = fill(node, name_events(node))
    later_ns = 1 + RETENTION_NS
    ask(node, GetReservation(key(0)), now_ns=later_ns)
    (ticket,) = ask(node, command, now_ns=later_ns)
    assert ticket.outcome is not None


def test_a_principal_too_many_is_refused_and_those_that_are_known_go_on() -> None:
    node = Node(1, rows_max=ROWS_MAX)
    for number in range(ROWS_MAX):
        place = Location("W", LocationKind.STORE, f"{number % 9}", enabled=True)
        node.post(UpdateLocation(place), Ticket(None), principal=f"clerk {number}")
        assert 1 == len(ask_nothing(node))
    with pytest.raises(TableFullError, match="principals"):
        node.post(MoveBatch(Verb.COMMIT, np.zeros(1, OPERATION)), Ticket(None), "another")
    node.post(UpdateLocation(place), Ticket(None), "clerk 7")
    assert 1 == len(ask_nothing(node))


def test_every_table_that_can_be_full_was_filled() -> None:
    """Or is no fuller than another that was: a line has one split and one backorder at most, an
    event one record.
    """
    tables = {name for names in TABLES.values() for name in names}
    assert {*FILLERS.values(), "splits", "backorders", "principals"} == tables


def test_every_command_that_writes_says_what_it_adds_to() -> None:
    """A new command is led here; these add nothing."""
    without = {command for command, each in OPERATIONS.items() if each.grows is None}
    reads = {command for command, each in OPERATIONS.items() if each.is_read}
    assert {"MoveBatch"} == {command.__name__ for command in without - reads}
    growths = {each.grows for each in OPERATIONS.values()} - {None}
    assert set(Growth) == growths | {Growth.PRINCIPALS}
