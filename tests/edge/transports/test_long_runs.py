"""A node that is left alone for long, and one that is not: neither drops anything or grows."""

import asyncio
import random
from collections import Counter
from typing import Any, Final

import pytest

from holdfast.edge.client import calls, methods
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.node_process import NodeProcess
from tests.edge.raw import OK, WAREHOUSE, Wire, answer_of, new_name, receipt
from tests.edge.transports.neighbours import memory_mib, new_sku, open_files
from tests.edge.transports.test_callers_who_leave import begin_and_break_off
from tests.real_time import let_pass, now_s

IDLE_S: Final = 600.0

#: Seconds of a soak, and of those before which things may still grow.
SOAK_S: Final = 1_800.0
SOAK_SHORT_S: Final = 180.0
WARM_UP: Final = 0.3

#: What a process may grow by in a soak: less than a kilobyte for each 100 calls.
GROWTH_MAX_MIB: Final = 16.0

#: Repeats of the same orders leave the state as it is, so that whatever grows is a leak.
ORDERS: Final = 200
CALLERS: Final = 8


@pytest.mark.slow
@pytest.mark.timeout(IDLE_S + 120, func_only=True)
async def test_connections_and_streams_outlast_ten_idle_minutes(node: NodeProcess) -> None:
    """A connection that was used, one with an open stream, and one with a watcher."""
    sku = await new_sku(node)
    async with Wire(node.target) as used, Wire(node.target) as open_, Wire(node.target) as watching:
        assert OK == (await used.send_call(calls.get_availability(sku))).code
        stream = open_.channel.stream_stream(methods.RECORD_STOCK_EVENTS_STREAM.path)()
        wanted = watch.WatchAvailabilityRequest(skus=[sku]).SerializeToString()
        watcher = watching.channel.unary_stream(methods.WATCH_AVAILABILITY.path)(wanted)
        await watcher.read()
        await let_pass(IDLE_S)
        answer = await used.send_call(calls.get_availability(sku), waits=False)
        assert OK == answer.code
        fact = stock.RecordStockEventsStreamRequest(source="idle", events=[receipt(sku, 1)])
        await stream.write(fact.SerializeToString())
        response = stock.RecordStockEventsStreamResponse.FromString(await stream.read())
        assert stock.STOCK_EVENT_OUTCOME_APPLIED == response.results[0].outcome
        changed = watch.WatchAvailabilityResponse.FromString(await watcher.read())
        assert response.results[0].on_hand == changed.levels[0].level.on_hand


class Soak:
    """Callers of every kind until the time is over."""

    def __init__(self, node: NodeProcess, sku: str, ends_at_s: float) -> None:
        self.codes: Counter[str] = Counter()
        self._node = node
        self._sku = sku
        self._ends_at_s = ends_at_s
        self._orders = [new_name("soak") for _ in range(ORDERS)]

    async def run(self) -> None:
        """Let all of them work."""
        chances = [random.Random(number) for number in range(CALLERS)]
        await asyncio.gather(
            *(self._call(chance) for chance in chances), self._cancel(), self._leave()
        )

    def _reserve(self, chance: random.Random) -> calls.Call[Any]:
        order = chance.choice(self._orders)
        return calls.reserve(order, [(self._sku, WAREHOUSE, 1)], hold=24 * 3_600)

    def _is_over(self) -> bool:
        return now_s() >= self._ends_at_s

    async def _call(self, chance: random.Random) -> None:
        """Reserve again, read, ask for nonsense, stream and watch, over a connection after the
        other.
        """
        while not self._is_over():
            async with Wire(self._node.target) as wire:
                for _ in range(500):
                    await self._count(wire, self._reserve(chance))
                    await self._count(wire, calls.get_availability(self._sku))
                    await self._count(wire, calls.get_reservation("unknown"))
                    if self._is_over():
                        return
                await self._stream(wire)

    async def _count(self, wire: Wire, call: calls.Call[Any]) -> None:
        self.codes[(await wire.send_call(call)).code] += 1

    async def _stream(self, wire: Wire) -> None:
        """Messages that fail, and a watcher who leaves."""
        wanted = watch.WatchAvailabilityRequest(skus=[self._sku]).SerializeToString()
        watcher = wire.channel.unary_stream(methods.WATCH_AVAILABILITY.path)(wanted)
        await watcher.read()
        stream = wire.channel.stream_stream(methods.RESERVE_STREAM.path)()
        for _ in range(20):
            await stream.write(b"\xff")
            await stream.read()
        await stream.done_writing()
        watcher.cancel()

    async def _cancel(self) -> None:
        chance = random.Random("cancels")
        async with Wire(self._node.target) as wire:
            while not self._is_over():
                call = wire.start_call(self._reserve(chance))
                await let_pass(chance.random() * 0.01)
                call.cancel()
                await answer_of(call)

    async def _leave(self) -> None:
        """Break connections off. All ask for the same: a node grows by each new fact."""
        chance = random.Random("kills")
        while not self._is_over():
            await begin_and_break_off(self._node.grpc_port, self._sku, "killed", chance)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(SOAK_SHORT_S, marks=pytest.mark.timeout(SOAK_SHORT_S + 120, func_only=True)),
        pytest.param(SOAK_S, marks=pytest.mark.timeout(SOAK_S + 120, func_only=True)),
    ],
)
async def test_a_node_under_odd_callers_keeps_its_size(node: NodeProcess, seconds: float) -> None:
    """Memory and descriptors of engine and fronts, once all that is made once is there."""
    ends_at_s = now_s() + seconds
    soak = Soak(node, await new_sku(node), ends_at_s)
    running = asyncio.create_task(soak.run())
    await let_pass(seconds * WARM_UP)
    memory, files = memory_mib(node), open_files(node)
    await running
    grown = {pid: round(now - memory[pid], 1) for pid, now in memory_mib(node).items()}
    opened = {pid: now - files[pid] for pid, now in open_files(node).items()}
    assert {OK, "NOT_FOUND"} == set(soak.codes)
    assert max(grown.values()) < GROWTH_MAX_MIB, f"{grown} MiB; the engine is {node.pid}"
    assert max(opened.values()) < CALLERS, opened
