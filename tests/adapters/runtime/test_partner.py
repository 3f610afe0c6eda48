"""What a partner answers, however wrong, is a partner that is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import NoReturn

import httpx
import pytest

from holdfast.adapters.contract import Adapter, Budget, Login, Request, Response, Throttled
from holdfast.adapters.runtime import partner as partner_module
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.partner import Partner, PartnerAway
from tests.adapters.simple import ADAPTER
from tests.real_time import let_pass


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"content-encoding": "gzip"}),
        (503, {"retry-after": "\u00b2"}),
        (503, {"retry-after": "Fri, 01 Jan 2027 00:00:00 +99999999999999999999"}),
    ],
    ids=["no gzip", "a digit of another kind", "a zone too far"],
)
async def test_an_answer_that_cannot_be_read_is_a_partner_that_is_away(
    status: int, headers: dict[str, str]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=encoded, stream=httpx.ByteStream(b"garbage"))

    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        partner = Partner("erp", http, bucket, adapter=ADAPTER, options=None, secrets={})
        with pytest.raises(PartnerAway):
            await partner.ask_once(Request("GET", "/"), lambda response: response)


async def answered(
    adapter: Adapter, *asked: Request, login: tuple[httpx.Response, ...] = ()
) -> list[httpx.Request]:
    """What a partner was sent; its logins are answered one after another."""
    sent: list[httpx.Request] = []
    logins = iter(login)

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return next(logins) if request.url.path == "/login" else httpx.Response(200)

    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        partner = Partner("erp", http, bucket, adapter=adapter, options=None, secrets={})
        for request in asked:
            await partner.ask_once(request, lambda response: response)
    return sent


def _session(response: Response) -> dict[str, str]:
    if response.status != 200:
        raise Throttled(7)
    return {"x-token": "secret"}


LOGGING_IN = replace(ADAPTER, login=Login(lambda *_: Request("POST", "/login"), _session))


async def test_a_session_is_kept_from_other_addresses() -> None:
    asked = [Request("GET", "/stock"), Request("PUT", "https://s3.example/feed?signed")]
    sent = await answered(LOGGING_IN, *asked, login=(httpx.Response(200),))

    assert ["erp", "erp", "s3.example"] == [each.url.host for each in sent]
    assert ["secret", None] == [each.headers.get("x-token") for each in sent[1:]]


async def test_a_login_that_is_put_off_is_a_partner_that_is_away() -> None:
    with pytest.raises(PartnerAway) as caught:
        await answered(LOGGING_IN, Request("GET", "/stock"), login=(httpx.Response(400),))

    assert 7 == caught.value.retry_after_s


async def test_an_answer_that_never_ends_is_a_partner_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte comes in time, and the whole does not end."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await let_pass(0.001)

    monkeypatch.setattr(partner_module, "CALL_S", 0.02)
    with pytest.raises(PartnerAway, match="its answer takes more than"):
        await asked(ADAPTER, lambda _: httpx.Response(200, content=drip()))


async def test_what_cannot_be_read_of_budgets_is_no_reason_to_lose_an_answer() -> None:
    def granted(_: Response) -> NoReturn:
        raise OverflowError("int too large to convert to float")

    adapter = replace(ADAPTER, budgets={"stock": Budget(5, 5)}, granted=granted)
    response = await asked(adapter, lambda _: httpx.Response(200, content=b"taken"))
    assert b"taken" == response.body


async def asked(adapter: Adapter, answer: Callable[[httpx.Request], httpx.Response]) -> Response:
    """What a partner says to a request."""
    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        partner = Partner("erp", http, bucket, adapter=adapter, options=None, secrets={})
        request = Request("GET", "/", operation="stock")
        return await partner.ask_once(request, lambda response: response)


async def test_a_session_that_ends_under_many_requests_is_begun_once() -> None:
    logins: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/login":
            logins.append(f"{len(logins) + 1}")
            return httpx.Response(200, headers={"session": logins[-1]})
        return httpx.Response(401 if request.headers["session"] == "1" else 200)

    login = Login(
        lambda *_: Request("POST", "/login"),
        lambda response: {"session": response.headers["session"]},
    )
    adapter = replace(ADAPTER, login=login)
    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        partner = Partner("erp", http, bucket, adapter=adapter, options=None, secrets={})
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(partner.ask_once(Request("GET", "/"), lambda found: found))
    assert ["1", "2"] == logins
