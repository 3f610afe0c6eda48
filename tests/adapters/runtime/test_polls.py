"""Polls: a defect of an adapter is reported, and the next poll comes."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from holdfast.adapters.contract import Options, Page, Poll, Request, Response
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.inbox import Inbox
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.polls import Poller
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from tests.adapters.simple import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def page(response: Response, _cursor: str, _options: object) -> Page:
    raise KeyError(f"next of {response.status}")


async def test_a_page_that_fails_is_reported_and_asked_for_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200)

    poll = Poll(lambda _cursor, _options: Request("GET", "/"), page)
    settings = AdapterSettings(kind="simple", every_s=0.05)
    configured = Configured("erp", replace(ADAPTER, poll=poll), settings, Options(), {})
    store = Store(tmp_path, 16 << 20)
    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        poller = Poller(
            configured,
            poll,
            store=store,
            inbox=Inbox(store, "erp", 100, 86_400),
            partner=Partner("erp", http, bucket, adapter=ADAPTER, options=None, secrets={}),
            figures=Figures({"erp": "order_sync"}, {}, lambda: NOW),
            now=lambda: NOW,
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await poller.run()

    assert len(asked) > 1
    assert "KeyError('next of 200')" in poller.last_error
