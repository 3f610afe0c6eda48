"""The twin of Amazon answers as Amazon's models have it, and refuses what Amazon refuses."""

import json
from typing import Any

import httpx
import pytest

from holdfast.adapters.twins.amazon import USAGE_PLAN, AmazonTwin
from holdfast.adapters.twins.faults import Faults
from tests.adapters.systems.amazon.amazon_channel import NOON, SECRETS, HandClock, kept
from tests.adapters.systems.amazon.amazon_models import (
    EXTERNAL_FULFILLMENT,
    NOTIFICATIONS,
    ORDERS,
    judge_of,
)

BATCH = "/externalFulfillment/inventory/2024-09-11/inventories"
MUG = "/listings/2021-08-01/items/A3TWIN/MUG?marketplaceIds=ATVPDKIKX0DER"
FORM = {"grant_type": "refresh_token", **SECRETS}


class Asking:
    """Someone with a token who asks a twin, in this process."""

    def __init__(self, faults: Faults | None = None, **settings: Any) -> None:
        self.clock = HandClock()
        self.twin = AmazonTwin(
            faults or Faults(), self.clock, credentials=SECRETS, tell=kept, **settings
        )
        self.twin.list_item("MUG", DEFAULT=9, STORE=2)
        self.headers: dict[str, str] = {}
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.twin.app), base_url="http://amazon"
        )

    async def log_in(self, **changes: str) -> httpx.Response:
        answer = await self._http.post("/auth/o2/token", data={**FORM, **changes})
        self.headers["x-amz-access-token"] = answer.json().get("access_token", "")
        return answer

    async def __call__(self, method: str, url: str, body: Any = None, **more: Any) -> Any:
        content = more.pop("content", json.dumps(body).encode() if body is not None else b"")
        return await self._http.request(
            method, url, content=content, headers={**self.headers, **more}
        )


@pytest.fixture
async def ask() -> Asking:
    asking = Asking()
    await asking.log_in()
    return asking


def patch(quantity: Any = 4, **changes: Any) -> dict[str, Any]:
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
    path = "/attributes/fulfillment_availability"
    change = {"op": "merge", "path": path, "value": value, **changes}
    return {"productType": "PRODUCT", "patches": [change]}


def batch(*uris: str, number: int = 1, quantity: int = 5) -> dict[str, Any]:
    body = {"quantity": quantity, "clientSequenceNumber": number}
    return {"requests": [{"method": "POST", "uri": uri, "body": body} for uri in uris]}


UPDATE = "/inventory/update?locationId=STORE&skuId=MUG"
FETCH = "/inventory/fetch?locationId=STORE&skuId=MUG"


# As the models have it


async def test_notifications_are_as_amazon_has_them(ask: Asking) -> None:
    order = ask.twin.sell("MUG", "STORE", 2)
    assert order is not None
    ask.twin.shelf.ship(order, 1)
    ask.twin.shelf.cancel(order, 1)
    bodies = [json.loads(delivery.body) for _, delivery in ask.twin.deliveries.due()]
    schemas = {
        "ORDER_CHANGE": "OrderChangeNotification",
        "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": "ListingsItemMfnQuantityChange",
    }
    for body in bodies:
        judge_of(f"{NOTIFICATIONS}/{schemas[body['NotificationType']]}.json")(body)

    numbers = [body["NotificationMetadata"]["NotificationId"] for body in bodies]
    assert 4 == len(set(numbers))


async def test_batches_are_as_amazon_has_them(ask: Asking) -> None:
    ask.twin.sell("MUG", "STORE", 1)
    other = "/inventory/update?locationId=STORE&skuId=PAN"
    answer = await ask("POST", BATCH, batch(UPDATE, other, FETCH, number=7))
    judge_of(EXTERNAL_FULFILLMENT, "BatchInventoryResponse")(answer.json())
    lines = answer.json()["responses"]

    assert 207 == answer.status_code
    assert [200, 400, 200] == [line["status"]["statusCode"] for line in lines]
    assert (5, 1, 7) == tuple(
        lines[2]["body"][name]
        for name in ("sellableQuantity", "reservedQuantity", "clientSequenceNumber")
    )


async def test_orders_are_as_amazon_has_them(ask: Asking) -> None:
    for shipped in (0, 1, 2):
        order = ask.twin.sell("MUG", "DEFAULT", 2)
        assert order is not None
        if shipped:
            ask.twin.shelf.ship(order, shipped)
    ask.clock.now += 121
    url = "/orders/2026-01-01/orders?lastUpdatedAfter=2026-01-01T00:00:00Z&maxResultsPerPage=2"
    first = (await ask("GET", url)).json()
    last = (await ask("GET", f"{url}&paginationToken=2")).json()
    for page in (first, last):
        judge_of(ORDERS, "SearchOrdersResponse")(page)

    assert (2, 1) == (len(first["orders"]), len(last["orders"]))
    assert "pagination" not in last
    assert "2026-11-26T12:00:01.000Z" == last["lastUpdatedBefore"]


async def test_an_order_is_found_two_minutes_after_it_changed(ask: Asking) -> None:
    ask.twin.sell("MUG", "DEFAULT", 2)
    ask.clock.now += 100
    url = "/orders/2026-01-01/orders?lastUpdatedAfter=2026-01-01T00:00:00Z"

    assert [] == (await ask("GET", url)).json()["orders"]


# What it refuses


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "model"),
    [
        ("PATCH", MUG, {}, 400, ORDERS),
        ("PATCH", MUG.replace("A3TWIN", "OTHER"), patch(), 400, ORDERS),
        ("PATCH", MUG.replace("MUG", "PAN"), patch(), 404, ORDERS),
        ("POST", BATCH, batch(*[UPDATE] * 11), 400, EXTERNAL_FULFILLMENT),
        ("POST", BATCH, {"requests": []}, 400, EXTERNAL_FULFILLMENT),
        ("POST", BATCH, [], 400, EXTERNAL_FULFILLMENT),
        ("POST", "/feeds/2021-06-30/feeds", {"inputFeedDocumentId": "x"}, 400, ORDERS),
        ("GET", "/feeds/2021-06-30/feeds/x", None, 404, ORDERS),
        ("GET", "/feeds/2021-06-30/documents/x", None, 404, ORDERS),
        ("GET", "/orders/2026-01-01/orders", None, 400, ORDERS),
    ],
)
async def test_wrong_requests_are_refused_with_a_list_of_errors(
    ask: Asking, method: str, url: str, body: Any, status: int, model: str
) -> None:
    answer = await ask(method, url, body)
    judge_of(model, "ErrorList")(answer.json())

    assert status == answer.status_code


@pytest.mark.parametrize("body", [patch(-1), patch("4"), patch(op="replace"), patch(path="/x")])
async def test_a_patch_that_is_invalid_changes_nothing(ask: Asking, body: Any) -> None:
    answer = await ask("PATCH", MUG, body)
    ask.clock.now += 60

    assert (200, "INVALID") == (answer.status_code, answer.json()["status"])
    assert 9 == ask.twin.books().shown["MUG", "DEFAULT"]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "x"}, 400, "invalid_grant"),
        ({"client_secret": "x"}, 401, "invalid_client"),
    ],
)
async def test_a_wrong_login_is_refused(changes: Any, status: int, error: str) -> None:
    answer = await Asking().log_in(**changes)

    assert (status, error) == (answer.status_code, answer.json()["error"])


async def test_a_request_needs_a_token_that_lives(ask: Asking) -> None:
    before = await ask("PATCH", MUG, patch())
    ask.clock.now += 3_600
    after = await ask("PATCH", MUG, patch())
    ask.headers.clear()
    without = await ask("PATCH", MUG, patch())

    assert [200, 403, 403] == [each.status_code for each in (before, after, without)]
    assert "expired" in after.json()["errors"][0]["details"]


async def test_the_usage_plan_is_kept_and_reported(ask: Asking) -> None:
    answers = [await ask("PATCH", MUG, patch()) for _ in range(6)]
    ask.clock.now += 0.2
    again = await ask("PATCH", MUG, patch())

    assert [200] * 5 + [429] == [each.status_code for each in answers]
    assert 200 == again.status_code
    assert f"{USAGE_PLAN['patchListingsItem'][0]}" == again.headers["x-amzn-ratelimit-limit"]
    assert "x-amzn-ratelimit-limit" not in answers[-1].headers
    assert "QuotaExceeded" == answers[-1].json()["errors"][0]["code"]


async def test_an_outage_takes_the_login_as_well() -> None:
    away = Asking(Faults(outages=((NOON, NOON + 1),)))

    assert (503, "temporarily_unavailable") == (
        (answer := await away.log_in()).status_code,
        answer.json()["error"],
    )
    away.clock.now += 1
    assert 200 == (await away.log_in()).status_code


async def test_an_answer_that_is_lost_was_carried_out() -> None:
    lossy = Asking(Faults(lost=1))
    await lossy.log_in()
    answer = await lossy("POST", BATCH, batch(UPDATE))

    assert 503 == answer.status_code
    assert 5 == lossy.twin.books().shown["MUG", "STORE"]


# Documents at presigned addresses


async def announced(ask: Asking) -> str:
    answer = await ask("POST", "/feeds/2021-06-30/documents", {"contentType": "application/json"})
    assert 201 == answer.status_code
    return str(answer.json()["url"])


async def test_a_presigned_address_takes_what_was_signed_and_no_more(ask: Asking) -> None:
    url = await announced(ask)
    token = dict(ask.headers)
    with_token = await ask("PUT", url, {}, **{"content-type": "application/json"})
    ask.headers.clear()
    other_type = await ask("PUT", url, {}, **{"content-type": "text/plain"})
    taken = await ask("PUT", url, {}, **{"content-type": "application/json"})
    ask.clock.now += 300
    late = await ask("PUT", url, {}, **{"content-type": "application/json"})
    ask.headers |= token

    assert [403, 403, 200, 403] == [
        each.status_code for each in (with_token, other_type, taken, late)
    ]


@pytest.mark.parametrize(
    "feed",
    [
        b"no JSON",
        b"{}",
        b'{"header":{"sellerId":"OTHER"},"messages":[{}]}',
        b'{"header":{"sellerId":"A3TWIN"},"messages":[]}',
    ],
)
async def test_a_feed_that_cannot_be_read_is_fatal(ask: Asking, feed: bytes) -> None:
    url = await announced(ask)
    token = dict(ask.headers)
    ask.headers.clear()
    await ask("PUT", url, content=feed, **{"content-type": "application/json"})
    ask.headers |= token
    body = {"feedType": "JSON_LISTINGS_FEED", "inputFeedDocumentId": url.rpartition("/")[2]}
    made = await ask("POST", "/feeds/2021-06-30/feeds", body)
    looks = []
    for _ in range(3):
        look = await ask("GET", f"/feeds/2021-06-30/feeds/{made.json()['feedId']}")
        looks.append(look.json()["processingStatus"])
        ask.clock.now += 150

    assert 202 == made.status_code
    assert ["IN_QUEUE", "IN_PROGRESS", "FATAL"] == looks


# Selling


async def test_no_more_is_sold_than_is_shown(ask: Asking) -> None:
    order = ask.twin.sell("MUG", "STORE", 2)

    assert order is not None
    assert ask.twin.sell("MUG", "STORE", 1) is None
    with pytest.raises(ValueError, match="2 units open"):
        ask.twin.shelf.ship(order, 3)
    books = ask.twin.books()
    assert {("MUG", "DEFAULT"): 9, ("MUG", "STORE"): 0} == books.shown
    assert {("MUG", "STORE"): 2} == books.ordered


async def test_a_quantity_that_comes_late_hides_what_was_sold_meanwhile(ask: Asking) -> None:
    await ask("PATCH", MUG, patch(9))
    ask.twin.sell("MUG", "DEFAULT", 5)
    ask.clock.now += 30

    assert 9 == ask.twin.books().shown["MUG", "DEFAULT"]
