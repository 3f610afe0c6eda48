"""What a board does not know, and must not take for known: each a way to oversell."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from holdfast.adapters.contract import Accepted, Deferred, OfferVerdict, Rejected
from holdfast.adapters.events import Shown
from holdfast.adapters.publishing.board import ASKED_MAX_S, SOLD_THERE_S, Board
from holdfast.adapters.publishing.flights import Flight, Heard
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.offer_numbers import CLOCK_BEHIND_S
from tests.adapters.publishing.test_board import START_S, board_of, drain

Tell = Callable[[int], None]


@pytest.fixture
def levels() -> KnownLevels:
    return KnownLevels()


@pytest.fixture
def board(levels: KnownLevels) -> Board:
    return board_of(levels)


@pytest.fixture
def tell(board: Board, levels: KnownLevels) -> Tell:
    def tell_units(units: int) -> None:
        levels.tell("a", "dc-1", units, True, START_S)
        board.level_changed("a", "dc-1", START_S)

    return tell_units


def offered(board: Board, now_s: float = START_S) -> Flight:
    [flight] = board.take(10, now_s)
    return flight


@pytest.mark.parametrize("verdict", [Rejected("no"), Deferred(1.0)], ids=["rejected", "deferred"])
def test_an_offer_that_was_not_taken_does_not_say_what_became_of_the_one_before(
    verdict: OfferVerdict, board: Board, tell: Tell
) -> None:
    tell(2)
    board.settle(offered(board), Accepted(), START_S)
    tell(8)
    board.lose(offered(board), START_S)
    tell(1)
    board.settle(offered(board), verdict, START_S)
    assert 7 == board.exposed_units

    tell(2)
    drain(board.pass_time(START_S + 2))
    assert 2 == offered(board).offer.quantity  # it may show 8


def test_what_a_channel_has_sold_is_not_raised_again_while_figures_are_frozen(
    board: Board, tell: Tell
) -> None:
    tell(10)
    board.settle(offered(board), Accepted(), START_S)
    drain(board.core_silent(True, START_S))
    board.hear(Shown(item="a", node="DEFAULT", quantity=3), START_S)
    drain(board.pass_time(START_S + 20))
    assert not board.waiting
    assert not board.dirty

    drain(board.core_silent(False, START_S + 30))
    assert not board.waiting  # its orders could not reach the core, and are on their way
    drain(board.pass_time(START_S + 30 + SOLD_THERE_S))
    assert 10 == offered(board, START_S + 60).offer.quantity


def shown_before(quantity: int, late_s: float) -> Shown:
    """What the channel showed so long before the first offer."""
    time = datetime.fromtimestamp(START_S - late_s, UTC)
    return Shown(item="a", node="DEFAULT", quantity=quantity, time=time)


@pytest.mark.parametrize(
    ("late_s", "is_heard"),
    [(0.0, True), (CLOCK_BEHIND_S - 1, True), (CLOCK_BEHIND_S + 1, False), (5_000.0, False)],
)
def test_what_a_channel_showed_before_the_offer_that_it_has_taken_is_not_heard_any_more(
    late_s: float, is_heard: bool, board: Board, tell: Tell
) -> None:
    tell(10)
    board.settle(offered(board), Accepted(), START_S)
    heard, _ = board.hear(shown_before(3, late_s), START_S + 60)

    assert (Heard.DIFFERS if is_heard else Heard.OUTDATED) == heard
    drain(board.pass_time(START_S + 60 + SOLD_THERE_S))
    assert is_heard == bool(board.waiting)


@pytest.mark.parametrize("verdict", [Rejected("no"), Deferred(1.0)], ids=["rejected", "deferred"])
def test_what_a_channel_showed_before_an_offer_that_it_has_not_taken_is_heard(
    verdict: OfferVerdict, board: Board, tell: Tell
) -> None:
    tell(10)
    board.settle(offered(board), verdict, START_S)
    heard, _ = board.hear(shown_before(30, 100.0), START_S + 1)

    assert Heard.DIFFERS == heard
    assert 20 == board.exposed_units


def test_what_is_read_back_is_heard_whatever_its_time(board: Board, tell: Tell) -> None:
    """A channel may tell when a quantity was changed last: its offer did not act, then."""
    tell(10)
    board.settle(offered(board), Accepted(), START_S)
    board.begin_reading()
    heard, _ = board.hear_read(shown_before(15, 5_000.0), START_S + 60)

    assert Heard.DIFFERS == heard
    assert 5 == board.exposed_units


def test_sequences_that_are_ahead_of_the_clock_make_nobody_deaf(board: Board, tell: Tell) -> None:
    tell(10)
    flight = offered(board, START_S + 86_400)
    board.settle(flight, Accepted(), START_S + 86_400)
    tell(11)
    board.settle(offered(board), Accepted(), START_S)  # the clock is right again
    heard, _ = board.hear(shown_before(99, -120.0), START_S + 120)

    assert Heard.DIFFERS == heard


def test_what_is_outdated_does_not_end_a_case(board: Board, tell: Tell) -> None:
    tell(10)
    board.settle(offered(board), Accepted(), START_S)
    assert Heard.DIFFERS == board.hear(shown_before(15, -1.0), START_S + 1)[0]
    board.settle(offered(board), Accepted(), START_S)
    assert Heard.OUTDATED == board.hear(shown_before(12, 5_000.0), START_S + 2)[0]
    assert Heard.DIFFERS_AGAIN == board.hear(shown_before(15, -3.0), START_S + 3)[0]


def test_a_channel_that_is_short_of_a_unit_is_compared_with_that(board: Board, tell: Tell) -> None:
    tell(0)
    board.settle(offered(board), Accepted(), START_S)
    board.hear(Shown(item="a", node="DEFAULT", quantity=-1), START_S)
    tell(2)
    drain(board.pass_time(START_S + SOLD_THERE_S))
    assert -1 == offered(board, START_S + SOLD_THERE_S).offer.shown


def test_a_pair_that_might_have_overtaken_is_offered_once_when_its_offer_has_landed(
    board: Board, tell: Tell
) -> None:
    tell(10)
    handed_over = offered(board)
    board.hand_over([handed_over], START_S)
    tell(3)
    assert 1 == board.overtaking
    board.settle(handed_over, Accepted(), START_S)
    assert 3 == offered(board).offer.quantity
    assert [] == board.take_overtaking(10, START_S)


@pytest.mark.parametrize("after_s", [float("nan"), float("inf"), 1e12, -5.0])
def test_no_channel_puts_a_pair_off_for_ever(after_s: float, board: Board, tell: Tell) -> None:
    tell(3)
    board.settle(offered(board), Deferred(after_s), START_S)
    drain(board.pass_time(START_S + ASKED_MAX_S))
    assert 3 == offered(board, START_S + ASKED_MAX_S).offer.quantity


def test_what_another_has_taken_meanwhile_is_not_taken_again(
    board: Board, levels: KnownLevels
) -> None:
    for sku in ("a", "b", "c"):
        levels.tell(sku, "dc-1", 3, True, START_S)
        board.level_changed(sku, "dc-1", START_S)
    slow = board.take_by_turns(3, START_S)
    first = next(slow).offer.item
    [second, third] = [sku for sku in ("a", "b", "c") if sku != first]
    levels.tell(second, "dc-1", 2, True, START_S)
    board.level_changed(second, "dc-1", START_S)  # it waits again
    assert second == offered(board).offer.item
    assert [third] == [each.offer.item for each in slow]
