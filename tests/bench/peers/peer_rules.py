"""What every peer answers: the rules that make figures of different servers comparable."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

HOLD_MS: Final = 60_000

#: Answers the digits of (id, SKU, quantity) each; SKU 1 has ten units.
Ask = Callable[[list[tuple[int, int, int]]], Awaitable[bytes]]


async def check_rules(ask: Ask) -> None:
    assert b"111" == await ask([(1, 1, 4), (2, 1, 4), (3, 1, 1)])
    assert b"2" == await ask([(1, 1, 4)])
    assert b"6" == await ask([(1, 1, 3)])
    assert b"3" == await ask([(4, 1, 2)])
    assert b"213" == await ask([(2, 1, 4), (4, 1, 1), (5, 1, 1)])
    assert b"3" == await ask([(6, 2, 1)])


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream
