"""Connections that say nothing, little, or nonsense, and leave those beside them alone."""

import asyncio
import random
from typing import Final

import pytest

from holdfast.edge.client import methods
from tests.edge.http2 import HEADERS, OPENING, PREFACE, frame, headers, message, read_to_end
from tests.edge.node_process import NodeProcess
from tests.edge.raw import OK
from tests.edge.transports.neighbours import Neighbours, neighbours, open_files
from tests.real_time import let_pass, wait_until_so

SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(900))

#: What is said, a byte now and then, or not to its end.
CALL: Final = OPENING + headers(methods.LIST_LOCATIONS.path, 1) + message(b"", 1)
ODD: Final = {
    "half a preface": PREFACE[:12],
    "no headers after the preface": OPENING,
    "half a head of a frame": OPENING + headers(methods.LIST_LOCATIONS.path, 1)[:5],
    "half the headers": OPENING + headers(methods.LIST_LOCATIONS.path, 1)[:40],
    "no message": OPENING + headers(methods.LIST_LOCATIONS.path, 1),
    "half a message": CALL[:-2],
    "headers that go on": OPENING + frame(HEADERS, 0, b"", 1),
    "HTTP/1.1": b"GET /healthz HTTP/1.1\r\nHost: node\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": random.Random(5).randbytes(1 << 14),
}


async def let_work(they: Neighbours, calls: int) -> None:
    """Wait until neighbours were answered so often."""
    wanted = they.codes[OK] + calls

    async def have_worked() -> bool:
        return they.codes[OK] >= wanted

    await wait_until_so(have_worked)


async def files_come_back(node: NodeProcess, before: dict[int, int]) -> None:
    """Wait until no process has more descriptors than before; a few may belong to its work."""

    async def are_back() -> bool:
        return all(count <= before[pid] + 5 for pid, count in open_files(node).items())

    await wait_until_so(are_back)


@pytest.mark.parametrize("count", [200, pytest.param(5_000, marks=SLOW)])
async def test_connections_that_say_nothing_cost_a_descriptor_each_and_no_call(
    node: NodeProcess, count: int
) -> None:
    """As many as a pool of an application opens in advance, or somebody who means harm."""
    before = open_files(node)
    async with neighbours(node) as they:
        opened = []
        for _ in range(count // 100):  # at once, or the first would be given up before the last
            opened += await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", node.grpc_port) for _ in range(100))
            )

        async def are_accepted() -> bool:
            return sum(open_files(node).values()) >= sum(before.values()) + count

        await wait_until_so(are_accepted)
        await let_work(they, 300)
        for _, writer in opened:
            writer.close()
    await files_come_back(node, before)


@pytest.mark.parametrize("said", ODD.values(), ids=ODD)
async def test_a_connection_that_stops_in_the_midst_holds_nobody_up(
    node: NodeProcess, said: bytes
) -> None:
    before = open_files(node)
    async with neighbours(node) as they:
        opened = [await asyncio.open_connection("127.0.0.1", node.grpc_port) for _ in range(20)]
        for _, writer in opened:
            writer.write(said)
        await let_work(they, 50)
        for _, writer in opened:
            writer.close()
    await files_come_back(node, before)


async def test_a_caller_who_sends_a_byte_now_and_then_is_answered(node: NodeProcess) -> None:
    """As over a line that loses most of what it is given. Others do not wait for him."""
    chance = random.Random(17)

    async def trickle() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.grpc_port)
        at = 0
        while at < len(CALL):
            step = chance.randint(1, 8)
            writer.write(CALL[at : at + step])
            at += step
            await let_pass(0.01)
        await read_to_end(reader)
        writer.close()

    async with neighbours(node) as they:
        await asyncio.gather(*(trickle() for _ in range(20)))
        await let_work(they, 10)
