"""Fronts that cannot be started, and fronts that hang, over an engine of the test's own."""

import asyncio
import errno
import os
import signal
import subprocess
from typing import Any

import psutil
import pytest

from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoint
from holdfast.edge.server.fronts import keeper
from holdfast.edge.server.fronts.keeper import Fronts
from holdfast.edge.server.methods import PUBLIC, Kind, endpoint_name, methods_of
from tests.edge.node_process import free_port
from tests.edge.raw import Wire, answer_of
from tests.real_time import wait_until_so


async def test_a_front_is_started_again_though_the_machine_refused_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that cannot start a process for a moment can do so later."""
    fronts = Fronts(1, (), f"127.0.0.1:{free_port()}", 1 << 20, "grpcio")
    port = await fronts.start()
    try:
        (first,) = own_fronts()
        refusals: list[OSError] = [OSError(errno.EAGAIN, "no process to give")]
        start = subprocess.Popen

        def refuse_once(*args: Any, **options: Any) -> Any:
            if refusals:
                raise refusals.pop()
            return start(*args, **options)

        monkeypatch.setattr(subprocess, "Popen", refuse_once)
        os.kill(first, signal.SIGKILL)

        async def is_replaced() -> bool:
            return not refusals and await listens(port)

        await wait_until_so(is_replaced)
        assert [first] != own_fronts()
    finally:
        await fronts.stop(0.0)
    assert [] == own_fronts()


async def test_a_front_that_hangs_is_ended_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its callers are told that the connection broke, and so is the engine: nobody waits on."""
    method, *_ = methods_of(PUBLIC)
    asked, left = asyncio.Event(), asyncio.Event()

    async def never(_data: bytes, _context: CallContext) -> bytes:
        asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            left.set()
        return b""

    endpoint = Endpoint(endpoint_name(method), Kind.UNARY, never)
    fronts = Fronts(1, [endpoint], f"127.0.0.1:{free_port()}", 1 << 20, "grpcio")
    port = await fronts.start()
    try:
        (hung,) = own_fronts()
        async with Wire(f"127.0.0.1:{port}") as wire:
            call = wire.start(endpoint.name, b"", timeout_s=None)
            await asked.wait()
            monkeypatch.setattr(keeper, "BEAT_S", 0.1)
            os.kill(hung, signal.SIGSTOP)
            assert "UNAVAILABLE" == (await answer_of(call)).code
        await left.wait()
        monkeypatch.undo()
        await wait_until_so(lambda: listens(port))
        assert [hung] != own_fronts()
        assert 1 <= fronts.restarts
    finally:
        await fronts.stop(0.0)


async def listens(port: int) -> bool:
    """Whether somebody does."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def own_fronts() -> list[int]:
    """The fronts that this process has started, those that have ended left out."""
    return [
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "holdfast.edge.server.fronts.front" in child.cmdline()
    ]
