"""States of orders that the core has forgotten: units that have left do not leave again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.adapters.events import OrderEvent
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.adapters.runtime.order_states import FORGOTTEN
from tests.adapters.core_client import CoreClient
from tests.adapters.order_shop import Line, Shop, new_core

DAY_NS = 86_400 * 10**9

Lines = tuple[Line, ...]


def now(core: CoreClient) -> datetime:
    return datetime.fromtimestamp(core.now_ns / 10**9, UTC)


def pass_days(core: CoreClient, days: int) -> None:
    for _ in range(days):  # it is seen to have ended, then its lines leave, then its id
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)


async def on_hand(shop: Shop) -> int:
    answer = await shop.core.get_shortfall(shop.sku, "A", max_lines=1)
    return int(answer.shortfall.on_hand)


def state_of(shop: Shop, placed: datetime, *lines: Line) -> OrderEvent:
    return replace(shop.state(*lines), placed_time=placed)


@pytest.mark.parametrize("days", [0, 1, 3, 29, 31, 33, 60, 400])
@pytest.mark.parametrize("end", [Line("1", "A", 2, 2), Line("1", "A", 2, 1, 1)])
async def test_a_late_state_of_an_order_that_has_ended_moves_nothing(days: int, end: Line) -> None:
    """As of each order of which a shop changes a tag, or that comes back, after weeks."""
    shop = Shop(new_core())
    placed = now(shop.core)
    await shop.orders.apply(state_of(shop, placed, Line("1", "A", 2)))
    pass_days(shop.core, 1)
    await shop.orders.apply(state_of(shop, placed, end))
    left = await on_hand(shop)
    pass_days(shop.core, days)

    done = await shop.orders.apply(state_of(shop, placed, end))
    assert Settled("UNCHANGED") == done
    assert left == await on_hand(shop)


@pytest.mark.parametrize("days", [31, 60, 300])
@pytest.mark.parametrize("ahead", [None, timedelta(seconds=5), timedelta(days=3_000)])
async def test_a_late_state_that_does_not_say_when_its_order_was_placed_moves_nothing(
    days: int, ahead: timedelta | None
) -> None:
    """Or says a time to come: the clock of a shop is ahead, or its zone is not what it says."""
    shop = Shop(new_core())
    state = shop.state(Line("1", "A", 2, 2))
    placed = None if ahead is None else now(shop.core) + ahead
    assert Settled("APPLIED") == await shop.orders.apply(replace(state, placed_time=placed))
    pass_days(shop.core, days)
    late = replace(state, id="late", placed_time=placed)
    assert Settled("UNCHANGED") == await shop.orders.apply(late)
    assert 3 == await on_hand(shop)


#: What is told of an order by turns before the core forgets what of it has ended, what is told
#: after, and units of lines that are committed, shipped and cancelled in the end.
SHIPPED, OPEN = Line("1", "A", 2, 2), Line("1", "A", 2)
WAYS: dict[str, tuple[list[Lines], Lines, dict[tuple[str, str], tuple[int, int, int]]]] = {
    "added later, still open": (
        [(SHIPPED,), (SHIPPED, Line("2", "A", 1))],
        (SHIPPED, Line("2", "A", 1)),
        {("2", "A"): (1, 0, 0)},
    ),
    "added later, shipped now": (
        [(SHIPPED,), (SHIPPED, Line("2", "A", 1))],
        (SHIPPED, Line("2", "A", 1, 1)),
        {("2", "A"): (0, 1, 0)},
    ),
    "a preorder beside which others were shipped": (
        [(OPEN,), (OPEN, Line("2", "A", 1, 1))],
        (OPEN, Line("2", "A", 1, 1)),
        {("1", "A"): (2, 0, 0)},
    ),
    "raised, the first units shipped, then the others": (
        [(OPEN,), (Line("1", "A", 3),), (Line("1", "A", 3, 2),)],
        (Line("1", "A", 3, 3),),
        {("1", "A"): (0, 1, 0)},
    ),
    "cancelled at last": (
        [(SHIPPED,), (SHIPPED, Line("2", "A", 2))],
        (SHIPPED, Line("2", "A", 2, 1, 1)),
        {("2", "A"): (0, 1, 1)},
    ),
    "two are forgotten between those that are open": (
        [
            (OPEN,),
            (OPEN, Line("2", "A", 1, 1)),
            (OPEN, Line("2", "A", 1, 1), Line("3", "A", 1, 0, 1)),
            (OPEN, Line("2", "A", 1, 1), Line("3", "A", 1, 0, 1), Line("4", "A", 1)),
        ],
        (SHIPPED, Line("2", "A", 1, 1), Line("3", "A", 1, 0, 1), Line("4", "A", 1, 1)),
        {("1", "A"): (0, 2, 0), ("4", "A"): (0, 1, 0)},
    ),
    "a line is added after all that": (
        [(OPEN,), (OPEN, Line("2", "A", 1, 1))],
        (OPEN, Line("2", "A", 1, 1), Line("3", "A", 1)),
        {("1", "A"): (2, 0, 0), ("3", "A"): (1, 0, 0)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_an_order_of_which_a_part_is_forgotten_goes_on(way: str) -> None:
    """What was ordered later is a reservation of its own, and outlives the others or does not."""
    before, after, units = WAYS[way]
    shop = Shop(new_core())
    placed = now(shop.core)
    for lines in before:
        await shop.orders.apply(state_of(shop, placed, *lines))
    pass_days(shop.core, 40)

    for _ in range(2):
        assert isinstance(await shop.orders.apply(state_of(shop, placed, *after)), Settled)
        assert units == await known_units(shop)
        assert 5 - sum(line.shipped for line in after) == await on_hand(shop)


async def known_units(shop: Shop) -> dict[tuple[str, str], tuple[int, int, int]]:
    """By line and place: units that are committed, shipped, and cancelled, as far as the core has
    not forgotten them.
    """
    return {
        (line.line_id, line.location): (line.committed, line.fulfilled, line.cancelled)
        for each in await shop.orders.states.find(shop.order, is_old=True)
        for line in each.lines
    }


@pytest.mark.parametrize("first", [(), (Line("1", "A", 1),)])
async def test_a_line_that_is_unknown_and_open_in_part_is_a_dead_letter_of_an_old_order(
    first: Lines,
) -> None:
    shop = Shop(new_core())
    placed = now(shop.core) - 2 * FORGOTTEN
    if first:
        await shop.orders.apply(state_of(shop, placed, *first))
    left = await known_units(shop), await on_hand(shop)

    done = await shop.orders.apply(state_of(shop, placed, *first, Line("2", "A", 3, 2)))
    assert isinstance(done, Dead)
    assert ("RESERVATION_ENDED", "order", shop.order) == (done.reason, done.field, done.value)
    assert left == (await known_units(shop), await on_hand(shop))


@pytest.mark.parametrize("age", [timedelta(), FORGOTTEN - timedelta(seconds=1)])
async def test_an_order_that_has_ended_before_it_came_is_shipped_if_it_is_young(
    age: timedelta,
) -> None:
    shop = Shop(new_core())
    done = await shop.orders.apply(state_of(shop, now(shop.core) - age, Line("1", "A", 2, 2)))
    assert (Settled("APPLIED"), 3) == (done, await on_hand(shop))


async def test_an_old_order_of_which_all_is_open_is_placed() -> None:
    """It was not known: what is open is not forgotten."""
    shop = Shop(new_core())
    placed = now(shop.core) - 2 * FORGOTTEN
    assert Settled("APPLIED") == await shop.orders.apply(state_of(shop, placed, Line("1", "A", 2)))
    assert {("1", "A"): (2, 0, 0)} == await shop.units()
