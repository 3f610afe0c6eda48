"""The node: who runs when, and how much in one turn."""

from typing import Any

import pytest

from holdfast.core.actor import MailboxFullError
from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    EventsOutcome,
    GetAvailability,
    Line,
    ListLocations,
    Location,
    Move,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import EventKind, EventOutcome, LocationKind, Remainder, Verb
from holdfast.core.node import Node, StateChangedError
from holdfast.core.statistics import read_statistics
from holdfast.core.tables.effects import Section
from holdfast.core.tables.state_bytes import HASH_STEP
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
    node = Node(4, mailbox_capacity=100_000, turn_work_max=400)
    posted(node, UpdateLocation(W1))
    outcomes(node)
    posted(node, *(receipt(number, f"S{number % 50}") for number in range(1, 500)))
    results = [outcome.results[0].outcome for outcome in outcomes(node)]
    assert [EventOutcome.APPLIED] * 499 == results


def test_a_turn_executes_in_the_order_of_arrival() -> None:
    """What comes first is seen by what comes next, whatever mailboxes they lie in."""
    node = Node(7)
    posted(
        node, UpdateLocation(W1), receipt(1, "Tea"), GetAvailability(("Tea",)), ListLocations(0, 9)
    )
    first, second, third, fourth = outcomes(node)
    assert first.location == W1
    assert isinstance(second, EventsOutcome)
    assert 1 == third.views[0].levels[0].on_hand
    assert (W1,) == fourth.locations


def test_a_long_command_fills_a_turn_alone() -> None:
    """A turn is bounded by work, not by the number of commands."""
    node = Node(1, turn_work_max=100)
    lines = tuple(Line(f"S{number}", "W1", 1) for number in range(300))
    posted(node, *(Reserve(key_from_text(f"r{number}"), lines, 1_000) for number in range(3)))
    turn = node.turn(1)
    assert 1 == len(turn.answers)
    assert turn.has_more


@pytest.mark.parametrize("shard_count", [1, 4])
def test_many_holds_that_are_due_end_over_several_turns(shard_count: int) -> None:
    """A turn stays short, and no command sees a hold that is over."""
    node = Node(shard_count, expire_batch_max=6)  # a hold and its line count for two
    skus = tuple(f"S{number}" for number in range(20))
    posted(node, UpdateLocation(W1), *(receipt(1 + number, sku) for number, sku in enumerate(skus)))
    posted(node, *(Reserve(key_from_text(sku), (Line(sku, "W1", 1),), 1_000) for sku in skus))
    outcomes(node)
    over_ns = 1 + 1_000 * NS_PER_MS
    posted(node, GetAvailability(skus))
    turns = [node.turn(over_ns) for _ in range(8)]
    moved = [sum(len(entry.effects(Section.MOVES)) for entry in turn.entries) for turn in turns]
    assert [3, 3, 3, 3, 3, 3, 2, 0] == moved
    assert [True] * 6 + [False] * 2 == [turn.has_more for turn in turns]
    assert [over_ns] * 6 == [turn.next_due_ns for turn in turns[:6]]
    ((_, seen),) = [answer for turn in turns for answer in turn.answers]
    assert isinstance(seen, AvailabilitiesView)
    levels = [level for view in seen.views if view for level in view.levels]
    assert [(1, 0)] * 20 == [(level.on_hand, level.reserved) for level in levels]
    assert 20 == sum(read_statistics(shard.header).expired_lines for shard in node.shards)


def test_holds_that_ended_otherwise_count_for_the_work_of_a_turn() -> None:
    """A flood of stale ends is a flood, too."""
    node = Node(1, expire_batch_max=2)
    posted(node, UpdateLocation(W1), *(receipt(number, "Tea") for number in range(1, 10)))
    for number in range(9):
        key = key_from_text(f"r{number}")
        posted(node, Reserve(key, (Line("Tea", "W1", 1),), 1_000))
        posted(node, Move(Verb.COMMIT, key, None, None, Remainder.KEEP))
    outcomes(node)
    turns = [node.turn(1 + 1_000 * NS_PER_MS) for _ in range(9)]
    assert [True] * 8 + [False] == [turn.has_more for turn in turns]
    assert not any(turn.entries for turn in turns)


def test_a_full_mailbox_refuses_by_weight() -> None:
    """Long commands fill it sooner."""
    node = Node(1, mailbox_capacity=1_500)
    lines = tuple(Line(f"S{number}", "W1", 1) for number in range(300))
    command = Reserve(key_from_text("r"), lines, 1_000)
    assert [960, 960] == [node.post(command, Ticket(command)) for _ in range(2)]
    with pytest.raises(MailboxFullError, match="shard 0 is full: capacity 1500"):
        node.post(command, Ticket(command))


# The state hash, while turns come between its steps


def test_the_steps_of_the_state_hash_come_to_the_same() -> None:
    """Whatever turns come between them that change nothing."""
    node = with_many_levels()
    steps = node.state_hash_in_steps()
    for _ in range(3):
        next(steps)
        posted(node, GetAvailability(("Tea",)))
        outcomes(node)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert node.state_hash() == end.value.value


@pytest.mark.parametrize("steps_before", [1, 2, 3])
def test_a_hash_of_two_states_is_never_returned(steps_before: int) -> None:
    """A turn that changes something ends the hash, wherever in it that comes."""
    node = with_many_levels()
    steps = node.state_hash_in_steps()
    for _ in range(steps_before):
        next(steps)
    posted(node, receipt(10**6, "Tea"))
    outcomes(node)
    with pytest.raises(StateChangedError):
        next(steps)


def with_many_levels() -> Node:
    """More than fit into two steps of the hash."""
    node = Node(1, mailbox_capacity=1 << 22)
    posted(node, UpdateLocation(W1))
    posted(node, *(receipt(number, f"SKU {number}") for number in range(1, 3 * HASH_STEP)))
    outcomes(node)
    return node
