"""Connections to a server without its driver, whose Python would be most of what is measured.

Requests are built beforehand; a call takes the bytes of one and gives the bytes of its answer, over
a connection that nobody else uses meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

READ_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a pool."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


Answer = Callable[[asyncio.StreamReader], Awaitable[bytes]]
Greet = Callable[[Connection], Awaitable[None]]


class Pool:
    """As many connections as there are calls at a time."""

    def __init__(self, port: int, answer: Answer, greet: Greet | None = None) -> None:
        self._port = port
        self._answer = answer
        self._greet = greet
        self._free: list[Connection] = []
        self._all: list[Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._all:
            connection.writer.transport.abort()

    async def call(self, request: bytes) -> bytes:
        """The answer to a request. After an error the connection is not used again, nor is one that
        the server has closed while it was idle.
        """
        while self._free and self._free[-1].reader.at_eof():
            self._free.pop()
        connection = self._free.pop() if self._free else await self._connect()
        connection.writer.write(request)
        answer = await self._answer(connection.reader)
        self._free.append(connection)
        return answer

    async def _connect(self) -> Connection:
        pair = await asyncio.open_connection("127.0.0.1", self._port, limit=READ_LIMIT)
        connection = Connection(*pair)
        self._all.append(connection)
        if self._greet is not None:
            await self._greet(connection)
        return connection
