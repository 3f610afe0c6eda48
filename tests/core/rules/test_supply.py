"""Inbound supply: whatever order its facts come in, how many there may be, and how it is read."""

from collections.abc import Iterable, Sequence
from itertools import chain, permutations
from typing import Any

import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    AvailableToPromiseView,
    Command,
    EventResult,
    EventsOutcome,
    GetAvailability,
    GetAvailableToPromise,
    Location,
    PromiseView,
    RecordStockEvents,
    Reference,
    Reversed,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import SUPPLY
from holdfast.core.ids import key_from_parts
from holdfast.core.limits import (
    NS_PER_DAY,
    PROMISE_SUPPLIES_MAX,
    SUPPLIES_CLOSED_MAX,
    SUPPLIES_OPEN_MAX,
)
from holdfast.core.model import EventKind, EventOutcome, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from tests.core.engine import ModelEngine, NodeEngine, Ticket

NOON_NS = 1_767_268_800 * 10**9


class Buyer:
    """A node and the model, which are told and asked the same."""

    def __init__(self, shard_count: int = 4, places: Sequence[str] = ("W",)) -> None:
        self.node = NodeEngine(shard_count)
        self.model = ModelEngine()
        self.ids = 0
        for place in places:
            made = Location(place, LocationKind.WAREHOUSE, "", enabled=True)
            self.ask(UpdateLocation(made))

    def ask(self, command: Command) -> Any:
        (expected,) = self.model.turn([command], NOON_NS)
        assert [expected] == self.node.turn([command], NOON_NS)
        return expected

    def results(self, *events: StockEvent) -> Sequence[EventResult]:
        outcome = self.ask(RecordStockEvents("erp", events))
        assert isinstance(outcome, EventsOutcome)
        assert [] == check_invariants(self.node.node)
        return outcome.results

    def tell(self, *events: StockEvent) -> list[EventOutcome]:
        return [each.outcome for each in self.results(*events)]

    def fact(self, kind: EventKind, quantity: int, document: str = "po", **more: Any) -> StockEvent:
        self.ids += 1
        key = key_from_parts("erp", str(self.ids))
        fields: dict[str, Any] = {"place": "W", "sequence": 0, **more}
        place, sequence = fields.pop("place"), fields.pop("sequence")
        if kind is EventKind.SUPPLY:
            fields = {"expected_ns": NOON_NS + NS_PER_DAY, **fields}
        event = StockEvent(
            None if sequence else key, sequence, "Mug", place, kind, quantity, **fields
        )
        return event._replace(reference=Reference(SUPPLY, document, "10"))

    def undoing(self, event: StockEvent) -> StockEvent:
        """The reversal of an event that was sent."""
        assert event.key is not None
        assert event.key.text is not None
        self.ids += 1
        named = Reversed("erp", event.key.text, event.key, event.kind)
        key = key_from_parts("erp", str(self.ids))
        return event._replace(key=key, kind=EventKind.REVERSAL, reverses=named)

    def undo(self, event: StockEvent) -> list[EventOutcome]:
        """Reverse an event that was sent."""
        return self.tell(self.undoing(event))

    def promise(self, **more: Any) -> PromiseView:
        view = self.ask(GetAvailableToPromise("Mug", (), more.pop("days", 30), 0, 99))
        assert isinstance(view, AvailableToPromiseView)
        return view.levels[0]


def story(buyer: Buyer) -> list[StockEvent]:
    """Ten are announced, four come, it is eight and later, three more come, the rest is cancelled;
    another document has five.
    """
    later = NOON_NS + 3 * NS_PER_DAY
    supply, receipt = EventKind.SUPPLY, EventKind.RECEIPT
    return [
        buyer.fact(supply, 10, sequence=1),
        buyer.fact(receipt, 4, sequence=2),
        buyer.fact(supply, 8, sequence=3, expected_ns=later),
        buyer.fact(receipt, 3, sequence=4),
        buyer.fact(supply, 5, "other", sequence=5),
    ]


def state_after(order: Iterable[int]) -> tuple[PromiseView, str]:
    buyer = Buyer(1)
    events = story(buyer)
    for number in order:
        buyer.tell(events[number])
    return buyer.promise(), buyer.node.node.state_hash()


def test_facts_of_supply_come_to_the_same_in_every_order() -> None:
    """By their numbers: all 120 orders, each sent to the node and the model."""
    clean, expected = state_after(range(5))
    assert (7, 6) == (clean.available, sum(each.incoming for each in clean.supplies))
    for order in permutations(range(5)):
        assert (clean, expected) == state_after(order), order


def test_facts_without_numbers_are_ordered_by_the_time_of_their_source() -> None:
    said = [(5, 1), (6, 3), (0, 2)]
    for order in permutations(said):
        buyer = Buyer(1)
        buyer.tell(
            *(
                buyer.fact(EventKind.SUPPLY, units, occur_time_ns=NOON_NS + hour)
                for units, hour in order
            )
        )
        assert [6] == [each.incoming for each in buyer.promise().supplies]


def test_a_level_has_so_many_open_supplies_and_no_more() -> None:
    """One that is known may change, and when one is done another begins. No other fact is
    refused.
    """
    buyer = Buyer()
    for number in range(SUPPLIES_OPEN_MAX):
        (outcome,) = buyer.tell(buyer.fact(EventKind.SUPPLY, 3, f"po {number}"))
        assert outcome is EventOutcome.APPLIED
    another = buyer.fact(EventKind.SUPPLY, 3, "another")
    assert [EventOutcome.TOO_MANY_SUPPLIES] == buyer.tell(another)
    assert [EventOutcome.APPLIED] * 3 == buyer.tell(
        buyer.fact(EventKind.SUPPLY, 4, "po 7"),
        buyer.fact(EventKind.RECEIPT, 4, "another"),
        buyer.fact(EventKind.RECEIPT, 4, "po 7"),
    )
    assert [EventOutcome.APPLIED] == buyer.tell(another)
    assert SUPPLIES_OPEN_MAX == len(buyer.promise().supplies) + 1  # of `another` all have come


def test_the_undoing_of_a_receipt_opens_no_supply_beyond_the_bound() -> None:
    """The reversal counts all the same; where there is room, the units are to come again."""
    buyer = Buyer()
    receipts = [buyer.fact(EventKind.RECEIPT, 3, f"came {each}") for each in range(2)]
    for receipt, number in zip(receipts, range(2), strict=True):
        buyer.tell(buyer.fact(EventKind.SUPPLY, 3, f"came {number}"), receipt)
    for number in range(SUPPLIES_OPEN_MAX - 1):
        buyer.tell(buyer.fact(EventKind.SUPPLY, 3, f"po {number}"))
    assert [EventOutcome.APPLIED] == buyer.undo(receipts[0])
    assert SUPPLIES_OPEN_MAX == len(buyer.promise().supplies)
    undone = buyer.undoing(receipts[1])
    assert [(EventOutcome.APPLIED, 0, True)] == [
        (each.outcome, each.on_hand, each.is_untracked) for each in buyer.results(undone)
    ]
    assert SUPPLIES_OPEN_MAX == len(buyer.promise().supplies)


def test_the_undoing_of_a_receipt_leaves_a_forgotten_supply_alone() -> None:
    buyer = Buyer()
    receipt = buyer.fact(EventKind.RECEIPT, 3, "long ago")
    buyer.tell(receipt)
    for number in range(SUPPLIES_CLOSED_MAX):
        buyer.tell(buyer.fact(EventKind.RECEIPT, 1, f"po {number}"))
    assert [EventOutcome.APPLIED] == buyer.undo(receipt)
    buyer.tell(buyer.fact(EventKind.SUPPLY, 5, "long ago"))
    assert [5] == [each.incoming for each in buyer.promise().supplies]


def test_the_last_closed_supplies_of_a_level_are_known() -> None:
    """So many, the others are forgotten: what comes of them later is announced from nothing."""
    buyer = Buyer()
    for number in range(SUPPLIES_CLOSED_MAX + 1):
        receipt = buyer.fact(EventKind.RECEIPT, 3, f"po {number}")
        buyer.tell(buyer.fact(EventKind.SUPPLY, 3, f"po {number}"), receipt)
    (shard,) = [each for each in buyer.node.node.shards if len(each.supplies)]
    assert SUPPLIES_CLOSED_MAX == len(shard.supplies)
    for number, incoming in ((SUPPLIES_CLOSED_MAX, 1), (0, 4)):
        buyer.tell(buyer.fact(EventKind.SUPPLY, 4, f"po {number}"))
        assert incoming == buyer.promise().supplies[0].incoming
        buyer.tell(buyer.fact(EventKind.SUPPLY, 0, f"po {number}"))


def test_supply_without_room_is_refused_and_no_other_fact_is() -> None:
    """A receipt of supply that nobody announced is a receipt all the same."""
    node = Node(1, rows_max=40)
    buyer = Buyer(1)
    place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)

    def ask(command: Command) -> Any:
        ticket = Ticket(command)
        node.post(command, ticket)
        ((_, outcome),) = node.turn(NOON_NS).answers
        return outcome

    ask(UpdateLocation(place))
    outcomes = []
    for number in range(60):
        event = buyer.fact(EventKind.SUPPLY, 3, f"po {number % 50}", sequence=number + 1)
        outcomes += [each.outcome for each in ask(RecordStockEvents("erp", (event,))).results]
    assert [EventOutcome.APPLIED] * 40 == outcomes[:40]
    assert [EventOutcome.TOO_MANY_SUPPLIES] * 10 == outcomes[40:50]
    assert [EventOutcome.APPLIED] * 10 == outcomes[50:]
    receipt = buyer.fact(EventKind.RECEIPT, 3, "po 45", sequence=61)
    (result,) = ask(RecordStockEvents("erp", (receipt,))).results
    assert (EventOutcome.APPLIED, 3, True) == (result.outcome, result.on_hand, result.is_untracked)
    assert 40 == len(node.shards[0].supplies)
    assert [] == check_invariants(node)


def test_pages_tell_every_level_once() -> None:
    """A page ends after the level with which it has so many supplies, or at its size."""
    places = [f"W{number}" for number in range(9)]
    buyer = Buyer(1, places)
    each = PROMISE_SUPPLIES_MAX // 3 + 1
    for place in places:
        for begin in range(0, each, 50):
            numbers = range(begin, min(each, begin + 50))
            facts = [buyer.fact(EventKind.SUPPLY, 1, f"po {n}", place=place) for n in numbers]
            buyer.tell(*facts)

    def page(first: int, size: int) -> AvailableToPromiseView:
        (view,) = buyer.node.turn([GetAvailableToPromise("Mug", (), 30, first, size)], NOON_NS)
        assert isinstance(view, AvailableToPromiseView)
        return view

    for size, counts in ((250, [3, 3, 3]), (2, [2, 2, 2, 2, 1])):
        start: int | None = 0
        pages = []
        while start is not None:
            view = page(start, size)
            pages.append([level.location for level in view.levels])
            assert {each} == {len(level.supplies) for level in view.levels}
            start = view.next_start
        assert places == list(chain.from_iterable(pages))
        assert counts == list(map(len, pages))


def test_a_read_without_supply_looks_at_no_supply() -> None:
    """What is not used costs nothing: the tables stay empty, and no kernel of theirs runs."""
    buyer = Buyer(1)
    event = buyer.fact(EventKind.RECEIPT, 3)
    buyer.tell(event._replace(reference=Reference("purchase_order", "po", "10")))
    buyer.ask(GetAvailability(("Mug",)))
    buyer.promise()
    columns = state_bytes.columns(buyer.node.node.shards[0])
    names = ("supplies", "supply_heads", "supply_texts")
    assert [0, 0, 0] == [len(columns[name]) for name in names]


@pytest.mark.parametrize("shard_count", [1, 4])
def test_supply_comes_back_from_a_snapshot(shard_count: int) -> None:
    """With its texts and chains; blocks of text are used again."""
    buyer = Buyer(shard_count)
    for number in range(30):
        document = "long " * 9 + str(number) if number % 3 else str(number)
        buyer.tell(buyer.fact(EventKind.SUPPLY, number % 4, document))
    other = Node(shard_count)
    for old, new in zip(buyer.node.node.shards, other.shards, strict=True):
        columns = {name: column.copy() for name, column in state_bytes.columns(old).items()}
        state_bytes.load(new, columns)
    other.loaded()
    assert buyer.node.node.state_hash() == other.state_hash()
    assert [] == check_invariants(other)
    buyer.node.node = other
    before = buyer.promise()
    buyer.tell(buyer.fact(EventKind.SUPPLY, 5, "one more"))
    assert len(before.supplies) + 1 == len(buyer.promise().supplies)
