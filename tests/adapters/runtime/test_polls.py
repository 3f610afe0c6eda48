"""Polls: a defect of an adapter is reported, and the next poll comes; a page waits for room."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest

from holdfast.adapters.contract import Message, Options, Page, Poll, Request, Response
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.inbox import Inbox, InboxFull
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.polls import Poller, read_cursor
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from tests.adapters.simple import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@asynccontextmanager
async def polling(
    folder: Path, page: Callable[[Response, str, object], Page], depth_max: int = 100
) -> AsyncIterator[tuple[Poller, Inbox, list[str]]]:
    """A poller with its inbox, and the requests that its partner got."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200)

    poll = Poll(lambda _cursor, _options: Request("GET", "/"), page)
    settings = AdapterSettings(kind="simple", every_s=0.05)
    configured = Configured("erp", replace(ADAPTER, poll=poll), settings, Options(), {})
    store = Store(folder, 16 << 20)
    inbox = Inbox(store, "erp", depth_max, 86_400)
    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        poller = Poller(
            configured,
            poll,
            store=store,
            inbox=inbox,
            partner=Partner("erp", http, bucket, adapter=ADAPTER, options=None, secrets={}),
            figures=Figures({"erp": "order_sync"}, {}, lambda: NOW),
            now=lambda: NOW,
        )
        yield poller, inbox, asked
    store.close()


async def test_a_page_that_fails_is_reported_and_asked_for_again(tmp_path: Path) -> None:
    def page(response: Response, _cursor: str, _options: object) -> Page:
        raise KeyError(f"next of {response.status}")

    async with polling(tmp_path, page) as (poller, _, asked):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await poller.run()

    assert len(asked) > 1
    assert "KeyError('next of 200')" in poller.last_error


async def test_a_page_that_finds_no_room_waits_and_is_not_asked_for_again(tmp_path: Path) -> None:
    """Each request would count against the rate that the partner grants."""
    numbers = count(1)

    def page(_response: Response, cursor: str, _options: object) -> Page:
        return Page([Message(b"%d" % next(numbers))], f"{cursor}+")

    async with polling(tmp_path, page, depth_max=1) as (poller, inbox, asked):
        await poller.poll_once()
        for _ in range(3):
            with pytest.raises(InboxFull):
                await poller.poll_once()
        assert 2 == len(asked)

        [first] = inbox.head(10, 1 << 20)
        await inbox._store.write(partial(inbox.remove, numbers=[first.number]))
        await poller.poll_once()
        [second] = inbox.head(10, 1 << 20)
        assert ([b"1", b"2"], 2) == ([first.message.body, second.message.body], len(asked))
        assert "++" == read_cursor(inbox._store, "erp")
