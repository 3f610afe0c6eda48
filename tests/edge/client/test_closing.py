"""Closing a client: whoever waits and whoever comes later gets an error of ours, in either form."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from holdfast.edge.client import BlockingClient, Client, Closed, HoldfastError, Retries
from holdfast.edge.client.stock_events import SourceEvents
from holdfast.edge.wire import faults
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.client.conftest import Connect
from tests.edge.client.test_clients import REPEATABLE
from tests.edge.scripted import Both, ScriptedServer

LINES = [("S1", "W1", 2)]
SALE = StockEvent(event_id="e1", sku="S1", location="W1", kind="STOCK_EVENT_KIND_SALE", quantity=1)
CALLS = [*REPEATABLE, ("delete_sku", ("S1",))]


def hanging() -> tuple[asyncio.Event, Callable[[], Awaitable[Any]]]:
    """A reply that does not come, and the event that it is being waited for."""
    arrived = asyncio.Event()

    async def hang() -> Any:
        arrived.set()
        await asyncio.Event().wait()

    return arrived, hang


async def ended(task: "asyncio.Task[Any]") -> BaseException | None:
    """How a task ends."""
    await asyncio.wait([task])
    return asyncio.CancelledError() if task.cancelled() else task.exception()


@pytest.mark.parametrize(("name", "arguments"), CALLS)
async def test_a_call_after_the_end_is_told_that_nothing_was_sent(
    name: str, arguments: tuple[Any, ...], server: ScriptedServer, connect: Connect
) -> None:
    made = connect()
    await made.get_status()
    await made.close()
    with pytest.raises(Closed, match="CANCELLED CLOSED: the client is closed; nothing was sent"):
        await getattr(made, name)(*arguments)
    assert 1 == len(server.requests)
    assert 1 == made.inner.statistics().errors


@pytest.mark.parametrize(("name", "arguments"), CALLS)
async def test_a_call_that_waits_is_told_that_it_may_have_taken_effect(
    name: str, arguments: tuple[Any, ...], server: ScriptedServer, connect: Connect
) -> None:
    arrived, hang = hanging()
    server.replies.append(hang)
    made = connect(timeout_s=60.0)
    task = asyncio.create_task(getattr(made, name)(*arguments))
    await arrived.wait()
    await made.close()
    error = await ended(task)
    assert isinstance(error, Closed)
    assert "may have taken effect" in error.message
    assert 1 == made.inner.statistics().errors


@pytest.mark.parametrize("kind", [Client, BlockingClient])
async def test_a_call_between_two_attempts_fails_at_once(
    kind: type[Client | BlockingClient], server: ScriptedServer
) -> None:
    """The server asks to wait for half a minute."""
    server.replies.append(replace(faults.draining(), retry_after_s=30.0))
    loop, is_waiting = asyncio.get_running_loop(), asyncio.Event()

    def chance() -> float:
        loop.call_soon_threadsafe(is_waiting.set)
        return 0.0

    made = Both(
        kind(
            server.target,
            admin_target=server.target,
            timeout_s=60.0,
            retries=Retries(chance=chance),
        )
    )
    task = asyncio.create_task(made.get_status())
    await is_waiting.wait()
    await made.close()
    assert isinstance(await ended(task), Closed)
    assert 1 == len(server.requests)


async def test_a_stream_that_waits_gets_an_error(connect: Connect) -> None:
    """After what was acknowledged; and so does a stream that begins later."""
    made = connect()
    go_on = asyncio.Event()
    seen: list[int] = []

    async def stream() -> None:
        async for each in acknowledged_of(made):
            seen.append(each)
            go_on.set()

    task = asyncio.create_task(stream())
    await go_on.wait()
    await made.close()
    error = await ended(task)
    assert ([1], Closed) == (seen, type(error))
    with pytest.raises(Closed, match="nothing was sent"):
        await anext(aiter(made.acknowledged([("erp", [SALE])])))
    assert 2 == made.inner.statistics().errors


async def acknowledged_of(made: Both) -> AsyncIterator[int]:
    """Stream one batch, and then keep the server waiting for the second."""
    if isinstance(made.inner, Client):

        async def one_and_wait() -> AsyncIterator[SourceEvents]:
            yield "erp", [SALE]
            await asyncio.Event().wait()

        async for response in made.inner.record_stock_events_stream(one_and_wait()):
            yield response.acknowledged_sequence
        return
    gate = threading.Event()

    def one_and_block() -> Iterator[SourceEvents]:
        yield "erp", [SALE]
        gate.wait()

    try:
        async for each in made.acknowledged(one_and_block()):
            yield each
    finally:
        gate.set()


async def test_a_stream_between_two_answers_gets_an_error(connect: Connect) -> None:
    """Its reader is elsewhere while the client is closed."""
    made = connect()
    stream = made.acknowledged(("erp", [SALE]) for _ in range(10_000))
    assert 1 == await anext(stream)
    await made.close()
    with pytest.raises(Closed):
        async for _ in stream:
            pass


async def test_closing_twice_does_no_harm(connect: Connect) -> None:
    made = connect()
    await made.close()
    await made.close()


async def test_a_call_that_waits_when_two_close_gets_the_same_error(
    server: ScriptedServer, connect: Connect
) -> None:
    arrived, hang = hanging()
    server.replies.append(hang)
    made = connect(timeout_s=60.0)
    task = asyncio.create_task(made.get_status())
    await arrived.wait()
    await asyncio.gather(made.close(), made.close())
    assert isinstance(await ended(task), Closed)


# What belongs to asyncio


async def waiting_call(server: ScriptedServer, client: Client) -> "asyncio.Task[Any]":
    arrived, hang = hanging()
    server.replies.append(hang)
    task = asyncio.create_task(client.reserve("r1", LINES))
    await arrived.wait()
    return task


@pytest.mark.parametrize("is_closed_first", [True, False])
async def test_a_task_that_somebody_cancels_too_is_cancelled(
    is_closed_first: bool, server: ScriptedServer
) -> None:
    """In either order: whoever cancels a task waits for it to end."""
    client = Client(server.target)
    task = await waiting_call(server, client)
    if is_closed_first:
        client._waits.close()
    task.cancel()
    await client.close()
    assert isinstance(await ended(task), asyncio.CancelledError)


async def test_a_task_that_was_cancelled_long_ago_is_answered_as_any_other(
    server: ScriptedServer,
) -> None:
    """It caught that, and went on."""
    arrived, hang = hanging()
    server.replies.append(hang)
    client = Client(server.target)
    started = asyncio.Event()

    async def stubborn() -> None:
        started.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await client.reserve("r1", LINES)

    task = asyncio.create_task(stubborn())
    await started.wait()
    task.cancel()
    await arrived.wait()
    await client.close()
    assert isinstance(await ended(task), Closed)


async def test_a_task_goes_on_after_the_error(server: ScriptedServer) -> None:
    """No trace of the cancellation is left in it: a timeout around it works."""
    client = Client(server.target)

    async def caller() -> int:
        task = asyncio.current_task()
        assert task is not None
        async with asyncio.timeout(60):
            with pytest.raises(HoldfastError):
                await client.reserve("r1", LINES)
        return task.cancelling()

    arrived, hang = hanging()
    server.replies.append(hang)
    task = asyncio.create_task(caller())
    await arrived.wait()
    await client.close()
    assert 0 == await task
