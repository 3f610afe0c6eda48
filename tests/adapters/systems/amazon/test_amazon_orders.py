"""Orders that Amazon is asked for: page by page, and the same states that notifications tell."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdfast.adapters.contract import Message, Page, SessionExpired, Throttled, Undecodable
from holdfast.adapters.events import Ignored, OrderKind
from holdfast.adapters.systems.amazon.channel import ORDERS
from holdfast.adapters.systems.amazon.order_search import POLL, OrderSearchOptions
from tests.adapters.systems.amazon.amazon_channel import answer
from tests.adapters.systems.amazon.amazon_models import ORDERS as MODEL
from tests.adapters.systems.amazon.amazon_models import document

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
OPTIONS = OrderSearchOptions(marketplace_ids=("M1", "M2"), since=SINCE)


def item(ordered: int = 3, **changes: Any) -> dict[str, Any]:
    return {
        "orderItemId": "I1",
        "quantityOrdered": ordered,
        "product": {"sellerSku": "MUG"},
        "fulfillment": {"quantityFulfilled": 1, "quantityUnfulfilled": 1},
        **changes,
    }


def order(status: str = "PARTIALLY_SHIPPED", *items: Any, **changes: Any) -> dict[str, Any]:
    return {
        "orderId": "902-1-1",
        "createdTime": "2026-11-26T11:00:00Z",
        "lastUpdatedTime": "2026-11-26T12:00:00Z",
        "salesChannel": {"channelName": "AMAZON"},
        "fulfillment": {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"},
        "orderItems": list(items or (item(),)),
        **changes,
    }


def decoded(body: Any) -> Any:
    [found] = ORDERS.decode(Message(json.dumps(body).encode()), OPTIONS)
    return found


def query(cursor: str) -> dict[str, str]:
    request = POLL.request(cursor, OPTIONS)
    assert "searchOrders" == request.operation
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def page(body: Any, cursor: str = "") -> Page:
    return POLL.page(answer(200, json.dumps(body).encode()), cursor, OPTIONS)


def test_a_search_goes_from_page_to_page_and_on_from_where_it_ended() -> None:
    first = page({"orders": [order()], "pagination": {"nextToken": "T 2+"}})
    last = page({"orders": [], "lastUpdatedBefore": "2026-11-26T13:00:00Z"}, first.cursor)
    idle = page({"orders": []}, last.cursor)

    assert (SINCE.isoformat(), "M1,M2") == (
        query("")["lastUpdatedAfter"],
        query("")["marketplaceIds"],
    )
    assert ("T 2+", SINCE.isoformat()) == (
        query(first.cursor)["paginationToken"],
        query(first.cursor)["lastUpdatedAfter"],
    )
    assert "2026-11-26T13:00:00+00:00" == query(last.cursor)["lastUpdatedAfter"]
    assert "paginationToken" not in query(last.cursor)
    assert last.cursor == idle.cursor
    assert [True, False, False] == [each.has_more for each in (first, last, idle)]
    assert 1 == len(first.messages)


def test_a_token_that_is_too_old_begins_the_search_again() -> None:
    again = POLL.page(answer(400), f"{SINCE.isoformat()} OLD", OPTIONS)

    assert again.has_more
    assert "paginationToken" not in query(again.cursor)


@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (answer(429, b'{"errors":[{"code":"QuotaExceeded","message":"m"}]}'), Throttled),
        (
            answer(403, b'{"errors":[{"code":"Unauthorized","details":"The access token ..."}]}'),
            SessionExpired,
        ),
        (answer(200, b'{"orders":{}}'), Undecodable),
        (answer(200, b'{"orders":[],"pagination":{"nextToken":7}}'), Undecodable),
    ],
)
def test_what_is_no_page_is_refused(response: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        POLL.page(response, "", OPTIONS)


def test_an_order_is_reported_as_it_stands() -> None:
    event = decoded(order())
    [line] = event.lines

    assert ("amazon/902-1-1", OrderKind.STATE, True) == (event.order, event.kind, event.is_sold)
    assert datetime(2026, 11, 26, 12, tzinfo=UTC) == event.time
    assert ("I1", "MUG", "DEFAULT") == (line.id, line.sku, line.location)
    assert (3, 1, 1) == (line.quantity, line.shipped, line.cancelled)


@pytest.mark.parametrize(
    ("status", "fulfillment", "expected"),
    [
        ("PENDING", {"quantityFulfilled": 0, "quantityUnfulfilled": 0}, (0, 0)),
        ("PENDING_AVAILABILITY", {"quantityFulfilled": 0, "quantityUnfulfilled": 0}, (0, 0)),
        ("UNSHIPPED", {"quantityFulfilled": 0, "quantityUnfulfilled": 3}, (0, 0)),
        ("UNSHIPPED", {"quantityFulfilled": 0, "quantityUnfulfilled": 2}, (0, 1)),
        ("SHIPPED", {"quantityFulfilled": 2, "quantityUnfulfilled": 0}, (2, 1)),
        ("SHIPPED", None, (3, 0)),
        ("UNSHIPPED", None, (0, 0)),
        ("CANCELLED", {"quantityFulfilled": 0, "quantityUnfulfilled": 0}, (0, 3)),
        ("CANCELLED", None, (0, 3)),
        ("UNFULFILLABLE", {"quantityFulfilled": 1, "quantityUnfulfilled": 0}, (1, 2)),
    ],
)
def test_each_status_says_what_was_shipped_and_what_will_not_be(
    status: str, fulfillment: Any, expected: tuple[int, int]
) -> None:
    [line] = decoded(order(status, item(fulfillment=fulfillment))).lines

    assert tuple(map(Decimal, expected)) == (line.shipped, line.cancelled)


def test_what_amazon_ships_itself_is_ignored() -> None:
    amazon = {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "AMAZON"}

    assert Ignored("fulfilled_by_amazon") == decoded(order(fulfillment=amazon))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (order("LOST"), "fulfillment.fulfillmentStatus"),
        (order(fulfillment=None), "fulfillment"),
        (order("SHIPPED", item(-1)), "orderItems[0].quantityOrdered"),
        (order("SHIPPED", item(product={})), "orderItems[0].product.sellerSku"),
        (order(lastUpdatedTime="yesterday"), "lastUpdatedTime"),
    ],
)
def test_what_cannot_be_understood_is_reported_by_its_field(body: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decoded(body)

    assert field == caught.value.field


def test_the_same_order_is_the_same_message_until_it_changes() -> None:
    one, other = (
        page({"orders": [order()]}).messages[0],
        page({"orders": [dict(reversed(order().items()))]}).messages[0],
    )
    later = page({"orders": [order("SHIPPED")]}).messages[0]

    assert ORDERS.key(one) == ORDERS.key(other)
    assert ORDERS.key(one) != ORDERS.key(later)


def test_every_published_order_is_read() -> None:
    search = document(MODEL)["paths"]["/orders/2026-01-01/orders"]["get"]
    published = search["responses"]["200"]["examples"]["application/json"]
    [message] = page(published).messages
    event = decoded(json.loads(message.body))

    assert [(2, 2, 0), (1, 1, 0)] == [
        (line.quantity, line.shipped, line.cancelled) for line in event.lines
    ]
