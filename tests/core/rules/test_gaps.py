"""Gaps: numbers that a source passed over, that come late, or do not come."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.commands import (
    Gap,
    GetAvailability,
    GetSource,
    ListSources,
    Location,
    RecordStockEvents,
    ResetSource,
    SequenceRange,
    Source,
    StockEvent,
    Unknown,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.ids import key_from_parts
from holdfast.core.limits import FIRST_NUMBERS_MAX, GAPS_MAX, NS_PER_DAY
from holdfast.core.model import EventKind, EventOutcome, LocationKind, SourceState, UnknownSkus
from tests.core.engine import ModelEngine, NodeEngine
from tests.model import StockColumns
from tests.model_sources import on_hand_with

RECEIPT, SALE, COUNT = EventKind.RECEIPT, EventKind.SALE, EventKind.COUNT
APPLIED, DUPLICATE, OUT_OF_ORDER = (
    EventOutcome.APPLIED,
    EventOutcome.DUPLICATE,
    EventOutcome.OUT_OF_ORDER,
)
COUNTED = EventOutcome.ALREADY_COUNTED

SKUS = ("Tea", "Mug", "Pot", "Cup", "Jug")
START_NS = 1_767_225_600 * 10**9
WINDOW_NS = 7 * NS_PER_DAY


class Feeds:
    """A node and the model, led through the same, with ten of everything."""

    def __init__(self, shard_count: int = 4, window_ns: int = WINDOW_NS) -> None:
        self.node: Any = NodeEngine(shard_count, window_ns=window_ns)
        self.model = ModelEngine(window_ns=window_ns)
        self.now_ns = START_NS
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        self.send(*map(opened, SKUS), source="opening")

    def ask(self, command: Any) -> Any:
        (expected,) = self.model.turn([command], self.now_ns)
        (outcome,) = self.node.turn([command], self.now_ns)
        assert expected == outcome
        self.now_ns += 1
        return outcome

    def send(self, *facts: StockEvent, packed: bool = False, source: str = "erp") -> Any:
        form = StockColumns if packed else RecordStockEvents
        return self.ask(form(source, facts))

    def outcomes(self, *facts: StockEvent, packed: bool = False) -> list[EventOutcome]:
        return [each.outcome for each in self.send(*facts, packed=packed).results]

    def on_hand(self) -> list[int]:
        views = self.ask(GetAvailability(SKUS)).views
        return [view.levels[0].on_hand for view in views]

    def source(self, name: str = "erp") -> Any:
        return self.ask(GetSource(name))


def opened(sku: str) -> StockEvent:
    """What there is at first."""
    return StockEvent(None, 1 + SKUS.index(sku), sku, "W", COUNT, 10)


def fact(number: int, kind: EventKind = SALE, quantity: int = 1, sku: str = "Tea") -> StockEvent:
    return StockEvent(None, number, sku, "W", kind, quantity)


@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_number_takes_effect_when_it_comes(packed: bool) -> None:
    """It is reported when it is passed over, listed until it comes, and a duplicate afterwards."""
    feeds = Feeds()
    assert (SequenceRange(2, 3),) == feeds.send(fact(1), fact(4), packed=packed).skipped
    opened_ns = feeds.now_ns - 1
    view = feeds.source()
    assert (SourceState.GAP, 2, (Gap(2, 3, opened_ns),)) == (view.state, view.missing, view.gaps)
    assert [APPLIED, DUPLICATE] == feeds.outcomes(fact(3), fact(1), packed=packed)
    assert (Gap(2, 2, opened_ns),) == feeds.source().gaps
    assert [APPLIED, DUPLICATE] == feeds.outcomes(fact(2), fact(2), packed=packed)
    view = feeds.source()
    assert (SourceState.CURRENT, 0, (), 4) == (
        view.state,
        view.missing,
        view.gaps,
        view.last_sequence,
    )
    assert [6, 10, 10, 10, 10] == feeds.on_hand()


@pytest.mark.parametrize("packed", [False, True])
def test_kinds_of_late_numbers_are_distinguished(packed: bool) -> None:
    """A missing one, a repeat, a reused one, and one below the beginning."""
    feeds = Feeds()
    begin = FIRST_NUMBERS_MAX + 2
    facts = [fact(begin), fact(begin + 2), fact(begin + 1), fact(begin + 2), fact(begin - 1)]
    facts.append(fact(begin, quantity=2))
    expected = [APPLIED, APPLIED, APPLIED, DUPLICATE, OUT_OF_ORDER, EventOutcome.ID_REUSED]
    assert expected == feeds.outcomes(*facts, packed=packed)
    assert SourceState.CURRENT is feeds.source().state


def test_a_source_that_begins_at_a_low_number_may_have_been_overtaken() -> None:
    feeds = Feeds()
    assert (SequenceRange(1, FIRST_NUMBERS_MAX),) == feeds.send(fact(FIRST_NUMBERS_MAX + 1)).skipped
    assert [APPLIED] == feeds.outcomes(fact(1))
    assert () == feeds.send(fact(FIRST_NUMBERS_MAX + 2), source="pos").skipped


def test_one_absurd_number_stops_no_source() -> None:
    """What is below it is missing and takes effect as it comes, until an operator resets it."""
    feeds = Feeds()
    feeds.send(fact(1), fact(2**63 - 1))
    assert 2**63 - 3 == feeds.source().missing
    assert [APPLIED, APPLIED, DUPLICATE] == feeds.outcomes(fact(2), fact(3), fact(2))
    feeds.ask(ResetSource("erp", 3, "one absurd number"))
    assert SourceState.CURRENT is feeds.source().state
    assert [APPLIED, OUT_OF_ORDER] == feeds.outcomes(fact(4), fact(3))


def test_a_number_that_had_no_effect_is_missing() -> None:
    """It is mended by sending the event again."""
    feeds = Feeds()
    feeds.send(fact(1), fact(2, sku="Nothing"), fact(3), packed=True)
    assert (2, 2) == feeds.source().gaps[0][:2]
    assert [APPLIED] == feeds.outcomes(fact(2, RECEIPT, sku="Nothing"))
    assert SourceState.CURRENT is feeds.source().state


def test_an_event_that_comes_again_under_another_number_leaves_no_gap() -> None:
    """Nothing is missing under it."""
    feeds = Feeds()
    first = fact(1)._replace(key=key_from_parts("erp", "e1"))
    assert [APPLIED, APPLIED] == feeds.outcomes(first, fact(2))
    assert [DUPLICATE, APPLIED] == feeds.outcomes(first._replace(sequence=3), fact(5))
    assert (4, 4) == feeds.source().gaps[0][:2]
    assert [DUPLICATE] == feeds.outcomes(first._replace(sequence=4), packed=True)
    view = feeds.source()
    assert (SourceState.CURRENT, 5) == (view.state, view.last_sequence)
    assert [DUPLICATE] == feeds.outcomes(fact(4, RECEIPT, 7))


@pytest.mark.parametrize("packed", [False, True])
def test_a_late_count_leaves_what_came_after_it(packed: bool) -> None:
    """In every order of four facts, the count among them says what it said in its place."""
    stream = [fact(1, RECEIPT, 5), fact(2, COUNT, 20), fact(3, SALE, 2), fact(4, RECEIPT, 1)]
    for seed in range(24):
        shuffled = random.Random(seed).sample(stream, len(stream))
        feeds = Feeds()
        for each in shuffled:
            assert feeds.outcomes(each, packed=packed)[0] in (APPLIED, COUNTED)
        assert [19, 10, 10, 10, 10] == feeds.on_hand()
        assert SourceState.CURRENT is feeds.source().state


def test_a_late_fact_that_a_count_had_seen_changes_nothing() -> None:
    """Nor does a late count after which there is another. Both are recorded."""
    feeds = Feeds()
    feeds.send(fact(1), fact(4, COUNT, 7))
    assert [COUNTED, COUNTED] == feeds.outcomes(fact(2), fact(3, COUNT, 99))
    assert [DUPLICATE, EventOutcome.ID_REUSED] == feeds.outcomes(fact(2), fact(3, COUNT, 98))
    assert 7 == feeds.on_hand()[0]
    assert SourceState.CURRENT is feeds.source().state


@pytest.mark.parametrize("packed", [False, True])
def test_a_late_count_is_too_old_when_nobody_knows_what_came_since(packed: bool) -> None:
    """Its number stays missing. Facts that add up are never too late."""
    feeds = Feeds(window_ns=0)
    feeds.send(fact(1), fact(4))
    expected = [EventOutcome.COUNT_TOO_OLD, APPLIED]
    assert expected == feeds.outcomes(fact(2, COUNT, 7), fact(3), packed=packed)
    assert (2, 2) == feeds.source().gaps[0][:2]
    assert 7 == feeds.on_hand()[0]


def test_counts_from_before_a_reset_had_seen_nothing_of_what_is_numbered_after() -> None:
    feeds = Feeds()
    feeds.send(fact(9, COUNT, 7))
    feeds.ask(ResetSource("erp", 0))
    assert [APPLIED, APPLIED, APPLIED] == feeds.outcomes(fact(1), fact(3), fact(2))
    assert 4 == feeds.on_hand()[0]


def test_more_gaps_than_are_listed_stay_on_record() -> None:
    """The oldest is dropped: its number is out of order, and missing until a reset."""
    node: Any = NodeEngine(1)
    node.turn([UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True))], 1)
    numbers = range(1, 2 * GAPS_MAX + 4, 2)
    for number in numbers:
        node.turn([RecordStockEvents("erp", (fact(number),))], number)
    (view,) = node.turn([GetSource("erp")], 9_999)
    assert (GAPS_MAX + 1, GAPS_MAX, 1) == (view.missing, view.gap_count, view.unlisted)
    late = tuple(fact(number) for number in (2, 4))
    (outcome,) = node.turn([RecordStockEvents("erp", late)], 9_999)
    assert [OUT_OF_ORDER, APPLIED] == [each.outcome for each in outcome.results]
    node.turn([RecordStockEvents("erp", tuple(fact(n + 1) for n in numbers if n > 3))], 9_999)
    (view,) = node.turn([GetSource("erp")], 9_999)
    assert (SourceState.GAP, 1, 0) == (view.state, view.missing, view.gap_count)
    node.restart()
    node.turn([ResetSource("erp", 9_999)], 9_999)
    (view,) = node.turn([GetSource("erp")], 9_999)
    assert (SourceState.CURRENT, 0) == (view.state, view.missing)


def test_gaps_of_many_sources_keep_apart() -> None:
    """Rows of gaps move when others leave."""
    rng = random.Random(1)
    feeds = Feeds()
    sent: dict[str, set[int]] = {f"till {n}": set() for n in range(5)}
    for _ in range(300):
        source = rng.choice(list(sent))
        number = rng.randint(1, 60)
        feeds.send(fact(number, sku=rng.choice(SKUS)), source=source)
        sent[source].add(number)
    feeds.node.restart()
    for source, numbers in sent.items():
        view = feeds.source(source)
        missing = {n for gap in view.gaps for n in range(gap.first, gap.last + 1)}
        assert set(range(1, max(numbers) + 1)) - numbers == missing


def test_sources_are_listed_page_by_page_each_once() -> None:
    feeds = Feeds()
    names = {f"till {number}" for number in range(7)}
    for name in sorted(names):
        feeds.send(fact(1), fact(2, sku="Mug"), source=name)
    found: list[str] = []
    start: int | None = 0
    while start is not None:
        (page,) = feeds.node.turn([ListSources(start, 3)], feeds.now_ns)
        found += [each.source.name for each in page.sources]
        start = page.next_start
    assert sorted({*names, "opening"}) == sorted(found)


def test_a_source_is_stale_when_it_is_silent_for_longer_than_it_says() -> None:
    feeds = Feeds()
    assert Unknown("source.source", "erp") == feeds.ask(UpdateSource(Source("erp", 1_000, None)))
    feeds.ask(UpdateSource(Source("erp", 1_000, None), allow_missing=True))
    assert SourceState.STALE is feeds.source().state  # it has not said anything yet
    feeds.send(fact(1))
    feeds.now_ns += 1_000 * 10**6 - 1
    assert SourceState.CURRENT is feeds.source().state
    assert SourceState.STALE is feeds.source().state
    feeds.ask(UpdateSource(Source("erp", 0, None), ("expected_interval_ms",)))
    assert SourceState.CURRENT is feeds.source().state


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (UnknownSkus.CREATE, [APPLIED, APPLIED]),
        (UnknownSkus.CREATE_BY_RECEIPT, [EventOutcome.UNKNOWN_SKU, APPLIED]),
        (UnknownSkus.REFUSE, [EventOutcome.UNKNOWN_SKU] * 2),
        (None, [APPLIED, APPLIED]),
    ],
)
def test_a_source_says_which_of_its_events_begin_a_sku(
    policy: UnknownSkus | None, expected: list[EventOutcome]
) -> None:
    feeds = Feeds()
    feeds.ask(UpdateSource(Source("erp", 0, policy), allow_missing=True))
    assert expected == feeds.outcomes(fact(1, sku="New"), fact(2, RECEIPT, sku="Newer"))


# --- a stream as it may come ---


@st.composite
def streams(draw: st.DrawFn) -> list[StockEvent]:
    """What a source tells, numbered from 1."""
    kinds = st.sampled_from((RECEIPT, SALE, SALE, EventKind.ADJUSTMENT, COUNT))
    drawn = draw(
        st.lists(
            st.tuples(kinds, st.integers(1, 9), st.sampled_from(SKUS)), min_size=1, max_size=25
        )
    )
    has_ids = draw(st.booleans())
    return [
        StockEvent(
            key_from_parts("erp", str(number)) if has_ids else None, number, sku, "W", kind, units
        )
        for number, (kind, units, sku) in enumerate(drawn, 1)
    ]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[StockEvent], list[list[StockEvent]], set[int]]:
    """A stream, the messages in which it comes, and the numbers that are lost.

    It is shuffled, so that some of it comes late; doubled; and where events have ids, some come
    again under a later number: after themselves, or that number would be theirs.
    """
    stream = draw(streams())
    lost = draw(st.sets(st.integers(1, len(stream)), max_size=3)) - {len(stream)}
    come = [event for event in stream if event.sequence not in lost]
    doubled = [event for event in come if draw(st.booleans())]
    again = [event._replace(sequence=len(stream) + n) for n, event in enumerate(doubled, 1)]
    shuffled = draw(st.permutations(come + doubled))
    if stream[0].key:
        shuffled += draw(st.permutations(again))
    messages: list[list[StockEvent]] = [[]]
    for event in shuffled:
        messages[-1].append(event)
        if draw(st.booleans()):
            messages.append([])
    return stream, [each for each in messages if each], lost


#: A stream, the messages that bring it, and the numbers that they leave out.
Arrivals = tuple[list[StockEvent], list[list[StockEvent]], set[int]]


@pytest.fixture(scope="module", params=[1, 4])
def running(request: pytest.FixtureRequest) -> Feeds:
    """One node for all examples, each of which has a source of its own and a place of its own: it
    takes longer to make a node than to feed it.
    """
    return Feeds(request.param)


@given(arrived=arrivals(), packed=st.booleans())
@settings(max_examples=30)
def test_a_stream_comes_to_the_same_in_whatever_form_it_comes(
    running: Feeds, arrived: Arrivals, packed: bool
) -> None:
    """Also when something is missing: that is reported, and mended when it comes."""
    assert_comes_to_the_same(running, arrived, packed)


@pytest.mark.slow
@given(arrived=arrivals(), packed=st.booleans())
@settings(max_examples=1_000)
def test_many_streams_come_to_the_same(running: Feeds, arrived: Arrivals, packed: bool) -> None:
    """The long form of the test above."""
    assert_comes_to_the_same(running, arrived, packed)


def assert_comes_to_the_same(running: Feeds, arrived: Arrivals, packed: bool) -> None:
    stream, messages, lost = arrived
    name = f"{running.now_ns}"
    running.ask(UpdateLocation(Location(name, LocationKind.STORE, "", enabled=True)))
    running.send(*(opened(sku)._replace(location=name) for sku in SKUS), source=f"opening {name}")

    def send(*events: StockEvent) -> None:
        keys = (event.key and key_from_parts(name, event.key.text or "") for event in events)
        mine = (
            event._replace(location=name, key=key) for event, key in zip(events, keys, strict=True)
        )
        running.send(*mine, packed=packed, source=name)

    expected = dict.fromkeys(SKUS, 10)
    for event in stream:
        expected[event.sku] = on_hand_with(event, expected[event.sku])
    for message in messages:
        send(*message)
    gaps = running.source(name).gaps
    assert lost == {n for gap in gaps for n in range(gap.first, gap.last + 1)}
    for number in sorted(lost, reverse=True):
        send(stream[number - 1])
    assert SourceState.CURRENT is running.source(name).state
    views = running.ask(GetAvailability(SKUS, (name,))).views
    assert list(expected.values()) == [view.levels[0].on_hand for view in views]


def test_turns_of_gaps_replay_to_the_same_bytes() -> None:
    """Gaps open and close, and a source is reset, in one turn."""
    feeds = Feeds()
    commands: Sequence[Any] = [
        RecordStockEvents("erp", (fact(1), fact(5), fact(3), fact(9, sku="Mug"))),
        StockColumns("erp", (fact(7, COUNT, 3), fact(2), fact(8, sku="Mug"))),
        ResetSource("erp", 4, "again"),
        StockColumns("erp", (fact(6), fact(5))),
    ]
    feeds.node.turn(commands, feeds.now_ns)
    feeds.node.restart()  # compares all columns
