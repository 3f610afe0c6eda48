"""The twin of Shopify: what it refuses, what it sends, and its books."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx

from holdfast.adapters.twins.faults import Delivery, Faults
from holdfast.adapters.twins.shopify import ShopifyTwin

TOKEN = {"x-shopify-access-token": "shpat_made-up"}
SET = """mutation($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { referenceDocumentUri }
    userErrors { code field }
  }
}"""


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_651_200.0

    def __call__(self) -> float:
        return self.now


def stocked(faults: Faults | None = None) -> ShopifyTwin:
    twin = ShopifyTwin(Clock(), faults=faults)
    for location in ("100", "200"):
        twin.shop.stock("1", "MUG", location, 5)
    twin.subscribe("http://here")
    return twin


async def ask(
    twin: ShopifyTwin, query: str, headers: Mapping[str, str] = TOKEN, **variables: Any
) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(twin.app), base_url="http://twin"
    ) as http:
        body = {"query": query, "variables": variables}
        return await http.post("/admin/api/2026-10/graphql.json", json=body, headers=headers)


async def errors(twin: ShopifyTwin, query: str, **variables: Any) -> list[Any]:
    document = (await ask(twin, query, **variables)).json()
    return [
        (each.get("extensions") or {}).get("code") or each["message"] for each in document["errors"]
    ]


def entry(quantity: int, **compared: int | None) -> dict[str, Any]:
    place = {"inventoryItemId": "gid://shopify/InventoryItem/1"}
    return {**place, "locationId": "gid://shopify/Location/100", "quantity": quantity, **compared}


async def set_to(twin: ShopifyTwin, *entries: Any, key: str = "k", name: str = "available") -> Any:
    document = {"name": name, "reason": "correction", "quantities": list(entries)}
    answered = (await ask(twin, SET, input=document, key=key)).json()
    return answered["data"]["inventorySetQuantities"]


async def test_a_caller_without_its_token_is_not_answered() -> None:
    twin = stocked()
    for headers in ({}, {"x-shopify-access-token": "another"}):
        assert 401 == (await ask(twin, "{ order(id: 1) { id } }", headers)).status_code


async def test_what_the_schema_or_the_shop_does_not_allow_is_an_error() -> None:
    twin = stocked()
    (unknown,) = await errors(twin, "{ nothing }")
    assert "nothing" in unknown
    assert await errors(twin, "{")
    levels = "inventoryLevels(first: 10) { nodes { item { id } } }"
    deep = f"{{ locations(first: 250) {{ nodes {{ {levels} }} }} }}"
    assert ["MAX_COST_EXCEEDED"] == await errors(twin, deep)
    assert ["BAD_REQUEST"] == await errors(twin, "{ locations(first: 251) { nodes { id } } }")
    bare = SET.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    document: dict[str, Any] = {"name": "available", "reason": "correction", "quantities": []}
    assert ["BAD_REQUEST"] == await errors(twin, bare, input=document)
    document["quantities"] = [entry(1)]
    assert ["INVALID_VARIABLE"] == await errors(twin, SET, input=document, key="k")
    document["quantities"] = [entry(1, changeFromQuantity=None)] * 251
    assert ["MAX_INPUT_SIZE_EXCEEDED"] == await errors(twin, SET, input=document, key="k")


async def test_a_key_is_answered_as_it_was_at_first() -> None:
    twin = stocked()
    first = await set_to(twin, entry(8, changeFromQuantity=5))
    assert [] == first["userErrors"]
    twin.sell("1", "100", 2)
    assert first == await set_to(twin, entry(8, changeFromQuantity=5))
    assert 6 == twin.shop.levels["1", "100"]
    (error,) = (await set_to(twin, entry(9, changeFromQuantity=5)))["userErrors"]
    assert "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" == error["code"]


async def test_all_entries_are_set_or_none_is() -> None:
    twin = stocked()
    stale = await set_to(twin, entry(8, changeFromQuantity=None), entry(9, changeFromQuantity=4))
    assert {
        "inventoryAdjustmentGroup": None,
        "userErrors": [
            {
                "code": "CHANGE_FROM_QUANTITY_STALE",
                "field": ["input", "quantities", "1", "changeFromQuantity"],
            }
        ],
    } == stale
    assert 5 == twin.shop.levels["1", "100"]
    (wrong,) = (await set_to(twin, key="other", name="sold"))["userErrors"]
    assert "INVALID_NAME" == wrong["code"]


async def test_a_shop_in_an_outage_answers_nothing_and_a_lost_answer_was_carried_out() -> None:
    twin = stocked(Faults(outages=((0, 1e12),)))
    assert 503 == (await ask(twin, "{ order(id: 1) { id } }")).status_code
    twin = stocked(Faults(lost=1))
    fields = {"name": "available", "reason": "correction"}
    complete = {**fields, "quantities": [entry(8, changeFromQuantity=5)]}
    assert 502 == (await ask(twin, SET, input=complete, key="k")).status_code
    assert 8 == twin.shop.levels["1", "100"]


async def test_a_token_is_given_to_the_app_alone() -> None:
    twin = stocked()
    form = {"client_id": "made-up-id", "client_secret": "made-up-secret"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(twin.app), base_url="http://twin"
    ) as http:
        for grant, status in (("client_credentials", 200), ("password", 400)):
            answer = await http.post(
                "/admin/oauth/access_token", data={**form, "grant_type": grant}
            )
            assert status == answer.status_code


def sent(twin: ShopifyTwin) -> list[tuple[str, str, Any]]:
    """Topic, id and body of what is due."""
    return [
        (
            each.headers["X-Shopify-Topic"],
            each.headers["X-Shopify-Webhook-Id"],
            json.loads(each.body),
        )
        for _, each in twin.deliveries.due()
    ]


def test_what_happens_is_announced_by_signed_webhooks() -> None:
    twin = stocked()
    assert twin.sell("1", "100", 6) is None
    order = twin.sell("1", "100", 2)
    assert order is not None
    delivery: Delivery
    for _, delivery in twin.deliveries.due():
        digest = hmac.digest(b"made-up-secret", delivery.body, hashlib.sha256)
        assert base64.b64encode(digest).decode() == delivery.headers["X-Shopify-Hmac-Sha256"]
    twin.shop.cancel(order, 1)
    twin.shop.ship(order)
    assert [
        "inventory_levels/update",
        "orders/updated",
        "orders/updated",
        "fulfillments/create",
    ] == [topic for topic, _, _ in sent(twin)]
    other = twin.sell("1", "200", 1)
    assert other is not None
    twin.shop.cancel(other)
    topic, _, body = sent(twin)[-1]
    assert ("orders/cancelled", True) == (topic, body["cancelled_at"] is not None)


def test_a_webhook_that_is_sent_twice_has_the_same_id() -> None:
    twin = stocked(Faults(duplicates=1))
    twin.sell("1", "100", 2)
    ids = [webhook for _, webhook, _ in sent(twin)]
    assert (4, 2) == (len(ids), len(set(ids)))


def test_the_books_have_what_was_sold_where() -> None:
    twin = stocked()
    order = twin.sell("1", "100", 3)
    assert order is not None
    twin.shop.move(order, "200")
    twin.shop.ship(order, 2)
    assert {
        "shown": {("1", "100"): 5, ("1", "200"): 2},
        "open": {("1", "200"): 1},
        "shipped": {("1", "200"): 2},
    } == twin.books()
