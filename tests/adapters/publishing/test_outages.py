"""What is left to a channel that cannot be reached."""

from datetime import UTC, datetime

import pytest

from holdfast.adapters.contract import Accepted
from holdfast.adapters.mapping import Tables
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.publishing.buffers import Rate, buffer_units
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.outages import (
    ORDERS_LEAST_S,
    Claims,
    claim_units,
    spare_units,
)
from holdfast.adapters.publishing.publish_options import PublishOptions

RATE = Rate(0.1, 0.0, 1.0)


def test_a_channel_that_is_away_claims_what_it_sells_meanwhile() -> None:
    claim = claim_units(1_000, RATE, 600.0, 0.01)

    assert buffer_units(0.1, 600.0, 0.01, 0) <= claim <= buffer_units(0.1, 606.0, 0.01, 0)


def test_a_channel_cannot_claim_more_than_it_shows() -> None:
    assert 5 == claim_units(5, RATE, 600.0, 0.01)


@pytest.mark.parametrize(("available", "claims", "spare"), [(10, 4, 6), (10, 10, 0), (3, 10, 0)])
def test_others_are_offered_what_is_beyond_the_claims(
    available: int, claims: int, spare: int
) -> None:
    assert spare == spare_units(available, claims)


NOW_S = 1_700_000_000.0


class Sold:
    """Two channels that sell the same units: `away` shows so many, of nodes of its own."""

    def __init__(self, units: int, outage_s: float, *sold: int) -> None:
        self.levels, self.claims = KnownLevels(), Claims()
        self.now_s = NOW_S + 60
        self.away = self._board("away", {"A": ("dc-1",)}, outage_s, self.claims)
        both = {"DEFAULT": ("dc-1", "dc-2"), "B": ("dc-2",)}
        self.other = self._board("other", both, 0, self.claims)
        for step, part in enumerate((0, *sold)):
            units -= part
            self.levels.tell("mug", "dc-1", units, True, NOW_S + step)
        self.levels.tell("mug", "dc-2", 7, True, NOW_S)
        for board in (self.away, self.other):
            for location in ("dc-1", "dc-2"):
                board.level_changed("mug", location, self.now_s)
            for flight in board.take(9, self.now_s):
                board.settle(flight, Accepted(), self.now_s)

    def _board(
        self, name: str, nodes: dict[str, tuple[str, ...]], outage_s: float, claims: Claims
    ) -> Board:
        options = PublishOptions(nodes=nodes, buffer_max=0, outage_s=outage_s)
        items = Items(Tables(), datetime(2026, 11, 27, tzinfo=UTC))
        return Board(name, options, items, self.levels, claims)

    def offers(self, *, is_away: bool) -> dict[str, int]:
        """What is on offer once it was noted."""
        self.away.away(self.now_s, is_away=is_away)
        for board in (self.away, self.other):
            list(board.leave_claims(self.now_s))
        return {
            node: board.pairs.target[row]
            for board in (self.away, self.other)
            for row, (_, node) in enumerate(board.pairs.names)
        }


def test_others_leave_a_channel_that_is_away_what_it_may_sell_until_it_is_back() -> None:
    sold = Sold(1_000, 600.0, 1, 1, 1, 1, 1)
    assert {"A": 995, "DEFAULT": 1_002, "B": 7} == sold.offers(is_away=False)

    offers = sold.offers(is_away=True)
    assert 995 == offers["A"]  # nothing is left to itself
    assert 0 < 1_002 - offers["DEFAULT"] < 995
    assert 7 == offers["B"]  # where it sells nothing

    sold.now_s += 60
    sold.offers(is_away=True)
    assert sold.offers(is_away=False)["DEFAULT"] < 1_002  # its orders are not here yet
    sold.now_s += ORDERS_LEAST_S
    assert {"A": 995, "DEFAULT": 1_002, "B": 7} == sold.offers(is_away=False)


def test_what_a_channel_has_sold_unseen_is_left_to_it_until_its_orders_are_here() -> None:
    """However little it shows when it is back."""
    sold = Sold(30, 86_400.0, 29)  # it may sell all that it shows: 1
    away = sold.offers(is_away=True)
    sold.now_s += 60
    sold.offers(is_away=True)
    sold.levels.tell("mug", "dc-1", 0, True, sold.now_s)
    sold.away.level_changed("mug", "dc-1", sold.now_s)
    (flight,) = sold.away.take(1, sold.now_s)
    sold.away.settle(flight, Accepted(), sold.now_s)
    sold.levels.tell("mug", "dc-1", 9, True, sold.now_s)

    assert 7 == away["DEFAULT"]
    sold.other.level_changed("mug", "dc-1", sold.now_s)
    assert 15 == sold.offers(is_away=False)["DEFAULT"]
    sold.away.sold(sold.now_s - 300, sold.now_s)  # as its orders take
    sold.offers(is_away=True)
    sold.now_s += 299
    assert 15 == sold.offers(is_away=False)["DEFAULT"]
    sold.now_s += 2
    assert 16 == sold.offers(is_away=False)["DEFAULT"]


@pytest.mark.parametrize("nodes", [{}, {"B": ("dc-2",)}])
def test_what_is_shown_at_a_node_that_is_not_set_any_more_is_left_to_its_channel(
    nodes: dict[str, tuple[str, ...]],
) -> None:
    """Of which locations it was the sum, nobody knows any more: of any of them."""
    sold = Sold(30, 86_400.0, 1, 1, 1, 1, 1)
    assert {"A": 25, "DEFAULT": 32, "B": 7} == sold.offers(is_away=False)
    shown = sold.away.pairs.record(0)
    sold.away = sold._board("away", nodes, 86_400.0, sold.claims)
    sold.away.restore("mug", "A", shown, sold.now_s)

    assert 32 == sold.offers(is_away=False)["DEFAULT"]
    assert {"A": 0, "DEFAULT": 32 - 25, "B": 7} == sold.offers(is_away=True)
    [flight] = sold.away.take(9, sold.now_s)
    sold.away.settle(flight, Accepted(), sold.now_s)
    sold.now_s += ORDERS_LEAST_S
    assert 32 == sold.offers(is_away=False)["DEFAULT"]


def test_what_changes_while_a_channel_is_away_is_beyond_its_claim() -> None:
    sold = Sold(3, 86_400.0, 1)  # it may sell all that it shows: 2
    assert 7 == sold.offers(is_away=True)["DEFAULT"]
    sold.levels.tell("mug", "dc-1", 12, True, sold.now_s)
    sold.other.level_changed("mug", "dc-1", sold.now_s)

    assert 17 == sold.offers(is_away=True)["DEFAULT"]


@pytest.mark.parametrize(("outage_s", "sold"), [(0.0, (1,)), (600.0, ())])
def test_nothing_is_claimed_where_no_outage_is_reckoned_with_or_nothing_was_sold(
    outage_s: float, sold: tuple[int, ...]
) -> None:
    both = Sold(10, outage_s, *sold)

    assert both.offers(is_away=False) == both.offers(is_away=True)
