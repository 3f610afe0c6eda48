"""A coroutine without a task of its own does what it would do in one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from holdfast.edge.server.taskless import Driven

Ends = list[tuple[Any, BaseException | None]]


def driven(coroutine: Coroutine[Any, None, Any]) -> tuple[Driven[Any], Ends]:
    """A coroutine, and its ends, of which there is one when it is done."""
    ends: Ends = []
    loop = asyncio.get_running_loop()
    return Driven(loop, coroutine, lambda *end: ends.append(end)), ends


async def until(is_so: Callable[[], object]) -> None:
    """Let the loop go on."""
    for _ in range(100):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to an end")


async def test_what_waits_for_nothing_ends_at_once() -> None:
    async def answer() -> int:
        return 7

    call, ends = driven(answer())
    call.start()
    assert [(7, None)] == ends


async def test_it_goes_on_when_what_it_waits_for_is_there() -> None:
    """Futures, one after the other, rounds of the loop, and locks."""
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    lock = asyncio.Lock()
    await lock.acquire()

    async def answer() -> int:
        total: int = await futures[0] + await futures[1]
        async with lock:
            await asyncio.sleep(0)
        return total

    call, ends = driven(answer())
    call.start()
    futures[1].set_result(2)
    futures[0].set_result(1)
    await asyncio.sleep(0)
    assert [] == ends
    lock.release()
    await until(lambda: ends)
    assert [(3, None)] == ends


async def test_an_error_is_handed_on() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer() -> None:
        await future

    call, ends = driven(answer())
    call.start()
    future.set_exception(KeyError("sku"))
    await until(lambda: ends)
    ((result, error),) = ends
    assert result is None
    assert isinstance(error, KeyError)


@pytest.mark.parametrize("waits", ["future", "round"])
async def test_cancelled_it_cleans_up_and_cancels_what_it_waits_for(waits: str) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cleaned: list[str] = []

    async def answer() -> None:
        try:
            await (future if waits == "future" else asyncio.sleep(0))
            await future
        finally:
            cleaned.append("up")

    call, ends = driven(answer())
    call.start()
    call.cancel()
    await until(lambda: ends)
    ((_, error),) = ends
    assert isinstance(error, asyncio.CancelledError)
    assert ["up"] == cleaned
    assert (waits == "future") == future.cancelled()


async def test_a_task_may_wait_for_the_same_future() -> None:
    """Its future is left as asyncio's own tasks leave it."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def answer() -> int:
        return await future

    call, ends = driven(answer())
    call.start()
    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    future.set_result(5)
    assert 5 == await task
    await until(lambda: ends)
    assert [(5, None)] == ends


async def test_what_cleans_up_after_a_cancellation_may_wait() -> None:
    steps = []

    async def answer() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    call, ends = driven(answer())
    call.start()
    call.cancel()
    await until(lambda: ends)
    assert ["cleaned up"] == steps
    assert isinstance(ends[0][1], asyncio.CancelledError)
