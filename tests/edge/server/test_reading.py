"""Long requests that come together are read in several rounds of the loop, in their order."""

import asyncio
from contextlib import suppress

import pytest

from holdfast.edge.server.reading import READ_A_ROUND, ReadingRounds


async def rounds_of(*sizes: int, gone: int | None = None) -> list[int]:
    """In which round each request is read, of those that come in the first; -1 for none."""
    rounds = ReadingRounds()
    now = 0
    read = [-1] * len(sizes)

    async def read_one(at: int) -> None:
        await rounds.wait(sizes[at])
        read[at] = now

    calls = [asyncio.create_task(read_one(at)) for at in range(len(sizes))]
    for now in range(6 * len(sizes)):
        await asyncio.sleep(0)
        if now == 0 and gone is not None:
            calls[gone].cancel()
    for call in calls:
        with suppress(asyncio.CancelledError):
            await call
    assert "<ReadingRounds: 0 wait>" == repr(rounds)
    return read


async def test_what_fits_into_a_round_is_read_in_it() -> None:
    assert [0, 0, 0] == await rounds_of(*[READ_A_ROUND // 3] * 3)


@pytest.mark.parametrize("count", [2, 5])
async def test_what_does_not_is_read_in_the_next(count: int) -> None:
    read = await rounds_of(*[READ_A_ROUND] * count)
    assert [2 * at + (at > 0) for at in range(count)] == read


async def test_the_one_that_fills_a_round_is_its_last() -> None:
    first, second, third = await rounds_of(1, READ_A_ROUND, 1)
    assert 0 == first == second < third


async def test_who_went_away_takes_nobody_s_turn() -> None:
    first, gone, third = await rounds_of(*[READ_A_ROUND] * 3, gone=1)
    assert (0, -1) == (first, gone)
    assert third > 0


async def test_a_new_request_does_not_pass_those_that_wait() -> None:
    read = await rounds_of(READ_A_ROUND, READ_A_ROUND, 1)
    assert sorted(read) == read
