"""An idle connection is kept alive by pings, and the node accepts them.

Times are shortened by SHORTENED, to the second that gRPC keeps between pings. A relay in between
counts the pings of the client, so that the test does not wait for a time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc.aio
import pytest

from holdfast.edge.client import Client, session
from holdfast.edge.client.stock_events import SourceEvents
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.scripted import ScriptedServer

SHORTENED: Final = 30
#: How often a node takes a ping of a client that sends nothing, in milliseconds.
TAKEN_EVERY_MS: Final = 10_000
#: gRPC's servers count two strikes and close at the third; its clients stop after two pings.
PINGS: Final = 6

PREFACE_BYTES: Final = 24
HEAD_BYTES: Final = 9
PING, ACKNOWLEDGED = 6, 1

SALE = StockEvent(event_id="e1", sku="S1", location="W1", kind="STOCK_EVENT_KIND_SALE", quantity=1)


class Relay:
    """Passes bytes on, and counts the pings that the client sends (RFC 9113, 6.7)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ways: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.pings = 0
        self.connections = 0
        self.pinged = asyncio.Condition()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection of the client, and open another to the node."""
        self.connections += 1
        node_reader, node_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, node_writer]
        ways = (self._to_node(reader, node_writer), self._to_client(node_reader, writer))
        self._ways += map(asyncio.create_task, ways)

    async def close(self) -> None:
        """Close all connections."""
        for way in self._ways:
            way.cancel()
        for writer in self._writers:
            writer.close()
        closings = (writer.wait_closed() for writer in self._writers)
        await asyncio.gather(*self._ways, *closings, return_exceptions=True)

    async def _to_node(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(PREFACE_BYTES))
        while True:
            head = await reader.readexactly(HEAD_BYTES)
            writer.write(head + await reader.readexactly(int.from_bytes(head[:3])))
            if head[3] == PING and not head[4] & ACKNOWLEDGED:
                async with self.pinged:
                    self.pings += 1
                    self.pinged.notify_all()

    async def _to_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def further_pings(self, count: int) -> None:
        async with self.pinged:
            wanted = self.pings + count
            await self.pinged.wait_for(lambda: self.pings >= wanted)


@asynccontextmanager
async def relayed(interval_ms: int) -> AsyncIterator[tuple[str, Relay]]:
    """A server that accepts a ping each `interval_ms`, behind a relay."""
    option = ("grpc.http2.min_ping_interval_without_data_ms", interval_ms)
    server = grpc.aio.server(options=(option,))
    server.add_generic_rpc_handlers((ScriptedServer(),))
    relay = Relay(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    listener = await asyncio.start_server(relay.meet, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", relay
    finally:
        listener.close()
        await relay.close()
        await server.stop(None)


async def test_a_stream_that_is_idle_for_minutes_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six pings are three minutes. The next event is then taken on the same connection."""
    options = dict(session.CHANNEL_OPTIONS)
    options["grpc.keepalive_time_ms"] //= SHORTENED
    monkeypatch.setattr(session, "CHANNEL_OPTIONS", tuple(options.items()))
    async with relayed(TAKEN_EVERY_MS // SHORTENED) as (target, relay):

        async def batches() -> AsyncIterator[SourceEvents]:
            yield "erp", [SALE]
            await relay.further_pings(PINGS)
            yield "erp", [SALE]

        async with Client(target, own_connection=True) as client:
            answers = [each async for each in client.record_stock_events_stream(batches())]
        assert [1, 2] == [each.acknowledged_sequence for each in answers]
        assert 1 == relay.connections


def test_the_client_pings_less_often_than_a_node_takes() -> None:
    """Also when the network delays one ping and not the next."""
    assert 3 * TAKEN_EVERY_MS <= dict(session.CHANNEL_OPTIONS)["grpc.keepalive_time_ms"]
