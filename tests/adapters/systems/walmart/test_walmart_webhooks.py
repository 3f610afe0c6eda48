"""Walmart's notifications: of orders, of wishes to cancel, of items that ran out."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.adapters.contract import Message, Undecodable, Unverified
from holdfast.adapters.events import (
    Decoded,
    Exceptional,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Shown,
)
from holdfast.adapters.intake.verification import verify
from holdfast.adapters.systems.walmart.webhooks import ADAPTER, WalmartOptions, decode, key
from holdfast.adapters.twins.walmart import Subscription
from tests.adapters.systems.walmart.beside_twin import Beside

NODE = "100009"
SOURCE = {"eventTime": "2026-11-26T12:00:00.000Z", "eventId": "e1"}
OPTIONS = WalmartOptions.model_validate({"verify": {"scheme": "none"}})
ONE_NODE = WalmartOptions.model_validate({"verify": {"scheme": "none"}, "node": "dc"})
#: As "Purchase order created event" has it.
CREATED = {
    "partnerId": "10",
    "purchaseOrderId": "17",
    "customerOrderId": "2",
    "orderDate": "2026-11-26T11:00:00.000Z",
    "orderLines": [
        {
            "lineNumber": "1",
            "sku": "MUG",
            "quantity": {"unitOfMeasure": "EACH", "measurementValue": "2"},
            "status": "CREATED",
        }
    ],
}


def message(kind: str, payload: Any, **source: Any) -> Message:
    return Message(
        json.dumps({"source": {"eventType": kind, **SOURCE, **source}, "payload": payload}).encode()
    )


def decoded(kind: str, payload: Any, options: WalmartOptions = OPTIONS) -> list[Decoded]:
    return list(decode(message(kind, payload), options))


def with_status(status: str) -> dict[str, Any]:
    [line] = CREATED["orderLines"]
    assert isinstance(line, dict)
    return {**CREATED, "orderLines": [{**line, "status": status}]}


# Orders


@pytest.mark.parametrize(
    ("kind", "payload", "cancelled"),
    [
        ("PO_CREATED", CREATED, 0),
        ("PO_LINE_AUTOCANCELLED", with_status("CANCELLED"), 2),
        ("ORDER_UPDATES", {"subEventType": "PO_CREATED", "order": CREATED}, 0),
        ("ORDER_UPDATES", {"meta": {"subEventType": "PO_CREATED"}, "order": CREATED}, 0),
        ("ORDER_UPDATES", {"subEventType": "FRAUD_CANCEL", "order": with_status("CANCELLED")}, 2),
    ],
)
def test_an_order_of_the_one_node(kind: str, payload: Any, cancelled: int) -> None:
    [event] = decoded(kind, payload, ONE_NODE)
    assert isinstance(event, OrderEvent)
    line = OrderLine("1", "MUG", "dc", Decimal(2), cancelled=Decimal(cancelled))
    assert (event.kind, event.order, event.id) == (OrderKind.STATE, "walmart/17", "e1")
    assert (event.lines, event.is_sold) == ((line,), True)
    assert event.time == datetime(2026, 11, 26, 11, tzinfo=UTC)


def test_an_order_that_names_no_node_is_left_to_the_poll() -> None:
    assert decoded("PO_CREATED", CREATED) == [Ignored("left_to_the_poll")]
    [event] = decoded("PO_CREATED", {**CREATED, "shipNode": {"id": NODE}})
    assert isinstance(event, OrderEvent)
    assert event.lines[0].location == NODE


@pytest.mark.parametrize("kind", ["ORDER_INTENT_TO_CANCEL", "INTENT_TO_CANCEL"])
def test_a_wish_to_cancel_is_a_case(kind: str) -> None:
    for each in (
        decoded(kind, CREATED),
        decoded("ORDER_UPDATES", {"subEventType": kind, "order": CREATED}),
    ):
        [case] = each
        assert isinstance(case, Exceptional)
        assert ("intent_to_cancel", "walmart/17") == (case.kind, case.subject)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("RETURN_CREATED", "return"),
        ("RETURN_DELIVERED", "return"),
        ("BUY_BOX_CHANGED", "other_event"),
    ],
)
def test_what_changes_no_stock_is_counted(kind: str, reason: str) -> None:
    assert decoded(kind, {}) == [Ignored(reason)]
    assert decoded("ORDER_UPDATES", {"subEventType": kind}) == [Ignored(reason)]


# Stock


def test_an_item_that_ran_out_shows_none() -> None:
    nodes = [
        {"availToSellQty": 0, "shipNode": NODE, "shipNodeName": "DC"},
        {"availToSellQty": -1, "shipNode": "2"},
    ]
    found = decoded("INVENTORY_OOS", {"sku": "MUG", "shipNodes": nodes})
    time = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert found == [
        Shown(item="MUG", node=NODE, quantity=0, time=time),
        Shown(item="MUG", node="2", quantity=0, time=time),
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "field"),
    [
        ("PO_CREATED", None, "payload"),
        ("", {}, "source.eventType"),
        ("ORDER_UPDATES", {}, "payload.subEventType"),
        ("ORDER_UPDATES", {"subEventType": "PO_CREATED", "order": 3}, "payload.order"),
        ("PO_CREATED", {**CREATED, "purchaseOrderId": 3}, "payload.purchaseOrderId"),
        ("PO_CREATED", {**CREATED, "orderLines": None}, "payload.orderLines"),
        ("PO_CREATED", {**CREATED, "orderLines": [3]}, "payload.orderLines[0]"),
        ("PO_CREATED", {**CREATED, "orderLines": [{}]}, "payload.orderLines[0].quantity"),
        ("INTENT_TO_CANCEL", {}, "payload.purchaseOrderId"),
        ("INVENTORY_OOS", {"sku": "MUG"}, "payload.shipNodes"),
        (
            "INVENTORY_OOS",
            {"sku": "MUG", "shipNodes": [{"shipNode": "1", "availToSellQty": "0.5"}]},
            "payload.shipNodes[0].availToSellQty",
        ),
    ],
)
def test_what_is_wrong_is_named(kind: str, payload: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decoded(kind, payload, ONE_NODE)
    assert caught.value.field == field


def test_a_repeat_is_known_by_its_id() -> None:
    assert "e1" == key(message("PO_CREATED", CREATED))
    with pytest.raises(Undecodable, match="eventId"):
        key(message("PO_CREATED", CREATED, eventId=None))


# Who sends them


def test_there_is_no_way_of_trusting_everybody_by_mistake() -> None:
    with pytest.raises(ValidationError, match="verify"):
        WalmartOptions.model_validate({})


def proofs(body: bytes) -> list[tuple[str, str]]:
    digest = hmac.new(b"s", body, hashlib.sha256)
    return [
        ("walmart_hmac", digest.hexdigest()),
        ("walmart_hmac", base64.b64encode(digest.digest()).decode()),
        ("walmart_basic", base64.b64encode(b"s").decode()),
        ("walmart_oauth", "Bearer s"),
    ]


def test_each_way_of_proving_who_sends_it() -> None:
    body = message("PO_CREATED", CREATED).body
    for like, proof in proofs(body):
        options = WalmartOptions.model_validate({"verify": {"like": like, "headers": ["X-Auth"]}})
        verify(Message(body, {"x-auth": proof}), {"secret": "s"}, options)
        for wrong in ({}, {"x-auth": ""}, {"x-auth": f"{proof}0"}):
            with pytest.raises(Unverified):
                verify(Message(body, wrong), {"secret": "s"}, options)


# The twin's


@pytest.mark.parametrize("is_legacy", [True, False])
def test_what_the_twin_tells_is_understood(is_legacy: bool) -> None:
    subscription = Subscription("http://us/in/walmart", is_legacy=is_legacy)
    both = Beside(ADAPTER, subscription=subscription, verify={"scheme": "none"}, node=NODE)
    both.market.list_item("MUG", NODE, 2)
    number = both.twin.sell("MUG", NODE, 2)
    assert number is not None
    both.market.wish_to_cancel(number)
    both.market.cancel(number)
    found: list[Any] = []
    for _, delivery in both.twin.deliveries.due():
        found += ADAPTER.decode(Message(delivery.body), both.driven.options)
    ran_out, placed, wish, cancelled = found
    assert (ran_out.item, ran_out.node, ran_out.quantity) == ("MUG", NODE, 0)
    assert [each.order for each in (placed, cancelled)] == [f"walmart/{number}"] * 2
    assert (0, 2) == (placed.lines[0].cancelled, cancelled.lines[0].cancelled)
    assert wish.subject == f"walmart/{number}"


def test_options_are_strict() -> None:
    options: Mapping[str, Any] = {"verify": {"scheme": "none"}, "nodes": "dc"}
    with pytest.raises(ValidationError, match="nodes"):
        WalmartOptions.model_validate(options)
