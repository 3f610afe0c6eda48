"""A disk that does not answer: no call fails and none is answered, so the node has to say it."""

import asyncio
import signal
from pathlib import Path

import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.edge.client import Client, calls
from holdfast.v1 import common_pb2 as common
from tests.edge.node_process import NodeProcess, running_node, standing_still
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Wire,
    figure,
    figures_of,
    metrics_of,
    new_name,
    put_stock,
)
from tests.real_time import wait_until_so

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
AGE = "holdfast_journal_append_age_seconds"


async def test_a_disk_that_hangs_is_reported_and_a_disk_that_comes_back_too(tmp_path: Path) -> None:
    """Over HTTP and gRPC; figures stay those of the durable state, and the call is answered."""
    with running_node(tmp_path, journal_stall_s=1) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
            httpx.AsyncClient() as browser,
        ):
            (sku,) = await put_stock(client, 10)
            watch = health_pb2_grpc.HealthStub(wire.channel).Watch(health_pb2.HealthCheckRequest())
            assert SERVING == (await watch.read()).status
            with standing_still(node.writer_pid):
                order = calls.reserve(new_name("order"), [(sku, WAREHOUSE, 3)])
                waiting = wire.start_call(order)
                assert NOT_SERVING == (await watch.read()).status
                page = await browser.get(node.url("/healthz"))
                text = "not serving: stalled: the journal's disk does not answer\n"
                assert (503, text) == (page.status_code, page.text)
                metrics = await metrics_of(node)
                assert figure(metrics, AGE) >= 1
                assert 0 == sum(
                    figure(metrics, f'holdfast_reserved_units{{shard="{shard}"}}')
                    for shard in range(4)
                )
                status = await client.get_status()
                assert 0 == sum(shard.reserved for shard in status.shards)
                assert not waiting.done()
            await waiting
            assert SERVING == (await watch.read()).status
            assert 200 == (await browser.get(node.url("/healthz"))).status_code
            assert 0 == figure(await metrics_of(node), AGE)
            status = await client.get_status()
            assert 3 == sum(shard.reserved for shard in status.shards)
            assert (10, 3, 0) == await figures_of(client, sku)
            watch.cancel()
        assert [] == node.complaints()


async def test_a_loop_that_stood_still_is_reported(node: NodeProcess, client: Client) -> None:
    """All callers waited, though perhaps no call's own time shows it."""
    (sku,) = await put_stock(client, 1)
    node.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(0)
        waiting = asyncio.create_task(client.get_availability(sku))
        done, _ = await asyncio.wait((waiting,), timeout=1)
        assert not done
    finally:
        node.signal(signal.SIGCONT)
    await waiting

    async def is_reported() -> bool:
        return figure(await metrics_of(node), "holdfast_loop_lag_seconds") > 0.5

    await wait_until_so(is_reported)
    assert (
        common.OUTCOME_ACCEPTED
        == (await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])).outcome
    )
