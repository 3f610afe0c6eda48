"""What a count by number needs of what recently happened, and its answer when that is gone."""

import pytest

from holdfast.core.commands import (
    EventsOutcome,
    RecordStockEvents,
    ResetSource,
    StockEvent,
)
from holdfast.core.ids import key_from_parts
from holdfast.core.limits import NS_PER_DAY
from holdfast.core.model import EventKind, EventOutcome
from tests.core.rules.test_counts import NOON_NS, Shop

NINE_DAYS_NS = NOON_NS + 9 * NS_PER_DAY

APPLIED, TOO_OLD = EventOutcome.APPLIED, EventOutcome.COUNT_TOO_OLD


def shop_with_two_facts() -> Shop:
    """A shop with a receipt of ten, 1, and a sale of three, 2."""
    shop = Shop()
    assert APPLIED == shop.fact(EventKind.RECEIPT, 10, NOON_NS + 1, sequence=1)
    assert APPLIED == shop.fact(EventKind.SALE, 3, NOON_NS + 2, sequence=2)
    return shop


def count(shop: Shop, quantity: int, number: int, now_ns: int = NINE_DAYS_NS) -> EventOutcome:
    return shop.fact(EventKind.COUNT, quantity, now_ns, as_of_sequence=number)


@pytest.mark.parametrize("sku", ["Mug", "Cup", "Pot", "Jug", "Pan"])
def test_a_count_by_a_number_of_before_what_is_kept_is_too_old(sku: str) -> None:
    """The sale would be lost, and nobody told. From the first number that is kept on it is known
    what to apply again, wherever that number was.
    """
    shop = shop_with_two_facts()
    later = StockEvent(key_from_parts("later"), 3, sku, "W", EventKind.RECEIPT, 5)
    shop.ask(RecordStockEvents("erp", (later,)), NINE_DAYS_NS - 1)
    before = shop.on_hand
    assert (TOO_OLD, before) == (count(shop, 20, 1), shop.on_hand)
    assert APPLIED == count(shop, 17, 2)
    assert 17 + 5 * (sku == "Mug") == shop.on_hand
    shop.node.restart()


@pytest.mark.parametrize("sku", ["Mug", "Cup", "Pot"])
def test_a_number_that_came_late_is_no_measure_of_what_was_forgotten(sku: str) -> None:
    """The sale, 3, was forgotten; the first fact that is kept is 1. From the first that came in its
    order on it is known.
    """
    shop = Shop()
    shop.fact(EventKind.RECEIPT, 10, NOON_NS + 1, sequence=2)
    shop.fact(EventKind.SALE, 3, NOON_NS + 2, sequence=3)
    late = StockEvent(key_from_parts("late"), 1, sku, "W", EventKind.RECEIPT, 5)
    shop.ask(RecordStockEvents("erp", (late,)), NINE_DAYS_NS - 2)
    shop.node.restart()
    before = shop.on_hand
    assert (TOO_OLD, before) == (count(shop, 20, 2, NINE_DAYS_NS - 1), shop.on_hand)
    shop.fact(EventKind.SALE, 1, NINE_DAYS_NS, sequence=4)
    assert [TOO_OLD, APPLIED] == [count(shop, 20, number, NINE_DAYS_NS + 1) for number in (2, 3)]
    assert 19 == shop.on_hand


def test_a_source_that_has_been_quiet_may_count_by_its_last_number() -> None:
    shop = shop_with_two_facts()
    assert TOO_OLD == count(shop, 20, 1)
    assert (APPLIED, 17) == (count(shop, 17, 2), shop.on_hand)


def test_where_all_is_kept_any_number_tells() -> None:
    """Also one from before the first that its source gave here."""
    shop = Shop()
    shop.fact(EventKind.RECEIPT, 10, NOON_NS + 1, sequence=40_000)
    assert (APPLIED, 15) == (count(shop, 5, 39_000, NOON_NS + 2), shop.on_hand)


def test_numbers_of_before_a_reset_tell_nothing_of_todays() -> None:
    """They were higher; the first of today's is the one that counts."""
    shop = shop_with_two_facts()
    shop.fact(EventKind.SALE, 1, NOON_NS + 3, sequence=900)
    shop.ask(ResetSource("erp", 0), NINE_DAYS_NS - 3)
    shop.fact(EventKind.SALE, 2, NINE_DAYS_NS - 2, sequence=1)
    shop.fact(EventKind.SALE, 4, NINE_DAYS_NS - 1, sequence=2)
    assert (APPLIED, 16) == (count(shop, 20, 1), shop.on_hand)


def test_what_another_shard_keeps_longer_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shard of the mug is busy and has forgotten the sale, which came after the other fact."""
    monkeypatch.setattr("holdfast.core.tables.shard.UNUSED_HISTORY_MAX", 40)
    shop = Shop()
    quiet = StockEvent(key_from_parts("quiet"), 1, "Cup", "W", EventKind.RECEIPT, 5)
    shop.ask(RecordStockEvents("erp", (quiet,)), NOON_NS)
    shop.fact(EventKind.SALE, 3, NOON_NS + 1, sequence=2)
    for number in range(50):
        shop.fact(EventKind.RECEIPT, 1, NOON_NS + 2 + number, "till")
    shop.fact(EventKind.RECEIPT, 5, NOON_NS + 60, sequence=3)
    numbers = {1: TOO_OLD, 2: APPLIED}
    for number, expected in numbers.items():
        named = StockEvent(None, 0, "Mug", "W", EventKind.COUNT, 20, as_of_sequence=number)
        event = named._replace(key=key_from_parts("count", str(number)))
        (outcome,) = shop.node.turn([RecordStockEvents("erp", (event,))], NOON_NS + 70)
        assert isinstance(outcome, EventsOutcome)
        assert expected == outcome.results[0].outcome


def test_a_source_that_reports_little_beside_others_may_count_by_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More came of others, since what is kept began, than a count looks at of its level."""
    monkeypatch.setattr("holdfast.core.rules.level_history.HISTORY_READ_MAX", 10)
    shop = shop_with_two_facts()
    skus = [f"Bowl {number}" for number in range(40)]
    others = (StockEvent(None, 0, sku, "W", EventKind.RECEIPT, 1) for sku in skus)
    keyed = tuple(each._replace(key=key_from_parts("till", each.sku)) for each in others)
    shop.ask(RecordStockEvents("till", keyed), NINE_DAYS_NS - 2)
    shop.fact(EventKind.RECEIPT, 5, NINE_DAYS_NS - 1, sequence=3)
    assert (APPLIED, 22) == (count(shop, 17, 2), shop.on_hand)
