"""Partners of the adapters: they wait where they are asked to, and nothing is taken for granted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.harness.adapters_server import Intake, posted
from bench.harness.plan import BenchError
from bench.harness.processes import free_port


def answer(status: str, body: str = "{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n{body}".encode()


TAKEN = answer("202 Accepted")
LATER = answer("429 Too Many Requests", headers="retry-after: 0\r\n")
STATUS = '{"adapters": [{"inbox": 3, "dead_letters": %d}, {"inbox": 4, "dead_letters": 0}]}'


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Intake]:
    """Adapters that give these answers, one after the other."""
    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in left:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(each)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port := free_port())
    async with server:
        yield Intake(port)


async def test_a_message_is_sent_again_where_it_is_asked_to() -> None:
    async with answering(LATER, LATER, TAKEN) as intake, intake:
        assert TAKEN == await intake.post(posted("tills", "application/xml", b""))
        assert 2 == intake.waits


async def test_a_message_that_is_refused_is_an_error() -> None:
    async with answering(answer("400 Bad Request", "no XML")) as intake, intake:
        with pytest.raises(BenchError, match="no XML"):
            await intake.post(posted("tills", "application/xml", b""))


async def test_what_waits_is_added_up_and_a_dead_letter_is_an_error() -> None:
    said = answer("200 OK", STATUS % 0), answer("200 OK", STATUS % 1)
    async with answering(*said) as intake, intake:
        assert 7 == await intake.backlog()
        with pytest.raises(BenchError, match="1 dead letters"):
            await intake.backlog()
