"""Loops of load send everything once, and an open loop does not forget who had to wait."""

import asyncio
from functools import partial

import pytest

from bench.harness.load import closed_loop, open_loop, streamed
from bench.harness.rounds import Drive

REQUESTS = [number.to_bytes(2, "big") for number in range(40)]


async def double(request: bytes) -> bytes:
    await asyncio.sleep(0)
    return request * 2


async def test_a_closed_loop_sends_every_request_once_and_keeps_their_order() -> None:
    load = await closed_loop(double, REQUESTS, callers=7)
    assert [request * 2 for request in REQUESTS] == load.answers
    assert len(load.latencies_s) == len(REQUESTS)
    assert all(0 < latency <= load.seconds for latency in load.latencies_s)


async def test_a_closed_loop_has_no_more_calls_under_way_than_callers() -> None:
    under_way = most = 0

    async def call(_request: bytes) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return b""

    await closed_loop(call, REQUESTS, callers=5)
    assert 5 == most


class Doubling:
    """A stream that answers in order, and counts how far its writer is ahead."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[bytes] = asyncio.Queue()
        self.most = 0
        self.is_done = False

    async def write(self, request: bytes) -> None:
        self.written.put_nowait(request)
        self.most = max(self.most, self.written.qsize())

    async def done_writing(self) -> None:
        self.is_done = True

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return await double(await self.written.get())


async def test_a_stream_is_written_no_further_ahead_than_it_may() -> None:
    stream = Doubling()
    load = await streamed(stream, REQUESTS, in_flight=5)
    assert [request * 2 for request in REQUESTS] == load.answers
    assert all(0 < latency <= load.seconds for latency in load.latencies_s)
    assert stream.is_done
    assert 1 < stream.most <= 5


async def test_an_open_loop_sends_at_its_rate() -> None:
    load = await open_loop(double, REQUESTS, rate=1_000)
    assert [request * 2 for request in REQUESTS] == load.answers
    assert load.seconds >= 0.039


async def test_an_open_loop_counts_a_stall_for_everyone_who_came_meanwhile() -> None:
    """The 40 calls are due over 40 ms; the server answers nobody before 60 ms have passed."""
    opening = asyncio.Event()
    asyncio.get_running_loop().call_later(0.06, opening.set)

    async def call(_request: bytes) -> bytes:
        await opening.wait()
        return b""

    load = await open_loop(call, REQUESTS, rate=1_000)
    assert min(load.latencies_s) >= 0.015
    assert max(load.latencies_s) >= 0.055


@pytest.mark.parametrize(
    "loop",
    [partial(closed_loop, callers=8), partial(open_loop, rate=1_000)],
    ids=["closed", "open"],
)
async def test_the_first_error_ends_the_load_and_is_raised_as_it_is(loop: Drive) -> None:
    async def call(request: bytes) -> bytes:
        if request == REQUESTS[3]:
            raise LookupError("the fourth")
        await asyncio.Event().wait()
        return b""

    with pytest.raises(LookupError, match="the fourth"):
        await loop(call, REQUESTS)


async def test_load_that_hangs_ends_all_the_same() -> None:
    async def call(_request: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(TimeoutError):
        await closed_loop(call, REQUESTS, callers=1, timeout_s=0.01)
