"""Walmart's twin: it counts as Walmart does, fails as configured, and answers as the models say."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from holdfast.adapters.contract import Request, Response
from holdfast.adapters.systems.walmart import orders, webhooks
from holdfast.adapters.systems.walmart.inventory import PUT
from holdfast.adapters.systems.walmart.inventory_feed import FEED
from holdfast.adapters.systems.walmart.marketplace import LOGIN, call
from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.walmart import Subscription, WalmartMarket
from tests.adapters.systems.walmart.beside_twin import (
    SECRETS,
    SINCE,
    Beside,
    checker,
    example,
    offer,
)

NODE: Final = "100009"


class _Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def market(
    subscription: Subscription | None = None,
    faults: Faults = Faults(),  # noqa: B008 - a value
) -> WalmartMarket:
    made = WalmartMarket(_Clock(), faults, subscription)
    made.list_item("MUG", NODE, 5)
    return made


def beside(faults: Faults = Faults(), **options: Any) -> Beside:  # noqa: B008 - a value
    both = Beside(webhooks.ADAPTER, faults, verify={"scheme": "none"}, **options)
    both.market.list_item("MUG", NODE, 5)
    return both


def ask(both: Beside, method: str = "GET", url: str = "/v3/inventories/MUG") -> Response:
    return both.driven.send(call(method, url, ""))


# Counting


def test_an_order_reserves_a_shipment_takes_out_and_a_cancellation_gives_back() -> None:
    walmart = market()
    order = walmart.sell("MUG", NODE, 4)
    assert order is not None
    assert (5, 1) == (walmart.levels["MUG", NODE].input, walmart.books()["shown"]["MUG", NODE])
    walmart.acknowledge(order)
    walmart.ship(order, 1)
    assert (4, 1) == (walmart.levels["MUG", NODE].input, walmart.books()["shown"]["MUG", NODE])
    walmart.cancel(order, 2)
    assert walmart.books() == {
        "shown": {("MUG", NODE): 3},
        "orders": {
            order: {"item": "MUG", "node": NODE, "Acknowledged": 1, "Shipped": 1, "Cancelled": 2}
        },
    }


def test_what_is_not_for_sale_is_not_sold() -> None:
    walmart = market()
    assert walmart.sell("MUG", NODE, 6) is None
    assert walmart.sell("MUG", "elsewhere") is None
    assert {} == walmart.books()["orders"]


def test_running_out_is_announced_once() -> None:
    walmart = market(Subscription("http://us/in/walmart"))
    walmart.sell("MUG", NODE, 5)
    walmart.set_input("MUG", NODE, 0)
    kinds = [json.loads(each.body)["source"]["eventType"] for _, each in walmart.deliveries.due()]
    assert ["INVENTORY_OOS", "ORDER_UPDATES"] == sorted(kinds)


def test_nobody_is_told_without_a_subscription() -> None:
    walmart = market()
    walmart.sell("MUG", NODE, 5)
    assert 0 == len(walmart.deliveries)


def test_the_same_seed_goes_wrong_in_the_same_way() -> None:
    def bodies() -> list[bytes]:
        faults = Faults(seed=3, duplicates=0.5, dropped=0.2)
        walmart = market(Subscription("http://us/in/walmart"), faults)
        for _ in range(5):
            walmart.sell("MUG", NODE)
        return [each.body for _, each in walmart.deliveries.due()]

    assert bodies() == bodies()
    assert len(bodies()) != len(set(bodies()))


# Answers


def test_a_token_lives_15_minutes() -> None:
    both = beside()
    ask(both)
    both.at += 899
    assert 200 == both.driven._send(call("GET", "/v3/inventories/MUG", "")).status
    both.at += 1
    assert 401 == both.driven._send(call("GET", "/v3/inventories/MUG", "")).status


def test_a_wrong_secret_and_a_missing_grant_are_refused() -> None:
    both = beside()
    wrong = LOGIN.request(None, {**SECRETS, "client_secret": "other"})
    assert 401 == both.driven._send(wrong).status
    right = LOGIN.request(None, SECRETS)
    without = Request(right.method, right.url, right.headers, b"")
    assert 400 == both.driven._send(without).status


def test_a_request_without_walmarts_headers_is_refused() -> None:
    both = beside()
    request = call("GET", "/v3/inventories/MUG", "")
    bare = Request("GET", request.url, {"accept": "application/json"})
    assert 400 == both.driven.send(bare).status


def test_a_budget_ends_and_fills_again() -> None:
    both = beside()
    url = "/v3/feeds?feedType=item"
    counts = [ask(both, "POST", url).headers["x-current-token-count"] for _ in range(10)]
    assert ("9", "0") == (counts[0], counts[-1])
    answer = ask(both, "POST", url)
    assert (429, "1") == (answer.status, answer.headers["retry-after"])
    both.at += 400
    assert 400 == ask(both, "POST", url).status


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Faults(throttled=1.0), 429),
        (Faults(expired=1.0), 401),
        (Faults(outages=((0.0, 1e12),)), 503),
        (Faults(lost=1.0), 504),
    ],
)
def test_it_fails_as_configured(faults: Faults, status: int) -> None:
    both = beside()
    ask(both)
    both.market.schedule.__init__(faults, lambda: both.at)  # type: ignore[misc]
    assert both.driven._send(call("GET", "/v3/inventories/MUG", "")).status == status


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/v3/inventories/NO", 404),
        ("PUT", "/v3/inventories/NO", 404),
        ("GET", "/v3/feeds/NO", 404),
        ("POST", "/v3/feeds?feedType=item", 400),
        ("GET", "/v3/orders/NO", 404),
        ("POST", "/v3/orders/NO/acknowledge", 404),
    ],
)
def test_what_there_is_not_is_not_found(method: str, url: str, status: int) -> None:
    assert ask(beside(), method, url).status == status


def test_a_feed_that_is_too_long_is_refused() -> None:
    both = beside()
    request = call("POST", "/v3/feeds?feedType=MP_INVENTORY", "", b"x" * (6 << 20), "text/plain")
    assert 413 == both.driven.send(request).status


# Walmart's models


def _answers(both: Beside, request: Callable[[], object]) -> list[Any]:
    """The documents that it answers with meanwhile."""
    found: list[Any] = []
    send = both.driven._send

    def noted(asked: Request) -> Response:
        response = send(asked)
        found.append(json.loads(response.body))
        return response

    both.driven._send = noted  # type: ignore[assignment,method-assign]
    request()
    return found


def test_the_models_hold_for_their_own_examples() -> None:
    name = "inventory.getMultiNodeInventoryForAllSkuAndAllShipNodes.response200"
    checker("inventory", "MultiNodeInventoryFetchResponseDTO")(example(name))
    checker("orders", "PurchaseOrderTypeV3")(example("orders.getAllOrders.response200"))


def test_inventory_is_answered_as_the_models_say() -> None:
    both = beside()
    ask(both)
    read, written = _answers(both, lambda: both.publish(PUT, [offer("MUG", NODE, 2)]))
    checker("inventory", "InventoriesDTO")(read)
    checker("inventory", "MultiNodeInventoryUpdateResponseDTO")(written)
    both.publish(PUT, [offer("MUG", "elsewhere", 2)])
    [page] = _answers(both, lambda: ask(both, url="/v3/inventories"))
    checker("inventory", "MultiNodeInventoryFetchResponseDTO")(page)
    feed, *_ = _answers(both, lambda: both.publish(FEED, [offer("MUG", NODE, 2)]))
    checker("inventory", "FeedId")(feed)


def test_orders_are_answered_as_the_models_say() -> None:
    both = Beside(orders.ADAPTER, since=SINCE)
    both.market.list_item("MUG", NODE, 5)
    number = both.twin.sell("MUG", NODE, 2)
    ask(both)
    [page] = _answers(both, both.driven.poll)
    checker("orders", "PurchaseOrderTypeV3")(page)
    acknowledged = _answers(both, lambda: ask(both, "POST", f"/v3/orders/{number}/acknowledge"))
    checker("orders", "GetOrderResponse")(acknowledged[0])
