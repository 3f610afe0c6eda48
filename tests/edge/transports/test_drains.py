"""The end of a node under load, and a second node that wants the port of the first."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest

from holdfast.edge.client import Client, calls, methods
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.node_process import NodeProcess, running_node
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
)
from tests.edge.transports.conftest import TRANSPORTS, each_transport, needs_ngh2
from tests.edge.transports.neighbours import UNITS, neighbours, new_sku
from tests.real_time import wait_until_so

#: What grpc.aio's client says of a write that failed.
OWN_ERROR: Final = "Internal error from Core"


@dataclass(slots=True)
class Load:
    """Callers of every kind, until the node takes no more; and what they were answered."""

    node: NodeProcess
    sku: str
    fed: str
    acknowledged: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    facts_sent: int = 0
    facts_acknowledged: int = 0
    changes_seen: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    async def reserve(self) -> None:
        """One unit after the other."""
        async with Wire(self.node.target) as wire:
            while True:
                order = new_name("order")
                call = calls.reserve(order, [(self.sku, WAREHOUSE, 1)])
                answer = await wire.send_call(call, waits=False)
                if answer.code != OK:
                    self.unanswered.append(order)
                    self.ends[answer.code] += 1
                    return
                self.acknowledged.append(order)

    async def record(self) -> None:
        """A stream of facts, each sent when there is room for it, whatever was acknowledged."""
        async with Wire(self.node.target) as wire:
            stream = wire.channel.stream_stream(methods.RECORD_STOCK_EVENTS_STREAM.path)(
                self._facts()
            )
            while await self._hears_more(stream):
                self.facts_acknowledged += 1

    async def _facts(self) -> AsyncIterator[bytes]:
        while True:
            self.facts_sent += 1
            fact = receipt(self.fed, 1)
            yield stock.RecordStockEventsStreamRequest(
                source="feed", events=[fact]
            ).SerializeToString()
            await asyncio.sleep(0)

    async def watch(self) -> None:
        """All that changes."""
        async with Wire(self.node.target) as wire:
            wanted = watch.WatchAvailabilityRequest(skus=[self.sku]).SerializeToString()
            stream = wire.channel.unary_stream(methods.WATCH_AVAILABILITY.path)(wanted)
            while await self._hears_more(stream):
                self.changes_seen += 1

    async def _hears_more(self, stream: Any) -> bool:
        try:
            await stream.read()
        except grpc.aio.AioRpcError as error:
            # A write that meets the end of its stream becomes the client's own INTERNAL
            # (grpc/aio/_call.py), whatever the node said: it says nothing of the node.
            if error.details() != OWN_ERROR:
                self.ends[error.code().name] += 1
            return False
        return True

    async def is_under_way(self) -> None:
        """Wait until callers of each kind were answered."""

        async def is_so() -> bool:
            answered = len(self.acknowledged) > 200 and self.facts_acknowledged > 50
            return answered and self.changes_seen > 5

        await wait_until_so(is_so)


@each_transport
async def test_a_drain_under_load_answers_each_call_or_sends_it_elsewhere(
    tmp_path: Path, transport: dict[str, Any]
) -> None:
    """And loses nothing that was acknowledged."""
    with running_node(tmp_path, **transport) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            sku, fed = await put_stock(client, UNITS, UNITS)
        load = Load(node, sku, fed)
        callers = [load.reserve() for _ in range(12)]
        callers += [each() for each in (load.record, load.watch) for _ in range(2)]
        working = asyncio.gather(*callers)
        await load.is_under_way()
        node.signal(signal.SIGTERM)
        await working
        # gRPC itself drops a call that it has read and not yet handed over when the server stops.
        assert set(load.ends) <= {"UNAVAILABLE", "CANCELLED"}, load.ends
        assert 0 == await asyncio.to_thread(node.wait), node.report()

        await asyncio.to_thread(node.start)
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert all(await are_known(client, load.acknowledged))
            in_doubt = sum(await are_known(client, load.unanswered))
            held = len(load.acknowledged) + in_doubt
            assert (UNITS, held, 0) == await figures_of(client, sku)
            on_hand, _, _ = await figures_of(client, fed)
            assert load.facts_acknowledged <= on_hand - UNITS <= load.facts_sent
        assert [] == node.complaints()


@pytest.mark.parametrize(
    "transport",
    [
        TRANSPORTS["grpcio"],
        TRANSPORTS["grpcio, two fronts"],
        pytest.param(TRANSPORTS["ngh2"], marks=(needs_ngh2, pytest.mark.slow)),
        pytest.param(TRANSPORTS["ngh2, two fronts"], marks=(needs_ngh2, pytest.mark.slow)),
    ],
    ids=TRANSPORTS,
)
async def test_a_second_node_on_the_port_is_refused_and_the_first_goes_on(
    tmp_path: Path, node: NodeProcess, transport: dict[str, Any]
) -> None:
    """Whatever the transports of both; with a sentence that says why."""
    async with neighbours(node):
        with NodeProcess(tmp_path, **transport) as other:
            other.grpc_port = node.grpc_port
            other.launch()
            code = await asyncio.to_thread(other.wait)
            assert code > 0
            assert f"cannot listen on {node.target}: is another node running?" in other.report()
        async with Wire(node.target) as wire:
            assert OK == (await wire.send_call(calls.get_availability(await new_sku(node)))).code
