"""Adapters under test: a process of their own beside a node, as `holdfast adapters run` starts it,
and the connections over which partners post to it.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, Self

from .plan import BenchError
from .pool import Pool
from .processes import Server, free_port

ADAPTERS_COMMAND: Final = (
    *(sys.executable, "-m", "holdfast.edge", "adapters", "run"),
    *("--config", "adapters.toml"),
)

#: Seconds between two looks at what still waits.
LOOK_S: Final = 0.01


def adapters_server(folder: Path, node: Server, adapters: str) -> Server:
    """Adapters beside a node, with a store of their own; `adapters` are the tables of their file."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    head = f'target = "{node.address}"\nhttp_address = "127.0.0.1:{port}"\n'
    (folder / "adapters.toml").write_text(f"{head}{adapters}", "utf-8")
    return Server(folder, port, ADAPTERS_COMMAND, _probe, dict(os.environ))


class Intake:
    """A partner of the adapters: as many connections as it has posts under way."""

    def __init__(self, server: Server) -> None:
        self._pool = Pool(server.port, _answer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._pool.__aexit__(*error)

    async def post(self, request: bytes) -> bytes:
        """Send a request of `posted`; what became of the message. Raises unless it was taken."""
        answer = await self._pool.call(request)
        status, _, body = answer.partition(b" ")
        if status != b"202":
            raise BenchError(f"a message was answered with {answer.decode(errors='replace')}")
        outcome: str = json.loads(body)["outcome"]
        return outcome.encode()

    async def status(self) -> dict[str, Any]:
        """How the adapters say that they do."""
        answer = await self._pool.call(b"GET /status HTTP/1.1\r\nhost: adapters\r\n\r\n")
        told: dict[str, Any] = json.loads(answer.partition(b" ")[2])
        return told

    async def backlog(self) -> int:
        """Messages that were taken and are not in the core yet. Raises when one is a dead letter."""
        adapters = (await self.status())["adapters"]
        if dead := sum(each["dead_letters"] for each in adapters):
            raise BenchError(f"{dead} dead letters: expected none")
        return sum(each["inbox"] for each in adapters)

    async def drained(self) -> None:
        """Return once the core has everything."""
        while await self.backlog():
            await asyncio.sleep(LOOK_S)


def posted(adapter: str, content_type: str, body: bytes) -> bytes:
    """The request that posts a message to an adapter."""
    head = (
        f"POST /in/{adapter} HTTP/1.1\r\nhost: adapters\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Status and body of an answer, with a space between."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(line for line in lines if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.partition(b":")[2]))
    return lines[0].split()[1] + b" " + body


async def _probe(server: Server) -> None:
    async with Intake(server) as intake:
        await intake.status()
