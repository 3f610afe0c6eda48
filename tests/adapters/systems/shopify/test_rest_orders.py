"""Orders of Shopify's webhooks, as they stand."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import Ignored, OrderEvent, OrderKind, OrderLine
from holdfast.adapters.systems.shopify.webhooks import WebhookOptions
from tests.adapters.systems.shopify.rest_samples import (
    NOON,
    OPTIONS,
    SOURCE,
    SPREAD,
    decoded,
    fulfillment,
    line,
    order,
)


def lines_of(
    body: dict[str, Any], options: WebhookOptions = OPTIONS
) -> list[tuple[str, str, int, int, int]]:
    (event,) = decoded("orders/updated", body, options)
    return [
        (each.id, each.location, int(each.quantity), int(each.shipped), int(each.cancelled))
        for each in event.lines
    ]


def test_an_order_is_sold_and_reported_as_it_stands() -> None:
    assert [
        OrderEvent(
            source=SOURCE,
            id="delivery-1",
            kind=OrderKind.STATE,
            order="shopify/7",
            lines=(OrderLine("1", "SKU-1", "100", Decimal(5)),),
            time=NOON,
            is_sold=True,
            correlation_id="event-1",
        )
    ] == decoded("orders/create", order())


def test_what_was_taken_at_a_location_is_of_that_location() -> None:
    assert [("1", "300", 5, 0, 0)] == lines_of(order(location_id=300))
    assert [("1", "300", 5, 0, 0)] == lines_of(order(location_id=300), SPREAD)


def test_a_line_is_where_it_is_to_be_shipped_from_and_then_where_it_was() -> None:
    body = order(line(fulfillable_quantity=3), fulfillments=[fulfillment(2)])
    assert [("1", "100", 5, 2, 0)] == lines_of(body)
    body = order(line(fulfillable_quantity=0), fulfillments=[fulfillment(5)])
    assert [("1", "200", 5, 5, 0)] == lines_of(body)
    body = order(line(fulfillable_quantity=0), fulfillments=[fulfillment(5, None)])
    assert [("1", "100", 5, 5, 0)] == lines_of(body)


@pytest.mark.parametrize("status", ["cancelled", "error", "failure"])
def test_a_fulfillment_that_did_not_happen_ships_nothing(status: str) -> None:
    body = order(fulfillments=[fulfillment(5, status=status)])
    assert [("1", "100", 5, 0, 0)] == lines_of(body)


@pytest.mark.parametrize("status", ["pending", "open"])
def test_a_fulfillment_on_its_way_is_not_shipped_yet(status: str) -> None:
    body = order(line(fulfillable_quantity=0), fulfillments=[fulfillment(5, status=status)])
    assert [("1", "200", 5, 0, 0)] == lines_of(body)


def test_what_is_neither_open_nor_shipped_was_cancelled() -> None:
    assert [("1", "100", 5, 0, 2)] == lines_of(order(line(fulfillable_quantity=3)))
    cancelled = order(cancelled_at="2026-11-26T12:00:00Z")
    assert [("1", "100", 5, 0, 5)] == lines_of(cancelled)


def test_units_that_came_back_were_shipped_all_the_same() -> None:
    body = order(
        line(fulfillable_quantity=0, current_quantity=3), fulfillments=[fulfillment(5, 100)]
    )
    assert [("1", "100", 5, 5, 0)] == lines_of(body)


def test_a_line_without_a_sku_is_of_its_variant_and_of_none_is_left_out() -> None:
    body = order(line(1, sku=""), line(2, sku=None, variant_id=None))
    (event,) = decoded("orders/updated", body)
    assert ["variant/1001"] == [each.sku for each in event.lines]
    tip = order(line(sku="", variant_id=None))
    assert [Ignored("no_items")] == decoded("orders/updated", tip)


def test_an_order_without_a_location_is_left_to_the_poll() -> None:
    assert [Ignored("no_location")] == decoded("orders/create", order(), SPREAD)
    shipped = order(line(fulfillable_quantity=0), fulfillments=[fulfillment(5)])
    assert [Ignored("no_location")] == decoded("orders/updated", shipped, SPREAD)


def test_an_order_of_before_fulfillable_quantities_is_open_but_for_what_was_shipped() -> None:
    old = line()
    del old["fulfillable_quantity"]
    assert [("1", "100", 5, 2, 0)] == lines_of(order(old, fulfillments=[fulfillment(2)]))


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("id", order(id="7")),
        ("line_items", order(line_items=None)),
        ("line_items[0].quantity", order(line(quantity=-1))),
        ("line_items[0].fulfillable_quantity", order(line(fulfillable_quantity=None))),
        ("fulfillments[0].line_items", order(fulfillments=[{"status": "success"}])),
        ("updated_at", order(updated_at=None)),
    ],
)
def test_what_is_wrong_in_an_order_is_named(field: str, body: dict[str, Any]) -> None:
    body = body if body["id"] != "7" else {**body, "id": "seven"}
    with pytest.raises(Undecodable) as wrong:
        decoded("orders/updated", body)
    assert field == wrong.value.field


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), max_size=6),
    st.booleans(),
)
def test_each_unit_is_open_shipped_or_cancelled(
    units: list[tuple[int, int, int]], is_cancelled: bool
) -> None:
    lines = [
        line(number, quantity=sum(each), fulfillable_quantity=each[0])
        for number, each in enumerate(units, start=1)
    ]
    sent = [
        fulfillment(0, 200 + number % 2, line_items=[{"id": number, "quantity": each[1]}])
        for number, each in enumerate(units, start=1)
    ]
    at = "2026-11-26T12:00:00Z" if is_cancelled else None
    body = order(line_items=lines, fulfillments=sent, cancelled_at=at)
    (event,) = decoded("orders/updated", body)
    event_lines = event.lines if isinstance(event, OrderEvent) else ()
    assert len(units) == len(event_lines)
    for found, (still_open, shipped, _) in zip(event_lines, units, strict=True):
        rest = int(found.quantity - found.shipped - found.cancelled)
        assert (shipped, 0 if is_cancelled else still_open) == (int(found.shipped), rest)
    assert [sum(each) for each in units] == [each.quantity for each in event_lines]
