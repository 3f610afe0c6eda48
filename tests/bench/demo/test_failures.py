"""Whatever fails in the demonstration ends it, with a sentence and an exit code."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from rich.console import Console

from bench.demo.__main__ import EXIT_FAILED, EXIT_GOOD, ended
from bench.demo.day import day
from bench.demo.estate import Estate
from bench.demo.play import Play
from bench.demo.posting import Intake
from bench.demo.show import Show
from bench.demo.together import beside
from bench.harness.command_line import EXIT_STOPPED
from tests.real_time import wall_s

FAR_S = 3_600.0


async def for_ever() -> None:
    await asyncio.Event().wait()


class Client:
    """A node that has no stock, and tells no changes unless it fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    async def get_availability(self, _sku: str) -> Any:
        return SimpleNamespace(availability=SimpleNamespace(levels=()))

    async def watch_reservations(self, **_: str) -> AsyncIterator[Any]:
        if self._failure is not None:
            raise self._failure
        await for_ever()
        yield


def adapters(accepts: int, status: str) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, text=status)
        return httpx.Response(accepts, text="the disk is full")

    return httpx.MockTransport(answer)


async def played(client: Client, transport: httpx.MockTransport) -> bool:
    """A day whose doors do not open while a test runs."""
    named = {"node": None, "adapters": None, "channels": (), "erp": None}
    estate = Estate(opened=wall_s() + FAR_S, client=cast(Any, client), **cast(Any, named))
    async with httpx.AsyncClient(base_url="http://adapters", transport=transport) as http:
        console = Console(file=StringIO())
        await Show(Play(day(1, 90), estate, Intake(http)), estate).run(console)
    return True


@pytest.mark.parametrize(
    ("failure", "accepts", "status", "sentence"),
    [
        (None, 507, "{}", "/in/events answers 507: the disk is full"),
        (None, 202, "?", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (RuntimeError("no such token"), 202, "{}", "RuntimeError: no such token"),
    ],
    ids=["posting", "drawing", "watching"],
)
def test_what_fails_ends_the_day_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
    failure: Exception | None,
    accepts: int,
    status: str,
    sentence: str,
) -> None:
    assert EXIT_FAILED == ended(played(Client(failure), adapters(accepts, status)))
    assert f"The demonstration failed: {sentence}\n" == capsys.readouterr().err


@pytest.mark.parametrize(("agree", "code"), [(True, EXIT_GOOD), (False, EXIT_FAILED)])
def test_a_day_that_is_over_ends_what_went_on_beside_it(agree: bool, code: int) -> None:
    async def over() -> bool:
        async with beside(for_ever(), for_ever()):
            return agree

    assert code == ended(over())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_day_that_is_stopped_stops_what_it_has_started(
    capsys: pytest.CaptureFixture[str], signum: signal.Signals
) -> None:
    running = [True]

    async def stopped() -> bool:
        try:
            os.kill(os.getpid(), signum)
            await for_ever()
            return True
        finally:
            running.clear()

    assert EXIT_STOPPED == ended(stopped())
    assert ("Stopped.\n", []) == (capsys.readouterr().err, running)
