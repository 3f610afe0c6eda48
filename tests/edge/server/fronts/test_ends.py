"""Calls from a front to the engine: how they end, what bounds them, what becomes of them when
either end is gone.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import grpc
import pytest

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoint
from holdfast.edge.server.fronts import engine_end, front_end, unanswered
from holdfast.edge.server.fronts.frames import STREAM_WINDOW
from holdfast.edge.server.fronts.unanswered import STREAM_BYTES_MAX
from holdfast.edge.server.methods import Kind
from tests.edge.server.fronts.connected import connected_ends
from tests.edge.server.test_endpoints import SERVICE
from tests.real_time import wait_until_so

ANYONE = CallContext()


class Engine:
    """Three endpoints that a test looks into."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.began = self.cancelled = self.taken = self.sent = 0
        self.error: BaseException | None = None
        self.endpoints = (
            Endpoint("/made.up.Clock/Get", Kind.UNARY, self.get),
            Endpoint("/made.up.Clock/Watch", Kind.SERVER_STREAM, self.watch),
            Endpoint("/made.up.Clock/Convert", Kind.BOTH_STREAM, self.convert),
        )

    async def get(self, data: bytes, _context: CallContext) -> bytes:
        self.began += 1
        try:
            future = asyncio.ensure_future(self.open.wait())
            await future
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return data

    async def watch(self, _data: bytes, _context: CallContext) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1_000)
                self.sent += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def convert(
        self, requests: AsyncIterator[bytes], _context: CallContext
    ) -> AsyncIterator[bytes]:
        async for data in requests:
            self.taken += 1
            await self.open.wait()
            yield data


@pytest.fixture
async def engine() -> Engine:
    return Engine()


def responds(front: front_end.FrontEnd) -> list[Any]:
    """What the endpoints of a front do: Get, Watch, Convert."""
    return [each.respond for each in front.endpoints(SERVICE.methods)]


async def many(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield str(number).encode()


async def test_more_calls_than_a_round_takes_are_answered_each(engine: Engine) -> None:
    async with connected_ends(engine.endpoints) as (front, _):
        get, _, _ = responds(front)
        bodies = [str(number).encode() for number in range(5 * engine_end.FRAMES_A_ROUND)]
        bodies.append(bytes(3 * engine_end.BYTES_A_ROUND))
        assert bodies == await asyncio.gather(*(get(body, ANYONE) for body in bodies))


async def test_the_loop_goes_on_between_the_calls_of_a_flood(engine: Engine) -> None:
    """A front that sends a thousand calls in one piece does not keep the loop from others."""
    async with connected_ends(engine.endpoints) as (front, end):
        get, _, _ = responds(front)
        rounds: list[int] = []
        calls = [asyncio.ensure_future(get(b"", ANYONE)) for _ in range(1_000)]
        while not all(call.done() for call in calls):
            rounds.append(engine.began)
            await asyncio.sleep(0)
        steps = [after - before for before, after in pairwise(rounds)]
        assert max(steps) <= engine_end.FRAMES_A_ROUND
        assert 0 == len(end._calls)


async def test_an_error_that_is_no_status_is_reported_as_internal(engine: Engine) -> None:
    """It is our own defect, and its caller does not wait for ever."""
    engine.error = ValueError("secret")
    async with connected_ends(engine.endpoints) as (front, _):
        with pytest.raises(CallStatus) as caught:
            await responds(front)[0](b"", ANYONE)
    assert grpc.StatusCode.INTERNAL == caught.value.code
    assert "secret" not in caught.value.message


async def test_a_writer_who_is_not_read_waits(engine: Engine) -> None:
    """The engine has as many of his messages as the window holds, and one in its hands."""
    engine.open.clear()
    async with connected_ends(engine.endpoints) as (front, _):
        _, _, convert = responds(front)
        sent = 0

        async def requests() -> AsyncIterator[bytes]:
            nonlocal sent
            async for data in many(100):
                sent += 1
                yield data

        answers = convert(requests(), ANYONE)
        first = asyncio.ensure_future(anext(answers))

        async def is_full() -> bool:
            return sent > STREAM_WINDOW

        await wait_until_so(is_full)
        for _ in range(20):
            await asyncio.sleep(0)
        assert sent <= STREAM_WINDOW + 2
        assert 1 == engine.taken
        engine.open.set()
        heard = [await first]
        heard += [data async for data in answers]
        assert [str(number).encode() for number in range(100)] == heard


async def test_long_messages_of_a_writer_go_one_by_one(engine: Engine) -> None:
    """A window of them would be as much as all of its front's streams may have."""
    engine.open.clear()
    async with connected_ends(engine.endpoints) as (front, _):
        _, _, convert = responds(front)
        long = bytes(STREAM_BYTES_MAX - 1)
        sent = 0

        async def requests() -> AsyncIterator[bytes]:
            nonlocal sent
            for data in (b"1", long + b"2", long, long, b"3", b"4", b"5"):
                sent += 1
                yield data

        answers = convert(requests(), ANYONE)
        heard = [asyncio.ensure_future(anext(answers))]

        async def has_come() -> bool:
            return 1 == engine.taken

        await wait_until_so(has_come)
        assert 2 == sent
        engine.open.set()
        lengths = [len(await heard[0])] + [len(data) async for data in answers]
        assert [1, STREAM_BYTES_MAX, STREAM_BYTES_MAX - 1, STREAM_BYTES_MAX - 1, 1, 1, 1] == lengths
        assert 0 == front._unanswered.bytes


async def test_streams_that_hold_too_much_are_refused_and_leave_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages that would be too much; a stream that holds nothing else may send one of any
    size, and calls go on.
    """
    monkeypatch.setattr(unanswered, "STREAMS_BYTES_MAX", 1_000)
    engine.open.clear()
    async with connected_ends(engine.endpoints) as (front, end):
        get, _, convert = responds(front)

        first = convert(one(bytes(2_000)), ANYONE)
        waiting = asyncio.ensure_future(anext(first))

        async def is_held() -> bool:
            return 1 == engine.taken

        await wait_until_so(is_held)
        with pytest.raises(CallStatus) as refused:
            await anext(convert(one(b"x"), ANYONE))
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code
        assert "are 2000 bytes of streams" in refused.value.message
        assert 50 == refused.value.retry_after_ms
        engine.open.set()
        assert bytes(2_000) == await waiting
        await first.aclose()
        assert b"x" == await anext(convert(one(b"x"), ANYONE))
        assert b"y" == await get(b"y", ANYONE)

        async def has_ended() -> bool:
            return not end._calls and not front._streams

        await wait_until_so(has_ended)
        assert 0 == front._unanswered.bytes


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_reader_who_does_not_read_is_not_written_to(engine: Engine) -> None:
    async with connected_ends(engine.endpoints) as (front, end):
        _, watch, _ = responds(front)
        answers = watch(b"", ANYONE)
        await anext(answers)

        async def is_full() -> bool:
            return engine.sent >= STREAM_WINDOW

        await wait_until_so(is_full)
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.sent <= STREAM_WINDOW + 1
        await anext(answers)
        await answers.aclose()

        async def has_ended() -> bool:
            return not end._calls

        await wait_until_so(has_ended)


async def test_the_end_of_a_front_is_the_end_of_its_calls(engine: Engine) -> None:
    engine.open.clear()
    async with connected_ends(engine.endpoints) as (front, end):
        get, watch, _ = responds(front)
        call = asyncio.ensure_future(get(b"", ANYONE))
        answers = watch(b"", ANYONE)
        await anext(answers)

        async def have_begun() -> bool:
            return bool(engine.began)

        await wait_until_so(have_begun)
        front._writer._transport.close()
        await end.has_ended.wait()

        async def are_cancelled() -> bool:
            return not end._calls

        await wait_until_so(are_cancelled)
        assert 1 == engine.cancelled
        call.cancel()


async def test_a_front_with_too_much_under_way_refuses_by_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cheaply: the engine does not hear of it."""
    monkeypatch.setattr(front_end, "CALLS_MAX", 3)
    engine.open.clear()
    async with connected_ends(engine.endpoints) as (front, _):
        get, _, _ = responds(front)
        calls = [asyncio.ensure_future(get(b"", ANYONE)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(CallStatus) as refused:
            await get(b"", ANYONE)
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code
        assert "3 calls under way" in refused.value.message
        assert 50 == refused.value.retry_after_ms
        engine.open.set()
        assert [b"", b"", b""] == await asyncio.gather(*calls)
        assert 3 == engine.began
        assert b"x" == await get(b"x", ANYONE)


async def test_streams_that_stay_keep_no_other_call_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have a limit of their own."""
    monkeypatch.setattr(front_end, "CALLS_MAX", 3)
    async with connected_ends(engine.endpoints) as (front, _):
        get, watch, _ = responds(front)
        watching = [watch(b"", ANYONE) for _ in range(4)]
        for answers in watching[:3]:
            await anext(answers)
        with pytest.raises(CallStatus) as refused:
            await anext(watching[3])
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code
        assert b"x" == await get(b"x", ANYONE)
        for answers in watching:
            await answers.aclose()


async def test_numbers_begin_again_and_pass_over_streams_that_are_open(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_end, "_NUMBER_MAX", 4)
    async with connected_ends(engine.endpoints) as (front, _):
        get, watch, _ = responds(front)
        answers = watch(b"", ANYONE)
        await anext(answers)
        for number in range(12):
            body = str(number).encode()
            assert body == await get(body, ANYONE)
        assert 1_000 == len(await anext(answers))
        await answers.aclose()
