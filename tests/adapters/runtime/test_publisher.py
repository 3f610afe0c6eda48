"""A publisher beside a channel in memory: what is kept, repeated and counted, step by step."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import httpx
import pytest

from holdfast.adapters.contract import (
    Adapter,
    Offer,
    Publish,
    PublishPath,
    Refused,
    Request,
    Response,
    Undecodable,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.mapping import Tables
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.outages import Claims
from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime import loads
from holdfast.adapters.runtime import publisher as publisher_module
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.cases import cases
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.levels import Levels
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.polls import read_cursor
from holdfast.adapters.runtime.publish_records import WalkRecord, pairs, walks
from holdfast.adapters.runtime.publisher import Publisher, order_rejected_again
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from tests.adapters.mini_channel import ADAPTER, ONE_BY_ONE, MiniChannel, put
from tests.real_time import wait_until_so

MIB = 1 << 20
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
OPTIONS = PublishOptions(nodes={"DEFAULT": ("dc-1",)}, buffer_max=0)


@dataclass
class Following:
    """Levels that are set by hand."""

    known: KnownLevels = field(default_factory=KnownLevels)
    is_settling: bool = False
    silent_s: float = 0.0
    loaded: asyncio.Event = field(default_factory=asyncio.Event)


class Process:
    """A publisher with all that it needs, on a store that outlives it."""

    def __init__(
        self,
        folder: Path,
        channel: MiniChannel,
        adapter: Adapter,
        units: dict[str, int],
        options: PublishOptions = OPTIONS,
        tables: Tables | None = None,
    ) -> None:
        self.store = Store(folder, 16 * MIB)
        self.passed_s = 0.0
        """For how long it has run."""
        self.wall = NOW
        """The wall clock, which somebody sets back all the time."""
        self.levels = Following()
        items = Items(tables or Tables(), NOW)
        self.board = Board("market", options, items, self.levels.known, Claims())
        settings = AdapterSettings(kind="", publish=options)
        configured = Configured("market", adapter, settings, adapter.options(), {})
        http = httpx.AsyncClient(base_url="http://m", transport=httpx.MockTransport(channel.take))
        bucket = TokenBucket(1_000, 1_000, asyncio.get_running_loop().time)
        self.partner = Partner("market", http, bucket, adapter=adapter, options=None, secrets={})
        assert adapter.publish is not None
        self.publisher = Publisher(
            configured,
            adapter.publish,
            self.board,
            levels=cast(Levels, self.levels),
            store=self.store,
            partner=self.partner,
            is_away=lambda: False,
            figures=Figures({"market": ""}, {}, lambda: NOW),
            now=lambda: self.wall,
            clock=lambda: NOW.timestamp() + self.passed_s,
        )
        for sku, there in units.items():
            self.tell(sku, there)
        self.levels.loaded.set()

    def tell(self, sku: str, units: int) -> None:
        """The core has so many units."""
        self.levels.known.tell(sku, "dc-1", units, True, NOW.timestamp())
        self.board.level_changed(sku, "dc-1", NOW.timestamp())
        self.publisher.arrived.set()

    def pass_time(self) -> None:
        """What was put off is due."""
        for _ in self.board.pass_time(NOW.timestamp() + 3_600):
            pass
        self.publisher.arrived.set()

    async def until_clean(self) -> None:
        await until(lambda: not self.board.dirty)

    def kept_walks(self) -> list[WalkRecord]:
        with self.store.reading() as tables:
            return walks(tables, "market")

    def kept_order(self) -> str:
        return read_cursor(self.store, "market", "republish")

    def case_kinds(self) -> list[str]:
        with self.store.reading() as tables:
            return [f"{case.kind} {case.subject}" for case in cases(tables)]


@asynccontextmanager
async def running(
    folder: Path,
    channel: MiniChannel,
    units: dict[str, int],
    adapter: Adapter = ADAPTER,
    options: PublishOptions = OPTIONS,
    tables: Tables | None = None,
) -> AsyncIterator[Process]:
    """A process that is killed at the end of the block."""
    process = Process(folder, channel, adapter, units, options, tables)
    task = asyncio.create_task(process.publisher.run())
    try:
        yield process
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        process.store.close()


async def until(is_so: Callable[[], Any]) -> None:
    async def ask() -> bool:
        return bool(is_so())

    async with asyncio.timeout(20):
        await wait_until_so(ask)


async def test_changes_are_coalesced_while_a_channel_is_away(tmp_path: Path) -> None:
    channel = MiniChannel(is_down=True)
    async with running(tmp_path, channel, {"a": 1, "b": 2}) as process:
        await until(lambda: process.partner.gate.last_error)
        for units in (5, 4, 3):
            process.tell("a", units)
        channel.is_down = False
        await process.until_clean()

    assert {"a@DEFAULT": 3, "b@DEFAULT": 2} == channel.shown
    assert [2] == channel.puts


async def test_what_is_next_does_not_wait_until_it_is_kept_that_a_load_has_landed(
    tmp_path: Path,
) -> None:
    goes_on = threading.Event()
    slow: list[asyncio.Task[bool]] = []

    def put_with_slow_disk(*given: Any) -> Any:
        if not slow:  # the first offer is noted, and not sent yet
            slow.append(asyncio.create_task(process.store.write(lambda _: goes_on.wait(20))))
        return put(*given)

    channel = MiniChannel()
    adapter = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put_with_slow_disk),)))
    async with running(tmp_path, channel, {"a": 3}, adapter) as process:
        try:
            await until(lambda: channel.shown and not process.board.dirty)
            process.tell("b", 2)
            await until(lambda: not process.board.waiting)
            assert process.board.dirty
        finally:
            goes_on.set()
        await process.until_clean()

    assert [1, 1] == channel.puts


async def test_a_restart_offers_again_what_may_have_arrived(tmp_path: Path) -> None:
    channel = MiniChannel(hangs=True)
    async with running(tmp_path, channel, {"a": 3}) as process:
        await until(lambda: channel.puts)
        with process.store.reading() as tables:
            assert [True] == [pair.record.in_doubt for pair in pairs(tables, "market")]
    channel.hangs = False
    async with running(tmp_path, channel, {"a": 3}) as process:
        await process.until_clean()

    assert [1, 1] == channel.puts
    assert [] == channel.backwards


#: Items that go as one feed.
FORTY: Final = {f"sku-{number}": 1 for number in range(40)}


def take_feeds_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed begins with what is there: the clock of these tests stands."""
    monkeypatch.setattr(loads, "LATER_PATH_S", 1.0)
    monkeypatch.setattr(loads, "GATHERING_SHARE", 0.0)


async def stopped_in_a_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MiniChannel:
    """A channel whose adapter stopped while it worked on a feed, which it has done now."""
    take_feeds_at_once(monkeypatch)
    channel = MiniChannel(feed_is_done=False)
    async with running(tmp_path, channel, FORTY, ONE_BY_ONE):
        await until(lambda: channel.polls > 1)
    channel.feed_is_done = True
    return channel


async def test_a_restart_goes_on_with_the_feed_that_a_channel_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await stopped_in_a_feed(tmp_path, monkeypatch)
    async with running(tmp_path, channel, FORTY, ONE_BY_ONE) as process:
        await process.until_clean()
        await until(lambda: not process.kept_walks())

    names = [name for offers in channel.feeds.values() for name, _, _ in offers]
    assert len(names) == len(set(names))
    assert 40 == len(channel.shown)


async def test_what_would_oversell_overtakes_the_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_feeds_at_once(monkeypatch)
    channel = MiniChannel(feed_is_done=False)
    units = {f"sku-{number}": 9 for number in range(40)}
    async with running(tmp_path, channel, units, ONE_BY_ONE) as process:
        await until(lambda: channel.polls > 1)
        overtaken = channel.feeds["1"][0][0]
        process.tell(overtaken.split("@")[0], 0)
        await until(lambda: channel.shown.get(overtaken) == 0)
        channel.feed_is_done = True
        await process.until_clean()

    assert [overtaken] == channel.backwards  # the feed acted last, and the pair was offered again
    assert 0 == channel.shown[overtaken]


async def test_what_is_rejected_waits_for_a_change_or_an_order(tmp_path: Path) -> None:
    channel = MiniChannel(rejects="blocked")
    async with running(tmp_path, channel, {"blocked": 7, "a": 1}) as process:
        await process.until_clean()
        assert 1 == process.board.rejected
        await until(lambda: ["offer_rejected market: blocked at DEFAULT"] == process.case_kinds())

        channel.rejects = ""
        await process.store.write(order_rejected_again("market"))
        await until(lambda: channel.shown.get("blocked@DEFAULT") == 7)


async def test_what_was_ordered_of_rejected_pairs_holds_after_a_restart(tmp_path: Path) -> None:
    channel = MiniChannel(rejects="blocked")
    async with running(tmp_path, channel, {"blocked": 7}) as process:
        await until(lambda: ["offer_rejected market: blocked at DEFAULT"] == process.case_kinds())
        process.publisher.hear(Shown(item="blocked", node="DEFAULT", quantity=7))
        await process.store.write(order_rejected_again("market"))
        process.publisher.arrived.set()
        await until(lambda: not process.board.rejected)
        await until(lambda: not process.kept_order())

    async with running(tmp_path, channel, {"blocked": 7}) as process:
        async with asyncio.timeout(20):
            await process.publisher.loaded.wait()
        assert 0 == process.board.rejected


async def test_an_offer_that_breaks_its_adapter_is_found_and_parked(tmp_path: Path) -> None:
    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if any(each.item == "sku-7" for each in offers):
            raise KeyError("poison")
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    channel = MiniChannel()
    broken = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    units = {f"sku-{number}": number + 1 for number in range(20)}
    async with running(tmp_path, channel, units, broken) as process:
        await until(lambda: len(channel.shown) == 19 and not process.board.waiting)
        process.pass_time()
        await process.until_clean()
        await until(lambda: ["offer_rejected market: sku-7 at DEFAULT"] == process.case_kinds())


async def test_a_channel_of_which_nothing_is_understood_gets_all_once_it_is(tmp_path: Path) -> None:
    answers = [False]

    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if responses and not answers[0]:
            raise Undecodable("status", 401, "200")
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    channel = MiniChannel()
    broken = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    units = {"a": 1, "b": 2, "c": 3}
    async with running(tmp_path, channel, units, broken) as process:
        for tries in (3, 6, 9):
            await until(partial(lambda tries: channel.puts.count(1) == tries, tries))
            await until(lambda: not process.board.waiting)
            process.pass_time()
        assert 0 == process.board.rejected
        assert "status is 401: expected 200" == process.publisher.problem

        answers[0] = True
        process.pass_time()
        await until(lambda: {"a@DEFAULT", "b@DEFAULT", "c@DEFAULT"} == channel.shown.keys())
        process.pass_time()
        await process.until_clean()
        assert [] == process.case_kinds()


async def test_a_channel_that_refuses_all_says_why(tmp_path: Path) -> None:
    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if responses:
            raise Refused("it answers 401", "token")
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    broken = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    async with running(tmp_path, MiniChannel(), {"a": 1}, broken) as process:
        await until(lambda: "it answers 401 (token)" == process.publisher.problem)
        assert 0 == process.board.rejected


async def test_nothing_is_offered_while_more_of_a_change_is_to_come(tmp_path: Path) -> None:
    channel = MiniChannel()
    async with running(tmp_path, channel, {}) as process:
        process.levels.is_settling = True
        for number in range(500):
            process.tell(f"sku-{number}", 1)
            await asyncio.sleep(0)
        process.levels.is_settling = False
        process.publisher.arrived.set()
        await process.until_clean()

    assert [250, 250] == channel.puts


async def test_a_silent_core_raises_nothing(tmp_path: Path) -> None:
    channel = MiniChannel()
    async with running(tmp_path, channel, {"a": 3, "b": 3}) as process:
        await process.until_clean()
        process.levels.silent_s = 61.0
        process.tell("a", 9)
        process.tell("b", 1)
        await until(lambda: channel.shown["b@DEFAULT"] == 1)
        assert 3 == channel.shown["a@DEFAULT"]
        process.levels.silent_s = 0.0
        process.publisher.arrived.set()
        await until(lambda: process.board.pairs.target[0] == 9)
        assert 3 == channel.shown["a@DEFAULT"]  # what it sold meanwhile is on its way
        process.pass_time()
        await until(lambda: channel.shown["a@DEFAULT"] == 9)


async def test_what_differs_is_mended_and_a_case_when_it_differs_again(tmp_path: Path) -> None:
    channel = MiniChannel()
    shown = Shown(item="a", node="DEFAULT", quantity=9)
    async with running(tmp_path, channel, {"a": 3}) as process:
        await process.until_clean()
        for _ in range(2):
            change = process.publisher.hear(shown)
            assert change is not None
            await process.store.write(change)
            await process.until_clean()
        assert ["shown_differs market: a at DEFAULT"] == process.case_kinds()
        assert process.publisher.hear(replace(shown, quantity=3)) is None


async def test_a_walk_that_goes_round_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def round_(*_: Any) -> Request:
        return Request("GET", "/quantities")

    monkeypatch.setattr(publisher_module, "REQUESTS_MAX", 5)
    broken = replace(ADAPTER, publish=Publish((PublishPath("round", 1, round_),)))
    async with running(tmp_path, MiniChannel(), {"a": 1}, broken) as process:
        await until(lambda: "after 5 requests" in process.publisher.problem)


async def test_a_feed_outlives_the_node_that_it_was_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await stopped_in_a_feed(tmp_path, monkeypatch)
    other = PublishOptions(nodes={"OTHER": ("dc-1",)}, buffer_max=0)
    async with running(tmp_path, channel, FORTY, ONE_BY_ONE, other) as process:
        await until(lambda: not process.kept_walks())
        await process.until_clean()
    assert 40 == sum(name.endswith("@OTHER") for name in channel.shown)


async def test_what_was_shown_of_a_location_that_is_not_set_any_more_is_taken_back(
    tmp_path: Path,
) -> None:
    channel = MiniChannel()
    async with running(tmp_path, channel, {"a": 3}) as process:
        await process.until_clean()
    other = PublishOptions(nodes={"DEFAULT": ("dc-2",)}, buffer_max=0)
    async with running(tmp_path, channel, {}, options=other) as process:
        async with asyncio.timeout(20):
            await process.publisher.loaded.wait()
        assert not process.board.waiting  # its levels may still come
        process.levels.known.is_whole = True
        process.board.levels_are_whole(NOW.timestamp())
        process.publisher.arrived.set()
        await until(lambda: channel.shown["a@DEFAULT"] == 0)
