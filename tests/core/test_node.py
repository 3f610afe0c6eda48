"""The node: who runs when, and how much in one turn."""

from typing import Any

from holdfast.core.commands import (
    Command,
    EventsOutcome,
    GetAvailability,
    Line,
    ListLocations,
    Location,
    PutLocation,
    RecordStockEvents,
    Reserve,
    StockEvent,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, EventOutcome, LocationKind
from holdfast.core.node import Node
from tests.core.engine import Ticket

W1 = Location("W1", LocationKind.STORE, "W1", enabled=True)


def posted(node: Node, *commands: Command) -> list[Ticket]:
    """Post commands, all of which the mailboxes take."""
    tickets = [Ticket(command) for command in commands]
    assert all(node.post(ticket.command, ticket) for ticket in tickets)
    return tickets


def receipt(sequence: int, sku: str) -> RecordStockEvents:
    return RecordStockEvents("till", (StockEvent(None, sequence, sku, "W1", EventKind.RECEIPT, 1),))


def outcomes(node: Node, now_ns: int = 1) -> list[Any]:
    """Run turns until no command is left."""
    found = []
    while True:
        turn = node.turn(now_ns)
        found += [outcome for _, outcome in turn.answers]
        if not turn.has_more:
            return found


def test_facts_of_one_source_keep_their_order_over_all_shards() -> None:
    """A later number never overtakes an earlier one, however many turns they take."""
    node = Node(4, mailbox_capacity=10_000, turn_batch_max=7)
    posted(node, PutLocation(W1))
    outcomes(node)
    posted(node, *(receipt(number, f"S{number % 50}") for number in range(1, 500)))
    results = [outcome.results[0].outcome for outcome in outcomes(node)]
    assert [EventOutcome.APPLIED] * 499 == results


def test_a_turn_executes_in_the_order_of_arrival() -> None:
    """What comes first is seen by what comes next, whatever mailboxes they lie in."""
    node = Node(7)
    posted(node, PutLocation(W1), receipt(1, "Tea"), GetAvailability(("Tea",)), ListLocations())
    first, second, third, fourth = outcomes(node)
    assert first.location == W1
    assert isinstance(second, EventsOutcome)
    assert 1 == third.views[0].levels[0].on_hand
    assert (W1,) == fourth.locations


def test_a_long_command_fills_a_turn_alone() -> None:
    """A turn is bounded by work, not by the number of commands."""
    node = Node(1, turn_batch_max=100)
    lines = tuple(Line(f"S{number}", "W1", 1) for number in range(300))
    posted(node, *(Reserve(key_from_text(f"r{number}"), lines, 1_000) for number in range(3)))
    turn = node.turn(1)
    assert 1 == len(turn.answers)
    assert turn.has_more


def test_a_full_mailbox_refuses_by_weight() -> None:
    """Long commands fill it sooner."""
    node = Node(1, mailbox_capacity=200)
    lines = tuple(Line(f"S{number}", "W1", 1) for number in range(300))
    command = Reserve(key_from_text("r"), lines, 1_000)
    assert [True, True, False] == [node.post(command, Ticket(command)) for _ in range(3)]
