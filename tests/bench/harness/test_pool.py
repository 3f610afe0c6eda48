"""Connections of a bench to a server that is not gRPC."""

import asyncio

from bench.harness.pool import Pool


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    served: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.readexactly(1))
        writer.write(served[-1])
        writer.close()

    async def answer(reader: asyncio.StreamReader) -> bytes:
        return await reader.read()  # until the server has closed

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Pool(port, answer) as pool:
            assert b"a" == await pool.call(b"a")
            assert b"b" == await pool.call(b"b")
    assert [b"a", b"b"] == served
