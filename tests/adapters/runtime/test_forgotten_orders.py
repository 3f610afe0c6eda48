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


def now(core: CoreClient) -> datetime:
    return datetime.fromtimestamp(core.now_ns / 10**9, UTC)


def pass_days(core: CoreClient, days: int) -> None:
    for _ in range(days):  # it is seen to have ended, then its lines leave, then its id
        core.now_ns += DAY_NS
        core.engine.turn([], core.now_ns)


async def on_hand(shop: Shop) -> int:
    answer = await shop.core.get_shortfall(shop.sku, "A", max_lines=1)
    return int(answer.shortfall.on_hand)


def told(shop: Shop, placed: datetime, *lines: Line) -> OrderEvent:
    return replace(shop.state(*lines), placed_time=placed)


@pytest.mark.parametrize("days", [0, 1, 3, 29, 31, 33, 60, 400])
@pytest.mark.parametrize("end", [Line("1", "A", 2, 2), Line("1", "A", 2, 1, 1)])
async def test_a_late_state_of_an_order_that_has_ended_moves_nothing(days: int, end: Line) -> None:
    """As of each order of which a shop changes a tag, or that comes back, after weeks."""
    shop = Shop(new_core())
    placed = now(shop.core)
    await shop.orders.apply(told(shop, placed, Line("1", "A", 2)))
    pass_days(shop.core, 1)
    await shop.orders.apply(told(shop, placed, end))
    left = await on_hand(shop)
    pass_days(shop.core, days)

    done = await shop.orders.apply(told(shop, placed, end))
    assert isinstance(done, Settled)
    assert done.outcome in ("UNCHANGED", "ENDED_LONG_AGO")
    assert left == await on_hand(shop)


async def test_an_order_that_is_open_in_part_and_may_be_forgotten_is_a_dead_letter() -> None:
    """What was ordered later is a reservation of its own, and outlives the first one."""
    shop = Shop(new_core())
    placed = now(shop.core)
    await shop.orders.apply(told(shop, placed, Line("1", "A", 2, 2)))
    both = Line("1", "A", 2, 2), Line("2", "A", 1)
    await shop.orders.apply(told(shop, placed, *both))
    left = await on_hand(shop)
    pass_days(shop.core, 40)

    done = await shop.orders.apply(told(shop, placed, *both))
    assert isinstance(done, Dead)
    assert ("RESERVATION_ENDED", "order", shop.order) == (done.reason, done.field, done.value)
    assert left == await on_hand(shop)


@pytest.mark.parametrize("age", [timedelta(), FORGOTTEN - timedelta(seconds=1)])
async def test_an_order_that_has_ended_before_it_came_is_shipped_if_it_is_young(
    age: timedelta,
) -> None:
    shop = Shop(new_core())
    done = await shop.orders.apply(told(shop, now(shop.core) - age, Line("1", "A", 2, 2)))
    assert (Settled("APPLIED"), 3) == (done, await on_hand(shop))


async def test_an_old_order_of_which_all_is_open_is_placed() -> None:
    """It was not known: what is open is not forgotten."""
    shop = Shop(new_core())
    placed = now(shop.core) - 2 * FORGOTTEN
    assert Settled("APPLIED") == await shop.orders.apply(told(shop, placed, Line("1", "A", 2)))
    assert {("1", "A"): (2, 0, 0)} == await shop.units()
