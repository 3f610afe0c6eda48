"""Pace: one piece of a long answer in a round of the loop, whoever waits."""

import asyncio
from collections.abc import Generator

from holdfast.edge.server.pace import Pace


def pieces(name: str, count: int, written: list[str]) -> Generator[None, None, str]:
    """An answer of so many pieces, each of which is noted."""
    for number in range(count):
        if number:
            yield
        written.append(name)
    return name


async def rounds_until(done: asyncio.Future[list[str]], written: list[str]) -> list[int]:
    """How many pieces each round of the loop wrote until all was done."""
    rounds = []
    while not done.done():
        before = len(written)
        await asyncio.sleep(0)
        rounds.append(len(written) - before)
    return rounds


async def test_long_answers_share_the_rounds_of_the_loop() -> None:
    """However many there are; the first piece of each comes with the turn that answered it."""
    pace = Pace()
    written: list[str] = []
    answers = (pace.finish(pieces(name, 20, written)) for name in "abc")
    done = asyncio.ensure_future(asyncio.gather(*answers))
    first, *rounds = await rounds_until(done, written)
    assert 0 < first <= 3
    assert max(rounds[2:]) <= 1
    assert ["a", "b", "c"] == done.result()
    assert 60 == len(written)


async def test_a_short_answer_does_not_wait() -> None:
    written: list[str] = []
    pace = Pace()
    long = asyncio.ensure_future(pace.finish(pieces("long", 50, written)))
    await asyncio.sleep(0)
    assert "short" == await pace.finish(pieces("short", 1, written))
    assert not long.done()
    assert "long" == await long
