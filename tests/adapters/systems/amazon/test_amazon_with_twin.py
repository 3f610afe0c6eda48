"""Amazon's adapters against the twin, over HTTP on loopback: what is offered is what is shown."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.contract import Accepted, Deferred, Message, Page, Refused, Rejected, Stale
from holdfast.adapters.events import OrderEvent, Shown
from holdfast.adapters.systems.amazon.channel import LISTINGS, LOCATIONS, ORDERS
from holdfast.adapters.systems.amazon.external_fulfillment import BATCH_PATH
from holdfast.adapters.systems.amazon.listings import PATCH_PATH, READ_BACK
from holdfast.adapters.systems.amazon.listings_feed import FEED_PATH
from holdfast.adapters.systems.amazon.order_search import POLL, OrderSearchOptions
from holdfast.adapters.twins.faults import Faults
from tests.adapters.systems.amazon.amazon_channel import (
    NOON,
    OPTIONS,
    AmazonChannel,
    connected,
    offer,
)


def events(channel: AmazonChannel) -> list[Any]:
    """What the notifications that are due say."""
    due = channel.twin.deliveries.due()
    messages = [Message(delivery.body) for _, delivery in due]
    return [event for each in messages for event in LISTINGS.decode(each, OPTIONS)]


def shown(channel: AmazonChannel) -> dict[tuple[str, str], int]:
    return channel.twin.books().shown


async def test_a_patch_is_shown_after_a_while_and_echoed() -> None:
    async with connected() as channel:
        channel.twin.list_item("MUG", DEFAULT=9)
        found = await channel.publish(PATCH_PATH, offer("MUG", 4))
        before = shown(channel)
        channel.clock.now += 30
        after = shown(channel)
        [echo] = events(channel)

    assert [Accepted()] == found
    assert ({("MUG", "DEFAULT"): 9}, {("MUG", "DEFAULT"): 4}) == (before, after)
    assert isinstance(echo, Shown)
    assert ("MUG", "DEFAULT", 4) == (echo.item, echo.node, echo.quantity)


async def test_a_listing_that_is_not_taken_is_rejected_by_its_reason() -> None:
    async with connected() as channel:
        channel.twin.list_item("MUG", DEFAULT=9).is_blocked = True
        blocked = await channel.publish(PATCH_PATH, offer("MUG", 4))
        unknown = await channel.publish(PATCH_PATH, offer("NO SUCH", 4))
        channel.clock.now += 30
        left = shown(channel)

    assert [Rejected("18299: This listing cannot be changed.")] == blocked
    assert [Rejected("Amazon answers 404 NOT_FOUND: SKU 'NO SUCH' not found", "item")] == unknown
    assert {("MUG", "DEFAULT"): 9} == left


@pytest.mark.parametrize("count", [3, 40], ids=["plain", "packed"])
async def test_a_feed_is_shown_and_its_errors_are_rejected(count: int) -> None:
    async with connected(feed_s=60) as channel:
        for number in range(count):
            listing = channel.twin.list_item(f"SKU-{number}", DEFAULT=1)
            listing.is_blocked = number % 2 == 1
        offers = [offer(f"SKU-{number}", number + 10) for number in range(count)]
        found = await channel.publish(FEED_PATH, *offers)
        after = shown(channel)

    refused = Rejected("18299: This listing cannot be changed.")
    assert [refused if number % 2 else Accepted() for number in range(count)] == found
    assert [number + 10 if number % 2 == 0 else 1 for number in range(count)] == [
        after[f"SKU-{number}", "DEFAULT"] for number in range(count)
    ]


async def test_a_feed_that_fails_is_offered_again() -> None:
    async with connected(Faults(partial=1), feed_s=60) as channel:
        channel.twin.list_item("MUG", DEFAULT=1)
        found = await channel.publish(FEED_PATH, offer("MUG", 4))

    assert [Deferred()] == found


async def test_the_newer_of_two_quantities_of_a_location_stays() -> None:
    async with connected(adapter=LOCATIONS) as channel:
        channel.twin.list_item("MUG", STORE=1)
        newer = await channel.publish(BATCH_PATH, offer("MUG", 7, "STORE", 2))
        older = await channel.publish(
            BATCH_PATH, offer("MUG", 9, "STORE", 1), offer("PAN", 1, "STORE", 1)
        )
        after = shown(channel)

    assert [Accepted()] == newer
    assert [Stale(7), Rejected("INVALID_SKU: The SKU does not exist.", "item")] == older
    assert {("MUG", "STORE"): 7} == after


async def test_lines_that_are_put_off_are_offered_again() -> None:
    async with connected(Faults(seed=3, partial=0.5), adapter=LOCATIONS) as channel:
        offers = [offer(f"SKU-{number}", 5, "STORE") for number in range(10)]
        for each in offers:
            channel.twin.list_item(each.item, STORE=1)
        found = await channel.publish(BATCH_PATH, *offers)
        after = shown(channel)

    assert {Accepted(), Deferred()} == set(found)
    assert [5 if each == Accepted() else 1 for each in found] == [
        after[each.item, "STORE"] for each in offers
    ]


async def test_what_is_shown_can_be_read_back() -> None:
    async with connected() as channel:
        for number in range(45):
            channel.twin.list_item(f"SKU-{number}", DEFAULT=number)
        found: dict[str, int] = {}
        cursor = ""
        while True:
            request = READ_BACK.request(cursor, channel.options)
            page, cursor = await channel.ask(
                request, lambda response: READ_BACK.page(response, channel.options)
            )
            found |= {each.item: each.quantity for each in page}
            if not cursor:
                break

    assert {f"SKU-{number}": number for number in range(45)} == found


async def test_a_token_that_expires_on_the_way_is_renewed() -> None:
    async with connected(token_s=50, feed_s=60) as channel:
        channel.twin.list_item("MUG", DEFAULT=1)
        found = await channel.publish(FEED_PATH, offer("MUG", 4))
        channel.clock.now += 1_000
        again = await channel.publish(FEED_PATH, offer("MUG", 5))

    assert [Accepted()] == found == again
    assert 0 == channel.away


async def test_a_login_that_is_refused_is_reported() -> None:
    async with connected() as channel:
        channel.twin.end_sessions()
        channel.partner._secrets = {"client_id": "c", "client_secret": "s", "refresh_token": "x"}
        with pytest.raises(Refused, match="invalid_grant"):
            await channel.publish(PATCH_PATH, offer())


async def test_an_outage_is_waited_for() -> None:
    async with connected(Faults(outages=((NOON, NOON + 600),))) as channel:
        channel.twin.list_item("MUG", DEFAULT=1)
        found = await channel.publish(PATCH_PATH, offer("MUG", 4))

    assert [Accepted()] == found
    assert 10 == channel.away


async def test_more_than_the_usage_plan_grants_is_throttled() -> None:
    async with connected() as channel:
        channel.twin.list_item("MUG", DEFAULT=1)
        for number in range(6):
            await channel.publish(PATCH_PATH, offer("MUG", number))

    assert 1 == channel.away


# Orders


def states(found: list[Any]) -> dict[str, tuple[int, int, int]]:
    """Order -> units ordered, shipped and cancelled, the furthest that was reported."""
    furthest: dict[str, tuple[int, int, int]] = {}
    for event in found:
        if isinstance(event, OrderEvent):
            [line] = event.lines
            new = (int(line.quantity), int(line.shipped), int(line.cancelled))
            old = furthest.get(event.order, (0, 0, 0))
            furthest[event.order] = (new[0], max(old[1], new[1]), max(old[2], new[2]))
    return furthest


async def test_notifications_and_searches_tell_the_same_orders() -> None:
    faults = Faults(seed=5, duplicates=0.5, delay_s=600)
    async with connected(faults) as channel:
        sold(channel)
        channel.clock.now += 1_200
        notified = states(events(channel))
    async with connected(adapter=ORDERS, options=SEARCHED) as channel:
        sold(channel)
        channel.clock.now += 1_200
        searched = states(await search(channel))

    assert 110 == len(notified)
    assert searched == notified
    assert {(3, 0, 0), (3, 2, 0), (3, 3, 0), (3, 2, 1), (3, 0, 3)} == set(searched.values())


async def test_notifications_that_are_lost_are_made_up_for_by_a_search() -> None:
    async with connected(Faults(dropped=1), adapter=ORDERS, options=SEARCHED) as channel:
        sold(channel)
        early = await search(channel)
        assert [] == events(channel)
        channel.clock.now += 1_200
        late = await search(channel)

    assert (0, 110) == (len(early), len(states(late)))


SEARCHED = OrderSearchOptions(
    marketplace_ids=("ATVPDKIKX0DER",), since=datetime.fromtimestamp(NOON - 60, UTC)
)


def sold(channel: AmazonChannel) -> None:
    """Orders of three units each, in all states that there are."""
    twin = channel.twin
    twin.list_item("MUG", DEFAULT=330)
    for number in range(110):
        order = twin.sell("MUG", "DEFAULT", 3)
        assert order is not None
        match number % 5:
            case 1:
                twin.shelf.ship(order, 2)
            case 2:
                twin.shelf.ship(order, 3)
            case 3:
                twin.shelf.ship(order, 2)
                twin.shelf.cancel(order, 1)
            case 4:
                twin.shelf.cancel(order, 3)
    assert twin.sell("MUG", "DEFAULT", 1) is None


async def search(channel: AmazonChannel) -> list[Any]:
    """The events of a search, from page to page."""
    found: list[Any] = []
    cursor, has_more = "", True
    while has_more:

        def read(response: Any, cursor: str = cursor) -> Page:
            return POLL.page(response, cursor, channel.options)

        page = await channel.ask(POLL.request(cursor, channel.options), read)
        for message in page.messages:
            json.loads(message.body)
            found += ORDERS.decode(message, channel.options)
        cursor, has_more = page.cursor, page.has_more
    return found


# All at once


@pytest.mark.parametrize("seed", range(2))
async def test_the_last_offer_is_shown_whatever_goes_wrong(seed: int) -> None:
    faults = Faults(seed=seed, throttled=0.1, lost=0.1, expired=0.1, partial=0.2)
    async with connected(faults, adapter=LOCATIONS) as channel:
        skus = [f"SKU-{number}" for number in range(10)]
        for sku in skus:
            channel.twin.list_item(sku, STORE=100)
        for sequence in range(1, 6):
            waiting = [
                offer(sku, 10 * sequence + at, "STORE", sequence) for at, sku in enumerate(skus)
            ]
            while waiting:
                found = await channel.publish(BATCH_PATH, *waiting)
                assert set(found) <= {Accepted(), Deferred()}
                pairs = zip(waiting, found, strict=True)
                waiting = [each for each, verdict in pairs if verdict == Deferred()]
        after = shown(channel)

    assert {(sku, "STORE"): 50 + at for at, sku in enumerate(skus)} == after
