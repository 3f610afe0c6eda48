"""Adapters under test: a process of their own beside a node, as `holdfast adapters run` starts it,
and the connections over which partners post to it.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .plan import BenchError
from .pool import Pool
from .processes import Server, free_port

ADAPTERS_COMMAND: Final = (
    *(sys.executable, "-m", "holdfast.edge", "adapters", "run"),
    *("--config", "adapters.toml"),
)

_LATER: Final = (b"HTTP/1.1 429", b"HTTP/1.1 503")

#: Seconds between two looks at what still waits.
LOOK_S: Final = 0.05


def adapters_server(folder: Path, node: Server, adapters: str) -> Server:
    """Adapters beside a node, with a store of their own; `adapters` are tables of their file."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    head = f'target = "{node.address}"\nhttp_address = "127.0.0.1:{port}"\n'
    (folder / "adapters.toml").write_text(f"{head}{adapters}", "utf-8")
    return Server(folder, port, ADAPTERS_COMMAND, probe, dict(os.environ))


class Intake:
    """A partner of the adapters: as many connections as it has posts under way."""

    def __init__(self, port: int) -> None:
        self._pool = Pool(port, _answer)
        self.waits = 0
        """How often a partner was asked to wait."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    async def post(self, request: bytes) -> bytes:
        """Send a request of `posted` until it is taken, and wait where it is asked to; the answer.
        Raises when it is refused.
        """
        while True:
            answer = await self._pool.call(request)
            if answer.startswith(b"HTTP/1.1 202"):
                return answer
            if not answer.startswith(_LATER):
                raise BenchError(f"a message was answered with {answer.decode(errors='replace')}")
            self.waits += 1
            await asyncio.sleep(_number(answer, b"retry-after:"))

    async def status(self) -> dict[str, Any]:
        """How the adapters say that they are doing."""
        answer = await self._pool.call(b"GET /status HTTP/1.1\r\nhost: adapters\r\n\r\n")
        status: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return status

    async def backlog(self) -> int:
        """Messages that were taken and are not in the core. Raises when one is a dead letter."""
        adapters = (await self.status())["adapters"]
        if dead := sum(each["dead_letters"] for each in adapters):
            raise BenchError(f"{dead} dead letters: expected none")
        return sum(each["inbox"] for each in adapters)

    async def drained(self) -> None:
        """Return once the core has everything."""
        while await self.backlog():  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(LOOK_S)


def posted(adapter: str, content_type: str, body: bytes) -> bytes:
    """The request that posts a message to an adapter."""
    head = (
        f"POST /in/{adapter} HTTP/1.1\r\nhost: adapters\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Head and body of an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(_number(head, b"content-length:"))


def _number(answer: bytes, header: bytes) -> int:
    """The number in a header, which is there; its name in lower case, as the adapters write."""
    return int(answer.partition(b"\r\n" + header)[2].partition(b"\r\n")[0])


async def probe(server: Server) -> None:
    """Raise unless the adapters answer."""
    async with Intake(server.port) as intake:
        await intake.status()
