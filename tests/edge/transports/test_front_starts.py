"""Fronts that cannot be started, in a process that is short of something."""

import asyncio
import errno
import os
import signal
import subprocess
from typing import Any

import psutil
import pytest

from holdfast.edge.server.fronts.keeper import Fronts
from tests.edge.node_process import free_port
from tests.real_time import wait_until_so


async def test_a_front_is_started_again_though_the_machine_refused_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that has no process to give for a moment has one later."""
    fronts = Fronts(1, (), f"127.0.0.1:{free_port()}", 1 << 20)
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

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            return not refusals

        await wait_until_so(listens)
        assert [first] != own_fronts()
    finally:
        await fronts.stop(0.0)
    assert [] == own_fronts()


def own_fronts() -> list[int]:
    """The fronts that this process has started, those that have ended left out."""
    return [
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "holdfast.edge.server.fronts.front" in child.cmdline()
    ]
