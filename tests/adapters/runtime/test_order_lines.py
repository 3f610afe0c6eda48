"""Events on lines of orders: they reach what the order has of them, wherever it is."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import OrderKind, OrderLine
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.adapters.runtime.order_lines import (
    LineState,
    located,
    missing,
    moves,
    not_forgotten,
    shipped_all_the_same,
    since_began,
)
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.adapters.core_client import CoreClient
from tests.adapters.order_shop import Line, Shop, new_core, of_lines, two_reservations


@pytest.fixture(scope="module")
def core() -> CoreClient:
    """A core for all of them: each has a SKU and an order of its own."""
    return new_core()


PARTS = {
    OrderKind.SHIPPED: (1, 4, 0),
    OrderKind.CANCELLED: (1, 0, 4),
    OrderKind.REFUNDED: (1, 0, 4),
}


@pytest.mark.parametrize("kind", PARTS)
async def test_an_event_with_lines_reaches_all_reservations_of_its_order(
    core: CoreClient, kind: OrderKind
) -> None:
    shop = await two_reservations(core)
    event = of_lines(shop, kind, Line("1", "A", 4))
    assert Settled("APPLIED") == await shop.orders.apply(event)
    assert PARTS[kind] == (await shop.units())["1", "A"]
    moved = of_lines(shop, kind, Line("2", "C", 1))
    assert Settled("APPLIED") == await shop.orders.apply(moved)
    assert 0 == (await shop.units())["2", "C"][0]


@pytest.mark.parametrize("kind", PARTS)
async def test_an_event_of_more_than_an_order_has_changes_none_of_its_reservations(
    core: CoreClient, kind: OrderKind
) -> None:
    shop = await two_reservations(core)
    before = await shop.units()
    event = of_lines(shop, kind, Line("2", "C", 1), Line("1", "A", 6))
    assert isinstance(await shop.orders.apply(event), Dead)
    assert before == await shop.units()


async def test_a_refund_of_units_gives_back_those_that_have_not_left(core: CoreClient) -> None:
    """The others are a return, when they come back."""
    shop = Shop(core)
    await shop.tell(Line("1", "A", 3, 1), Line("2", "B", 2, 2), Line("3", "C", 1))
    refund = of_lines(shop, OrderKind.REFUNDED, Line("1", "A", 3), Line("2", "B", 2))
    for _ in range(2):
        assert Settled("APPLIED") == await shop.orders.apply(refund)
        assert {("1", "A"): (0, 1, 2), ("2", "B"): (0, 2, 0), ("3", "C"): (1, 0, 0)} == (
            await shop.units()
        )
    again = of_lines(shop, OrderKind.REFUNDED, Line("1", "A", 3))
    assert Settled("NOTHING_OPEN") == await shop.orders.apply(again)
    wrong = of_lines(shop, OrderKind.REFUNDED, Line("3", "C", 1), Line("4", "A", 1))
    assert isinstance(await shop.orders.apply(wrong), Dead)
    assert 1 == (await shop.units())["3", "C"][0]


async def test_a_refund_gives_back_what_is_open_in_all_reservations(core: CoreClient) -> None:
    shop = await two_reservations(core)
    await shop.orders.apply(of_lines(shop, OrderKind.SHIPPED, Line("1", "A", 1)))
    refund = of_lines(shop, OrderKind.REFUNDED, Line("1", "A", 5))
    assert Settled("APPLIED") == await shop.orders.apply(refund)
    assert (0, 1, 4) == (await shop.units())["1", "A"]


@pytest.mark.parametrize("kind", PARTS)
async def test_a_line_without_a_location_is_where_the_order_has_it(
    core: CoreClient, kind: OrderKind
) -> None:
    shop = await two_reservations(core)
    done = await shop.orders.apply(of_lines(shop, kind, Line("1", "", 4), Line("2", "", 1)))
    assert Settled("APPLIED") == done
    assert PARTS[kind] == (await shop.units())["1", "A"]
    assert 0 == (await shop.units())["2", "C"][0]


async def test_a_line_that_names_its_sku_alone_is_the_only_one_of_it(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2))
    assert Settled("APPLIED") == await shop.orders.apply(
        of_lines(shop, OrderKind.SHIPPED, Line("", "", 1))
    )
    assert {("1", "A"): (1, 1, 0)} == await shop.units()


@pytest.mark.parametrize(("id_", "sku", "places"), [("", "", 3), ("9", "", 0), ("1", "JUG", 0)])
async def test_a_line_whose_location_cannot_be_told_is_refused(
    core: CoreClient, id_: str, sku: str, places: int
) -> None:
    shop = await two_reservations(core)
    before = await shop.units()
    event = of_lines(shop, OrderKind.SHIPPED, Line("1", "A", 1), Line(id_, "", 1))
    named = replace(event.lines[1], sku=sku or shop.sku)
    with pytest.raises(Undecodable) as wrong:
        await shop.orders.apply(replace(event, lines=(event.lines[0], named)))
    assert "lines[1].location" == wrong.value.field
    assert f"at {places} locations" in wrong.value.expected
    assert before == await shop.units()


async def test_a_line_without_a_location_of_an_unknown_order_is_a_dead_letter(
    core: CoreClient,
) -> None:
    refused = await Shop(core).orders.apply(
        of_lines(Shop(core), OrderKind.SHIPPED, Line("1", "", 1))
    )
    assert isinstance(refused, Dead)
    assert "UNKNOWN_RESERVATION" == refused.reason


async def test_a_cancellation_reaches_a_line_behind_a_reservation_that_has_ended(
    core: CoreClient,
) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2))
    await shop.tell(Line("1", "B", 2))
    event = of_lines(shop, OrderKind.CANCELLED, Line("1", "B", 1))
    assert Settled("APPLIED") == await shop.orders.apply(event)
    assert {("1", "A"): (0, 0, 2), ("1", "B"): (1, 0, 1)} == await shop.units()


async def test_the_money_of_some_lines_is_that_of_their_order(core: CoreClient) -> None:
    shop = Shop(core)
    await shop.tell(Line("1", "A", 2))
    await shop.tell(Line("1", "B", 2))  # where it was first has ended
    event = of_lines(shop, OrderKind.SETTLED, Line("1", "B", 2))
    assert Settled("ALREADY_PLACED") == await shop.orders.apply(event)


class CountedLines:
    """A reservation that counts how often its lines are read."""

    def __init__(self, lines: list[reservation.ReservationLine]) -> None:
        self.reservation_id = "order"
        self._lines = lines
        self.reads = 0

    @property
    def lines(self) -> list[reservation.ReservationLine]:
        self.reads += 1
        return self._lines


@pytest.mark.parametrize(
    "decide", [since_began, not_forgotten, missing, moves, shipped_all_the_same]
)
def test_the_lines_of_an_order_are_read_as_often_however_many_a_state_has(
    decide: Callable[[list[LineState], Any], Any],
) -> None:
    """2,000 lines for each of 2,000 held up everything else for 1.7 seconds."""
    reads = set()
    for count in (1, 20):
        numbers = [str(number) for number in range(count)]
        states = [LineState(number, "A", "W", 2, 0, 0) for number in numbers]
        placed = [reservation.ReservationLine(sku="A", location="W", line_id=n) for n in numbers]
        order = CountedLines(placed)
        decide(states, [order])
        reads.add(order.reads)
    assert 1 == len(reads)


class CountedPart:
    """A line of a reservation that counts how often its SKU is read."""

    def __init__(self, sku: str) -> None:
        self.named = sku
        self.location, self.line_id = "W", f"line of {sku}"
        self.reads = 0

    @property
    def sku(self) -> str:
        self.reads += 1
        return self.named


def test_a_line_without_a_location_is_not_looked_for_among_all() -> None:
    parts = [CountedPart(f"SKU {number}") for number in range(20)]
    order: Any = SimpleNamespace(lines=parts)
    lines = [OrderLine(part.line_id, part.named, "", Decimal(1)) for part in parts]

    assert ["W"] * 20 == [line.location for line in located(lines, [order])]
    assert max(part.reads for part in parts) < len(parts)
