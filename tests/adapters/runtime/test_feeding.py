"""What a source brings is settled after it is durable, and a source that fails is tried again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest

from holdfast.adapters.contract import Message, Page
from holdfast.adapters.runtime import feeding, gate
from holdfast.adapters.runtime.feeding import Feeder
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.inbox import Inbox
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from tests.adapters.simple import ADAPTER, ShopOptions
from tests.real_time import wait_until_so

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def defective_key(message: Message) -> str:
    return str(json.loads(message.body)["id"])


SHOP = Configured(
    "shop",
    replace(ADAPTER, key=defective_key),
    AdapterSettings(kind="webshop", every_s=0.05),
    ShopOptions(),
    MappingProxyType({}),
)


class Pages:
    """A source with pages in store; it fails as often as it is told to."""

    def __init__(self, inbox: Inbox, *pages: Page) -> None:
        self.inbox = inbox
        self.pages = list(pages)
        self.failures: dict[str, int] = {}
        self.depths: list[int] = []
        """How many messages were durable when each page was settled."""
        self.empty = asyncio.Event()

    async def fetch(self) -> Page:
        self._fail("fetch")
        if self.pages:
            return self.pages[0]
        self.empty.set()
        return Page((), "")

    async def settled(self, page: Page) -> None:
        self._fail("settled")
        if page.messages:
            self.depths.append(self.inbox.depth)
            self.pages.remove(page)

    async def check(self) -> None:
        """It is there."""

    def _fail(self, what: str) -> None:
        if self.failures.get(what, 0):
            self.failures[what] -= 1
            raise ConnectionError(f"{what} fails")


@asynccontextmanager
async def feeding_of(
    folder: Path, *pages: Page, depth_max: int = 10
) -> AsyncIterator[tuple[Pages, Feeder]]:
    """A feeder that runs until the block ends, and its source."""
    store = Store(folder, 16 << 20)
    inbox = Inbox(store, "shop", depth_max, 86_400)
    source = Pages(inbox, *pages)
    figures = Figures({"shop": "order_sync"}, {}, lambda: NOW)
    feeder = Feeder(SHOP, source, inbox=inbox, figures=figures, now=lambda: NOW)
    task = asyncio.ensure_future(feeder.run())
    try:
        yield source, feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()


async def has_failed(feeder: Feeder) -> bool:
    return feeder.last_error != ""


def page(*bodies: bytes) -> Page:
    return Page([Message(body) for body in bodies], "", has_more=True)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "WAIT_FIRST_S", 0.001)
    monkeypatch.setattr(gate, "WAIT_MAX_S", 0.001)
    monkeypatch.setattr(gate, "TTL_S", 0.001)
    monkeypatch.setattr(feeding, "FULL_S", 0.001)


async def test_a_page_is_settled_after_it_is_durable(tmp_path: Path) -> None:
    pages = (page(b'{"id": "1"}', b'{"id": "2"}'), page(b'{"id": "3"}'))
    async with feeding_of(tmp_path, *pages) as (source, _):
        await source.empty.wait()
        waiting = source.inbox.head(10, 1 << 20)

    assert [2, 3] == source.depths
    assert [NOW] * 3 == [each.message.received for each in waiting]


async def test_what_no_key_can_be_made_of_holds_nothing_up(tmp_path: Path) -> None:
    pages = (page(b"[]", b"\xff", b'{"no": "id"}'), page(b'{"id": "1"}'))
    async with feeding_of(tmp_path, *pages) as (source, _):
        await source.empty.wait()

    assert [3, 4] == source.depths


async def test_a_source_that_fails_is_tried_again(tmp_path: Path) -> None:
    async with feeding_of(tmp_path, page(b'{"id": "1"}')) as (source, _):
        source.failures = {"fetch": 7, "settled": 7}
        await source.empty.wait()

    assert [1] == source.depths


async def test_a_page_without_room_waits_at_its_source(tmp_path: Path) -> None:
    pages = (page(b'{"id": "1"}'), page(b'{"id": "2"}', b'{"id": "3"}'))
    async with feeding_of(tmp_path, *pages, depth_max=2) as (source, feeder):
        await wait_until_so(partial(has_failed, feeder))
        assert ([1], 1) == (source.depths, source.inbox.depth)
        assert "messages wait" in feeder.last_error
        numbers = [each.number for each in source.inbox.head(10, 1 << 20)]
        await source.inbox._store.write(lambda tables: source.inbox.remove(tables, numbers))
        await source.empty.wait()

    assert [1, 2] == source.depths
    assert "" == feeder.last_error
