"""The adapters for Shopify against its twin, over HTTP."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from holdfast.adapters.contract import Accepted, Deferred, Message, Offer, Rejected, Stale
from holdfast.adapters.events import OrderEvent, Shown
from holdfast.adapters.runtime.partner import PartnerAway
from holdfast.adapters.systems.shopify.fulfillment_orders import OrdersOptions
from holdfast.adapters.systems.shopify.graphql import granted
from holdfast.adapters.systems.shopify.kinds import ORDERS_OF_APP, SHOP, SHOP_OF_APP
from holdfast.adapters.systems.shopify.read_back import LEVELS, READ_BACK
from holdfast.adapters.systems.shopify.webhooks import WebhookOptions
from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.shopify import BURST, TOKEN_S, ShopifyTwin
from tests.adapters.systems.shopify.shopify_partner import (
    DOMAIN,
    OPTIONS,
    HandClock,
    Sweeps,
    partner_of,
    read_back,
    walked,
)

STOCKED = ("1", "100")
ELSEWHERE = ("1", "200")
ORDERS = OrdersOptions(shop=DOMAIN, since="2026-11-26T00:00:00Z")


def stocked(available: int = 5, *, faults: Faults | None = None) -> ShopifyTwin:
    twin = ShopifyTwin(HandClock(), faults=faults)
    for location in ("100", "200"):
        twin.shop.stock("1", "MUG", location, available)
    return twin


def go_on(twin: ShopifyTwin, seconds: float) -> None:
    clock = twin.clock
    assert isinstance(clock, HandClock)
    clock.now += seconds


def offer(
    quantity: int, shown: int | None, sequence: int = 1, place: tuple[str, str] = STOCKED
) -> Offer:
    return Offer(*place, quantity, shown, sequence, id=f"{place}/{sequence}")


async def test_a_sale_that_came_in_between_is_not_overwritten() -> None:
    twin = stocked()
    async with partner_of(twin) as partner:
        assert [Accepted()] == await walked(partner, [offer(8, shown=5)])
        twin.sell(*STOCKED, 3)
        offers = [offer(9, 8, 2), offer(9, 5, 2, ELSEWHERE)]
        assert [Stale(5), Deferred(0.0)] == await walked(partner, offers)
        assert (5, 5) == (twin.shop.levels[STOCKED], twin.shop.levels[ELSEWHERE])
        offers = [offer(9, 5, 3), offer(9, 5, 3, ELSEWHERE)]
        assert [Accepted(), Accepted()] == await walked(partner, offers)


async def test_an_offer_whose_answer_was_lost_is_not_set_again_over_a_sale() -> None:
    twin = stocked()
    async with partner_of(twin) as partner:
        for _ in range(2):
            assert [Accepted()] == await walked(partner, [offer(8, shown=None)])
            twin.sell(*STOCKED, 1)
        assert 6 == twin.shop.levels[STOCKED]


async def test_an_offer_of_what_the_shop_does_not_have_is_rejected() -> None:
    twin = stocked()
    async with partner_of(twin) as partner:
        offers = [offer(8, None, place=("9", "100")), offer(8, None, place=("1", "900"))]
        item, location = await walked(partner, offers)
        assert isinstance(item, Rejected)
        assert isinstance(location, Rejected)
        assert ("inventoryItemId", "locationId") == (item.field, location.field)
        (too_many,) = await walked(partner, [offer(10**9 + 1, None)])
        assert isinstance(too_many, Rejected)
        assert "quantity" == too_many.field


async def test_an_attempt_that_is_still_running_is_put_off() -> None:
    twin = stocked(faults=Faults(partial=1))
    async with partner_of(twin) as partner:
        assert [Deferred()] == await walked(partner, [offer(8, None)])


async def test_an_empty_bucket_says_for_how_long_to_wait() -> None:
    twin = stocked()
    async with partner_of(twin) as partner:
        twin.points.take(BURST - 4)
        with pytest.raises(PartnerAway) as away:
            await walked(partner, [offer(1, None)])
        assert away.value.retry_after_s == pytest.approx(0.06)
        go_on(twin, 0.125)
        assert [Accepted()] == await walked(partner, [offer(1, None)])
        budget = await partner.ask_once(READ_BACK.request("", OPTIONS), granted)
        assert (100, BURST, 6.5) == (budget.rate, budget.burst, budget.tokens)


async def test_all_levels_are_read_within_the_limits_of_the_shop() -> None:
    twin = ShopifyTwin(HandClock())
    for item in range(1, LEVELS + 6):
        twin.shop.stock(str(item), f"SKU-{item}", "100", item)
    twin.shop.stock("7", "SKU-7", "200", 5)
    async with partner_of(twin) as partner:
        shown = await read_back(partner)
    assert twin.shop.levels == {(each.item, each.node): each.quantity for each in shown}
    assert LEVELS + 6 == len(shown)


async def test_a_session_that_ends_is_begun_again() -> None:
    twin = stocked()
    async with partner_of(twin, SHOP_OF_APP) as partner:
        assert [Accepted()] == await walked(partner, [offer(8, 5)])
        go_on(twin, TOKEN_S)
        assert [Accepted()] == await walked(partner, [offer(9, 8, 2)])


async def test_orders_are_polled_at_the_locations_that_ship_them() -> None:
    twin = stocked(20)
    async with partner_of(twin, ORDERS_OF_APP) as partner:
        sweeps = Sweeps(partner, ORDERS)
        first = twin.sell(*STOCKED, 5)
        assert first is not None
        happenings: tuple[Callable[[], object], ...] = (
            lambda: None,
            lambda: twin.shop.move(first, "200"),
            lambda: twin.shop.ship(first, 2),
            lambda: twin.shop.cancel(first, 1),
            lambda: twin.sell(*ELSEWHERE, 4),
        )
        for happens in happenings:
            go_on(twin, 10)
            happens()
            assert 1 == await sweeps.sweep(), "what did not change is not asked for again"
    assert [("200", 5, 2, 1)] == [  # it moved as a whole, before any of it was shipped
        (each.location, int(each.quantity), int(each.shipped), int(each.cancelled))
        for each in sweeps.states[f"shopify/{first}"].lines
    ]
    assert_as_in_books(sweeps, twin)


def assert_as_in_books(sweeps: Sweeps, twin: ShopifyTwin) -> None:
    """The states of all orders have the units of the shop's books."""
    is_open: Counter[tuple[str, str]] = Counter()
    shipped: Counter[tuple[str, str]] = Counter()
    for event in sweeps.states.values():
        for line in event.lines:
            place = ("1", line.location)
            is_open[place] += int(line.quantity - line.shipped - line.cancelled)
            shipped[place] += int(line.shipped)
    books = twin.books()
    assert (+is_open, +shipped) == (+Counter(books["open"]), +Counter(books["shipped"]))


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]
)
async def test_a_shop_that_fails_shows_in_the_end_what_there_is_and_never_sells_more(
    seed: int,
) -> None:
    """Buyers come between every two steps; requests are throttled, lost and put off."""
    units, shown = 40, 0
    chance = Random(seed)
    faults = Faults(seed=seed, throttled=0.1, lost=0.2, expired=0.1, partial=0.1)
    twin = stocked(0, faults=faults)
    async with partner_of(twin, SHOP_OF_APP) as partner:
        sweeps = Sweeps(partner, ORDERS)
        for sequence in range(1, 50):
            go_on(twin, 10)
            if sequence < 25:
                twin.sell(*STOCKED, chance.randint(1, 3))
            try:
                await sweeps.sweep()
                target = units - sold(sweeps)
                (verdict,) = await walked(partner, [offer(target, shown, sequence)])
            except PartnerAway:
                continue
            if isinstance(verdict, Stale):
                assert verdict.shown is not None
                shown = verdict.shown
            elif isinstance(verdict, Accepted):
                shown = target
            orders = twin.shop.orders.values()
            taken = sum(line.quantity for order in orders for line in order.lines)
            assert taken + twin.shop.levels[STOCKED] <= units
    assert_as_in_books(sweeps, twin)
    assert units == sold(sweeps) + twin.shop.levels[STOCKED]


def sold(sweeps: Sweeps) -> int:
    """Units of the orders that were heard of."""
    return sum(int(line.quantity) for event in sweeps.states.values() for line in event.lines)


def test_webhooks_that_come_twice_late_and_in_any_order_tell_how_orders_stand() -> None:
    twin = stocked(20, faults=Faults(seed=7, duplicates=0.5, delay_s=100))
    twin.subscribe("http://here")
    order = twin.sell(*STOCKED, 5)
    assert order is not None
    go_on(twin, 10)
    twin.shop.cancel(order, 1)
    go_on(twin, 10)
    twin.shop.ship(order, 4)
    go_on(twin, 100)
    options = WebhookOptions(shop=DOMAIN, location="100")
    decoded: dict[str, Any] = {}
    count = 0
    for _, delivery in twin.deliveries.due():
        count += 1
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        message = Message(delivery.body, headers)
        SHOP.verify(message, {"client_secret": twin.secrets.client_secret}, options)
        (event,) = SHOP.decode(message, options)
        assert event == decoded.setdefault(SHOP.key(message), event)
    assert len(decoded) < count
    lines = [
        line for event in decoded.values() if isinstance(event, OrderEvent) for line in event.lines
    ]
    assert (5, 4, 1) == tuple(
        max(int(getattr(line, name)) for line in lines)
        for name in ("quantity", "shipped", "cancelled")
    )
    shown = {each.time: each.quantity for each in decoded.values() if isinstance(each, Shown)}
    assert twin.shop.levels[STOCKED] == shown[max(time for time in shown if time)]
