"""Counts that are not of this moment, and goods issues: whatever order they come in."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from holdfast.core.commands import (
    Command,
    EventsOutcome,
    Line,
    Location,
    MergeSku,
    Move,
    RecordStockEvents,
    Reference,
    Reserve,
    ResetSource,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import COUNT_AHEAD_NS_MAX, NS_PER_DAY, NUMBERS_AHEAD_MAX
from holdfast.core.model import CountBasis, EventKind, EventOutcome, LocationKind, Remainder, Verb
from tests.core.engine import ModelEngine, NodeEngine

HOUR_NS = 3_600 * 10**9
NOON_NS = 1_767_268_800 * 10**9
SHIPPED_NS = NOON_NS + 2 * HOUR_NS
POSTED_NS = NOON_NS + 8 * HOUR_NS
LAST_NS = NOON_NS + 20 * HOUR_NS
WINDOW_NS = 7 * NS_PER_DAY

#: Facts of a generation before the first count.
FEW = 5

#: How a source numbers its facts and says what a count had seen of them.
NUMBERED = ("its own", "as of", "as of, with ids")

ORDER = key_from_text("order")
OF_ORDER = Reference(RESERVATION, "order", "")


class Shop:
    """A node and the model with ten mugs, of which an order has been placed for some."""

    def __init__(self, ordered: int = 1) -> None:
        self.node = NodeEngine(4, window_ns=WINDOW_NS)
        self.model = ModelEngine(window_ns=WINDOW_NS)
        self.ids = 0
        place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)
        self.ask(UpdateLocation(place), NOON_NS)
        self.fact(EventKind.COUNT, 10, NOON_NS)
        self.ask(Reserve(ORDER, (Line("Mug", "W", ordered),), 60_000), NOON_NS)
        self.ask(Move(Verb.COMMIT, ORDER, None, None, Remainder.KEEP), NOON_NS)

    def ask(self, command: Command, now_ns: int) -> object:
        expected = self.model.turn([command], now_ns)
        assert expected == self.node.turn([command], now_ns)
        return expected[0]

    def fact(
        self,
        kind: EventKind,
        quantity: int,
        now_ns: int,
        source: str = "erp",
        sequence: int = 0,
        **more: Any,
    ) -> EventOutcome:
        """Record a fact and return what became of it."""
        self.ids += 1
        key = key_from_parts(source, str(self.ids))
        event = StockEvent(key, sequence, "Mug", "W", kind, quantity, **more)
        outcome = self.ask(RecordStockEvents(source, (event,)), now_ns)
        result = outcome.results[0]  # type: ignore[attr-defined]
        self.reapplied = [(each.source, each.units) for each in result.reapplied]
        found: EventOutcome = result.outcome
        return found

    def count(self, quantity: int, as_of_ns: int | None, now_ns: int, **more: Any) -> EventOutcome:
        """Record a balance of the books."""
        more = {"basis": CountBasis.BOOKS, **more}
        return self.fact(EventKind.COUNT, quantity, now_ns, occur_time_ns=as_of_ns, **more)

    def ship(self, now_ns: int) -> None:
        self.ask(Move(Verb.FULFILL, ORDER, None, None, Remainder.KEEP), now_ns)

    def post(self, now_ns: int, quantity: int = 1) -> EventOutcome:
        """The ERP posts the goods issue."""
        return self.fact(
            EventKind.GOODS_ISSUE, quantity, now_ns, occur_time_ns=POSTED_NS, reference=OF_ORDER
        )

    @property
    def on_hand(self) -> int:
        level = self.model.model.skus["Mug"]["W"]
        return level.on_hand

    def happen(self, what: str, now_ns: int) -> None:
        """One of the things of the story of the ERP."""
        match what:
            case "ship":
                self.ship(now_ns)
            case "post":
                self.post(now_ns)
            case "before":
                self.count(10, SHIPPED_NS - HOUR_NS, now_ns)
            case "between":
                self.count(10, POSTED_NS - HOUR_NS, now_ns)
            case "after":
                self.count(9, POSTED_NS + HOUR_NS, now_ns)


@pytest.mark.parametrize("order", list(permutations(("post", "before", "between", "after"))))
def test_an_erp_counts_before_between_and_after_its_posting(order: Sequence[str]) -> None:
    """A mug is shipped here and posted by the ERP later. Whatever comes first, nine are left: in
    all 24 orders.
    """
    shop = Shop()
    shop.ship(SHIPPED_NS)
    for hours, what in enumerate(order):
        shop.happen(what, LAST_NS + hours * HOUR_NS)
    assert 9 == shop.on_hand
    shop.node.restart()


@pytest.mark.parametrize(
    "order", list(permutations(("ship", "post", "before", "between", "after")))
)
def test_the_shipment_may_come_late_as_well(order: Sequence[str]) -> None:
    """All of it arrives in any order: 120 of them."""
    shop = Shop()
    for hours, what in enumerate(order):
        shop.happen(what, LAST_NS + hours * HOUR_NS)
    assert 9 == shop.on_hand


@pytest.mark.parametrize(
    ("names", "are_timed"),
    [
        *((names, timed) for names in NUMBERED for timed in (False, True)),
        ("none", True),
    ],
)
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_feed_with_a_count_comes_to_the_same_in_any_order(
    order: Sequence[int], names: str, are_timed: bool
) -> None:
    """Ten more came, two were sold, eighteen were counted, and then one was sold. The source says
    by numbers or by times what the count had seen.
    """
    shop = Shop()
    has_numbers = names != "none"
    facts = [
        (EventKind.RECEIPT, 10),
        (EventKind.SALE, 2),
        (EventKind.COUNT, 18),
        (EventKind.SALE, 1),
    ]
    for hours, index in enumerate(order):
        kind, quantity = facts[index]
        is_count = kind == EventKind.COUNT
        numbered = has_numbers and not (is_count and names == "as of, with ids")
        number = index + 1 if names != "as of, with ids" or index < 2 else index
        shop.fact(
            kind,
            quantity,
            LAST_NS + hours * HOUR_NS,
            sequence=number if numbered else 0,
            occur_time_ns=NOON_NS + index * HOUR_NS if are_timed else None,
            as_of_sequence=2 if is_count and names.startswith("as of") else 0,
        )
    assert 17 == shop.on_hand
    shop.node.restart()


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("has_number", [False, True])
def test_a_posting_may_be_numbered(order: Sequence[int], has_number: bool) -> None:
    """The ERP numbers what it posts, and names the last number that a count had seen."""
    shop = Shop(4)
    shop.ship(SHIPPED_NS)
    events: list[dict[str, Any]] = [
        {"kind": EventKind.RECEIPT, "quantity": 5, "sequence": 1},
        {"kind": EventKind.GOODS_ISSUE, "quantity": 4, "sequence": 2, "reference": OF_ORDER},
        {"kind": EventKind.COUNT, "quantity": 11, "as_of_sequence": 2},
        {"kind": EventKind.RECEIPT, "quantity": 2, "sequence": 3 + has_number},
    ]
    events[2]["sequence"] = 3 if has_number else 0
    for hours, index in enumerate(order):
        shop.fact(now_ns=LAST_NS + hours * HOUR_NS, **events[index])
    assert 13 == shop.on_hand


def test_a_count_that_has_seen_less_than_the_last_is_outdated() -> None:
    """T9, by numbers: also where counts have ids alone; and the same again is a correction."""
    shop = Shop()
    shop.fact(EventKind.RECEIPT, 10, NOON_NS + 1, sequence=1)
    shop.fact(EventKind.SALE, 1, NOON_NS + 2, sequence=2)
    counts = [(20, 2), (15, 1), (19, 2)]
    assert [EventOutcome.APPLIED, EventOutcome.COUNT_OUTDATED, EventOutcome.APPLIED] == [
        shop.fact(EventKind.COUNT, quantity, LAST_NS + at, as_of_sequence=number)
        for at, (quantity, number) in enumerate(counts)
    ]
    assert 19 == shop.on_hand
    shop.fact(EventKind.COUNT, 18, LAST_NS + 3, sequence=3, as_of_sequence=2)
    assert EventOutcome.APPLIED == shop.fact(
        EventKind.COUNT, 17, LAST_NS + 4, sequence=4, as_of_sequence=2
    )


def test_numbers_of_before_a_reset_are_none_of_todays() -> None:
    shop = Shop()
    shop.fact(EventKind.RECEIPT, 90, NOON_NS + 1, sequence=1)
    shop.fact(EventKind.SALE, 5, NOON_NS + 2, sequence=50)
    shop.fact(EventKind.COUNT, 95, NOON_NS + 3, as_of_sequence=50)
    shop.ask(ResetSource("erp", 0), NOON_NS + 4)
    shop.fact(EventKind.SALE, 1, NOON_NS + 5, sequence=1)
    assert EventOutcome.APPLIED == shop.fact(EventKind.COUNT, 94, LAST_NS, as_of_sequence=1)
    assert 94 == shop.on_hand


@pytest.mark.parametrize("has_numbers", [False, True])
@pytest.mark.parametrize("is_count_first", [False, True])
def test_at_the_same_time_numbers_tell_and_else_the_count_had_seen_it(
    is_count_first: bool, has_numbers: bool
) -> None:
    """A sale of the very instant of a count, numbered 1 and 2, and without numbers."""
    shop = Shop()
    at_ns = NOON_NS + HOUR_NS
    steps = [(EventKind.SALE, 4, 2), (EventKind.COUNT, 10, 1)]
    for kind, quantity, number in reversed(steps) if is_count_first else steps:
        sequence = number if has_numbers else 0
        shop.fact(kind, quantity, LAST_NS, sequence=sequence, occur_time_ns=at_ns)
    assert (6 if has_numbers else 10) == shop.on_hand


def test_a_count_by_number_is_outdated_also_where_another_source_has_counted_since() -> None:
    shop = Shop()
    shop.fact(EventKind.RECEIPT, 1, NOON_NS + 1, sequence=7)
    shop.fact(EventKind.COUNT, 8, NOON_NS + 2, sequence=8)
    shop.fact(EventKind.COUNT, 3, NOON_NS + 3, source="shop")
    outdated = EventOutcome.COUNT_OUTDATED
    assert outdated == shop.fact(EventKind.COUNT, 12, LAST_NS, as_of_sequence=5)
    assert 3 == shop.on_hand


def test_a_number_far_ahead_is_a_slip() -> None:
    """It would swallow all that its source reports until then. How far a source is that has
    numbered nothing is not known; and it may have numbered facts of SKUs in another shard.
    """
    shop = Shop()
    far = 9 * NUMBERS_AHEAD_MAX
    applied, in_future = EventOutcome.APPLIED, EventOutcome.COUNT_IN_FUTURE
    assert applied == shop.fact(EventKind.COUNT, 5, LAST_NS, as_of_sequence=far)
    for number, sku in enumerate(("Cup", "Pot", "Jug", "Pan"), 1):
        event = StockEvent(key_from_parts(sku), number, sku, "W", EventKind.RECEIPT, 1)
        shop.ask(RecordStockEvents("till", (event,)), LAST_NS)
    for ahead, expected in ((NUMBERS_AHEAD_MAX + 1, in_future), (NUMBERS_AHEAD_MAX, applied)):
        assert expected == shop.fact(EventKind.COUNT, 5, LAST_NS, "till", as_of_sequence=4 + ahead)


def test_what_a_merged_sku_had_was_not_counted_at_the_other() -> None:
    """A sale of before the count comes after the merge, under the name of then."""
    shop = Shop()
    old = StockEvent(key_from_parts("erp", "r"), 0, "Old", "W", EventKind.RECEIPT, 5)
    shop.ask(RecordStockEvents("erp", (old,)), NOON_NS)
    shop.ask(Move(Verb.CANCEL, ORDER, None, None, Remainder.KEEP), NOON_NS)
    shop.fact(EventKind.COUNT, 10, NOON_NS + 9, occur_time_ns=NOON_NS + 8)
    shop.ask(MergeSku("Old", "Mug"), NOON_NS + 10)
    shop.node.restart()
    sale = StockEvent(
        key_from_parts("erp", "s"), 0, "Old", "W", EventKind.SALE, 3, occur_time_ns=NOON_NS + 7
    )
    shop.ask(RecordStockEvents("erp", (sale,)), LAST_NS)
    assert 12 == shop.on_hand


def test_two_counts_of_a_turn_replay_to_the_same() -> None:
    """The first states its instant and has a number, the second is of the moment."""
    shop = Shop()
    events = (
        StockEvent(None, 2, "Mug", "W", EventKind.COUNT, 7, NOON_NS),
        StockEvent(None, 3, "Mug", "W", EventKind.COUNT, 6),
    )
    shop.ask(RecordStockEvents("till", events), LAST_NS)
    shop.node.restart()
    late = StockEvent(None, 1, "Mug", "W", EventKind.RECEIPT, 5, NOON_NS + 1)
    shop.ask(RecordStockEvents("till", (late,)), LAST_NS + 1)
    assert 6 == shop.on_hand


def test_a_busy_level_is_counted_as_of_an_instant_by_a_source_that_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What came before the instant is not looked through."""
    monkeypatch.setattr("holdfast.core.rules.level_history.HISTORY_READ_MAX", FEW)
    shop = Shop()
    for number in range(2 * FEW):
        shop.fact(EventKind.RECEIPT, 1, NOON_NS + 1 + number, source="till")
    assert EventOutcome.APPLIED == shop.fact(
        EventKind.COUNT, 9, LAST_NS, sequence=1, occur_time_ns=LAST_NS - 1
    )


def test_what_a_count_took_off_is_given_back_at_a_busy_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The books had the posting, which comes after much else."""
    monkeypatch.setattr("holdfast.core.rules.level_history.HISTORY_READ_MAX", FEW)
    shop = Shop()
    shop.ship(SHIPPED_NS)
    shop.happen("after", LAST_NS)
    for number in range(2 * FEW):
        shop.fact(EventKind.RECEIPT, 1, LAST_NS + 1 + number, source="till")
    shop.happen("post", LAST_NS + HOUR_NS)
    assert 9 + 2 * FEW == shop.on_hand


def test_a_count_does_not_bring_sold_units_back() -> None:
    """T8: ten were counted, and four that were sold since were not seen."""
    shop = Shop()
    shop.fact(EventKind.SALE, 4, NOON_NS + HOUR_NS, source="till")
    outcome = shop.fact(EventKind.COUNT, 10, NOON_NS + 2 * HOUR_NS, occur_time_ns=NOON_NS)
    assert (EventOutcome.APPLIED, 6) == (outcome, shop.on_hand)
    assert [("till", -4)] == shop.reapplied


def test_an_older_count_than_the_last_is_reported_as_such() -> None:
    """T9, also when the last one was of its own moment."""
    shop = Shop()
    now_ns = NOON_NS + 5 * HOUR_NS
    assert EventOutcome.APPLIED == shop.count(8, NOON_NS + 2 * HOUR_NS, now_ns)
    assert EventOutcome.COUNT_OUTDATED == shop.count(9, NOON_NS + HOUR_NS, now_ns)
    assert EventOutcome.APPLIED == shop.fact(EventKind.COUNT, 7, now_ns)
    assert EventOutcome.COUNT_OUTDATED == shop.count(9, NOON_NS + 3 * HOUR_NS, now_ns + 1)
    assert 7 == shop.on_hand


def test_a_count_of_tomorrow_or_of_long_ago_is_reported_as_such() -> None:
    """A clock may be some minutes ahead."""
    shop = Shop()
    now_ns = NOON_NS + WINDOW_NS
    ahead_ns = now_ns + COUNT_AHEAD_NS_MAX
    assert EventOutcome.COUNT_IN_FUTURE == shop.count(9, ahead_ns + 1, now_ns)
    assert EventOutcome.COUNT_TOO_OLD == shop.count(9, now_ns - WINDOW_NS - 1, now_ns)
    assert EventOutcome.APPLIED == shop.count(9, now_ns - WINDOW_NS, now_ns)
    assert EventOutcome.APPLIED == shop.count(8, ahead_ns, now_ns)
    assert 8 == shop.on_hand


def test_a_count_by_number_sees_what_its_source_numbered() -> None:
    """Whenever that happened; and what others sold by the time."""
    shop = Shop()
    for number in (1, 2, 3):
        event = StockEvent(None, number, "Mug", "W", EventKind.RECEIPT, 10**number)
        shop.ask(RecordStockEvents("erp", (event,)), NOON_NS + number)
    outcome = shop.fact(EventKind.COUNT, 5, NOON_NS + HOUR_NS, as_of_sequence=2)
    assert (EventOutcome.APPLIED, 1_005) == (outcome, shop.on_hand)
    assert [("erp", 1_000)] == shop.reapplied


def test_picked_units_are_on_hand_and_seen_orders_are_not_taken_off_again() -> None:
    shop = Shop(ordered=3)
    shop.ship(SHIPPED_NS)
    assert 7 == shop.on_hand
    shop.count(5, POSTED_NS, LAST_NS, picked_quantity=2, seen_reservations=("order", "other"))
    assert 7 == shop.on_hand
    shop.count(10, POSTED_NS, LAST_NS)
    assert ([("", -3)], 7) == (shop.reapplied, shop.on_hand)


def test_a_goods_issue_of_more_than_there_is_has_no_effect() -> None:
    """Also when its order is not known."""
    shop = Shop(ordered=2)
    assert EventOutcome.EXCEEDS_SHIPPED == shop.post(LAST_NS, 3)
    reference = Reference(RESERVATION, "nobody's", "")
    outcome = shop.fact(EventKind.GOODS_ISSUE, 1, LAST_NS, reference=reference)
    assert (EventOutcome.UNKNOWN_ORDER, 10) == (outcome, shop.on_hand)


def test_a_goods_issue_may_come_in_parts_and_before_the_shipment() -> None:
    """What it is ahead of has left: the shipment that comes later finds nothing to ship."""
    shop = Shop(ordered=5)
    lines = (Line("Mug", "W", 3),)
    shop.ask(Move(Verb.FULFILL, ORDER, None, lines, Remainder.KEEP), SHIPPED_NS)
    assert EventOutcome.APPLIED == shop.post(LAST_NS, 3)
    assert (EventOutcome.APPLIED, 5) == (shop.post(LAST_NS, 2), shop.on_hand)
    shop.ship(LAST_NS)
    shop.count(5, LAST_NS, LAST_NS + 1)
    assert 5 == shop.on_hand


def kept(shop: Shop) -> int:
    """Facts and shipments that the node has."""
    histories = [each for shard in shop.node.node.shards for each in (shard.facts, shard.shipments)]
    return sum(len(each.current) + len(each.previous) for each in histories)


def test_who_sends_no_such_counts_pays_for_the_newest_facts_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is kept by level, either. From the first one on, all of the window is."""
    monkeypatch.setattr("holdfast.core.tables.shard.UNUSED_HISTORY_MAX", 4 * FEW)
    shop = Shop()
    for number in range(10 * FEW):
        shop.fact(EventKind.RECEIPT, 1, NOON_NS + number)
    assert FEW + 1 == kept(shop)
    assert [0] * 4 == [len(shard.latest) for shard in shop.node.node.shards]
    now_ns = NOON_NS + HOUR_NS
    shop.node.restart()
    newest_ns = NOON_NS + 10 * FEW - FEW
    assert EventOutcome.APPLIED == shop.fact(EventKind.COUNT, 5, now_ns, occur_time_ns=newest_ns)
    assert 5 + FEW - 1 == shop.on_hand
    for number in range(10 * FEW):
        shop.fact(EventKind.RECEIPT, 1, now_ns + number)
    assert 11 * FEW + 2 == kept(shop)
    shop.node.restart()
    assert EventOutcome.APPLIED == shop.fact(EventKind.COUNT, 5, LAST_NS, occur_time_ns=now_ns)
    assert 5 + 10 * FEW - 1 == shop.on_hand


def test_what_was_forgotten_before_the_first_count_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A count from before what is known is too old; a later one is not."""
    monkeypatch.setattr("holdfast.core.tables.shard.UNUSED_HISTORY_MAX", 4 * FEW)
    shop = Shop()
    for number in range(10 * FEW):
        shop.fact(EventKind.RECEIPT, 1, NOON_NS + number)
    node = shop.node.node
    event = StockEvent(None, 1, "Mug", "W", EventKind.COUNT, 9, occur_time_ns=NOON_NS)
    (outcome,) = shop.node.turn([RecordStockEvents("erp", (event,))], LAST_NS)
    assert isinstance(outcome, EventsOutcome)
    assert EventOutcome.COUNT_TOO_OLD == outcome.results[0].outcome
    assert all(shard.keeping.is_used for shard in node.shards)
    shop.node.restart()
    assert EventOutcome.APPLIED == shop.count(9, LAST_NS, LAST_NS)


@pytest.mark.parametrize("what", ["facts", "shipments"])
def test_a_count_after_which_too_much_happened_is_too_old(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a turn cannot look through is not applied again; a count of a later instant is."""
    monkeypatch.setattr("holdfast.core.rules.level_history.HISTORY_READ_MAX", FEW)
    shop = Shop(ordered=2 * FEW)
    for number in range(FEW + 1):
        if what == "facts":
            shop.fact(EventKind.SALE, 1, SHIPPED_NS + number, source="till")
        else:
            lines = (Line("Mug", "W", 1),)
            parcel = Move(Verb.FULFILL, ORDER, None, lines, Remainder.KEEP)
            shop.ask(parcel, SHIPPED_NS + number)
    more: dict[str, Any] = {"basis": CountBasis.SHELF, "occur_time_ns": SHIPPED_NS - 1}
    event = StockEvent(key_from_parts("shelf"), 0, "Mug", "W", EventKind.COUNT, 10, **more)
    (outcome,) = shop.node.turn([RecordStockEvents("shelf", (event,))], LAST_NS)
    assert isinstance(outcome, EventsOutcome)
    (result,) = outcome.results
    assert (EventOutcome.COUNT_TOO_OLD, 10 - FEW - 1) == (result.outcome, result.on_hand)
    basis = CountBasis.SHELF
    assert EventOutcome.APPLIED == shop.count(9, SHIPPED_NS + 1, LAST_NS, basis=basis)
    assert 9 - FEW + 1 == shop.on_hand


def test_units_shipped_before_the_first_count_are_not_posted_yet() -> None:
    """As far as shipments are known."""
    shop = Shop(ordered=3)
    shop.ship(SHIPPED_NS)
    assert EventOutcome.APPLIED == shop.count(10, LAST_NS, LAST_NS)
    assert ([("", -3)], 7) == (shop.reapplied, shop.on_hand)


def test_without_a_history_a_count_is_of_now() -> None:
    shop = Shop()
    shop.node, shop.model = NodeEngine(1), ModelEngine()
    place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)
    shop.ask(UpdateLocation(place), NOON_NS)
    assert EventOutcome.COUNT_TOO_OLD == shop.count(9, NOON_NS - 1, NOON_NS)
    assert EventOutcome.APPLIED == shop.count(9, None, NOON_NS)
