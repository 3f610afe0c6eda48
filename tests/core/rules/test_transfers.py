"""Transfers: whatever order their facts come in, what they spare, how many there may be, and how
they are undone.
"""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    Command,
    EventResult,
    EventsOutcome,
    GetAvailability,
    GetAvailableToPromise,
    Line,
    Location,
    PromiseView,
    RecordStockEvents,
    Reference,
    Reserve,
    Reversed,
    StockEvent,
    SupplyView,
    UpdateLocation,
)
from holdfast.core.commands.stock import TRANSFER
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import (
    NS_PER_DAY,
    QUANTITY_MAX,
    SUPPLIES_CLOSED_MAX,
    SUPPLIES_OPEN_MAX,
)
from holdfast.core.model import EventKind, EventOutcome, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from tests.core.engine import ModelEngine, NodeEngine

NOON_NS = 1_767_268_800 * 10**9
APPLIED = EventOutcome.APPLIED
DISPATCH, RECEIPT = EventKind.TRANSFER_DISPATCH, EventKind.RECEIPT
ADJUSTMENT = EventKind.TRANSFER_ADJUSTMENT
OF_TRANSFERS = (DISPATCH, RECEIPT, ADJUSTMENT)


class Warehouses:
    """A node and the model, which are told and asked the same: 100 Mugs at A, none at B."""

    def __init__(self, shard_count: int = 4) -> None:
        self.node = NodeEngine(shard_count, window_ns=NS_PER_DAY)
        self.model = ModelEngine(window_ns=NS_PER_DAY)
        self.now_ns = NOON_NS
        self.ids = 0
        for place in "AB":
            made = Location(place, LocationKind.WAREHOUSE, "", enabled=True)
            self.ask(UpdateLocation(made))
        self.tell(StockEvent(key_from_text("first"), 0, "Mug", "A", EventKind.COUNT, 100))

    def ask(self, command: Command) -> Any:
        (expected,) = self.model.turn([command], self.now_ns)
        assert [expected] == self.node.turn([command], self.now_ns)
        self.now_ns += 1
        return expected

    def tell(self, *events: StockEvent) -> list[EventResult]:
        outcome = self.ask(RecordStockEvents("wms", events))
        assert isinstance(outcome, EventsOutcome)
        assert [] == check_invariants(self.node.node)
        return list(outcome.results)

    def outcomes(self, *events: StockEvent) -> list[EventOutcome]:
        return [each.outcome for each in self.tell(*events)]

    def fact(self, kind: EventKind, quantity: int, document: str = "t1", **more: Any) -> StockEvent:
        """A fact at the place that it is about: A of a dispatch to B, or else B."""
        self.ids += 1
        key = key_from_parts("wms", str(self.ids))
        if kind is DISPATCH:
            more = {"to_location": "B", **more}
        place = "A" if kind is DISPATCH else "B"
        event = StockEvent(key, 0, "Mug", place, kind, quantity, **more)
        return event._replace(reference=Reference(TRANSFER, document, "10"))

    def undoing(self, event: StockEvent) -> StockEvent:
        """The reversal of a fact."""
        assert event.key is not None
        assert event.key.text is not None
        self.ids += 1
        named = Reversed("wms", event.key.text, event.key, event.kind)
        key = key_from_parts("wms", str(self.ids))
        return event._replace(key=key, kind=EventKind.REVERSAL, reverses=named)

    def on_hand(self) -> tuple[int, int]:
        (view,) = self.ask(GetAvailability(("Mug",))).views
        levels = {level.location: level.on_hand for level in view.levels}
        return levels["A"], levels.get("B", 0)

    def promises(self) -> dict[str, PromiseView]:
        view = self.ask(GetAvailableToPromise("Mug", (), 30, 0, 99))
        return {level.location: level for level in view.levels}

    def open(self) -> tuple[SupplyView, ...]:
        """What is under way to B, or came there and was not dispatched."""
        return self.promises()["B"].supplies


def state_after(order: Iterable[int]) -> tuple[Any, ...]:
    """Ten go in two parts; four come and are reported twice, under two ids, of which one is
    reversed; one is lost.
    """
    world = Warehouses(1)
    again = world.fact(RECEIPT, 4)
    facts = [
        world.fact(DISPATCH, 6, expected_ns=NOON_NS),
        world.fact(DISPATCH, 4, expected_ns=NOON_NS + NS_PER_DAY),
        again,
        world.fact(ADJUSTMENT, -1),
        world.undoing(again),
    ]
    world.tell(world.fact(RECEIPT, 4))
    for number in order:
        world.tell(facts[number])
    return world.on_hand(), sorted(world.open()), world.node.node.state_hash()


def test_facts_of_a_transfer_come_to_the_same_in_every_order() -> None:
    """All 120 orders, each sent to the node and the model."""
    clean = state_after(range(5))
    assert ((90, 4), 5) == (clean[0], clean[1][0].incoming)
    for order in permutations(range(5)):
        assert clean == state_after(order), order


# --- a stream of numbered facts, as it may come ---

#: A kind, and whether it is about the place that units leave.
KINDS = (
    *((DISPATCH, True), (RECEIPT, False), (ADJUSTMENT, False)),
    *((EventKind.COUNT, True), (EventKind.COUNT, False), (EventKind.SALE, False)),
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[EventKind, bool, int, str]], list[int]]:
    """What a source tells, and the order in which it comes: shuffled, and doubled."""
    facts = st.tuples(st.sampled_from(KINDS), st.integers(1, 9), st.sampled_from("xy"))
    stream = draw(st.lists(facts, min_size=1, max_size=12))
    numbers = list(range(len(stream)))
    order = draw(st.permutations(numbers + draw(st.lists(st.sampled_from(numbers), max_size=4))))
    return [(*kind, units, document) for kind, units, document in stream], order


@pytest.fixture(scope="module", params=[1, 4])
def running(request: pytest.FixtureRequest) -> Warehouses:
    """One node for all examples, each of which has places and a source of its own."""
    return Warehouses(request.param)


@given(arrived=arrivals())
@settings(max_examples=60)
def test_a_stream_of_transfers_comes_to_the_same_shuffled_and_doubled(
    running: Warehouses, arrived: tuple[list[tuple[EventKind, bool, int, str]], list[int]]
) -> None:
    """With counts among them, which have seen what their source sent before."""
    stream, order = arrived

    def tell(order: Iterable[int]) -> tuple[Any, ...]:
        running.ids += 1
        here, there, source = (f"{name} {running.ids}" for name in ("from", "to", "wms"))
        for place in (here, there):
            running.ask(UpdateLocation(Location(place, LocationKind.STORE, "", enabled=True)))
        opening = [
            StockEvent(key_from_text(place), 0, "Mug", place, EventKind.COUNT, 50)
            for place in (here, there)
        ]
        running.ask(RecordStockEvents("opening", tuple(opening)))
        facts = [
            StockEvent(
                *(None, number, "Mug", here if leaves else there, kind, units),
                reference=Reference(TRANSFER, document, "") if kind in OF_TRANSFERS else None,
                to_location=there if kind is DISPATCH else "",
                takes_promised=kind is DISPATCH,
            )
            for number, (kind, leaves, units, document) in enumerate(stream, 1)
        ]
        for number in order:
            running.ask(RecordStockEvents(source, (facts[number],)))
        (view,) = running.ask(GetAvailability(("Mug",), (here, there))).views
        (come,) = running.ask(GetAvailableToPromise("Mug", (there,), 30, 0, 99)).levels
        return [(level.on_hand, level.incoming) for level in view.levels], sorted(come.supplies)

    assert tell(range(len(stream))) == tell(order)


def test_what_is_under_way_is_promised_there_by_date() -> None:
    world = Warehouses()
    world.tell(world.fact(DISPATCH, 30, expected_ns=NOON_NS + 2 * NS_PER_DAY))
    promises = world.promises()
    assert (70, ()) == (promises["A"].available, promises["A"].supplies)
    assert (0, [30]) == (promises["B"].available, [day.available for day in promises["B"].days])
    assert [True] == [each.is_transfer for each in promises["B"].supplies]


def test_a_dispatch_without_a_time_is_overdue() -> None:
    world = Warehouses()
    world.tell(world.fact(DISPATCH, 30))
    there = world.promises()["B"]
    assert (30, (), 1) == (there.overdue, there.days, len(there.supplies))


def test_a_dispatch_spares_what_is_promised_until_it_is_told_not_to() -> None:
    """The same event may be sent again; of units that came already there is no doubt."""
    world = Warehouses()
    world.ask(Reserve(key_from_text("r1"), (Line("Mug", "A", 95),), 60_000))
    sent = world.fact(DISPATCH, 6)
    (refused,) = world.tell(sent)
    assert (EventOutcome.EXCEEDS_AVAILABLE, 5) == (refused.outcome, refused.possible)
    assert (100, 0) == world.on_hand()
    assert [APPLIED] == world.outcomes(sent._replace(takes_promised=True))
    assert [EventOutcome.DUPLICATE] == world.outcomes(sent)
    assert (94, 0) == world.on_hand()
    come = world.fact(RECEIPT, 3, "t2")
    world.tell(come)
    (refused,) = world.tell(world.fact(DISPATCH, 4, "t2"))
    assert (EventOutcome.EXCEEDS_AVAILABLE, 3) == (refused.outcome, refused.possible)
    assert [APPLIED] == world.outcomes(world.fact(DISPATCH, 3, "t2"))


def test_a_transfer_that_is_received_twice_is_reported_and_stays_open() -> None:
    world = Warehouses()
    results = world.tell(world.fact(DISPATCH, 5), world.fact(RECEIPT, 5), world.fact(RECEIPT, 5))
    assert [5, 0, -5] == [each.in_transit for each in results]
    assert (95, 10) == world.on_hand()
    assert [(5, 10, 0, 5)] == [
        (each.announced, each.received, each.incoming, each.over) for each in world.open()
    ]
    assert () == world.promises()["B"].days
    world.tell(world.fact(ADJUSTMENT, 5))
    assert () == world.open()


def test_what_came_ahead_of_its_dispatch_is_not_forgotten() -> None:
    """Of what is closed the last are known; what is open stays, however much is closed after it."""
    world = Warehouses()
    world.tell(world.fact(RECEIPT, 3, "ahead"))
    for number in range(SUPPLIES_CLOSED_MAX + 2):
        document = f"t{number}"
        world.tell(world.fact(DISPATCH, 1, document), world.fact(RECEIPT, 1, document))
    (shard,) = [each for each in world.node.node.shards if len(each.supplies)]
    assert SUPPLIES_CLOSED_MAX + 1 == len(shard.supplies)
    (result,) = world.tell(world.fact(DISPATCH, 3, "ahead"))
    assert (APPLIED, 0) == (result.outcome, result.in_transit)
    assert () == world.open()


def test_the_undoing_of_what_is_forgotten_comes_to_the_same_sum() -> None:
    world = Warehouses()
    first = world.fact(RECEIPT, 2, "long ago")
    world.tell(world.fact(DISPATCH, 2, "long ago"), first)
    for number in range(SUPPLIES_CLOSED_MAX):
        document = f"t{number}"
        world.tell(world.fact(DISPATCH, 1, document), world.fact(RECEIPT, 1, document))
    (result,) = world.tell(world.undoing(first))
    assert (APPLIED, 2) == (result.outcome, result.in_transit)
    assert [2] == [each.incoming for each in world.open()]


def test_a_level_has_so_many_open_transfers_and_no_more() -> None:
    """Whichever fact would open another; what is open goes on."""
    world = Warehouses()
    world.tell(StockEvent(key_from_text("more"), 0, "Mug", "A", EventKind.COUNT, 500))
    for number in range(SUPPLIES_OPEN_MAX // 2):
        sent = world.fact(DISPATCH, 1, f"t{number}", takes_promised=True)
        come, more = world.fact(RECEIPT, 1, f"u{number}"), world.fact(ADJUSTMENT, 1, f"t{number}")
        assert [APPLIED] * 3 == world.outcomes(sent, come, more)
    assert SUPPLIES_OPEN_MAX == len(world.open())
    facts = [world.fact(kind, 1, "another") for kind in (DISPATCH, ADJUSTMENT)]
    assert [EventOutcome.TOO_MANY_SUPPLIES] * 2 == world.outcomes(*facts)
    world.tell(world.fact(RECEIPT, 2, "t0"))
    assert [APPLIED] * 2 == world.outcomes(facts[0], world.fact(RECEIPT, 1, "t7"))


def crowded() -> Warehouses:
    """As many transfers to B are open as may be, of one unit each."""
    world = Warehouses()
    for number in range(SUPPLIES_OPEN_MAX):
        world.tell(world.fact(ADJUSTMENT, 1, f"t{number}"))
    return world


def test_goods_that_came_or_left_are_recorded_however_many_transfers_are_open() -> None:
    """What is on hand is right, and the answer says that the transfer knows nothing of it."""
    world = crowded()
    facts = world.fact(RECEIPT, 4, "x"), world.fact(DISPATCH, 5, "y", takes_promised=True)
    expected = [(APPLIED, 4, 0, True), (APPLIED, 95, 0, True)]
    results = world.tell(*facts)
    assert expected == [(e.outcome, e.on_hand, e.in_transit, e.is_untracked) for e in results]
    assert ((95, 4), SUPPLIES_OPEN_MAX) == (world.on_hand(), len(world.open()))
    assert [EventOutcome.DUPLICATE] * 2 == world.outcomes(*facts)
    world.tell(world.fact(RECEIPT, 1, "t0"))
    (result,) = world.tell(world.fact(DISPATCH, 4, "x"))
    assert (4, False) == (result.in_transit, result.is_untracked)
    (result,) = world.tell(world.fact(ADJUSTMENT, -4, "x"))
    assert ((91, 5), 0) == (world.on_hand(), result.in_transit)


def test_a_fact_is_undone_though_its_transfer_cannot_open_again() -> None:
    world = Warehouses()
    sent, come = world.fact(DISPATCH, 5, "x"), world.fact(RECEIPT, 5, "x")
    world.tell(sent, come)
    for number in range(SUPPLIES_OPEN_MAX):
        world.tell(world.fact(ADJUSTMENT, 1, f"t{number}"))
    undoings = [world.undoing(come), world.undoing(sent)]
    undoings += [world.undoing(undoings[1])]
    results = world.tell(*undoings)
    assert [(APPLIED, True)] * 3 == [(each.outcome, each.is_untracked) for each in results]
    assert ((95, 0), SUPPLIES_OPEN_MAX) == (world.on_hand(), len(world.open()))


def test_goods_that_came_are_recorded_though_their_transfer_is_out_of_range() -> None:
    world = Warehouses()
    facts = [world.fact(RECEIPT, units) for units in (QUANTITY_MAX, 1)]
    results = world.tell(*facts)
    assert [(APPLIED, False), (APPLIED, True)] == [(e.outcome, e.is_untracked) for e in results]
    assert (100, QUANTITY_MAX + 1) == world.on_hand()


def test_units_under_one_reference_stay_in_range() -> None:
    world = Warehouses()
    assert [APPLIED, EventOutcome.OUT_OF_RANGE, APPLIED] == world.outcomes(
        world.fact(ADJUSTMENT, QUANTITY_MAX), world.fact(ADJUSTMENT, 1), world.fact(ADJUSTMENT, -1)
    )


def test_a_transfer_without_room_is_refused_and_may_be_sent_again() -> None:
    node = NodeEngine(1)
    node.node = Node(1, rows_max=40)
    world = Warehouses(1)

    def ask(command: Command) -> Any:
        (outcome,) = node.turn([command], NOON_NS)
        return outcome

    for place in "AB":
        ask(UpdateLocation(Location(place, LocationKind.WAREHOUSE, "", enabled=True)))
    outcomes = []
    for number in range(50):
        event = world.fact(ADJUSTMENT, 3, f"t{number}")._replace(key=None, sequence=number + 1)
        (result,) = ask(RecordStockEvents("wms", (event,))).results
        outcomes.append(result.outcome)
    assert [APPLIED] * 40 + [EventOutcome.TOO_MANY_SUPPLIES] * 10 == outcomes
    assert [] == check_invariants(node.node)


def test_a_dispatch_is_undone_where_it_left_and_where_it_goes() -> None:
    world = Warehouses()
    sent = world.fact(DISPATCH, 5)
    world.tell(sent)
    undone = world.undoing(sent)
    assert [APPLIED] == world.outcomes(undone)
    assert ((100, 0), ()) == (world.on_hand(), world.open())
    assert [EventOutcome.ALREADY_REVERSED] == world.outcomes(world.undoing(sent))
    elsewhere = world.undoing(world.fact(DISPATCH, 5))._replace(to_location="A")
    assert [EventOutcome.REVERSAL_PENDING] == world.outcomes(elsewhere)
    assert [APPLIED] == world.outcomes(world.undoing(undone))
    assert ((95, 0), [5]) == (world.on_hand(), [each.incoming for each in world.open()])


def test_whoever_transfers_nothing_has_no_table_for_it() -> None:
    world = Warehouses(1)
    world.tell(world.fact(RECEIPT, 3)._replace(reference=Reference("delivery", "d", "")))
    world.promises()
    columns = state_bytes.columns(world.node.node.shards[0])
    names = ("supplies", "supply_heads", "supply_texts")
    assert [0, 0, 0] == [len(columns[name]) for name in names]


@pytest.mark.parametrize("shard_count", [1, 4])
def test_transfers_come_back_from_a_snapshot(shard_count: int) -> None:
    world = Warehouses(shard_count)
    for number in range(30):
        world.tell(world.fact((DISPATCH, RECEIPT)[number % 2], 1, f"t{number % 20}"))
    other = Node(shard_count)
    for old, new in zip(world.node.node.shards, other.shards, strict=True):
        columns = {name: column.copy() for name, column in state_bytes.columns(old).items()}
        state_bytes.load(new, columns)
    other.loaded()
    assert world.node.node.state_hash() == other.state_hash()
    world.node.node = other
    before = world.open()
    world.tell(world.fact(DISPATCH, 5, "one more"))
    assert len(before) + 1 == len(world.open())
