"""All channels say when an order was placed: one that the core may have forgotten is told by it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.contract import Adapter, Message
from holdfast.adapters.events import OrderEvent
from holdfast.adapters.systems import vendure
from holdfast.adapters.systems.shopify.kinds import ORDERS as SHOPIFY_ORDERS
from holdfast.adapters.systems.walmart.orders import ADAPTER as WALMART_ORDERS
from tests.adapters.systems import test_vendure
from tests.adapters.systems.amazon import test_amazon_notifications, test_amazon_orders
from tests.adapters.systems.shopify import graphql_samples, rest_samples
from tests.adapters.systems.walmart import test_walmart_orders

AT = "2026-11-20T11:00:00Z"
PLACED = datetime(2026, 11, 20, 11, tzinfo=UTC)


def by(adapter: Adapter, options: Any) -> Callable[[Any], Any]:
    """What an adapter decodes a document to."""

    def decode(document: Any) -> Any:
        (event,) = adapter.decode(Message(json.dumps(document).encode()), options)
        return event

    return decode


def webhook(document: Any) -> Any:
    (event,) = rest_samples.decoded("orders/updated", document)
    return event


def notified(body: Any) -> Any:
    body["Payload"]["OrderChangeNotification"]["Summary"]["PurchaseDate"] = AT
    return body


SAYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "amazon": (test_amazon_notifications.decoded, notified(test_amazon_notifications.order())),
    "amazon-orders": (test_amazon_orders.decoded, test_amazon_orders.order(createdTime=AT)),
    "shopify": (webhook, rest_samples.order(created_at=AT)),
    "shopify-orders": (
        by(SHOPIFY_ORDERS, graphql_samples.ORDERS),
        graphql_samples.order(groups=[graphql_samples.group(100, {1: 5})], createdAt=AT),
    ),
    "vendure": (
        by(vendure.ADAPTER, test_vendure.OPTIONS),
        test_vendure.order() | {"orderPlacedAt": AT},
    ),
    "walmart": (
        by(WALMART_ORDERS, test_walmart_orders.OPTIONS),
        test_walmart_orders.order(orderDate=int(PLACED.timestamp() * 1_000)),
    ),
}


@pytest.mark.parametrize("channel", SAYS)
def test_a_state_says_when_its_order_was_placed(channel: str) -> None:
    decode, document = SAYS[channel]
    event = decode(document)
    assert isinstance(event, OrderEvent)
    assert PLACED == event.placed_time
