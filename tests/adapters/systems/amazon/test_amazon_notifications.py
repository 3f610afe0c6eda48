"""Notifications of Amazon: orders as they stand, what listings show, and what is ignored."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Ignored, OrderEvent, OrderKind, OrderLine, Shown
from holdfast.adapters.systems.amazon.channel import LISTINGS, LOCATIONS
from holdfast.adapters.systems.amazon.sp_api import AmazonOptions
from tests.adapters.contracts import contract
from tests.adapters.systems.amazon.amazon_models import FOLDER, NOTIFICATIONS, document, judge_of

OPTIONS = AmazonOptions(seller_id="S1", marketplace_id="M1")
ITEM: dict[str, Any] = {
    "OrderItemId": "I1",
    "SellerSKU": "MUG",
    "SupplySourceId": None,
    "Quantity": 3,
    "QuantityShipped": 1,
}
GONE = {"Quantity": 0, "QuantityShipped": 0}
NO_ITEMS = {"OrderStatus": "Pending", "FulfillmentType": "MFN", "OrderItems": []}


def notification(kind: str, payload: Any, number: str = "N1") -> dict[str, Any]:
    return {
        "NotificationVersion": "1.0",
        "NotificationType": kind,
        "PayloadVersion": "1.0",
        "EventTime": "2026-11-26T12:00:00.000Z",
        "Payload": payload,
        "NotificationMetadata": {
            "ApplicationId": "a",
            "SubscriptionId": "s",
            "PublishTime": "2026-11-26T12:00:01.000Z",
            "NotificationId": number,
        },
    }


def order(status: str = "PartiallyShipped", *items: Any, **changes: Any) -> dict[str, Any]:
    summary = {
        "MarketplaceId": "M1",
        "OrderStatus": status,
        "FulfillmentType": changes.pop("fulfillment", "MFN"),
        "OrderItems": list(items or (ITEM,)),
    }
    change = {"SellerId": "S1", "AmazonOrderId": "902-1-1", "Summary": summary, **changes}
    return notification("ORDER_CHANGE", {"OrderChangeNotification": change})


def quantity(**changes: Any) -> dict[str, Any]:
    payload = {"SellerId": "S1", "FulfillmentChannelCode": "DEFAULT", "Sku": "MUG", "Quantity": 99}
    return notification("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", {**payload, **changes})


def message(body: Any) -> Message:
    return Message(json.dumps(body).encode())


def decoded(body: Any, options: AmazonOptions = OPTIONS) -> Any:
    [found] = LISTINGS.decode(message(body), options)
    return found


def line(body: Any) -> OrderLine:
    event = decoded(body)
    assert isinstance(event, OrderEvent)
    return event.lines[0]


def small(value: Any) -> Any:
    """With names that begin with a small letter, as newer types have them."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: small(each) for name, each in value.items()}
    return [small(each) for each in value] if isinstance(value, list) else value


def test_an_order_is_reported_as_it_stands() -> None:
    expected = OrderEvent(
        source="amazon",
        id="N1",
        kind=OrderKind.STATE,
        order="amazon/902-1-1",
        lines=(OrderLine("I1", "MUG", "DEFAULT", Decimal(3), shipped=Decimal(1)),),
        time=datetime(2026, 11, 26, 12, tzinfo=UTC),
        is_sold=True,
        is_current=True,
    )

    assert expected == decoded(order())
    assert expected == decoded(small(order()))
    event = {"version": "0", "detail-type": "ORDER_CHANGE", "detail": order()}
    assert expected == decoded(event)
    assert "N1" == LISTINGS.key(message(order())) == LISTINGS.key(message(event))


@pytest.mark.parametrize(
    ("status", "item", "expected"),
    [
        ("Pending", {"QuantityShipped": 0}, (0, 0)),
        ("PendingAvailability", {"QuantityShipped": 0}, (0, 0)),
        ("Unshipped", {"QuantityShipped": None}, (0, 0)),
        ("InvoiceUnconfirmed", {"QuantityShipped": None}, (0, 0)),
        ("PartiallyShipped", {"QuantityShipped": 2}, (2, 0)),
        ("PartiallyShipped", {"QuantityShipped": None, "OrderItemStatus": "Shipped"}, (3, 0)),
        ("Shipped", {"QuantityShipped": None}, (3, 0)),
        ("Shipped", {"QuantityShipped": 2}, (2, 1)),
        ("Canceled", {"QuantityShipped": 0}, (0, 3)),
        ("Canceled", {"QuantityShipped": 1}, (1, 2)),
        ("Unfulfillable", {"QuantityShipped": 0}, (0, 3)),
    ],
)
def test_each_status_says_what_was_shipped_and_what_will_not_be(
    status: str, item: dict[str, Any], expected: tuple[int, int]
) -> None:
    found = line(order(status, {**ITEM, "IsBuyerRequestedCancel": True, **item}))

    assert tuple(map(Decimal, expected)) == (found.shipped, found.cancelled)
    assert Decimal(3) == found.quantity


def test_a_line_ships_from_its_supply_source() -> None:
    assert "SOURCE-1" == line(order("Unshipped", {**ITEM, "SupplySourceId": "SOURCE-1"})).location


def test_an_order_whose_quantities_are_gone_is_cancelled_as_a_whole() -> None:
    event = decoded(order("Canceled", {**ITEM, **GONE}))

    assert (OrderKind.CANCELLED, (), False) == (event.kind, event.lines, event.is_sold)


def test_an_item_whose_quantity_is_gone_is_reported_with_0() -> None:
    left, gone = decoded(order("Shipped", ITEM, {**ITEM, "OrderItemId": "I2", **GONE})).lines

    assert [3, 0] == [left.quantity, gone.quantity]
    assert (0, 0) == (gone.shipped, gone.cancelled)


def test_a_listing_is_reported_as_it_is_shown() -> None:
    expected = Shown(
        item="MUG",
        node="DEFAULT",
        quantity=99,
        time=datetime(2026, 11, 26, 12, tzinfo=UTC),
    )

    assert expected == decoded(quantity()) == decoded(small(quantity()))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (order(fulfillment="AFN"), "fulfilled_by_amazon"),
        (order(Summary=NO_ITEMS), "no_lines"),
        (notification("FBA_INVENTORY_AVAILABILITY_CHANGES", {}), "fulfilled_by_amazon"),
        (notification("FEED_PROCESSING_FINISHED", {}), "feed_finished"),
        (notification("ANY_OFFER_CHANGED", {}), "other_notification"),
    ],
)
def test_what_does_not_concern_stock_is_ignored_by_its_reason(body: Any, reason: str) -> None:
    assert Ignored(reason) == decoded(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"NotificationType": 7}, "NotificationType"),
        (order(SellerId="S2"), "Payload.OrderChangeNotification.SellerId"),
        (quantity(SellerId="S2"), "Payload.SellerId"),
        (quantity(Quantity=-1), "Payload.Quantity"),
        (order("Lost"), "Payload.OrderChangeNotification.Summary.OrderStatus"),
        (
            order("Unshipped", {**ITEM, "QuantityShipped": 4}),
            "Payload.OrderChangeNotification.Summary.OrderItems[0].QuantityShipped",
        ),
        (
            small(order("Unshipped", {**ITEM, "SellerSKU": ""})),
            "payload.orderChangeNotification.summary.orderItems[0].sellerSKU",
        ),
    ],
)
def test_what_cannot_be_understood_is_reported_by_its_field(body: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decoded(body)

    assert field == caught.value.field


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["Unshipped", "Canceled"]))
def test_no_line_has_more_ended_than_ordered(ordered: int, shipped: int, status: str) -> None:
    body = order(status, {**ITEM, "Quantity": ordered, "QuantityShipped": shipped})
    if shipped > ordered:
        with pytest.raises(Undecodable):
            decoded(body)
    elif ordered:
        found = line(body)
        assert 0 <= found.shipped + found.cancelled <= found.quantity


@pytest.mark.parametrize("adapter", [LISTINGS, LOCATIONS], ids=lambda adapter: adapter.name)
def test_both_channels_stand_what_the_kit_does_to_them(adapter: Any) -> None:
    bodies = [
        notification("ANY_OFFER_CHANGED", {}, "N0"),
        quantity(),
        {**small(quantity()), "notificationMetadata": {"notificationId": "N2"}},
        {"detail-type": "x", "detail": notification("FEED_PROCESSING_FINISHED", {}, "N3")},
    ]
    samples = [Sample(f"{number}", message(body)) for number, body in enumerate(bodies)]

    assert [] == list(findings(adapter, samples, OPTIONS))


# What Amazon publishes


def test_every_published_sample_is_read_or_ignored() -> None:
    found = {}
    for path in sorted(contract(f"{FOLDER}/examples").glob("*.json")):
        body = document(f"examples/{path.name}")
        seller = {"A3TH9S8BH6GOGM", "AXXXXXXXXXXXXX"} & set(json.dumps(body).split('"'))
        options = AmazonOptions(seller_id=next(iter(seller), "S1"), marketplace_id="M1")
        found[path.name.partition(".")[0]] = decoded(body, options)

    ignored = {name: each.reason for name, each in found.items() if isinstance(each, Ignored)}
    assert Decimal(10) == found["OrderChangeNotification"].lines[0].quantity
    assert 99 == found["ListingsItemMfnQuantityChange"].quantity
    assert "feed_finished" == ignored.pop("FeedProcessingFinishedNotification")
    assert {"other_notification"} == set(ignored.values())
    assert 9 == len(found)


def test_our_samples_are_as_amazon_has_them() -> None:
    judge_of(f"{NOTIFICATIONS}/ListingsItemMfnQuantityChange.json")(quantity())
