"""Orders of Shopify's Admin API: which have changed, and how each stands at its locations."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Page, Response, Undecodable
from holdfast.adapters.events import Ignored
from holdfast.adapters.systems.shopify import fulfillment_orders as polled
from holdfast.adapters.systems.shopify.fulfillment_orders import OrdersOptions
from holdfast.adapters.systems.shopify.graphql import COST_MAX
from holdfast.adapters.systems.shopify.kinds import ORDERS as ADAPTER
from tests.adapters.systems.shopify.graphql_samples import (
    ORDERS,
    SINCE,
    answered,
    changed,
    gid,
    group,
    line,
    nodes,
    order,
    shipment,
    variables,
)
from tests.adapters.systems.shopify.rest_samples import DOMAIN, SOURCE


def decoded(body: Any, options: OrdersOptions = ORDERS) -> list[Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(polled.decode(Message(raw), options))


def lines_of(body: Any, options: OrdersOptions = ORDERS) -> list[tuple[str, str, int, int, int]]:
    (event,) = decoded(body, options)
    return [
        (each.id, each.location, int(each.quantity), int(each.shipped), int(each.cancelled))
        for each in event.lines
    ]


def sweep(cursor: str, *pages: Any) -> Page:
    """Ask for pages of changes; the orders that they name are not asked for."""
    for orders in pages:
        page = polled.page(answered({"fulfillmentOrders": orders}), cursor, ORDERS)
        cursor = json.dumps({**json.loads(page.cursor), "orders": []})
    return page


def test_a_line_is_where_its_fulfillment_order_is_assigned() -> None:
    (event,) = decoded(order(groups=[group(100, {1: 5})]))
    assert ("shopify/7", SOURCE, True) == (event.order, event.source, event.is_sold)
    assert datetime(2026, 11, 26, 12, tzinfo=UTC) == event.time
    assert [("1", "100", 5, 0, 0)] == lines_of(order(groups=[group(100, {1: 5})]))


def test_a_line_at_several_locations_has_a_part_at_each() -> None:
    body = order([line(1, 9)], [group(100, {1: 2}), group(200, {1: 3})], [shipment(300, {1: 4})])
    assert [
        ("1", "100", 9, 0, 7),
        ("1/200", "200", 3, 0, 0),
        ("1/300", "300", 4, 4, 0),
    ] == lines_of(body)


def test_a_line_that_moved_is_at_its_new_location_under_its_id() -> None:
    before = lines_of(order(groups=[group(100, {1: 5})]))
    after = lines_of(order(groups=[group(200, {1: 5})]))
    assert ([("1", "100", 5, 0, 0)], [("1", "200", 5, 0, 0)]) == (before, after)


def test_units_that_went_elsewhere_are_cancelled_where_the_line_came_first() -> None:
    partly = order(groups=[group(100, {1: 3}), group(200, {1: 2})])
    assert [("1", "100", 5, 0, 2), ("1/200", "200", 2, 0, 0)] == lines_of(partly)
    shipped = [shipment(200, {1: 2}), shipment(100, {1: 3})]
    done = order(groups=[group(100, {1: 0}), group(200, {1: 0})], shipments=shipped)
    assert [("1", "100", 5, 3, 2), ("1/200", "200", 5, 2, 3)] == lines_of(done)


def test_what_is_neither_open_nor_shipped_was_cancelled_where_the_line_was() -> None:
    ended = [group(100, {1: 5}, status="CANCELLED")]
    assert [("1", "100", 5, 0, 5)] == lines_of(order(groups=ended))
    partly = order(groups=[group(100, {1: 1})], shipments=[shipment(100, {1: 2})])
    assert [("1", "100", 5, 2, 2)] == lines_of(partly)


@pytest.mark.parametrize("status", ["CANCELLED", "ERROR", "FAILURE"])
def test_a_fulfillment_that_did_not_happen_ships_nothing(status: str) -> None:
    body = order(groups=[group(100, {1: 5})], shipments=[shipment(100, {1: 5}, status=status)])
    assert [("1", "100", 5, 0, 0)] == lines_of(body)


def test_a_fulfillment_on_its_way_is_not_shipped_yet() -> None:
    body = order(groups=[group(100, {1: 0})], shipments=[shipment(100, {1: 5}, status="PENDING")])
    assert [("1", "100", 5, 0, 0)] == lines_of(body)


def test_a_location_that_is_gone_is_that_of_the_options() -> None:
    body = order(groups=[group(None, {1: 5})])
    assert [Ignored("no_location")] == decoded(body)
    options = OrdersOptions(shop=DOMAIN, since=SINCE, location="900")
    assert [("1", "900", 5, 0, 0)] == lines_of(body, options)


def test_lines_of_no_product_are_left_out() -> None:
    tip = line(sku=None, variant=None)
    assert [Ignored("no_items")] == decoded(order([tip]))
    (event,) = decoded(order([line(sku="")], [group(100, {1: 5})]))
    assert "variant/1001" == event.lines[0].sku


def test_an_order_with_more_parts_than_were_asked_for_is_not_guessed_at() -> None:
    for body in (
        order(lineItems=nodes(line(), has_more=True)),
        order(fulfillmentOrders=nodes(group(100, {1: 5}), has_more=True)),
        order(groups=[group(100, {}, lineItems=nodes(has_more=True))]),
    ):
        with pytest.raises(Undecodable, match="hasNextPage"):
            decoded(body)
    with pytest.raises(Undecodable, match="fulfillments"):
        decoded(order(shipments=[shipment(100, {1: 1})] * (polled.GROUPS + 1)))


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("id", order(id=gid("Product", 7))),
        ("updatedAt", order(updatedAt=None)),
        ("lineItems.nodes[0].quantity", order([line(quantity=-1)])),
        (
            "fulfillmentOrders.nodes[0].lineItems.nodes[0].remainingQuantity",
            order(groups=[group(100, {1: -1})]),
        ),
        (
            "fulfillmentOrders.nodes[0].assignedLocation.location.id",
            order(groups=[group(100, {1: 1}, assignedLocation={"location": {"id": "100"}})]),
        ),
        (
            "fulfillments[0].fulfillmentLineItems",
            order(shipments=[shipment(100, {1: 1}, fulfillmentLineItems=None)]),
        ),
    ],
)
def test_what_is_wrong_in_an_order_is_named(field: str, body: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as wrong:
        decoded(body)
    assert field == wrong.value.field


def test_the_first_sweep_asks_for_what_changed_since_the_time_of_the_options() -> None:
    asked = variables(polled.request("", ORDERS))
    assert {"query": f"updated_at:>='{SINCE}'", "after": None} == asked


def test_each_order_that_changed_is_asked_for_once() -> None:
    found = [
        changed(1, 7, "2026-11-26T12:00:00Z"),
        changed(2, 7, "2026-11-26T12:00:00Z"),
        changed(3, 8, "2026-11-26T12:00:01Z"),
    ]
    first = polled.page(answered({"fulfillmentOrders": nodes(*found)}), "", ORDERS)
    assert ([], True) == (first.messages, first.has_more)
    assert {"id": gid("Order", 7)} == variables(polled.request(first.cursor, ORDERS))
    second = polled.page(answered({"order": order()}), first.cursor, ORDERS)
    assert (1, True) == (len(second.messages), second.has_more)
    assert {"id": gid("Order", 8)} == variables(polled.request(second.cursor, ORDERS))
    third = polled.page(answered({"order": None}), second.cursor, ORDERS)
    assert ([], False) == (third.messages, third.has_more)


def test_the_next_sweep_begins_a_while_before_the_newest_change_and_skips_what_it_saw() -> None:
    found = [changed(1, 7, "2026-11-26T11:00:00Z"), changed(2, 8, "2026-11-26T12:00:00Z")]
    page = sweep("", nodes(*found))
    cursor = json.dumps({**json.loads(page.cursor), "orders": []})
    asked = variables(polled.request(cursor, ORDERS))
    assert "updated_at:>='2026-11-26T11:59:00Z'" == asked["query"]
    again = polled.page(answered({"fulfillmentOrders": nodes(found[1])}), cursor, ORDERS)
    assert not again.has_more
    moved = changed(2, 8, "2026-11-26T12:00:05Z")
    after = polled.page(answered({"fulfillmentOrders": nodes(moved)}), cursor, ORDERS)
    assert {"id": gid("Order", 8)} == variables(polled.request(after.cursor, ORDERS))


@pytest.mark.parametrize("date", ["Thu, 26 Nov 2026 12:00:01 GMT", "", "today"])
def test_an_order_whose_second_is_not_over_is_asked_for_again(date: str) -> None:
    response = answered({"fulfillmentOrders": nodes(changed(1, 7, "2026-11-26T12:00:00Z"))})
    now = Response(response.status, {"date": date}, response.body)
    page = polled.page(now, "", ORDERS)
    cursor = json.dumps({**json.loads(page.cursor), "orders": []})
    assert polled.page(response, cursor, ORDERS).has_more


def test_a_sweep_of_several_pages_goes_on_where_the_last_one_ended() -> None:
    first = nodes(changed(1, 7, "2026-11-26T12:00:00Z"), has_more=True, cursor="page-2")
    page = sweep("", first)
    cursor = json.dumps({**json.loads(page.cursor), "orders": []})
    assert {"query": f"updated_at:>='{SINCE}'", "after": "page-2"} == variables(
        polled.request(cursor, ORDERS)
    )
    last = sweep("", first, nodes(changed(2, 7, "2026-11-26T12:30:00Z")))
    asked = variables(polled.request(json.dumps({**json.loads(last.cursor), "orders": []}), ORDERS))
    assert {"query": "updated_at:>='2026-11-26T12:29:00Z'", "after": None} == asked


def test_a_quiet_sweep_stays_where_it_is() -> None:
    page = sweep("", nodes())
    assert not page.has_more
    assert variables(polled.request("", ORDERS)) == variables(polled.request(page.cursor, ORDERS))


def test_no_query_asks_for_more_points_than_shopify_gives() -> None:
    page = sweep("", nodes(changed(1, 7, "2026-11-26T12:00:00Z")))
    for cursor in ("", page.cursor, '{"since": "2026-11-26T00:00:00Z", "orders": ["7"]}'):
        assert polled.request(cursor, ORDERS).cost <= COST_MAX


def test_options_name_the_shop_and_a_time() -> None:
    for wrong in ({"shop": "example.com", "since": SINCE}, {"shop": DOMAIN, "since": "today"}):
        with pytest.raises(ValidationError):
            OrdersOptions.model_validate(wrong)


def test_the_conformance_kit_finds_nothing() -> None:
    spread = order([line(1, 9)], [group(100, {1: 2}), group(200, {1: 3})], [shipment(300, {1: 4})])
    samples = [
        Sample(name, Message(json.dumps(body).encode()))
        for name, body in (("spread", spread), ("gone", order(groups=[group(None, {1: 5})])))
    ]
    assert [] == list(findings(ADAPTER, samples, ORDERS))


@settings(max_examples=60)
@given(st.data())
def test_a_mutilated_order_decodes_or_is_undecodable(data: st.DataObject) -> None:
    whole = order([line(1), line(2)], [group(100, {1: 2, 2: 5})], [shipment(200, {1: 3})])
    body = bytearray(json.dumps(whole).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 8))
        body[at:end] = data.draw(st.sampled_from([b"", b"0", b'"', b"[]", b"{}", b"null", b"-"]))
    with suppress(Undecodable):
        decoded(bytes(body))


@settings(max_examples=60)
@given(st.data())
def test_who_takes_the_highest_numbers_of_each_part_holds_what_is_open(
    data: st.DataObject,
) -> None:
    """As the core does, whose states only rise. Units go to locations further on."""
    places = (100, 200, 300)
    still_open, shipped = dict.fromkeys(places, 0), dict.fromkeys(places, 0)
    still_open[100] = 9
    highest: dict[str, tuple[int, ...]] = {}

    def held(part: str) -> int:
        ordered, sent, cancelled = highest.get(part, (0, 0, 0))
        return max(0, ordered - sent - cancelled)

    steps = data.draw(st.lists(st.tuples(*[st.integers(0, 9)] * 3), max_size=6))
    for step, (begin, units, to) in enumerate([*steps, (0, 9, 3), (1, 9, 3), (2, 9, 3)]):
        place, target = places[begin % 3], to % 5
        units = min(units, still_open[place])
        still_open[place] -= units
        if target == 3:
            shipped[place] += units
        elif target < 3 and places[target] >= place:
            still_open[places[target]] += units
        came = [each for each in places if each == 100 or still_open[each] or shipped[each]]
        groups = [group(each, {1: still_open[each]}) for each in came]
        sent = [shipment(each, {1: shipped[each]}) for each in came]
        for part, _, *numbers in lines_of(order([line(1, 9)], groups, sent)):
            known = highest.get(part, (0, 0, 0))
            highest[part] = tuple(map(max, known, numbers))
        assert still_open[100] == held("1")
        for each in places[1:]:
            assert still_open[each] <= held(f"1/{each}"), f"step {step}"
    assert 0 == held("1")
