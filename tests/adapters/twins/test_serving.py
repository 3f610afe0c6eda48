"""A twin answers on loopback, and its notifications reach whoever asked for them."""

import asyncio
from collections.abc import Iterator
from itertools import count

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from holdfast.adapters.intake import bodies
from holdfast.adapters.twins import serving as twin_serving
from holdfast.adapters.twins.faults import Deliveries, Delivery, Faults, Schedule
from holdfast.adapters.twins.serving import running, send_due, serving


class Shop:
    """The smallest twin: it says who it is, and keeps what it is sent."""

    def __init__(self, *statuses: int) -> None:
        self.deliveries = Deliveries(Schedule(Faults(), lambda: 0.0), lambda: 0.0, (0.0,))
        self.received: list[bytes] = []
        self._statuses: Iterator[int] = iter(statuses or count(200, 0))
        self.app = Starlette(
            routes=[Route("/who", self._who), Route("/notices", self._hear, methods=["POST"])]
        )

    async def _who(self, _request: Request) -> Response:
        return PlainTextResponse("shop")

    async def _hear(self, request: Request) -> Response:
        self.received.append(await request.body())
        return Response(status_code=next(self._statuses))


def notice(url: str, text: bytes) -> Delivery:
    return Delivery(f"{url}/notices", text, {"x-kind": "sale"})


async def test_a_twin_answers_and_sends_what_it_has() -> None:
    shop = Shop()
    async with serving(shop) as url, httpx.AsyncClient() as http:
        shop.deliveries.post(notice(url, b"sold"))
        answer = await http.get(f"{url}/who")
        async with asyncio.timeout(10):
            while not shop.received:
                await http.get(f"{url}/who")

    assert ("shop", [b"sold"]) == (answer.text, shop.received)


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.0)
    shop = Shop()
    assert b"408" == await sent(shop, b"content-length: 9\r\n\r\nhalf")
    assert [] == shop.received


async def test_a_body_that_is_too_long_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twin_serving, "BODY_BYTES_MAX", 3)
    shop = Shop()
    assert b"413" == await sent(shop, b"content-length: 999\r\n\r\nhalf")
    assert b"200" == await sent(shop, b"content-length: 3\r\n\r\nall")
    assert [b"all"] == shop.received


async def sent(shop: Shop, rest: bytes) -> bytes:
    """The status of what is sent to a twin, whose connection stays open."""
    async with serving(shop) as url, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(url))
        writer.write(b"POST /notices HTTP/1.1\r\nhost: shop\r\n" + rest)
        status = (await reader.readline()).split()[1]
        writer.close()
        return status


def test_a_twin_runs_on_a_thread_of_its_own() -> None:
    shop = Shop()
    with running(shop) as twin:
        assert "shop" == httpx.get(f"{twin.url}/who").text
        assert 2 == twin.do(lambda: 1 + 1)
        with pytest.raises(OSError, match="cannot listen"), running(shop, port=port_of(twin.url)):
            pass


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_what_is_refused_is_sent_again() -> None:
    shop = Shop(500, 200)
    transport = httpx.ASGITransport(shop.app)
    shop.deliveries.post(notice("http://shop", b"sold"))
    async with httpx.AsyncClient(transport=transport) as http:
        taken = [await send_due(shop.deliveries, http) for _ in range(2)]

    assert [0, 1] == taken
    assert [b"sold", b"sold"] == shop.received


async def test_nobody_there_counts_as_not_taken() -> None:
    shop = Shop()

    def gone(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    shop.deliveries.post(notice("http://shop", b"sold"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(gone)) as http:
        taken = [await send_due(shop.deliveries, http) for _ in range(3)]

    assert [0, 0, 0] == taken
    assert (0, 1) == (len(shop.deliveries), shop.deliveries.given_up)
