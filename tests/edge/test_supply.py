"""Supply of a real node: announced, promised by date, received, watched and explained."""

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.edge.client import Client, NotFound
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import WAREHOUSE, level_of, new_name, put_stock, receipt


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that keeps a ledger."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        yield running


def supply(sku: str, units: int, day: datetime, line: str = "10") -> stock.StockEvent:
    """Units of a purchase order, expected on a day."""
    expected = Timestamp()
    expected.FromDatetime(day)
    return stock.StockEvent(
        event_id=new_name("event"),
        sku=sku,
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_SUPPLY,
        quantity=units,
        reference=stock.Reference(kind="supply", id="4500017", line=line),
        expected_time=expected,
    )


def received(sku: str, units: int) -> stock.StockEvent:
    event = receipt(sku, units)
    event.reference.CopyFrom(stock.Reference(kind="supply", id="4500017", line="10"))
    return event


async def today_of(client: Client, sku: str) -> datetime:
    answer = await client.get_available_to_promise(sku)
    return answer.today.ToDatetime(tzinfo=UTC)


async def test_what_is_announced_is_promised_by_date_until_it_comes(client: Client) -> None:
    (sku,) = await put_stock(client, 5)
    today = await today_of(client, sku)
    first, second = today + timedelta(days=3, hours=9), today + timedelta(days=40)
    orders = [supply(sku, 10, first), supply(sku, 4, second, "20")]
    await client.record_stock_events("erp", orders)
    level = await level_of(client, sku, WAREHOUSE)
    assert (5, 5, 14) == (level.on_hand, level.available, level.incoming)

    (near,) = (await client.get_available_to_promise(sku)).levels
    assert (5, 0) == (near.available, near.overdue)
    assert [(today + timedelta(days=3), 10, 15)] == [
        (day.day.ToDatetime(tzinfo=UTC), day.incoming, day.available) for day in near.days
    ]
    assert [("4500017", "10", 10, 0)] == [
        (each.document, each.line, each.incoming, each.received) for each in near.supplies
    ]
    (far,) = (await client.get_available_to_promise(sku, [WAREHOUSE], horizon_days=180)).levels
    assert [15, 19] == [day.available for day in far.days]

    await client.record_stock_events("erp", [received(sku, 7)])
    (left,) = (await client.get_available_to_promise(sku)).levels
    assert (12, [15]) == (left.available, [day.available for day in left.days])
    await client.record_stock_events("erp", [supply(sku, 0, first)])
    level = await level_of(client, sku, WAREHOUSE)
    assert (12, 12, 4) == (level.on_hand, level.available, level.incoming)


async def test_an_unknown_sku_or_location_promises_nothing(client: Client) -> None:
    (sku,) = await put_stock(client, 5)
    for asked in ((new_name("sku"), ()), (sku, [new_name("nowhere")])):
        with pytest.raises(NotFound):
            await client.get_available_to_promise(*asked)


async def test_a_watcher_sees_what_is_to_come(client: Client) -> None:
    (sku,) = await put_stock(client, 5)
    today = await today_of(client, sku)
    async with aclosing(client.watch_availability([sku])) as responses:
        assert [0] == [each.level.incoming for each in (await anext(responses)).levels]
        await client.record_stock_events("erp", [supply(sku, 10, today)])
        (update,) = (await anext(responses)).levels
        assert (5, 10) == (update.level.available, update.level.incoming)


async def test_the_ledger_tells_what_was_to_come_at_each_moment(client: Client) -> None:
    (sku,) = await put_stock(client, 5)
    today = await today_of(client, sku)
    revisions = []
    for event in (supply(sku, 10, today), received(sku, 7), supply(sku, 8, today)):
        answer = await client.record_stock_events("erp", [event])
        revisions.append(answer.revisions[0])
    explained = [await client.explain_availability(sku, WAREHOUSE, each) for each in revisions]
    assert [(5, 10), (12, 3), (12, 1)] == [(each.available, each.incoming) for each in explained]
    movements = (await client.list_movements(sku)).movements
    incoming = [m for m in movements if m.kind == ledger.MOVEMENT_KIND_INCOMING]
    assert [-2, -7, 10] == [each.quantity for each in incoming]
    assert "4500017" in {each.fact.reference.id for each in movements}
