"""The judge finds every unit that was promised twice, and never blames the node without proof."""

import pytest

from bench.rehearsal.books import DRIFT_MAX, Books, Level
from bench.rehearsal.shopping import Message

ROW = ("MUG", "STORE")
LINE = (("MUG", "STORE", 1),)
HOLD_S = 10.0


def books(stock: int = 1) -> Books:
    return Books({ROW: stock}, HOLD_S)


def level(kept: Books) -> Level:
    (found,) = kept.levels()
    return found


def test_two_holds_of_one_unit_are_one_too_many() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.reserved("b", LINE, 2, 3)
    assert Level(*ROW, on_hand=1, oversold=1) == level(kept)


def test_the_worst_moment_is_found_after_it_has_passed() -> None:
    kept = books(2)
    for number in range(5):
        kept.reserved(str(number), LINE, 0, 1)
    for number in range(5):
        kept.releasing(str(number), 2)
    assert 3 == level(kept).oversold


@pytest.mark.parametrize(("answered", "oversold"), [(HOLD_S - 1, 1), (HOLD_S, 0)])
def test_a_unit_is_free_when_its_hold_may_have_ended(answered: float, oversold: int) -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.reserved("b", LINE, 5, answered)
    assert oversold == level(kept).oversold


def test_a_hold_counts_from_when_it_was_sent_because_the_node_may_have_been_quick() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 9)
    assert HOLD_S * (1 - DRIFT_MAX) == kept.hold_end("a")


def test_a_release_frees_the_unit_when_it_is_sent() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.releasing("a", 2)
    kept.reserved("b", LINE, 2, 2)
    assert 0 == level(kept).oversold


def test_a_committed_unit_never_comes_free() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.committed("a", 2)
    kept.reserved("b", LINE, 100, 101)
    assert Level(*ROW, on_hand=1, committed=1, oversold=1) == level(kept)


def test_a_shipped_unit_is_gone_for_good() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.committed("a", 2)
    kept.fulfilled("a")
    assert Level(*ROW) == level(kept)
    kept.reserved("b", LINE, 100, 101)
    assert 1 == level(kept).oversold


def test_between_its_end_and_a_late_payment_a_unit_may_be_somebody_elses() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.reserved("b", LINE, 11, 12)
    kept.releasing("b", 13)
    kept.committed("a", 14)
    assert Level(*ROW, on_hand=1, committed=1) == level(kept)


def test_a_late_payment_for_a_unit_that_is_somebody_elses_is_one_too_many() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.reserved("b", LINE, 11, 12)
    kept.committed("a", 13)
    assert 1 == level(kept).oversold


def test_supply_counts_from_when_it_was_sent() -> None:
    kept = books(0)
    message = Message("erp", [], {ROW: 2}, {})
    kept.supplying(message, 5)
    kept.reserved("a", LINE, 4, 6)
    kept.supplied(message)
    assert Level(*ROW, on_hand=2) == level(kept)


def test_a_promise_before_the_supply_is_one_too_many() -> None:
    kept = books(0)
    kept.reserved("a", LINE, 1, 2)
    kept.supplying(Message("erp", [], {ROW: 2}, {}), 5)
    assert 1 == level(kept).oversold


def test_a_count_is_what_is_there() -> None:
    kept = books()
    backroom = ("MUG", "BACKROOM")
    kept.supplied(Message("erp", [], {}, {backroom: 7}))
    kept.supplied(Message("erp", [], {}, {backroom: 3}))
    assert [Level(*ROW, on_hand=1), Level(*backroom, on_hand=3)] == kept.levels()


def test_what_was_never_answered_is_left_to_the_node() -> None:
    kept = books()
    kept.reserved("a", LINE, 0, 1)
    kept.committed("a", 2)
    kept.sending("a")
    assert {"a"} == kept.unsettled
    assert Level(*ROW, on_hand=1) == level(kept)
    kept.answered("a")
    assert Level(*ROW, on_hand=1, committed=1) == level(kept)


def test_every_line_of_a_reservation_counts() -> None:
    pen = ("PEN", "STORE")
    kept = Books({ROW: 1, pen: 1}, HOLD_S)
    for name in "ab":
        kept.reserved(name, (*LINE, (*pen, 2)), 0, 1)
    assert [1, 3] == [each.oversold for each in kept.levels()]
