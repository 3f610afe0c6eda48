"""A connection on which nothing is said but pings, as that of an idle stream is."""

import asyncio

import pytest

from tests.edge.node_process import NodeProcess
from tests.real_time import let_pass

#: HTTP/2 (RFC 9113): the preface, frames of 9 bytes of head, and the types that matter here.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7
PING_EVERY_S = 6.0


def frame(kind: int, flags: int = 0, payload: bytes = b"") -> bytes:
    """A frame of the connection itself."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + bytes(4) + payload


async def kinds_until_ping(reader: asyncio.StreamReader) -> set[int]:
    """The types of the frames that come up to the answer to a ping, or to the end."""
    kinds = set()
    while PING not in kinds and GOAWAY not in kinds:
        head = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(head[:3], "big"))
        kinds.add(head[3])
    return kinds


@pytest.mark.slow
async def test_pings_without_calls_are_answered(node: NodeProcess) -> None:
    """gRPC takes a third ping within 5 minutes for an attack, unless it is told otherwise, and ends
    the connection of a client that only wants to know whether it still stands.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", node.grpc_port)
    writer.write(PREFACE + frame(SETTINGS) + frame(SETTINGS, flags=1))
    for _ in range(5):
        writer.write(frame(PING, payload=bytes(8)))
        assert GOAWAY not in await kinds_until_ping(reader)
        await let_pass(PING_EVERY_S)
    writer.close()
