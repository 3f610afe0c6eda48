"""Reversals and counts: what a count has seen, and what was booked and taken back."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from holdfast.core.commands import (
    Command,
    DeleteSku,
    Difference,
    EventResult,
    EventsOutcome,
    Line,
    ListPendingReversals,
    Location,
    MergeSku,
    Move,
    PendingReversalsView,
    RecordStockEvents,
    Reference,
    Reserve,
    Reversed,
    StockBatch,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.commands.stock import RESERVATION
from holdfast.core.ids import event_key, key_from_text
from holdfast.core.limits import (
    HOLD_MS_MAX,
    NS_PER_DAY,
    ON_HAND_MAX,
    PENDING_REVERSALS_MAX,
    REVERSALS_DEEP_MAX,
)
from holdfast.core.model import (
    CountBasis,
    EventKind,
    EventOutcome,
    LocationKind,
    Remainder,
    State,
    Verb,
)
from holdfast.core.tables.layouts import STOCK_EVENT
from tests.core.engine import ModelEngine, NodeEngine
from tests.model import StockColumns

HOUR_NS = 3_600 * 10**9
NOON_NS = 1_767_268_800 * 10**9
WINDOW_NS = 7 * NS_PER_DAY
ORDER = key_from_text("order")
OF_ORDER = Reference(RESERVATION, "order", "")


class Shop:
    """A node and the model with ten mugs, which are told the same an hour apart."""

    def __init__(self) -> None:
        self.node = NodeEngine(4, window_ns=WINDOW_NS)
        self.model = ModelEngine(window_ns=WINDOW_NS)
        self.now_ns = NOON_NS
        self.ask(UpdateLocation(Location("W", LocationKind.WAREHOUSE, "", enabled=True)))
        self.tell(EventKind.COUNT, 10, "opening")

    def ask(self, command: Command) -> Any:
        self.now_ns += HOUR_NS
        expected = self.model.turn([command], self.now_ns)
        assert expected == self.node.turn([command], self.now_ns)
        return expected[0]

    def tell(self, kind: EventKind, quantity: int, event_id: str, **more: Any) -> EventResult:
        event = StockEvent(event_key("erp", event_id), 0, "Mug", "W", kind, quantity)
        outcome = self.ask(RecordStockEvents("erp", (event._replace(**more),)))
        assert isinstance(outcome, EventsOutcome)
        return outcome.results[0]

    def reverse(self, kind: EventKind, quantity: int, of: str, **more: Any) -> EventOutcome:
        """Record the reversal of an event under the id R-…, of which there may be several."""
        return self.undo(kind, quantity, of, **more).outcome

    def undo(self, kind: EventKind, quantity: int, of: str, **more: Any) -> EventResult:
        """The same, with all of its result."""
        at_ns = more.pop("happened_ns", None)
        own = more.pop("own", f"R-{of}")
        named = Reversed("erp", of, event_key("erp", of), kind, at_ns)
        return self.tell(EventKind.REVERSAL, quantity, own, reverses=named, **more)

    def sell(self, quantity: int, event_id: str, *, is_columns: bool) -> None:
        """Record a sale of mugs, by their handle or by name."""
        event = StockEvent(event_key("erp", event_id), 0, "Mug", "W", EventKind.SALE, quantity)
        command = StockColumns if is_columns else RecordStockEvents
        (result,) = self.ask(command("erp", (event,))).results
        assert EventOutcome.APPLIED == result.outcome

    def order(self, quantity: int) -> None:
        self.ask(Reserve(ORDER, (Line("Mug", "W", quantity),), HOLD_MS_MAX))
        for verb in (Verb.COMMIT, Verb.FULFILL):
            self.ask(Move(verb, ORDER, None, None, Remainder.KEEP))

    def count(self, quantity: int, ago_hours: int, basis: CountBasis, event_id: str) -> None:
        at_ns = self.now_ns + HOUR_NS - ago_hours * HOUR_NS
        more = {"occur_time_ns": at_ns, "basis": basis}
        assert (
            EventOutcome.APPLIED == self.tell(EventKind.COUNT, quantity, event_id, **more).outcome
        )

    def listed(self, start: int, count: int) -> PendingReversalsView:
        (view,) = self.node.turn([ListPendingReversals(start, count)], self.now_ns)
        assert isinstance(view, PendingReversalsView)
        return view

    @property
    def on_hand(self) -> int:
        return self.model.model.skus["Mug"]["W"].on_hand


def test_what_a_count_of_the_shelf_has_seen_is_not_taken_off_again() -> None:
    """Five were booked by mistake, and the shelf had ten: it has ten."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5, "wrong")
    shop.tell(EventKind.COUNT, 10, "shelf")
    assert EventOutcome.ALREADY_COUNTED == shop.reverse(EventKind.RECEIPT, 5, "wrong")
    assert 10 == shop.on_hand
    shop.node.restart()
    assert EventOutcome.ALREADY_COUNTED == shop.reverse(EventKind.REVERSAL, 5, "R-wrong")
    assert 10 == shop.on_hand


def test_a_sale_that_was_none_does_not_come_back_twice() -> None:
    """Two were rung up by mistake and were on the shelf when it was counted."""
    shop = Shop()
    shop.tell(EventKind.SALE, 2, "wrong")
    shop.count(10, 0, CountBasis.SHELF, "shelf")
    assert EventOutcome.ALREADY_COUNTED == shop.reverse(EventKind.SALE, 2, "wrong")
    assert 10 == shop.on_hand


@pytest.mark.parametrize("basis", [None, CountBasis.BOOKS])
def test_a_fact_counts_again_whoever_reversed_it(basis: CountBasis | None) -> None:
    """A service desk reverses a sale of the till, and then its reversal: it is a sale again."""
    shop = Shop()
    shelf_ns = shop.now_ns
    shop.tell(EventKind.SALE, 2, "sold")
    target = Reversed("erp", "sold", event_key("erp", "sold"), EventKind.SALE)
    for name in ("wrong", "right after all"):
        key = event_key("desk", name)
        undone = StockEvent(key, 0, "Mug", "W", EventKind.REVERSAL, 2, reverses=target)
        shop.ask(RecordStockEvents("desk", (undone,)))
        target = Reversed("desk", name, key, EventKind.REVERSAL)
    assert 8 == shop.on_hand
    counted = shop.tell(EventKind.COUNT, 10, "late", occur_time_ns=shelf_ns, basis=basis)
    assert ("erp", EventKind.SALE, -2) in [each[:3] for each in counted.reapplied]
    assert 8 == shop.on_hand


def test_a_balance_of_the_books_has_what_was_booked() -> None:
    """The books had the five, so they are taken off when the booking is."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5, "wrong")
    shop.count(15, 0, CountBasis.BOOKS, "books")
    assert EventOutcome.APPLIED == shop.reverse(EventKind.RECEIPT, 5, "wrong")
    assert 10 == shop.on_hand


@pytest.mark.parametrize("basis", CountBasis)
@pytest.mark.parametrize(
    "order", list(permutations(("wrong", "reversal", "before", "between", "after")))
)
def test_the_end_is_the_same_in_all_orders(basis: CountBasis, order: tuple[str, ...]) -> None:
    """A booking at 1, its reversal at 3, counts of 0, 2 and 4. On the shelf there were ten each
    time; in the books, of which a booking comes before a balance that has it, fifteen at 2.
    """
    is_of_books = basis is CountBasis.BOOKS
    if is_of_books and order.index("wrong") > min(map(order.index, ("reversal", "between"))):
        return
    shop = Shop()
    began_ns = shop.now_ns
    for what in order:
        times = {"wrong": 1, "reversal": 3, "before": 0, "between": 2, "after": 4}
        at_ns = began_ns + times[what] * 60 * 10**9
        if what == "wrong":
            shop.tell(EventKind.RECEIPT, 5, "wrong", occur_time_ns=at_ns)
        elif what == "reversal":
            shop.reverse(EventKind.RECEIPT, 5, "wrong", occur_time_ns=at_ns)
        else:
            is_wrong = what == "between" and is_of_books
            more = {"occur_time_ns": at_ns, "basis": basis}
            shop.tell(EventKind.COUNT, 15 if is_wrong else 10, what, **more)
    assert 10 == shop.on_hand


def test_a_reversal_that_is_dated_before_its_event_is_seen_with_it() -> None:
    """An ERP dates by the day, and its balance is of an hour before the booking."""
    shop = Shop()
    day_ns = shop.now_ns
    counted_ns, booked_ns = day_ns + 60 * 10**9, day_ns + 120 * 10**9
    shop.tell(EventKind.RECEIPT, 5, "wrong", occur_time_ns=booked_ns)
    more = {"occur_time_ns": counted_ns, "basis": CountBasis.BOOKS}
    shop.tell(EventKind.COUNT, 10, "books", **more)
    assert 15 == shop.on_hand
    assert EventOutcome.APPLIED == shop.reverse(EventKind.RECEIPT, 5, "wrong", occur_time_ns=day_ns)
    assert 10 == shop.on_hand


def test_a_shipment_that_was_none_is_counted_once() -> None:
    """The shelf had the three that were said to be shipped: they are on hand, and committed."""
    shop = Shop()
    shop.order(3)
    shop.tell(EventKind.COUNT, 10, "shelf")
    more = {"reference": OF_ORDER}
    result = shop.tell(EventKind.SHIPMENT_REVERSAL, 3, "none", **more)
    assert (EventOutcome.APPLIED, 10, 7) == (result.outcome, result.on_hand, result.available)
    shop.node.restart()
    result = shop.tell(EventKind.SHIPMENT_REVERSAL, 1, "more", **more)
    assert (EventOutcome.EXCEEDS_SHIPPED, 0) == (result.outcome, result.possible)


def test_returns_of_an_order_end_with_its_shipments() -> None:
    """What was not shipped cannot come back, and what came back was shipped."""
    shop = Shop()
    shop.order(3)
    shop.tell(EventKind.SHIPMENT_REVERSAL, 2, "none", reference=OF_ORDER)
    result = shop.tell(EventKind.RETURN, 2, "back", reference=OF_ORDER)
    assert (EventOutcome.EXCEEDS_SHIPPED, 1) == (result.outcome, result.possible)
    shop.tell(EventKind.RETURN, 1, "back", reference=OF_ORDER)
    result = shop.tell(EventKind.SHIPMENT_REVERSAL, 1, "again", reference=OF_ORDER)
    assert (EventOutcome.EXCEEDS_SHIPPED, 0) == (result.outcome, result.possible)
    units = shop.model.model.reservations[ORDER].total
    assert (2, 1) == (units(State.COMMITTED), units(State.RETURNED))


def test_a_goods_issue_that_is_taken_back_counts_as_not_posted() -> None:
    """A balance that has it back has the units, which were shipped here."""
    shop = Shop()
    shop.order(3)
    shop.tell(EventKind.GOODS_ISSUE, 3, "posted", reference=OF_ORDER)
    shop.reverse(EventKind.GOODS_ISSUE, 3, "posted", reference=OF_ORDER)
    shop.count(10, 0, CountBasis.BOOKS, "books")
    assert 7 == shop.on_hand
    shop.reverse(EventKind.REVERSAL, 3, "R-posted", reference=OF_ORDER)
    assert 7 == shop.on_hand
    shop.count(7, 0, CountBasis.BOOKS, "books later")
    assert 7 == shop.on_hand


@pytest.mark.parametrize("is_first", [False, True], ids=["posting first", "reversal first"])
def test_the_reversals_of_a_goods_issue_have_times_of_their_own(is_first: bool) -> None:
    """It is taken back, and that is taken back in turn, each later than the one before."""
    shop = Shop()
    shop.order(3)
    times = (shop.now_ns + minutes * 60 * 10**9 for minutes in (1, 2, 3))
    posted, first, second = ({"reference": OF_ORDER, "occur_time_ns": each} for each in times)
    if not is_first:
        shop.tell(EventKind.GOODS_ISSUE, 3, "posted", **posted)
    shop.reverse(EventKind.GOODS_ISSUE, 3, "posted", **first)
    if is_first:
        shop.tell(EventKind.GOODS_ISSUE, 3, "posted", **posted)
    again = shop.reverse(EventKind.REVERSAL, 3, "R-posted", **second)
    assert EventOutcome.APPLIED == again
    shop.count(7, 0, CountBasis.BOOKS, "books")
    assert 7 == shop.on_hand
    shop.node.restart()


def test_columns_take_account_of_a_reversal_that_came_before() -> None:
    """An event in columns is the same event."""
    shop = Shop()
    event_id = "00000000-0000-4000-8000-00000000abcd"
    assert EventOutcome.REVERSAL_PENDING == shop.reverse(EventKind.SALE, 4, event_id)
    key, node = event_key("erp", event_id), shop.node.node
    home = node.homes.shard_of_sku("Mug")
    events = np.zeros(3, STOCK_EVENT)
    events["key_hi"], events["key_lo"], events["has_key"] = key.hi, key.lo, (1, 1, 0)
    events["sequence"] = (0, 0, 7)
    events["shard"], events["row"] = home.number, home.find_row("Mug", "W")
    events["kind"], events["quantity"] = EventKind.SALE, 4
    codes: Any = shop.node.turn([StockBatch("erp", events)], shop.now_ns)[0]
    outcomes = [result.outcome for result in codes.results]
    assert [EventOutcome.REVERSED, EventOutcome.DUPLICATE, EventOutcome.APPLIED] == outcomes
    shop.node.restart()


def test_pending_reversals_are_listed_until_their_events_come() -> None:
    """Page by page, and not when they were undone themselves."""
    shop = Shop()
    for number in range(3):
        shop.reverse(EventKind.RECEIPT, number + 1, f"e{number}")
    shop.reverse(EventKind.REVERSAL, 2, "R-e1")
    shop.tell(EventKind.RECEIPT, 1, "e0")
    view = shop.listed(0, 5)
    pending = [(each.event_id, each.kind, each.quantity) for each in view.reversals]
    assert [("e2", EventKind.RECEIPT, 3)] == pending
    for number in range(3, 8):
        shop.reverse(EventKind.RECEIPT, number + 1, f"e{number}")
    start: int | None = 0
    ids: list[str] = []
    while start is not None:
        view = shop.listed(start, 2)
        ids += [each.event_id for each in view.reversals]
        start = view.next_start
    assert [f"e{number}" for number in range(2, 8)] == ids


def test_there_is_a_bound_for_what_waits_and_for_what_undoes_what() -> None:
    """Both are refused, and change nothing."""
    node = NodeEngine(1)
    place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)
    node.turn([UpdateLocation(place)], NOON_NS)

    def reverse(of: str, own: str, kind: EventKind) -> EventOutcome:
        named = Reversed("erp", of, event_key("erp", of), kind)
        key = event_key("erp", own)
        event = StockEvent(key, 0, "Mug", "W", EventKind.REVERSAL, 1, reverses=named)
        (outcome,) = node.turn([RecordStockEvents("erp", (event,))], NOON_NS)
        assert isinstance(outcome, EventsOutcome)
        return outcome.results[0].outcome

    receipt = StockEvent(event_key("erp", "c0"), 0, "Mug", "W", EventKind.RECEIPT, 1)
    node.turn([RecordStockEvents("erp", (receipt,))], NOON_NS)
    for number in range(REVERSALS_DEEP_MAX):
        kind = EventKind.REVERSAL if number else EventKind.RECEIPT
        assert EventOutcome.APPLIED == reverse(f"c{number}", f"c{number + 1}", kind)
    found = reverse(f"c{REVERSALS_DEEP_MAX}", "deeper", EventKind.REVERSAL)
    assert EventOutcome.CANNOT_REVERSE == found
    for number in range(PENDING_REVERSALS_MAX):
        found = reverse(f"e{number}", f"w{number}", EventKind.RECEIPT)
        assert EventOutcome.REVERSAL_PENDING == found
    assert EventOutcome.CANNOT_REVERSE == reverse("one more", "w", EventKind.RECEIPT)
    node.restart()


def test_a_count_is_corrected_by_a_count() -> None:
    """A reversal that names one tells of something else."""
    shop = Shop()
    assert EventOutcome.REVERSAL_DIFFERS == shop.reverse(EventKind.RECEIPT, 10, "opening")
    assert 10 == shop.on_hand


def test_an_event_whose_reversal_was_undone_may_be_reversed_before_it_comes() -> None:
    """It is one event: whoever says something else of it is refused."""
    shop = Shop()
    pending = EventOutcome.REVERSAL_PENDING
    assert pending == shop.reverse(EventKind.SALE, 2, "later")
    shop.reverse(EventKind.REVERSAL, 2, "R-later")
    for kind, quantity, said in (
        (EventKind.SALE, 3, Difference("quantity", "2", "3")),
        (EventKind.RECEIPT, 2, Difference("kind", "SALE", "RECEIPT")),
    ):
        result = shop.undo(kind, quantity, "later", own="something else")
        assert (EventOutcome.REVERSAL_DIFFERS, said) == (result.outcome, result.difference)
    assert pending == shop.reverse(EventKind.SALE, 2, "later", own="after all")
    shop.node.restart()
    assert EventOutcome.REVERSED == shop.tell(EventKind.SALE, 2, "later").outcome
    assert 10 == shop.on_hand
    assert [] == list(shop.listed(0, 5).reversals)


@pytest.mark.parametrize("is_undone", [True, False], ids=["waiting", "reversed"])
@pytest.mark.parametrize("is_columns", [True, False], ids=["columns", "by name"])
def test_a_reversal_of_something_else_does_not_keep_the_right_one_out(
    *, is_undone: bool, is_columns: bool
) -> None:
    """Four were sold, and the reversal that came first says three: it waits no more. Whoever
    reverses that one, or restores it, changes nothing.
    """
    shop = Shop()
    event_id = "00000000-0000-4000-8000-00000000abcd"
    shop.reverse(EventKind.SALE, 3, event_id, own="wrong")
    if not is_undone:
        shop.reverse(EventKind.REVERSAL, 3, "wrong", own="not wrong")
    shop.sell(4, event_id, is_columns=is_columns)
    assert [] == list(shop.listed(0, 5).reversals)
    shop.node.restart()
    result = shop.undo(EventKind.SALE, 3, event_id, own="wrong again")
    differs = EventOutcome.REVERSAL_DIFFERS, Difference("quantity", "4", "3")
    assert differs == (result.outcome, result.difference)
    right = shop.undo(EventKind.SALE, 4, event_id, own="right")
    assert (EventOutcome.APPLIED, 10) == (right.outcome, right.on_hand)
    last = "wrong" if is_undone else "not wrong"
    result = shop.undo(EventKind.REVERSAL, 3, last, own="undone late")
    assert differs == (result.outcome, result.difference)
    assert 10 == shop.on_hand
    assert EventOutcome.APPLIED == shop.reverse(EventKind.REVERSAL, 4, "right")
    assert 6 == shop.on_hand


@pytest.mark.parametrize("sku", ["Pot", "Cup", "Tea", "Jug"])
def test_a_reversal_waits_no_more_when_its_event_is_another_skus(sku: str) -> None:
    """Which may be in any shard."""
    shop = Shop()
    shop.reverse(EventKind.RECEIPT, 4, "came")
    shop.tell(EventKind.RECEIPT, 4, "came", sku=sku)
    assert [] == list(shop.listed(0, 5).reversals)
    result = shop.undo(EventKind.RECEIPT, 4, "came", own="again")
    assert EventOutcome.REVERSAL_DIFFERS == result.outcome
    assert result.difference == Difference("sku", sku, "Mug")
    right = shop.undo(EventKind.RECEIPT, 4, "came", own="right", sku=sku)
    assert (EventOutcome.APPLIED, 0) == (right.outcome, right.on_hand)
    shop.node.restart()


def test_a_handle_of_no_shard_is_answered_while_reversals_wait() -> None:
    shop = Shop()
    shop.reverse(EventKind.SALE, 4, "sold")
    key, events = event_key("erp", "sold"), np.zeros(1, STOCK_EVENT)
    events["key_hi"], events["key_lo"], events["has_key"] = key.hi, key.lo, 1
    events["shard"], events["kind"], events["quantity"] = 999, EventKind.SALE, 4
    codes: Any = shop.node.turn([StockBatch("erp", events)], NOON_NS)[0]
    assert [EventOutcome.UNKNOWN_STOCK_LEVEL] == [result.outcome for result in codes.results]
    assert ["sold"] == [each.event_id for each in shop.listed(0, 5).reversals]


def test_what_waits_goes_on_when_its_event_is_refused() -> None:
    """Nothing was recorded under its id."""
    shop = Shop()
    shop.reverse(EventKind.RECEIPT, 4, "came")
    refused = shop.tell(EventKind.RECEIPT, ON_HAND_MAX, "came")
    assert EventOutcome.OUT_OF_RANGE == refused.outcome
    assert ["came"] == [each.event_id for each in shop.listed(0, 5).reversals]
    assert EventOutcome.REVERSED == shop.tell(EventKind.RECEIPT, 4, "came").outcome


def test_two_reversals_that_wait_say_the_same() -> None:
    """The second may be the right one: it is not taken for done."""
    shop = Shop()
    shop.reverse(EventKind.SALE, 3, "sold", own="wrong")
    result = shop.undo(EventKind.SALE, 4, "sold", own="right")
    differs = EventOutcome.REVERSAL_DIFFERS, Difference("quantity", "3", "4")
    assert differs == (result.outcome, result.difference)
    assert EventOutcome.ALREADY_REVERSED == shop.reverse(EventKind.SALE, 3, "sold", own="twice")
    shop.sell(4, "sold", is_columns=False)
    assert EventOutcome.APPLIED == shop.reverse(EventKind.SALE, 4, "sold", own="right")
    assert 10 == shop.on_hand


def test_what_waits_for_a_reversal_of_something_else_restores_nothing() -> None:
    """A reversal of three was to be reversed, and one of four came under its id."""
    shop = Shop()
    shop.reverse(EventKind.REVERSAL, 3, "undo", own="wrong")
    assert EventOutcome.REVERSAL_PENDING == shop.reverse(EventKind.SALE, 4, "sold", own="undo")
    shop.reverse(EventKind.REVERSAL, 4, "undo", own="right")
    result = shop.undo(EventKind.REVERSAL, 3, "wrong", own="wrong after all")
    differs = EventOutcome.REVERSAL_DIFFERS, Difference("quantity", "4", "3")
    assert differs == (result.outcome, result.difference)
    shop.sell(4, "sold", is_columns=False)
    assert 6 == shop.on_hand


def test_what_undid_something_that_is_forgotten_is_not_undone() -> None:
    """Nobody knows any more whether that counts."""
    shop = Shop()
    shop.tell(EventKind.SALE, 2, "sold")
    shop.now_ns += NS_PER_DAY
    shop.reverse(EventKind.SALE, 2, "sold")
    shop.now_ns += 2 * NS_PER_DAY
    assert EventOutcome.APPLIED == shop.reverse(EventKind.REVERSAL, 2, "R-sold")
    shop.now_ns += 5 * NS_PER_DAY  # "sold" and R-sold are forgotten
    outcome = shop.reverse(EventKind.REVERSAL, 2, "R-R-sold")
    assert EventOutcome.CANNOT_REVERSE == outcome
    assert 8 == shop.on_hand


def test_an_event_of_a_sku_that_has_ended_is_none_of_the_next_of_that_name() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5, "before")
    shop.ask(DeleteSku("Mug"))
    shop.tell(EventKind.RECEIPT, 5, "anew")
    result = shop.undo(EventKind.RECEIPT, 5, "before")
    assert EventOutcome.REVERSAL_DIFFERS == result.outcome
    assert result.difference == Difference("sku", "Mug, until it ended", "Mug")
    assert EventOutcome.APPLIED == shop.reverse(EventKind.RECEIPT, 5, "anew")
    assert 0 == shop.on_hand


def test_an_event_of_before_a_merge_is_none_of_the_sku_that_goes_on() -> None:
    """Named by either: it is the other one that is told of."""
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5, "before", sku="Mgu")
    shop.ask(MergeSku("Mgu", "Mug"))
    for sku in ("Mug", "Mgu"):
        result = shop.undo(EventKind.RECEIPT, 5, "before", own=f"R-{sku}", sku=sku)
        assert EventOutcome.REVERSAL_DIFFERS == result.outcome
        assert result.difference == Difference("sku", "Mgu, until it was merged", "Mug")
    assert 15 == shop.on_hand


def test_an_event_of_long_ago_is_undone_where_nothing_is_known_of_its_level() -> None:
    """It counted before anything here did, whatever became of its level since."""
    shop = Shop()
    key, at_ns = event_key("erp", "old"), shop.now_ns - 8 * NS_PER_DAY
    named = Reversed("erp", "old", key, EventKind.RECEIPT, at_ns)
    undone = StockEvent(event_key("erp", "R-old"), 0, "Pot", "W", EventKind.REVERSAL, 5)
    outcome = shop.ask(RecordStockEvents("erp", (undone._replace(reverses=named),)))
    (result,) = outcome.results
    assert (EventOutcome.APPLIED, -5, 5) == (result.outcome, result.on_hand, result.shortfall)
    assert result.creates_sku
    assert 10 == shop.on_hand
