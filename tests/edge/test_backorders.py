"""Reserves against supply on a real node: promised, watched, explained, received and shipped."""

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.edge.client import Client, InvalidArgument
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.reservations import reserve_from_request
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import WAREHOUSE, level_of, new_name, put_stock
from tests.edge.test_supply import received, supply, today_of


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that keeps a ledger."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        yield running


async def test_what_is_not_on_hand_is_promised_from_supply_and_shipped_when_it_came(
    client: Client,
) -> None:
    (sku,) = await put_stock(client, 2)
    today = await today_of(client, sku)
    friday = today + timedelta(days=3, hours=9)
    await client.record_stock_events("erp", [supply(sku, 10, friday)])
    order, lines = new_name("order"), [(sku, WAREHOUSE, 5)]
    none = await client.reserve(new_name("order"), lines)
    assert common.REFUSAL_CODE_INSUFFICIENT_STOCK == none.refusal.code
    early = await client.reserve(new_name("order"), lines, latest_supply=today + timedelta(days=2))
    assert [2] == [each.available for each in early.refusal.lines]
    held = await client.reserve(order, lines, latest_supply=today + timedelta(days=3))
    (line,) = held.lines
    assert (5, 3, friday) == (
        *(line.quantity, line.backordered),
        line.expected_time.ToDatetime(tzinfo=UTC),
    )
    level = await level_of(client, sku, WAREHOUSE)
    assert (2, 5, 0, 3) == (level.on_hand, level.reserved, level.available, level.backordered)
    (left,) = (await client.get_available_to_promise(sku)).levels
    assert [7] == [day.available for day in left.days]
    await client.commit(order)
    refused = await client.fulfill(order)
    assert common.REFUSAL_CODE_BACKORDERED == refused.refusal.code
    assert [(5, 2, 3)] == [
        (each.requested, each.available, each.missing) for each in refused.refusal.lines
    ]
    async with aclosing(client.watch_availability([sku])) as responses:
        assert [3] == [each.level.backordered for each in (await anext(responses)).levels]
        result = await client.record_stock_events("erp", [received(sku, 4)])
        assert [(6, 1)] == [(each.on_hand, each.available) for each in result.results]
        assert [0] == [each.level.backordered for each in (await anext(responses)).levels]
    (all_of_it,) = (await client.get_reservation(order)).reservation.lines
    assert (5, 0, False) == (
        *(all_of_it.committed, all_of_it.backordered),
        all_of_it.HasField("expected_time"),
    )
    assert common.OUTCOME_ACCEPTED == (await client.fulfill(order)).outcome


async def test_supply_that_is_cancelled_tells_whom_it_fails(client: Client) -> None:
    (sku,) = await put_stock(client, 2)
    friday = await today_of(client, sku) + timedelta(days=3)
    await client.record_stock_events("erp", [supply(sku, 10, friday)])
    orders = [new_name("order") for _ in range(2)]
    for order in orders:
        await client.reserve(order, [(sku, WAREHOUSE, 5)], latest_supply=friday)
    answer = await client.record_stock_events("erp", [supply(sku, 4, friday)])
    (short,) = answer.shortfalls
    assert (0, 4) == (short.available, short.uncovered_quantity)
    assert [(orders[1], 5, 4)] == [
        (each.reservation_id, each.backordered, each.uncovered_quantity) for each in short.uncovered
    ]
    assert short == (await client.get_shortfall(sku, WAREHOUSE)).shortfall


async def test_the_ledger_tells_what_was_backordered_at_each_moment(client: Client) -> None:
    (sku,) = await put_stock(client, 2)
    friday = await today_of(client, sku) + timedelta(days=3)
    await client.record_stock_events("erp", [supply(sku, 10, friday)])
    order = new_name("order")
    held = await client.reserve(order, [(sku, WAREHOUSE, 5)], latest_supply=friday)
    came = await client.record_stock_events("erp", [received(sku, 2)])
    gone = await client.release(order, [(sku, WAREHOUSE, 2)])
    revisions = [held.revisions[0], came.revisions[0], gone.revisions[0]]
    explained = [await client.explain_availability(sku, WAREHOUSE, each) for each in revisions]
    figures = [(e.available, e.backordered, e.quantities.reserved) for e in explained]
    assert [(0, 3, 5), (0, 1, 5), (1, 0, 3)] == figures
    movements = (await client.list_movements(sku)).movements
    moved = [m for m in movements if m.kind == ledger.MOVEMENT_KIND_BACKORDER]
    assert [(-1, order), (-2, order), (3, order)] == [
        (each.quantity, each.reservation_id) for each in moved
    ]


async def test_a_reserve_against_supply_has_so_many_lines_and_one_time_for_a_line(
    client: Client,
) -> None:
    (sku,) = await put_stock(client, 2)
    many = [(sku, WAREHOUSE, 1, str(number)) for number in range(101)]
    friday = await today_of(client, sku) + timedelta(days=3)
    with pytest.raises(InvalidArgument) as error:
        await client.reserve(new_name("order"), many, latest_supply=friday)
    assert "lines" == error.value.metadata["field"]
    naive = friday.replace(tzinfo=None)
    with pytest.raises(ValueError, match="latest_supply"):
        await client.reserve(new_name("order"), many[:1], latest_supply=naive)
    day = Timestamp()
    day.FromDatetime(friday)
    line = {"sku": sku, "location": WAREHOUSE, "quantity": 1}
    request = reservation.ReserveRequest(
        reservation_id=new_name("order"), lines=[{**line, "latest_supply_time": day}, line]
    )
    with pytest.raises(Fault) as fault:
        reserve_from_request(request)
    assert "lines[1].latest_supply_time" == fault.value.metadata["field"]
    request.lines[0].latest_supply_time.seconds = 2**40
    with pytest.raises(Fault) as fault:
        reserve_from_request(request)
    assert "lines[0].latest_supply_time" == fault.value.metadata["field"]
