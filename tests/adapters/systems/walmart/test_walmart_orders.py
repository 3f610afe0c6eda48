"""Walmart's purchase orders: how they stand, how they are asked for, and their acknowledgement."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.adapters.contract import (
    Change,
    Done,
    Message,
    Refused,
    Request,
    Response,
    SessionExpired,
    Throttled,
    Undecodable,
)
from holdfast.adapters.events import OrderEvent, OrderKind, OrderLine
from holdfast.adapters.systems.walmart.acknowledging import ACKNOWLEDGEMENTS, concerns, step
from holdfast.adapters.systems.walmart.orders import ADAPTER, WalmartOrdersOptions, decode, page
from tests.adapters.systems.walmart.beside_twin import NOON, SINCE, Beside, example

NODE = "100009"
OPTIONS = WalmartOrdersOptions.model_validate({"since": SINCE, "node": "default"})
CHANGE = Change(
    "walmart/1", "MUG", "dc", 1, "HELD", "COMMITTED", datetime(2026, 11, 26, tzinfo=UTC), "c1"
)


def beside(**options: Any) -> Beside:
    both = Beside(ADAPTER, since=SINCE, **options)
    both.market.list_item("MUG", NODE, 10)
    return both


def message(order: Any) -> Message:
    return Message(json.dumps(order).encode())


def order(*statuses: tuple[str, str], quantity: str = "3", **others: Any) -> dict[str, Any]:
    line_statuses = [
        {"status": name, "statusQuantity": {"amount": units}} for name, units in statuses
    ]
    line = {
        "lineNumber": "1",
        "item": {"sku": "MUG"},
        "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": quantity},
        "orderLineStatuses": {"orderLineStatus": line_statuses},
    }
    return {
        "purchaseOrderId": "17",
        "orderDate": 1_795_694_400_000,
        "shipNode": {"type": "SellerFulfilled", "id": NODE},
        "orderLines": {"orderLine": [line]},
        **others,
    }


def decoded(document: Any) -> OrderEvent:
    [event] = decode(message(document), OPTIONS)
    assert isinstance(event, OrderEvent)
    return event


def answer(document: Any, status: int = 200) -> Response:
    return Response(status, {}, json.dumps(document).encode())


def events_of(both: Beside) -> list[OrderEvent]:
    events = both.driven.decoded(both.driven.poll())
    return [each for each in events if isinstance(each, OrderEvent)]


# What an order says


@pytest.mark.parametrize(
    ("statuses", "shipped", "cancelled"),
    [
        ([("Created", "3")], 0, 0),
        ([("Acknowledged", "3")], 0, 0),
        ([("Acknowledged", "1"), ("Shipped", "1"), ("Cancelled", "1")], 1, 1),
        ([("Delivered", "2"), ("Shipped", "1")], 3, 0),
        ([("Shipped", "2"), ("Refund", "1")], 3, 0),
        ([("Shipped", "3"), ("Refund", "3")], 3, 0),
        ([("Cancelled", "3")], 0, 3),
        ([("CANCELLED", "3")], 0, 3),
        ([], 0, 0),
    ],
)
def test_a_line_stands_as_its_statuses_say(
    statuses: list[tuple[str, str]], shipped: int, cancelled: int
) -> None:
    event = decoded(order(*statuses))
    line = OrderLine("1", "MUG", NODE, Decimal(3), "", Decimal(shipped), Decimal(cancelled))
    assert (event.kind, event.order, event.is_sold) == (OrderKind.STATE, "walmart/17", True)
    assert event.lines == (line,)
    assert event.time == datetime.fromtimestamp(NOON, UTC)


def test_an_order_without_a_ship_node_is_at_the_nodes_default() -> None:
    for node in (None, {"type": "SellerFulfilled"}, {"id": None}, {"id": ""}):
        [line] = decoded(order(shipNode=node)).lines
        assert "default" == line.location
    bare = WalmartOrdersOptions.model_validate({"since": SINCE})
    with pytest.raises(Undecodable, match="expected a ship node, or the option node"):
        list(decode(message(order(shipNode=None)), bare))


def test_an_event_of_an_order_has_an_id_of_its_state() -> None:
    new, old = decoded(order(("Created", "3"))), decoded(order(("Shipped", "3")))
    assert new.id == decoded(order(("Created", "3"))).id != old.id


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "body"),
        (order() | {"purchaseOrderId": ""}, "purchaseOrderId"),
        (order() | {"orderDate": "yesterday"}, "orderDate"),
        (order() | {"orderDate": 9_200_000_000_000}, "orderDate"),
        (order() | {"orderDate": None}, "orderDate"),
        (order() | {"shipNode": 3}, "shipNode"),
        (order() | {"shipNode": {"id": 3}}, "shipNode.id"),
        (order() | {"orderLines": None}, "orderLines"),
        (order() | {"orderLines": {"orderLine": 3}}, "orderLines.orderLine"),
        (order(("Lost", "3")), "orderLines.orderLine[0].orderLineStatuses.orderLineStatus[0].stat"),
        (order(("Created", "-1")), "orderLines.orderLine[0].orderLineStatuses.orderLineStatus[0]"),
        (order(("Cancelled", "4")), "orderLines.orderLine[0].orderLineStatuses"),
        (order(quantity="many"), "orderLines.orderLine[0].orderLineQuantity.amount"),
    ],
)
def test_what_is_wrong_is_named(document: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        list(decode(message(document), OPTIONS))
    assert caught.value.field.startswith(field)


def test_published_orders_are_understood() -> None:
    polled = page(answer(example("orders.getAllOrders.response200")), "", OPTIONS)
    assert polled.has_more
    events = [event for each in polled.messages for event in decode(each, OPTIONS)]
    assert len(events) == len(polled.messages) == 10
    [each] = decode(message(example("orders.getAnOrder.response200.ORDER")["order"]), OPTIONS)
    assert isinstance(each, OrderEvent)
    [line] = each.lines
    assert ("walmart/1815367951431", "YHY-FN25200B2") == (each.order, line.sku)
    assert line.shipped == Decimal(1)


# Asking


def test_orders_are_reported_once_each_time_they_change() -> None:
    both = beside()
    number = both.twin.sell("MUG", NODE, 3)
    assert number is not None
    [placed] = events_of(both)
    assert (placed.order, placed.lines[0].quantity) == (f"walmart/{number}", Decimal(3))
    [again] = events_of(both)
    assert again == placed  # the overlap tells it once more, and its id is the same
    both.at += 60
    both.market.ship(number, 1)
    both.market.cancel(number, 2)
    [changed] = events_of(both)
    assert changed.id != placed.id
    assert (changed.lines[0].shipped, changed.lines[0].cancelled) == (Decimal(1), Decimal(2))


def test_orders_of_many_pages_are_all_reported_and_old_ones_are_left_behind() -> None:
    both = beside()
    both.market.list_item("PEN", NODE, 1_000)
    for _ in range(450):
        both.twin.sell("PEN", NODE)
    assert 450 == len(events_of(both))
    assert 3 == len(both.driven.requests)
    both.at += 3_600
    both.twin.sell("PEN", NODE)
    assert 451 == len(events_of(both))
    assert 1 == len(events_of(both))


def test_no_orders_are_an_answer_and_another_404_is_a_refusal() -> None:
    both = beside()
    assert [] == events_of(both)
    with pytest.raises(Refused, match="status 404: no code"):
        page(answer({}, 404), "", OPTIONS)


def test_customers_are_not_kept() -> None:
    both = beside()
    both.twin.sell("MUG", NODE)
    [polled] = both.driven.poll()
    assert {"purchaseOrderId", "orderDate", "shipNode", "orderLines"} == set(
        json.loads(polled.body)
    )
    for word in (b"Springfield", b"Ann", b"555", b"relay"):
        assert word not in polled.body


@pytest.mark.parametrize(
    "wrong", [{"orderDate": "yesterday"}, {"orderLines": [3]}, {"orderLines": {"orderLine": [3]}}]
)
def test_an_order_that_is_wrong_holds_up_no_other(wrong: dict[str, Any]) -> None:
    orders = {"order": [order() | wrong, order(("Created", "3"))]}
    polled = page(answer({"list": {"meta": {}, "elements": orders}}), "", OPTIONS)
    assert 2 == len(polled.messages)
    decode(polled.messages[1], OPTIONS)


def test_an_answer_that_is_no_page_is_an_error() -> None:
    wrong: list[Any] = [[], {"list": 3}, {"list": {"meta": {"nextCursor": "17"}}}]
    for document in wrong:
        with pytest.raises(Undecodable):
            page(answer(document), "", OPTIONS)
    with pytest.raises(SessionExpired):
        page(answer({}, 401), "", OPTIONS)
    with pytest.raises(Throttled):
        page(answer({}, 429), "", OPTIONS)


def test_a_cursor_that_repeats_itself_ends_the_sweep() -> None:
    response = answer({"list": {"meta": {"nextCursor": "?a"}, "elements": {"order": [order()]}}})
    first = page(response, "", OPTIONS)
    assert first.has_more
    assert not page(response, first.cursor, OPTIONS).has_more


# Acknowledging


def test_an_order_is_acknowledged_once_it_is_promised() -> None:
    both = beside()
    number = both.twin.sell("MUG", NODE, 3)
    change = replace(CHANGE, reservation_id=f"walmart/{number}")
    assert both.driven.tell(change) == Done(f"order {number} acknowledged")
    assert 3 == both.twin.books()["orders"][number]["Acknowledged"]
    assert both.driven.tell(change) == Done(f"order {number} was acknowledged before")
    assert ["GET", "POST", "GET"] == [each.method for each in both.driven.requests]


def test_an_answer_that_was_lost_does_not_acknowledge_twice() -> None:
    both = beside()
    number = both.twin.sell("MUG", NODE)
    change = replace(CHANGE, reservation_id=f"walmart/{number}")
    both.driven.tell(change, lose=lambda request: request == 2)
    posts = [each for each in both.driven.requests if each.method == "POST"]
    assert 1 == len(posts)


@pytest.mark.parametrize(
    ("changed", "is_reported"),
    [
        ({}, True),
        ({"state": "HELD"}, False),
        ({"state": "FULFILLED"}, False),
        ({"reservation_id": "amazon/1"}, False),
    ],
)
def test_orders_of_walmart_that_are_promised_are_reported(
    changed: Mapping[str, Any], is_reported: bool
) -> None:
    assert concerns(replace(CHANGE, **changed), None) is is_reported


def test_an_order_that_walmart_does_not_have_is_refused() -> None:
    with pytest.raises(Refused):
        step(CHANGE, [answer({}, 404)], None)


def test_the_number_of_an_order_is_quoted() -> None:
    change = replace(CHANGE, reservation_id="walmart/../token")
    request = ACKNOWLEDGEMENTS.next(change, [], None)
    assert isinstance(request, Request)
    assert "/v3/orders/..%2Ftoken" == request.url
