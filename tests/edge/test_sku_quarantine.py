"""SKUs that nobody knows, in quarantine, over a real node."""

from contextlib import aclosing
from typing import Any

import pytest

from holdfast.edge.client import AlreadyExists, Client, NotFound
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, level_of, new_name


def fact(sku: str, kind: Any, quantity: int) -> stock.StockEvent:
    return stock.StockEvent(
        sku=sku, location=WAREHOUSE, event_id=new_name("event"), kind=kind, quantity=quantity
    )


async def a_till(client: Client) -> str:
    """A source that begins unknown SKUs in quarantine."""
    await client.update_location(WAREHOUSE, allow_missing=True)
    till = new_name("till")
    await client.update_source(till, unknown_skus="UNKNOWN_SKUS_QUARANTINE", allow_missing=True)
    return till


async def test_a_mistyped_sku_is_recorded_and_promised_when_it_is_admitted(
    node: NodeProcess, client: Client
) -> None:
    """Watchers are told; a kill changes nothing."""
    till, sku = await a_till(client), new_name("sku")
    answer = await client.record_stock_events(till, [fact(sku, "STOCK_EVENT_KIND_RECEIPT", 5)])
    assert answer.results[0].sku_created
    level = await level_of(client, sku)
    assert (5, 0, True) == (level.on_hand, level.available, level.quarantined)

    node.kill()
    node.start()
    refused = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
    assert common.OUTCOME_REFUSED == refused.outcome
    (listed,) = [
        each for each in (await client.list_quarantined_skus(1_000)).skus if each.sku == sku
    ]
    assert till == listed.source
    async with aclosing(client.watch_availability([sku])) as responses:
        (first,) = (await anext(responses)).levels
        assert first.level.quarantined
        answered = await client.settle_quarantined_sku(sku, "SKU_DECISION_ADMIT", "new", "zoe")
        assert answered.settled
        (then,) = (await anext(responses)).levels
        assert (5, False) == (then.level.available, then.level.quarantined)
    again = await client.settle_quarantined_sku(sku, "SKU_DECISION_DISCARD", "oh", "zoe")
    assert not again.settled
    with pytest.raises(NotFound):
        await client.settle_quarantined_sku(new_name("sku"), "SKU_DECISION_ADMIT", "new", "zoe")


async def test_a_late_repeat_of_a_discard_leaves_the_next_sku_alone(client: Client) -> None:
    """By its id, which another decision and DeleteSku can't use."""
    till, sku = await a_till(client), new_name("sku")
    decided = sku, "SKU_DECISION_DISCARD", "a typo", "zoe"
    for is_repeat in (False, True):
        await client.record_stock_events(till, [fact(sku, "STOCK_EVENT_KIND_SALE", 1)])
        answer = await client.settle_quarantined_sku(*decided, request_id="q1")
        assert (True, is_repeat) == (answer.settled, answer.repeated_request)
    listed = (await client.list_quarantined_skus(1_000)).skus
    assert sku in [each.sku for each in listed]
    with pytest.raises(AlreadyExists, match="decision"):
        await client.settle_quarantined_sku(
            sku, "SKU_DECISION_ADMIT", "a typo", "zoe", request_id="q1"
        )
    with pytest.raises(AlreadyExists, match="method"):
        await client.delete_sku(sku, request_id="q1")


async def test_the_terminal_lists_admits_and_discards(node: NodeProcess, client: Client) -> None:
    """By name, with a reason."""
    till, good, bad = await a_till(client), new_name("good"), new_name("bad")
    for sku in (good, bad):
        await client.record_stock_events(till, [fact(sku, "STOCK_EVENT_KIND_SALE", 1)])
    assert bad in flat(ask(node, "skus", "list").output)
    listed = ask_json(node, "skus", "list")
    assert {good, bad} <= {each["sku"] for each in listed["skus"]}
    result = ask(node, "skus", "admit", good, "--reason", "a new mug")
    assert f"{good} is admitted." in flat(result.output)
    result = ask(node, "skus", "discard", bad, "--reason", "mistyped", "--actor", "zoe")
    assert f"{bad} is discarded." in flat(result.output)
    result = ask(node, "skus", "discard", good, "--reason", "late")
    assert "not in quarantine" in flat(result.output)
    assert not ask_json(node, "skus", "admit", good, "--reason", "x")["settled"]
