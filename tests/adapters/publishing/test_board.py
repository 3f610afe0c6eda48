"""A board against a channel that is a dict: whatever goes wrong, both agree in the end."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.adapters.contract import Accepted, Deferred, Rejected, Stale
from holdfast.adapters.events import Shown
from holdfast.adapters.mapping import Row, Tables
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.publishing.flights import Flight
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.outages import Claims
from holdfast.adapters.publishing.pairs import NONE, Record
from holdfast.adapters.publishing.publish_options import PublishOptions

SKUS = ["a", "b", "c"]
NODES = {"DEFAULT": ("dc-1", "dc-2"), "store": ("store-17",)}
LOCATIONS = ["dc-1", "dc-2", "store-17"]
#: Without buffers, so that what a channel is to show is a sum.
OPTIONS = PublishOptions(nodes=NODES, buffer_max=0)
START_S = 1_700_000_000.0
#: When rows of items begin or end to hold.
TURN = datetime(2026, 11, 27, tzinfo=UTC)

#: Units in what the channel sells of the last SKU.
PACK = 3
PACKS = {("", "c"): (Row("", Fraction(PACK), None, None, "", 0),)}

Pair = tuple[str, str]


def board_of(
    levels: KnownLevels, options: PublishOptions = OPTIONS, tables: Tables | None = None
) -> Board:
    items = Items(tables or Tables(), TURN - timedelta(hours=1))
    return Board("shop", options, items, levels, Claims())


def drain(steps: Iterable[None]) -> None:
    """Take all steps of something that lets others get their turn in between."""
    for _ in steps:
        pass


class Machine(RuleBasedStateMachine):
    """A core, a board, a store, and a channel that compares and sets."""

    @initialize()
    def begin(self) -> None:
        self.now_s = START_S
        self.core: dict[tuple[str, str], int] = {}
        self.channel: dict[Pair, int] = {}
        self.kept: dict[Pair, Record] = {}
        self.sequences: dict[Pair, int] = {}
        self.flights: list[Flight] = []
        self.acted: set[str] = set()
        self.nodes = NODES
        self.skus = self.skus_next = {*SKUS}
        self.start()

    def start(self) -> None:
        self.levels = KnownLevels()
        options = PublishOptions(nodes=self.nodes, buffer_max=0)
        rows = {(sku, ""): (self.row(sku),) for sku in self.skus | self.skus_next}
        self.board = board_of(self.levels, options, Tables({"item": rows, "unit": PACKS}))
        for (sku, location), units in self.core.items():
            self.tell(sku, location, units)
        for (item, node), record in self.kept.items():
            self.board.restore(item, node, record, self.now_s)

    def row(self, sku: str) -> Row:
        """A row for the time until the turn, from the turn on, or both."""
        since = None if sku in self.skus else TURN
        until = None if sku in self.skus_next else TURN
        return Row(sku, Fraction(1), since, until, "", 0)

    def tell(self, sku: str, location: str, units: int) -> None:
        self.levels.tell(sku, location, units, True, self.now_s)
        self.board.level_changed(sku, location, self.now_s)

    def keep(self, flight: Flight) -> None:
        pairs = self.board.pairs
        self.kept[pairs.names[flight.row]] = pairs.record(flight.row)

    @rule(sku=st.sampled_from(SKUS), location=st.sampled_from(LOCATIONS), units=st.integers(-2, 9))
    def change(self, sku: str, location: str, units: int) -> None:
        self.core[sku, location] = units
        self.tell(sku, location, units)

    @rule(count=st.integers(1, 4), skip=st.integers(0, 2))
    def take(self, count: int, skip: int) -> None:
        self.began(self.board.take(count, self.now_s, skip))

    @rule(count=st.integers(1, 2))
    def overtake(self, count: int) -> None:
        self.began(self.board.take_overtaking(count, self.now_s))

    def began(self, flights: list[Flight]) -> None:
        for flight in flights:
            name = flight.offer.item, flight.offer.node
            assert flight.offer.sequence > self.sequences.get(name, 0)
            self.sequences[name] = flight.offer.sequence
            self.keep(flight)
        self.flights += flights

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """The channel does what an offer says, whether its answer arrives or not."""
        flight = data.draw(st.sampled_from(self.flights))
        self.apply(flight)

    def apply(self, flight: Flight) -> None:
        if flight.offer.id not in self.acted:
            self.acted.add(flight.offer.id)
            self.channel[flight.offer.item, flight.offer.node] = flight.offer.quantity

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), verdict=st.sampled_from(["yes", "stale", "shown", "no", "later"]))
    def answer(self, data: st.DataObject, verdict: str) -> None:
        flight = self.flights.pop(data.draw(st.integers(0, len(self.flights) - 1)))
        shown = self.channel.get((flight.offer.item, flight.offer.node))
        if verdict == "yes" or flight.offer.id in self.acted:
            self.apply(flight)
            self.settle(flight, Accepted())
        else:
            other = {"stale": Stale(), "shown": Stale(shown), "no": Rejected("no")}
            self.settle(flight, other.get(verdict, Deferred(2.0)))

    def settle(self, flight: Flight, verdict: Any) -> None:
        self.board.settle(flight, verdict, self.now_s)
        self.keep(flight)

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        flight = self.flights.pop(data.draw(st.integers(0, len(self.flights) - 1)))
        self.board.lose(flight, self.now_s)
        self.keep(flight)

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        self.board.hand_over([data.draw(st.sampled_from(self.flights))], self.now_s)

    @precondition(lambda self: self.channel)
    @rule(data=st.data(), quantity=st.integers(0, 9))
    def drift(self, data: st.DataObject, quantity: int) -> None:
        """Somebody changes what the channel shows, and it says so."""
        item, node = data.draw(st.sampled_from(sorted(self.channel)))
        if any((each.offer.item, each.offer.node) == (item, node) for each in self.flights):
            return
        shown = Shown(item=item, node=node, quantity=quantity)
        _, row = self.board.hear(shown, self.now_s)
        if row == NONE:  # it is not ours to follow
            return
        self.channel[item, node] = quantity
        self.kept[item, node] = self.board.pairs.record(row)

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        drain(self.board.pass_time(self.now_s))

    @rule(
        nodes=st.sets(st.sampled_from(sorted(NODES)), min_size=1),
        skus=st.sets(st.sampled_from(SKUS)),
        skus_next=st.sets(st.sampled_from(SKUS)),
    )
    def restart(self, nodes: set[str], skus: set[str], skus_next: set[str]) -> None:
        """The process is killed, and may begin with other settings. What is on its way to the
        channel still acts, or does not.
        """
        self.flights = []
        self.nodes = {node: NODES[node] for node in nodes}
        self.skus, self.skus_next = skus, skus_next
        self.start()

    @rule()
    def turn(self) -> None:
        """Rows of items begin and end to hold."""
        self.skus = self.skus_next
        drain(self.board.items_as_of(TURN, self.now_s))

    @invariant()
    def exposure_is_what_it_says(self) -> None:
        pairs = self.board.pairs
        exposed = [
            max(0, most - there) for most, there in zip(pairs.most, pairs.there, strict=True)
        ]
        assert sum(exposed) == self.board.exposed_units

    @invariant()
    def the_channel_shows_no_more_than_is_said(self) -> None:
        pairs = self.board.pairs
        for row, name in enumerate(pairs.names):
            if pairs.most[row] != NONE:
                assert self.channel.get(name, 0) <= pairs.most[row]

    def teardown(self) -> None:
        """Once nothing goes wrong any more, the channel shows what is there."""
        if not hasattr(self, "board"):
            return
        for flight in self.flights:
            self.apply(flight)
            self.settle(flight, Accepted())
        self.board.offer_rejected_again(self.now_s)
        for _ in range(20):
            self.now_s += 100
            drain(self.board.pass_time(self.now_s))
            for flight in self.board.take(100, self.now_s):
                self.apply(flight)
                self.board.settle(flight, Accepted(), self.now_s)
        assert self.expected() == {key: n for key, n in self.channel.items() if n}
        assert not self.board.dirty
        assert not self.board.exposed_units

    def expected(self) -> dict[Pair, int]:
        found: dict[Pair, int] = {}
        for sku in self.skus:
            for node, locations in self.nodes.items():
                units = sum(max(0, self.core.get((sku, each), 0)) for each in locations)
                if shown := units // (PACK if sku == "c" else 1):
                    found[sku, node] = shown
        return found


def test_board_and_channel_agree_in_the_end() -> None:
    few = settings(max_examples=15, stateful_step_count=30)
    run_state_machine_as_test(Machine, settings=few)


def test_the_age_of_values_has_the_time_that_orders_take() -> None:
    board = board_of(KnownLevels())
    board.begin(START_S)
    before = age_s(board)
    board.sold(START_S - 3_600, START_S + 1)
    board.sold(START_S + 5, START_S + 3)  # by a clock that goes ahead
    assert before == age_s(board)

    for _ in range(98):
        board.sold(START_S + 10, START_S + 20)
    assert age_s(board) == pytest.approx(before + 9.8)


def age_s(board: Board) -> float:
    drain(board.measure(START_S))
    return board.age_s


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_board_and_channel_agree_in_the_end_of_many_stories() -> None:
    many = settings(max_examples=500, stateful_step_count=60)
    run_state_machine_as_test(Machine, settings=many)
