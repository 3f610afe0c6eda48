"""Reserves of what is sold already: what speaks against one, and what it changes for others."""

import pytest

from holdfast.core.commands import (
    GetReservation,
    GetShortfall,
    Line,
    Reserve,
    ReserveAlreadySold,
    Source,
    UpdateSource,
)
from holdfast.core.ids import key_from_text
from holdfast.core.limits import HOLD_MS_MAX, LINES_MAX, ON_HAND_MAX, QUANTITY_MAX
from holdfast.core.model import EventKind, Fallback, RefusalCode, UnknownSkus, Verb
from holdfast.core.tables import state_bytes
from tests.core.rules.test_backorders import NOON_NS, Shop, mugs


def sold(name: str, *lines: Line) -> ReserveAlreadySold:
    return ReserveAlreadySold(key_from_text(name), lines, HOLD_MS_MAX)


def test_a_shortfall_may_be_as_large_as_a_level_and_no_larger() -> None:
    shop = Shop(1)
    shop.tell(EventKind.COUNT, 1)
    most = tuple(mugs(QUANTITY_MAX, str(number)) for number in range(LINES_MAX))
    assert LINES_MAX * QUANTITY_MAX == ON_HAND_MAX
    assert shop.ask(sold("a", *most)).refusal is None
    refusal = shop.ask(sold("b", mugs(1, "1"), mugs(1, "2"))).refusal
    assert RefusalCode.INSUFFICIENT_STOCK == refusal.code
    assert [("2", 1, 0)] == [
        (each.line_id, each.requested, each.available) for each in refusal.lines
    ]
    shop.move(Verb.COMMIT, "a")
    shop.move(Verb.FULFILL, "a")
    shortfall = shop.ask(GetShortfall("Mug", "W", 1)).shortfall
    assert (1 - ON_HAND_MAX, 1 - ON_HAND_MAX) == (shortfall.on_hand, shortfall.available)
    assert shop.ask(sold("b", mugs(1))).refusal is None


def test_what_is_sold_comes_before_those_who_wait_for_supply() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 2)
    shop.tell(EventKind.SUPPLY, 9)
    shop.want("waits", mugs(4))
    (short,) = shop.ask(sold("sold", mugs(8))).shortfalls
    assert (-8, 2, 1) == (short.available, len(short.endangered), short.uncovered)
    shop.tell(EventKind.RECEIPT, 9)
    (line,) = shop.ask(GetReservation(key_from_text("waits"))).lines
    assert line.backordered
    assert 1 == line.backordered.units


def test_no_source_that_is_stale_or_in_quarantine_keeps_a_sale_from_being_held() -> None:
    shop = Shop()
    settings = Source("erp", 1, UnknownSkus.QUARANTINE, Fallback.STOP)
    shop.ask(UpdateSource(settings, allow_missing=True))
    shop.tell(EventKind.COUNT, 5)
    shop.now_ns += NOON_NS
    promised = shop.ask(Reserve(key_from_text("a"), (mugs(1),), HOLD_MS_MAX))
    assert RefusalCode.INSUFFICIENT_STOCK == promised.refusal.code
    held = shop.ask(sold("a", mugs(1)))
    assert (None, ()) == (held.refusal, held.shortfalls)


def test_a_sale_of_what_is_there_writes_what_a_reserve_does() -> None:
    written = []
    for command in (Reserve(key_from_text("a"), (mugs(2),), HOLD_MS_MAX), sold("a", mugs(2))):
        shop = Shop(1)
        shop.tell(EventKind.RECEIPT, 2)
        before = len(shop.node.entries)
        shop.ask(command)
        entries = shop.node.entries[before:]
        written.append(
            [(section, bytes(data)) for each in entries for section, data in each.sections]
        )
    assert written[0]
    assert written[0] == written[1]


def test_a_replay_of_sales_comes_to_the_same_bytes() -> None:
    shop = Shop(4)
    shop.tell(EventKind.RECEIPT, 2)
    shop.tell(EventKind.RECEIPT, 2, sku="Tea")
    shop.ask(sold("a", mugs(3, "1"), Line("Tea", "W", 9), mugs(2, "2")))
    again = shop.node.replayed()
    for mine, other in zip(shop.node.node.shards, again.shards, strict=True):
        assert state_bytes.digest(mine) == state_bytes.digest(other)


def test_a_reserve_that_is_sent_twice_has_one_reservation_whichever_says_that_it_is_sold() -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5)
    commands = (sold("a", mugs(2)), Reserve(key_from_text("a"), (mugs(2),), HOLD_MS_MAX))
    answers = [shop.ask(command) for command in (*commands, *commands)]
    assert [False, True, True, True] == [each.is_repeat for each in answers]
    assert not any(each.refusal for each in answers)


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_is_held_of_an_order_of_which_one_line_is_nowhere(count: int) -> None:
    shop = Shop()
    shop.tell(EventKind.RECEIPT, 5)
    lines = [mugs(1, str(number)) for number in range(count)]
    shop.ask(sold("a", *lines, Line("Cup", "W", 1)))
    assert "Unknown" == type(shop.ask(GetReservation(key_from_text("a")))).__name__
