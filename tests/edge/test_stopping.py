"""A node that is told to stop, or must: drains, restarts, and a journal that can't be written."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.core.tables.effects import Section
from holdfast.edge.client import BlockingClient, Client, calls, methods
from holdfast.persistence.verify import verify
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, read_journal, running_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Wire,
    are_known,
    figures_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
    what_is_held,
)
from tests.persistence.faulty_disk import NO_FAULT, Fault, FaultyDisk, How, build_library
from tests.real_time import wait_until_so

ACCEPTED = common.OUTCOME_ACCEPTED


# A node that is told to stop


async def test_a_drain_answers_what_is_in_and_refuses_what_comes(tmp_path: Path) -> None:
    """Every call under load is answered or told to go elsewhere; no answer is lost at the end."""
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        acknowledged: dict[str, bytes] = {}
        ends = await asyncio.gather(
            *(press(node, sku, acknowledged) for _ in range(16)),
            stop_under_load(node, acknowledged),
        )
        # gRPC itself drops a call that it has read and not yet handed over when the server stops.
        assert set(ends) <= {"UNAVAILABLE", "CANCELLED", None}
        assert 0 == node.wait(), node.report()

        assert ["stopped"] == [event["event"] for event in node.events("stopped")]
        sections = [
            section
            for _, group in read_journal(node.data_dir)[-1:]
            for recorded in group
            for section, _ in recorded.entry.sections
        ]
        assert [Section.SEAL] * 4 == sections
        report = verify(node.data_dir)
        assert report.is_good, report.findings
        assert 4 == report.operations[Section.SEAL]

        node.start()
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            assert (1_000_000, len(acknowledged), 0) == await figures_of(client, sku)
            for order, data in list(acknowledged.items())[-50:]:
                again = await wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)]))
                assert what_is_held(data) == what_is_held(again.data)
            assert report.state_hash == (await traces_of(client)).state_hash
        assert [] == node.complaints()


async def test_callers_ride_over_a_restart_without_an_error(tmp_path: Path) -> None:
    """Whatever a call meets (a drain, a dropped call, no node at all), the client's retries and the
    caller's ids turn it into one effect and one answer.
    """
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        is_over = asyncio.Event()
        bought: list[int] = []

        async def buy() -> None:
            async with Client(**node.targets, timeout_s=60, own_connection=True) as caller:
                while not is_over.is_set():
                    answer = await caller.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
                    assert ACCEPTED == answer.outcome
                    bought.append(1)

        async def has_bought(number: int) -> bool:
            return len(bought) >= number

        buying = asyncio.gather(*(buy() for _ in range(32)))
        await wait_until_so(lambda: has_bought(200))
        await asyncio.to_thread(node.terminate)
        await asyncio.to_thread(node.start)
        before = len(bought)
        await wait_until_so(lambda: has_bought(before + 200))
        is_over.set()
        await buying
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert (1_000_000, len(bought), 0) == await figures_of(client, sku)
        assert [] == node.complaints()


@pytest.mark.slow
def test_a_blocking_caller_finds_a_node_that_is_back_at_once(tmp_path: Path) -> None:
    """A call that began while there was no node is answered soon after there is one again."""
    with (
        running_node(tmp_path) as node,
        BlockingClient(**node.targets, timeout_s=60) as caller,
        ThreadPoolExecutor(1) as thread,
    ):
        assert not caller.list_locations().locations
        node.kill()
        begun = thread.submit(caller.list_locations)
        node.start()
        assert not begun.result(timeout=3).locations


async def press(node: NodeProcess, sku: str, acknowledged: dict[str, bytes]) -> str:
    """Reserve until the node takes no more; return what it said then."""
    async with Wire(node.target) as wire:
        while True:
            order = new_name("order")
            call = calls.reserve(order, [(sku, WAREHOUSE, 1)])
            answer = await wire.send_call(call, waits=False)
            if answer.code != OK:
                return answer.code
            acknowledged[order] = answer.data


async def stop_under_load(node: NodeProcess, acknowledged: dict[str, bytes]) -> None:
    """Ask for the end once so many calls were answered that others are under way."""

    async def is_under_load() -> bool:
        return len(acknowledged) > 200

    await wait_until_so(is_under_load)
    node.signal(signal.SIGTERM)


async def feed(messages: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
    """Send what is put into a queue."""
    while (message := await messages.get()) is not None:
        yield message


def facts_of(*events: stock.StockEvent) -> bytes:
    """Make one message of a stream."""
    return stock.RecordStockEventsStreamRequest(source="stream", events=events).SerializeToString()


async def test_a_node_that_drains_tells_its_watchers_and_ends_its_streams(tmp_path: Path) -> None:
    """After the acknowledgements of what they sent; a sender that goes on for ever is not waited
    for.
    """
    with running_node(tmp_path, drain_timeout_s=60) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 10)
            messages: asyncio.Queue[bytes | None] = asyncio.Queue()
            stream = wire.channel.stream_stream(methods.RECORD_STOCK_EVENTS_STREAM.path)(
                feed(messages)
            )
            messages.put_nowait(facts_of(receipt(sku, 1)))
            response = stock.RecordStockEventsStreamResponse.FromString(await stream.read())
            assert 11 == response.results[0].on_hand
            health = health_pb2_grpc.HealthStub(wire.channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status

            reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            reflecting = wire.channel.stream_stream(reflection)()
            await reflecting.write(b"")
            await reflecting.read()

            node.signal(signal.SIGTERM)
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await watch.read()).status
            assert await page_of(node, "/healthz") in ((503, "not serving: draining\n"), None)
            new = await wire.send_call(calls.get_availability(sku), waits=False)
            assert "UNAVAILABLE" == new.code
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream.read()
            assert grpc.StatusCode.UNAVAILABLE == ended.value.code()
            # The watcher and the tool that holds reflection open are not waited for: that would be
            # as long as the drain may take.
            with pytest.raises(grpc.aio.AioRpcError) as unwatched:
                await watch.read()
            assert grpc.StatusCode.UNAVAILABLE == unwatched.value.code()
            assert 0 == await asyncio.to_thread(node.wait)
            reflecting.cancel()
            node.start()
            assert (11, 0, 0) == await figures_of(client, sku)
        assert [] == node.complaints()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_load_balancers_see_the_end_before_callers_do(
    tmp_path: Path, second: signal.Signals
) -> None:
    """Health says NOT_SERVING, and calls are served until the notice is over or cut short."""
    with running_node(tmp_path, drain_notice_s=600) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 10)
            watch = health_pb2_grpc.HealthStub(wire.channel).Watch(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status
            node.signal(signal.SIGTERM)
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await watch.read()).status
            assert (503, "not serving: draining\n") == await page_of(node, "/healthz")
            answer = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
            assert ACCEPTED == answer.outcome
            async with Wire(node.target) as newcomer:
                assert OK == (await newcomer.send_call(calls.get_availability(sku))).code
            node.signal(second)
            assert 0 == await asyncio.to_thread(node.wait)
        assert [] == node.complaints()


async def page_of(node: NodeProcess, path: str) -> tuple[int, str] | None:
    """Read a page of the node; None when it is no longer there."""
    async with httpx.AsyncClient() as browser:
        try:
            page = await browser.get(node.url(path))
        except httpx.TransportError:
            return None
    return page.status_code, page.text


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard_is_a_drain_too(tmp_path: Path) -> None:
    """Ctrl-C ends a node as cleanly as SIGTERM does."""
    with running_node(tmp_path) as node:
        node.signal(signal.SIGINT)
        assert 0 == node.wait(), node.report()
        assert ["stopped"] == [event["event"] for event in node.events("stopped")]


# A journal that can't be written


@pytest.mark.parametrize(
    "room",
    [
        0,
        pytest.param(4_096, marks=pytest.mark.slow),
        20_001,
        pytest.param(65_536, marks=pytest.mark.slow),
    ],
)
async def test_a_journal_error_stops_the_process_and_loses_nothing_acknowledged(
    tmp_path: Path, room: int
) -> None:
    """Fail-stop: the call whose append failed is never answered, and no sync is tried again."""
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        journal = node.data_dir / "journal.mdb"
        node.limit_files_to(journal.stat().st_size + room)
        acknowledged: dict[str, bytes] = {}
        lost: list[str] = []
        await asyncio.gather(*(press_until_lost(node, sku, acknowledged, lost) for _ in range(8)))
        assert 74 == node.wait(), node.report()
        (stop,) = node.events("fail-stop")
        failed = re.search(r"journal\.mdb: append (\d+)", stop["reason"])
        assert failed, stop["reason"]
        assert int(failed[1]) not in dict(read_journal(node.data_dir))

        assert verify(node.data_dir).is_good
        node.start()
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            for order, data in acknowledged.items():
                again = await wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)]))
                assert what_is_held(data) == what_is_held(again.data)
            # Answers of the append before may have been on their way when the process stopped.
            written = sum(await are_known(client, lost))
            assert (1_000_000, len(acknowledged) + written, 0) == await figures_of(client, sku)
            for order in lost:
                assert ACCEPTED == (await client.reserve(order, [(sku, WAREHOUSE, 1)])).outcome


@pytest.mark.slow
@pytest.mark.parametrize("how", [How.SKIPPED, How.MADE, How.SHORT])
async def test_a_node_whose_append_failed_at_any_call_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: How
) -> None:
    """At a write, at the sync, or at the meta page: with all that was answered, and what was not
    may be there or not.
    """
    disk = FaultyDisk(build_library(tmp_path), tmp_path)
    for name in disk.environment.keys() - os.environ.keys():
        monkeypatch.setenv(name, disk.environment[name])
    node = NodeProcess(tmp_path)
    node.data_dir = disk.root / "data"
    with node:
        node.start()
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        acknowledged: dict[str, bytes] = {}
        lost: list[str] = []
        for first in range(8):
            disk.arm(Fault(first, how))
            await press_until_lost(node, sku, acknowledged, lost)
            assert 74 == node.wait(), node.report()
            disk.arm(NO_FAULT)
            node.start()
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            for order, data in acknowledged.items():
                again = await wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)]))
                assert what_is_held(data) == what_is_held(again.data)
            kept = sum(await are_known(client, lost))
            assert (1_000_000, len(acknowledged) + kept, 0) == await figures_of(client, sku)
        assert len(acknowledged) > 0 < kept < len(lost)


async def test_a_node_without_its_writer_stops(tmp_path: Path) -> None:
    """Nothing could be made durable any more, so nothing is answered."""
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 10)
        os.kill(node.writer_pid, signal.SIGKILL)
        assert 74 == node.wait(), node.report()
        (stop,) = node.events("fail-stop")
        assert "its process has ended" in stop["reason"]
        node.start()
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert (10, 0, 0) == await figures_of(client, sku)


async def press_until_lost(
    node: NodeProcess, sku: str, acknowledged: dict[str, bytes], lost: list[str]
) -> None:
    """Reserve until the connection breaks, and note what was answered and what was not."""
    async with Wire(node.target) as wire:
        while True:
            order = new_name("order")
            call = calls.reserve(order, [(sku, WAREHOUSE, 1)])
            answer = await wire.send_call(call, waits=False)
            if answer.code != OK:
                assert "UNAVAILABLE" == answer.code
                lost.append(order)
                return
            acknowledged[order] = answer.data
