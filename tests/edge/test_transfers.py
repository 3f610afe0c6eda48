"""Transfers on a real node: dispatched, under way, received, watched, explained and refused."""

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, timedelta
from typing import Any

import pytest

from holdfast.core.limits import SUPPLIES_OPEN_MAX
from holdfast.edge.cli.fact_notes import notes
from holdfast.edge.client import Client, InvalidArgument, NotFound
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import WAREHOUSE, level_of, new_name, put_stock

APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that keeps a ledger."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        yield running


def fact(kind: str, sku: str, place: str, units: int, **more: Any) -> stock.StockEvent:
    """A fact of one transfer."""
    return stock.StockEvent(
        event_id=new_name("event"),
        sku=sku,
        location=place,
        kind=f"STOCK_EVENT_KIND_{kind}",
        quantity=units,
        reference={"kind": "transfer", "id": "T-17", "line": "1"},
        **more,
    )


async def shop(client: Client) -> str:
    """A location that units go to."""
    name = new_name("shop")
    await client.update_location(name, allow_missing=True)
    return name


async def test_units_go_from_one_location_to_another(client: Client) -> None:
    (sku,), there = await put_stock(client, 10), await shop(client)
    answer = await client.get_available_to_promise(sku)
    friday = answer.today.ToDatetime(tzinfo=UTC) + timedelta(days=2)
    sent = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 6, to_location=there, expected_time=friday)
    (result,) = (await client.record_stock_events("wms", [sent])).results
    assert (APPLIED, 4, 6) == (result.outcome, result.on_hand, result.in_transit)
    level = await level_of(client, sku, there)
    assert (0, 0, 6) == (level.on_hand, level.available, level.incoming)
    (promise,) = (await client.get_available_to_promise(sku, [there])).levels
    (supply,) = promise.supplies
    assert (True, "T-17", 6) == (supply.is_transfer, supply.document, supply.incoming)
    assert [6] == [day.available for day in promise.days]

    facts = [fact("RECEIPT", sku, there, 5), fact("TRANSFER_ADJUSTMENT", sku, there, -1)]
    results = (await client.record_stock_events("wms", facts)).results
    assert [(5, 1), (5, 0)] == [(each.on_hand, each.in_transit) for each in results]
    assert 0 == (await level_of(client, sku, there)).incoming


async def test_promised_units_stay_unless_they_have_left(client: Client) -> None:
    (sku,), there = await put_stock(client, 5), await shop(client)
    await client.reserve(new_name("order"), [(sku, WAREHOUSE, 4)], hold=60)
    sent = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 3, to_location=there)
    (refused,) = (await client.record_stock_events("wms", [sent])).results
    assert stock.STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE == refused.outcome
    assert (5, 1) == (refused.on_hand, refused.possible)
    sent.takes_promised = True
    answer = await client.record_stock_events("wms", [sent])
    assert (APPLIED, 2) == (answer.results[0].outcome, answer.results[0].shortfall)
    assert [2] == [each.shortfall for each in answer.shortfalls]


async def test_a_transfer_that_is_received_twice_is_reported(client: Client) -> None:
    (sku,), there = await put_stock(client, 5), await shop(client)
    facts = [
        fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 2, to_location=there),
        fact("RECEIPT", sku, there, 2),
        fact("RECEIPT", sku, there, 2),
    ]
    results = (await client.record_stock_events("wms", facts)).results
    assert [(2, 3), (0, 2), (-2, 4)] == [(each.in_transit, each.on_hand) for each in results]
    (promise,) = (await client.get_available_to_promise(sku, [there])).levels
    (supply,) = promise.supplies
    assert (2, 4, 2, False) == (
        *(supply.announced, supply.received, supply.over),
        supply.HasField("expected_time"),
    )


async def test_goods_that_came_are_recorded_though_too_many_transfers_are_open(
    client: Client,
) -> None:
    (sku,), there = await put_stock(client, 5), await shop(client)
    facts = [fact("TRANSFER_ADJUSTMENT", sku, there, 1) for _ in range(SUPPLIES_OPEN_MAX)]
    for number, each in enumerate(facts):
        each.reference.id = f"open-{number}"
    for start in range(0, SUPPLIES_OPEN_MAX, 50):
        await client.record_stock_events("wms", facts[start : start + 50])
    come = fact("RECEIPT", sku, there, 3)
    (result,) = (await client.record_stock_events("wms", [come])).results
    assert (APPLIED, 3, True) == (result.outcome, result.on_hand, result.untracked)
    (note,) = notes([come], [result])
    assert note.startswith(f"{sku} at {there}: transfer T-17 is as it was before")
    asked = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 3, to_location=there)
    (refused,) = (await client.record_stock_events("wms", [asked])).results
    assert stock.STOCK_EVENT_OUTCOME_TOO_MANY_SUPPLIES == refused.outcome


async def test_a_transfer_needs_a_place_that_is_another_one(client: Client) -> None:
    (sku,) = await put_stock(client, 5)
    nowhere = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 2, to_location=new_name("nowhere"))
    with pytest.raises(NotFound):
        await client.record_stock_events("wms", [nowhere])
    same = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 2, to_location=WAREHOUSE)
    with pytest.raises(InvalidArgument):
        await client.record_stock_events("wms", [same])


async def test_a_watcher_of_the_place_that_they_go_to_sees_them(client: Client) -> None:
    (sku,), there = await put_stock(client, 5), await shop(client)
    await client.record_stock_events("wms", [fact("RECEIPT", sku, there, 1)])
    async with aclosing(client.watch_availability([sku], [there])) as responses:
        assert [1] == [each.level.on_hand for each in (await anext(responses)).levels]
        sent = fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 3, to_location=there)
        await client.record_stock_events("wms", [sent])
        (update,) = (await anext(responses)).levels
        assert (1, 2) == (update.level.on_hand, update.level.incoming)


async def test_the_ledger_tells_what_left_and_what_was_under_way(client: Client) -> None:
    (sku,), there = await put_stock(client, 9), await shop(client)
    revisions = []
    for event in (
        fact("TRANSFER_DISPATCH", sku, WAREHOUSE, 4, to_location=there, reason="refill"),
        fact("RECEIPT", sku, there, 3),
        fact("TRANSFER_ADJUSTMENT", sku, there, -1, reason="broken"),
    ):
        answer = await client.record_stock_events("wms", [event])
        revisions.append(answer.revisions[0])
    explained = [await client.explain_availability(sku, there, each) for each in revisions]
    assert [(0, 4), (3, 1), (3, 0)] == [(each.available, each.incoming) for each in explained]
    movements = (await client.list_movements(sku)).movements
    kinds = [
        ledger.MovementKind.Name(each.kind).removeprefix("MOVEMENT_KIND_") for each in movements
    ]
    assert {"TRANSFER_DISPATCH", "TRANSFER_ADJUSTMENT", "RECEIPT", "INCOMING"} == set(kinds)
    left = [each for each in movements if each.kind == ledger.MOVEMENT_KIND_TRANSFER_DISPATCH]
    assert [(WAREHOUSE, -4, "refill", "T-17")] == [
        (each.location, each.quantity, each.reason, each.fact.reference.id) for each in left
    ]
    coming = [each for each in movements if each.kind == ledger.MOVEMENT_KIND_INCOMING]
    assert [(there, -1), (there, -3), (there, 4)] == [
        (each.location, each.quantity) for each in coming
    ]
    here = await client.explain_availability(sku, WAREHOUSE)
    assert (5, 0) == (here.available, here.incoming)
