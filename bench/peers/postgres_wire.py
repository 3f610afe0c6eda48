"""As much of PostgreSQL's protocol, version 3, as a load needs."""

import asyncio
from typing import Any

import numpy as np

from ..harness.plan import BenchError
from ..harness.pool import Connection

INT4_OID, INT8_OID = 23, 20


def message(kind: bytes, body: bytes) -> bytes:
    """A framed message; the first one of a connection has no kind."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def query(sql: str) -> bytes:
    """Statements without parameters."""
    return message(b"Q", sql.encode() + b"\0")


def prepare(name: bytes, sql: str) -> bytes:
    """A statement to be prepared under a name."""
    body = name + b"\0" + sql.encode() + b"\0" + b"\0\0"
    return message(b"P", body) + message(b"S", b"")


def execute(name: bytes, *parameters: bytes) -> bytes:
    """The execution of a prepared statement, with parameters and results in binary."""
    body = [b"\0", name, b"\0", b"\0\1\0\1", len(parameters).to_bytes(2, "big")]
    for parameter in parameters:
        body += (len(parameter).to_bytes(4, "big"), parameter)
    body.append(b"\0\1\0\1")
    return b"".join(
        (
            message(b"B", b"".join(body)),
            message(b"E", b"\0\0\0\0\0"),
            message(b"S", b""),
        )
    )


def int8(value: int) -> bytes:
    """A bigint."""
    return value.to_bytes(8, "big", signed=True)


def array(oid: int, values: Any) -> bytes:
    """An array of int4 or int8 without nulls."""
    size = 4 if oid == INT4_OID else 8
    cells = np.empty(len(values), [("size", ">i4"), ("value", f">i{size}")])
    cells["size"] = size
    cells["value"] = values
    header = np.array([1, 0, oid, len(values), 1], ">i4")
    return header.tobytes() + cells.tobytes()


async def greet(connection: Connection) -> None:
    """Log on as the superuser, who needs no password here."""
    words = b"user\0postgres\0database\0postgres\0\0"
    connection.writer.write(message(b"", b"\0\3\0\0" + words))
    await answer(connection.reader)


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The one column of the last row, once the server is ready again. Raises BenchError."""
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
