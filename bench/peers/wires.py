"""As much of two wire protocols as a load needs: Redis and PostgreSQL without their drivers, whose
Python would be most of what is measured. Requests are built beforehand; a call takes the bytes of
one and gives the bytes of its answer, over a connection that nobody else uses meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..harness.plan import BenchError

READ_LIMIT = 1 << 20

INT4_OID, INT8_OID = 23, 20


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a pool."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


Answer = Callable[[asyncio.StreamReader], Awaitable[bytes]]
Greet = Callable[[Connection], Awaitable[None]]


class Pool:
    """As many connections as calls wait at once."""

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
        """Send a request and wait for its answer. An error ends the bench, connection and all."""
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


# Redis


def redis_command(*words: bytes) -> bytes:
    """Spell a command out."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts += (b"$%d\r\n" % len(word), word, b"\r\n")
    return b"".join(parts)


async def redis_answer(reader: asyncio.StreamReader) -> bytes:
    """Read a text or a number; raise when it is an error."""
    line = (await reader.readuntil(b"\r\n"))[:-2]
    if line[:1] == b"$":
        return (await reader.readexactly(int(line[1:]) + 2))[:-2]
    if line[:1] in b"+:":
        return line[1:]
    raise BenchError(f"Redis says {line.decode(errors='replace')}")


# PostgreSQL


def postgres_message(kind: bytes, body: bytes) -> bytes:
    """Frame a message; the first one of a connection has no kind."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def postgres_query(sql: str) -> bytes:
    """Spell out statements without parameters."""
    return postgres_message(b"Q", sql.encode() + b"\0")


def postgres_prepare(name: bytes, sql: str) -> bytes:
    """Spell out a statement to be prepared."""
    body = name + b"\0" + sql.encode() + b"\0" + b"\0\0"
    return postgres_message(b"P", body) + postgres_message(b"S", b"")


def postgres_execute(name: bytes, *parameters: bytes) -> bytes:
    """Spell out the execution of a prepared statement, parameters and results in binary."""
    body = [b"\0", name, b"\0", b"\0\1\0\1", len(parameters).to_bytes(2, "big")]
    for parameter in parameters:
        body += (len(parameter).to_bytes(4, "big"), parameter)
    body.append(b"\0\1\0\1")
    return b"".join(
        (
            postgres_message(b"B", b"".join(body)),
            postgres_message(b"E", b"\0\0\0\0\0"),
            postgres_message(b"S", b""),
        )
    )


def postgres_int8(value: int) -> bytes:
    """Spell out a bigint."""
    return value.to_bytes(8, "big", signed=True)


def postgres_array(oid: int, values: Any) -> bytes:
    """Spell out an array of int4 or int8 without nulls."""
    size = 4 if oid == INT4_OID else 8
    cells = np.empty(len(values), [("size", ">i4"), ("value", f">i{size}")])
    cells["size"] = size
    cells["value"] = values
    header = np.array([1, 0, oid, len(values), 1], ">i4")
    return header.tobytes() + cells.tobytes()


async def postgres_greet(connection: Connection) -> None:
    """Log on as the superuser, who needs no password here."""
    words = b"user\0postgres\0database\0postgres\0\0"
    connection.writer.write(postgres_message(b"", b"\0\3\0\0" + words))
    await postgres_answer(connection.reader)


async def postgres_answer(reader: asyncio.StreamReader) -> bytes:
    """Read until the server is ready again; return the last row's only column."""
    value, error = b"", b""
    while True:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
        kind = head[:1]
        if kind == b"D":
            value = body[6:]
        elif kind == b"E":
            error = body
            if b"SFATAL" in body:
                break
        elif kind == b"Z":
            break
    if error:
        raise BenchError(f"PostgreSQL says {error.replace(bytes(1), b' ').decode()}")
    return value
