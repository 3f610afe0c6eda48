"""Whom a shortfall endangers, over a real node."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from holdfast.edge.client import Client, InvalidArgument
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.raw import WAREHOUSE, level_of, new_name, put_stock


def sale(sku: str, number: int) -> stock.StockEvent:
    return stock.StockEvent(
        sequence=number,
        sku=sku,
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_SALE,
        quantity=1,
    )


async def test_facts_of_a_stream_name_whom_they_endanger_in_their_order(client: Client) -> None:
    """Messages in flight after one that searches are answered after it."""
    (sku,) = await put_stock(client, 8)
    orders = [new_name("order") for _ in range(8)]
    for order in orders:
        await client.reserve(order, [(sku, WAREHOUSE, 1)])
    source = new_name("till")

    async def messages() -> AsyncIterator[tuple[str, list[stock.StockEvent]]]:
        for number in range(1, 6):
            yield source, [sale(sku, number)]

    endangered = [
        [each.reservation_id for shortfall in answer.shortfalls for each in shortfall.endangered]
        async for answer in client.record_stock_events_stream(messages())
    ]
    assert [orders[: -1 - count : -1] for count in range(1, 6)] == endangered


async def test_what_is_sold_already_is_held_once_and_tells_whom_it_endangers(
    client: Client,
) -> None:
    (sku,) = await put_stock(client, 2)
    orders = [new_name("order") for _ in range(2)]
    await client.reserve(orders[0], [(sku, WAREHOUSE, 2)])
    for is_repeat in (False, True):
        sold = await client.reserve(orders[1], [(sku, WAREHOUSE, 3)], already_sold=True)
        assert (common.OUTCOME_ACCEPTED, is_repeat) == (sold.outcome, sold.repeated_request)
        (short,) = sold.shortfalls
        assert (2, -3, 3) == (short.on_hand, short.available, short.shortfall)
        assert [(orders[1], 3)] == [
            (each.reservation_id, each.endangered_quantity) for each in short.endangered
        ]
    level = await level_of(client, sku, WAREHOUSE)
    assert (5, -3) == (level.reserved, level.available)


async def test_what_is_sold_already_does_not_ask_for_supply(client: Client) -> None:
    day = datetime(2030, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidArgument) as wrong:
        await client.reserve("a", [("MUG", "W", 1)], latest_supply=day, already_sold=True)
    assert "already_sold" == wrong.value.metadata["field"]
