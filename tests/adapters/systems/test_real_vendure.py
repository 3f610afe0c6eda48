"""The adapter for Vendure against a real shop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import Accepted, Offer, Request, Response, Stale
from holdfast.adapters.events import OrderEvent
from holdfast.adapters.systems.vendure import ADAPTER
from tests.adapters.driven import Driven
from tests.adapters.vendure_shop import PASSWORD, USER, VendureShop, running_vendure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendureShop]:
    with running_vendure(Path(tmp_path_factory.mktemp("vendure"))) as running:
        yield running


@pytest.fixture
def driven(shop: VendureShop) -> Iterator[Driven]:
    options = {"user": USER, "location": "1", "since": "2020-01-01T00:00:00Z"}
    found = Driven(ADAPTER, shop.url, {"password": PASSWORD}, **options)
    login = ADAPTER.login
    assert login is not None
    asked = login.request(found.options, {"password": PASSWORD})
    found._session = login.session(found._send(asked))  # as the runtime does before it asks
    yield found
    found._http.close()


def walked(driven: Driven, offers: list[Offer]) -> list[Any]:
    publish = ADAPTER.publish
    assert publish is not None
    responses: list[Response] = []
    while True:
        step = publish.paths[0].next(offers, responses, driven.options)
        if not isinstance(step, Request):
            return list(step)  # type: ignore[arg-type]
        responses.append(driven.send(step))


def state_of(driven: Driven, code: str) -> OrderEvent:
    """The latest state of an order."""
    found = [
        each
        for each in driven.decoded(driven.poll())
        if isinstance(each, OrderEvent) and each.order == f"vendure/{code}"
    ]
    return found[-1]


def test_a_level_is_shown_and_an_order_in_between_is_not_overwritten(
    shop: VendureShop, driven: Driven
) -> None:
    before = shop.level("1")
    shown = before["stockOnHand"] - before["stockAllocated"]
    assert [Accepted()] == walked(driven, [Offer("1", "1", 20, shown, 1, "a")])
    shop.buy("1", 3)
    assert [Stale(17)] == walked(driven, [Offer("1", "1", 30, 20, 2, "b")])
    assert [Accepted()] == walked(driven, [Offer("1", "1", 30, 17, 3, "c")])
    after = shop.level("1")
    assert 30 == after["stockOnHand"] - after["stockAllocated"]


def test_an_order_is_reported_as_it_is_bought_shipped_and_cancelled(
    shop: VendureShop, driven: Driven
) -> None:
    code = shop.buy("2", 5)
    sku = shop.level("2")["sku"]
    state = state_of(driven, code)
    assert [(sku, "1", 5, 0, 0)] == units(state)
    order = shop.admin(
        "query($code: String!) { orders(options: { filter: { code: { eq: $code } } }) "
        "{ items { id lines { id } payments { id } } } }",
        code=code,
    )["orders"]["items"][0]
    line = order["lines"][0]["id"]
    shop.admin(
        "mutation($id: ID!) { settlePayment(id: $id) { __typename } }",
        id=order["payments"][0]["id"],
    )
    cancelled = shop.admin(
        "mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { __typename } }",
        input={"orderId": order["id"], "lines": [{"orderLineId": line, "quantity": 1}]},
    )
    assert "Order" == cancelled["cancelOrder"]["__typename"]
    assert [(sku, "1", 5, 0, 1)] == units(state_of(driven, code))
    handler = {"code": "manual-fulfillment", "arguments": [{"name": "method", "value": "by hand"}]}
    made = shop.admin(
        "mutation($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) "
        "{ __typename ... on Fulfillment { id } } }",
        input={"lines": [{"orderLineId": line, "quantity": 2}], "handler": handler},
    )["addFulfillmentToOrder"]
    shop.admin(
        'mutation($id: ID!) { transitionFulfillmentToState(id: $id, state: "Shipped") '
        "{ __typename } }",
        id=made["id"],
    )
    assert [(sku, "1", 5, 2, 1)] == units(state_of(driven, code))


MODIFY = "mutation($input: ModifyOrderInput!) { modifyOrder(input: $input) { __typename } }"
TO_MODIFYING = """mutation($id: ID!) {
  transitionOrderToState(id: $id, state: "Modifying") { __typename }
}"""


def test_edits_of_an_order_are_reported_as_numbers_that_rise(
    shop: VendureShop, driven: Driven
) -> None:
    code = shop.buy("3", 5)
    sku = shop.level("3")["sku"]
    order = shop.admin(
        "query($code: String!) { orders(options: { filter: { code: { eq: $code } } }) "
        "{ items { id lines { id } payments { id } } } }",
        code=code,
    )["orders"]["items"][0]
    line, payment = order["lines"][0]["id"], order["payments"][0]["id"]
    shop.admin("mutation($id: ID!) { settlePayment(id: $id) { __typename } }", id=payment)

    def edit(refund: int = 0, **changes: Any) -> list[tuple[str, str, int, int, int]]:
        shop.admin(TO_MODIFYING, id=order["id"])
        refunds = [{"paymentId": payment, "amount": refund, "reason": "an edit"}] if refund else []
        asked = {"dryRun": False, "orderId": order["id"], "refunds": refunds, **changes}
        assert "Order" == shop.admin(MODIFY, input=asked)["modifyOrder"]["__typename"]
        return units(state_of(driven, code))

    def lines(quantity: int) -> list[dict[str, Any]]:
        return [{"orderLineId": line, "quantity": quantity}]

    assert [(sku, "1", 5, 0, 2)] == edit(refund=1, adjustOrderLines=lines(3))
    assert [(sku, "1", 6, 0, 2)] == edit(adjustOrderLines=lines(4))
    # One more of an item that it has is noted as 1 - 4; what is left is right.
    added = edit(addItems=[{"productVariantId": "3", "quantity": 1}])
    assert [5] == [ordered - cancelled for _, _, ordered, _, cancelled in added]


def units(event: OrderEvent) -> list[tuple[str, str, int, int, int]]:
    return [
        (each.sku, each.location, int(each.quantity), int(each.shipped), int(each.cancelled))
        for each in event.lines
    ]
