"""Redis, found where Debian puts it, with every answer durable: one script call a message.

As much of its protocol (RESP) as that takes.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

from ..harness.packed_traffic import HOLD_MS
from ..harness.plan import BenchError
from ..harness.pool import Pool
from ..harness.processes import Server, free_port
from ..harness.workload import PLENTY
from .peer import SKUS, Demand, MissingError, Peer, Traffic, check_digits, repeat

SCRIPT: Final = Path(__file__).with_suffix(".lua")

SETTINGS = {"bind": "127.0.0.1", "appendonly": "yes", "appendfsync": "always", "save": ""}


async def running(folder: Path) -> AsyncIterator[Peer]:
    """A Redis with stock, until the iterator is closed. Raises MissingError."""
    traffic = Traffic()
    script = SCRIPT.read_bytes()
    async with redis_server(folder) as server, Pool(server.port, answer) as pool:
        digest = await pool.call(command(b"SCRIPT", b"LOAD", script))
        levels = [word for sku in range(SKUS) for word in (b"%d" % sku, b"%d" % PLENTY)]
        await pool.call(command(b"HSET", b"free", *levels))
        spell = partial(_reserve, traffic, digest)
        yield Peer(lambda _demand: pool.call, partial(repeat, spell), check_digits)


def _reserve(traffic: Traffic, digest: bytes, demand: Demand) -> bytes:
    ids = traffic.ids(demand.size).T.tobytes()
    words = [b"EVALSHA", digest, b"0", b"%d" % HOLD_MS]
    for number, sku in enumerate(traffic.skus(demand).tolist()):
        words += (ids[16 * number : 16 * number + 16], b"%d" % sku, b"1")
    return command(*words)


def redis_server(folder: Path) -> Server:
    """A Redis with an empty database. Raises MissingError when there is none."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise MissingError("no redis-server (Debian package redis-server)")
    port = free_port()
    settings = {"port": str(port), "dir": str(folder), **SETTINGS}
    words = [word for key, value in settings.items() for word in (f"--{key}", value)]
    return Server(folder, port, (binary, *words), _probe, os.environ)


async def _probe(server: Server) -> None:
    async with Pool(server.port, answer) as pool:
        await pool.call(command(b"PING"))


def command(*words: bytes) -> bytes:
    """A command of these words."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts += (b"$%d\r\n" % len(word), word, b"\r\n")
    return b"".join(parts)


async def answer(reader: asyncio.StreamReader) -> bytes:
    """A text or a number. Raises BenchError for an error."""
    line = (await reader.readuntil(b"\r\n"))[:-2]
    if line[:1] == b"$":
        return (await reader.readexactly(int(line[1:]) + 2))[:-2]
    if line[:1] in b"+:":
        return line[1:]
    raise BenchError(f"Redis says {line.decode(errors='replace')}")
