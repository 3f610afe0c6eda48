"""What tests of the client start from: a server with a script, and clients of both kinds."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from holdfast.edge.client import BlockingClient, Client, Retries
from tests.edge.scripted import Both, ScriptedServer, Time


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    running = grpc.aio.server()
    running.add_generic_rpc_handlers((scripted,))
    scripted.target = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    await running.start()
    yield scripted
    await running.stop(None)


Connect = Callable[..., Both]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=[Client, BlockingClient])
async def connect(
    request: pytest.FixtureRequest, server: ScriptedServer, time: Time
) -> AsyncIterator[Connect]:
    """Makes clients of one kind on a time of their own, whose jitter draws the longest wait."""
    made: list[Both] = []

    def make(target: str = server.target, **settings: Any) -> Both:
        defaults = {
            "admin_target": server.target,
            "retries": Retries(base_s=0.1, chance=lambda: 1.0),
            "clock": time.clock,
            "sleep": time.sleep_async if request.param is Client else time.sleep,
        }
        made.append(Both(request.param(target, **defaults | settings)))
        return made[-1]

    yield make
    for each in made:
        await each.close()
