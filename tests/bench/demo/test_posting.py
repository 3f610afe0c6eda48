"""Partners send again until they are answered, and say so when they are refused."""

import httpx
import pytest

from bench.demo import posting
from bench.demo.posting import Intake
from bench.harness.plan import BenchError


class Adapters:
    """Adapters that answer one after the other: 0 is none."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        status = self.statuses.pop(0)
        if not status:
            raise httpx.ConnectError("no route")
        return httpx.Response(status, text="why")


async def ship(adapters: Adapters) -> None:
    transport = httpx.MockTransport(adapters.answer)
    async with httpx.AsyncClient(base_url="http://a", transport=transport) as http:
        await Intake(http).ship("amazon/1")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "AGAIN_S", 0.0)


async def test_what_is_not_taken_is_sent_again_as_it_was() -> None:
    adapters = Adapters(0, 503, 429, 202)
    await ship(adapters)
    assert [] == adapters.statuses
    assert 1 == len(set(adapters.bodies))


async def test_what_is_refused_is_reported() -> None:
    with pytest.raises(BenchError, match="/in/events answers 400: why"):
        await ship(Adapters(400))


async def test_what_nobody_takes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "PATIENCE_S", 0.0)
    with pytest.raises(BenchError, match="events does not take it in 0 s: ConnectError"):
        await ship(Adapters(0))
