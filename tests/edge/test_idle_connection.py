"""A connection that carries nothing but pings, as that of an idle stream does."""

import asyncio

import pytest

from tests.edge.http2 import GOAWAY, OPENING, PING, frame, kinds_until
from tests.edge.node_process import NodeProcess
from tests.real_time import let_pass

PING_EVERY_S = 6.0


@pytest.mark.slow
async def test_pings_without_calls_are_answered(node: NodeProcess) -> None:
    """gRPC takes a third ping within 5 minutes for an attack, unless it is told otherwise, and ends
    the connection of a client that only wants to know whether it still stands.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", node.grpc_port)
    writer.write(OPENING)
    for _ in range(5):
        writer.write(frame(PING, payload=bytes(8)))
        assert GOAWAY not in await kinds_until(reader, PING, GOAWAY)
        await let_pass(PING_EVERY_S)
    writer.close()
