"""Stock whose source is silent or misses numbers, over a real node."""

import signal
import subprocess
import sys
from contextlib import aclosing
from typing import Any

from holdfast.admin.v1.admin_service_pb2 import FALLBACK_CAP
from holdfast.edge.client import BlockingClient, Client
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, level_of, new_name

ACCEPTED, REFUSED = common.OUTCOME_ACCEPTED, common.OUTCOME_REFUSED


def received(sku: str, sequence: int) -> stock.StockEvent:
    kind: Any = "STOCK_EVENT_KIND_RECEIPT"
    return stock.StockEvent(sequence=sequence, sku=sku, location=WAREHOUSE, kind=kind, quantity=10)


async def test_a_gap_caps_promises_until_it_heals_also_after_a_kill(
    node: NodeProcess, client: Client
) -> None:
    """Watchers are told when it opens and when it heals."""
    await client.update_location(WAREHOUSE, allow_missing=True)
    sku, source = new_name("sku"), new_name("erp")
    updated = await client.update_source(source, fallback="FALLBACK_CAP", cap=4, allow_missing=True)
    assert (FALLBACK_CAP, 4) == (updated.source.fallback, updated.source.cap)
    await client.record_stock_events(source, [received(sku, 1)])
    async with aclosing(client.watch_availability([sku])) as responses:
        (first,) = (await anext(responses)).levels
        assert (common.SOURCE_STATE_CURRENT, 10) == (
            first.level.source_state,
            first.level.available,
        )
        await client.record_stock_events(source, [received(sku, 3)])
        seen = first
        while seen.level.source_state != common.SOURCE_STATE_GAP:
            (seen,) = (await anext(responses)).levels
        assert (20, 4) == (seen.level.on_hand, seen.level.available)

    node.kill()
    node.start()
    for states, available in ((["SOURCE_STATE_GAP"], [4]), (["SOURCE_STATE_STALE"], [])):
        answer = await client.get_availability(sku, states)
        assert available == [level.available for level in answer.availability.levels]
        promised = await client.get_available_to_promise(sku, source_states=states)
        assert available == [level.available for level in promised.levels]
    more = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 5)])
    held = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 4)])
    assert [REFUSED, ACCEPTED] == [more.outcome, held.outcome]
    await client.record_stock_events(source, [received(sku, 2)])
    level = await level_of(client, sku)
    assert (common.SOURCE_STATE_CURRENT, 26) == (level.source_state, level.available)


async def test_a_watch_of_gaps_has_a_level_while_its_source_has_one(client: Client) -> None:
    """Whatever happens to others, and however the watch is cut off in between."""
    await client.update_location(WAREHOUSE, allow_missing=True)
    sku, other, source = new_name("sku"), new_name("sku"), new_name("erp")
    await client.record_stock_events(source, [received(sku, 1)])
    await client.record_stock_events(new_name("wms"), [received(other, 1)])
    gaps: Any = [common.SOURCE_STATE_GAP]
    kept: dict[str, int] = {}
    after: list[common.Revision] = []
    for number, expected in ((3, {sku: 20}), (2, {}), (5, {sku: 40})):
        watched = client.watch_availability([sku, other], after=after, source_states=gaps)
        async with aclosing(watched) as responses:
            await client.record_stock_events(source, [received(sku, number)])
            await client.record_stock_events(new_name("pos"), [received(other, 1)])
            while kept != expected or not after:
                response = await anext(responses)
                if response.reset:
                    kept.clear()
                for update in response.levels:
                    if update.removed:
                        kept.pop(update.sku, None)
                    else:
                        kept[update.sku] = update.level.on_hand
                after = list(response.revisions) or after
    assert {sku: 40} == kept


def test_the_command_shows_what_leaves_a_state(node: NodeProcess) -> None:
    sku, source = new_name("sku"), new_name("erp")
    with BlockingClient(**node.targets) as blocking:
        blocking.update_location(WAREHOUSE, allow_missing=True)
        for number in (1, 3):
            blocking.record_stock_events(source, [received(sku, number)])
        asked = (sku, "--source-state", "gap", "--target", node.target)
        command = [sys.executable, "-m", "holdfast.edge", "watch", *asked]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            assert f"{sku} @ {WAREHOUSE}: 20 available" in running.stdout.readline()
            blocking.record_stock_events(source, [received(sku, 2)])
            assert f"{sku} @ {WAREHOUSE}: its source is current" in running.stdout.readline()
            running.send_signal(signal.SIGINT)
            assert 0 == running.wait()
