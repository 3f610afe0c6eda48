"""A publisher beside a channel that does what no channel should: it refuses all for one,
does not show what it is told, and cannot be read back.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import (
    Deferred,
    Offer,
    Publish,
    PublishPath,
    ReadBack,
    ReadPairs,
    Refused,
    Request,
    Response,
    Stale,
    Undecodable,
    Wait,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.publishing.outages import ORDERS_LEAST_S
from holdfast.adapters.publishing.pairs import Pairs
from holdfast.adapters.runtime import publisher as publisher_module
from holdfast.adapters.runtime import read_back as read_back_module
from holdfast.adapters.runtime.read_back import Reader
from tests.adapters.mini_channel import ADAPTER, ONE_BY_ONE, MiniChannel
from tests.adapters.runtime.test_publisher import (
    FORTY,
    NOW,
    Process,
    running,
    take_feeds_at_once,
    until,
)


async def test_an_offer_for_which_a_channel_refuses_all_is_found_and_parked(tmp_path: Path) -> None:
    """Such as an item that the mapping table misspells: Shopify refuses the whole mutation."""

    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if responses and any(each.item == "sku-7" for each in offers):
            raise Refused("Shopify: INVALID_VARIABLE")
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    channel = MiniChannel()
    broken = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    units = {f"sku-{number}": number + 1 for number in range(20)}
    async with running(tmp_path, channel, units | {"other": 1}, broken) as process:
        changes = count(2)

        def go_on() -> list[str]:
            if not process.board.waiting:
                process.tell("other", next(changes))
                process.pass_time()
            return process.case_kinds()

        await until(go_on)
        assert ["offer_rejected market: sku-7 at DEFAULT"] == process.case_kinds()
    assert channel.shown.keys() >= {f"{sku}@DEFAULT" for sku in (*units, "other") if sku != "sku-7"}


@pytest.mark.parametrize(
    "error", [Refused("the token was revoked"), Undecodable("$", "<html>", "")]
)
async def test_a_channel_that_understands_nothing_is_away_until_it_does(
    tmp_path: Path, error: Exception
) -> None:
    """It shows what it showed, and goes on selling that."""
    fails = [True]

    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if responses and fails:
            raise error
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    broken = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    async with running(tmp_path, MiniChannel(), {"mug": 5, "pen": 2}, broken) as process:

        def is_away() -> bool:
            process.pass_time()
            return process.board._outage.is_claiming(NOW.timestamp() + process.passed_s)

        def is_away_later() -> bool:
            process.passed_s += ORDERS_LEAST_S
            return is_away()

        await until(is_away)
        fails.clear()
        await until(lambda: not is_away_later() and not process.board.dirty)


async def test_what_is_read_back_is_mended(tmp_path: Path) -> None:
    channel = MiniChannel()
    async with running(tmp_path, channel, {"a": 3, "b": 2}) as process:
        await process.until_clean()
        channel.shown["a@DEFAULT"] = 9
        assert ADAPTER.publish is not None
        assert ADAPTER.publish.read_back is not None
        reader = Reader(
            ADAPTER.publish.read_back,
            process.publisher,
            None,
            store=process.store,
            partner=process.partner,
        )
        assert await reader.read_page()
        await process.until_clean()

    assert {"a@DEFAULT": 3, "b@DEFAULT": 2} == channel.shown
    assert [2, 1] == channel.puts


async def test_a_channel_is_asked_for_the_pairs_that_are_known(tmp_path: Path) -> None:
    def request(pairs: Sequence[tuple[str, str]], _options: Any) -> Request:
        asked.append([item for item, _ in pairs])
        return Request("GET", "/quantities")

    def shown(response: Response, _options: Any) -> list[Shown]:
        entries = json.loads(response.body)["shown"].items()
        names = [(name.partition("@")[0], units) for name, units in entries]
        return [
            Shown(item=item, node="DEFAULT", quantity=units)
            for item, units in names
            if item in asked[-1]
        ]

    asked: list[list[str]] = []
    channel = MiniChannel()
    async with running(tmp_path, channel, {"a": 3, "b": 2, "c": 1}) as process:
        await process.until_clean()
        channel.shown["c@DEFAULT"] = 9
        reader = Reader(
            ReadPairs(2, request, shown),
            process.publisher,
            None,
            store=process.store,
            partner=process.partner,
        )
        assert [False, True] == [await reader.read_page(), await reader.read_page()]
        await process.until_clean()

    assert [["a", "b"], ["c"]] == asked
    assert 1 == channel.shown["c@DEFAULT"]


def test_a_channel_is_not_asked_for_the_pairs_that_are_left() -> None:
    """It may not have their items any more, and refuse the whole page."""
    pairs = Pairs()
    for item in "abcdef":
        row = pairs.added(item, "DEFAULT")
        pairs.is_left[row] = item in "acf"

    names, after = pairs.page(0, 2)
    assert [("b", "DEFAULT"), ("d", "DEFAULT")] == names
    assert after is not None
    assert ([("e", "DEFAULT")], None) == pairs.page(after, 2)


@asynccontextmanager
async def reading(process: Process, read_back: ReadBack | ReadPairs) -> AsyncIterator[Reader]:
    """A reader of the process that reads whenever it may."""
    reader = Reader(
        read_back, process.publisher, None, store=process.store, partner=process.partner
    )
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_channel_is_read_back_though_a_pair_is_put_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        if any(each.item == "late" for each in offers):
            return [Deferred(3_600.0) for _ in offers]
        return ADAPTER.publish.paths[0].next(offers, responses, options)  # type: ignore[union-attr]

    monkeypatch.setattr(read_back_module, "SPARE_S", 0.01)
    assert ADAPTER.publish is not None
    assert ADAPTER.publish.read_back is not None
    channel = MiniChannel()
    adapter = replace(ADAPTER, publish=Publish((PublishPath("put", 1, put),)))
    async with running(tmp_path, channel, {"late": 1, "a": 3}, adapter) as process:
        await until(lambda: channel.shown and not process.board.waiting)
        channel.shown["a@DEFAULT"] = 9
        async with reading(process, ADAPTER.publish.read_back):
            await until(lambda: 3 == channel.shown["a@DEFAULT"])


async def test_a_page_that_breaks_its_adapter_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(*_: Any) -> Any:
        raise KeyError("quantity")

    monkeypatch.setattr(read_back_module, "SPARE_S", 0.01)
    broken = ReadBack(lambda _cursor, _options: Request("GET", "/quantities"), page)
    async with running(tmp_path, MiniChannel(), {"a": 3}) as process:
        await process.until_clean()
        async with reading(process, broken) as reader:
            await until(lambda: "the adapter failed: KeyError('quantity')" == reader.last_error)


async def test_what_a_sale_took_is_by_the_clock_of_who_sold_it(tmp_path: Path) -> None:
    async with running(tmp_path, MiniChannel(), {"a": 3}) as process:
        await process.until_clean()
        before_s = process.board._ages.orders.mean_s
        process.passed_s = 3_600.0
        process.publisher.hear_sale(NOW - timedelta(seconds=8))
        assert before_s + 4.0 == process.board._ages.orders.mean_s  # with the one that is assumed


async def test_a_feed_without_an_answer_is_offered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one at Walmart whose status answers 500 each time."""
    take_feeds_at_once(monkeypatch)
    channel = MiniChannel(feed_is_lost=True)
    async with running(tmp_path, channel, FORTY, ONE_BY_ONE) as process:
        monkeypatch.setattr(publisher_module, "UNANSWERED_S", 0.0)
        await until(lambda: ["offers_unanswered market: feed"] == process.case_kinds())
        channel.feed_is_lost = False
        monkeypatch.setattr(publisher_module, "UNANSWERED_S", 20.0)
        await process.until_clean()

    assert 40 == len(channel.shown)


async def test_what_would_oversell_overtakes_a_feed_without_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def feed(offers: Sequence[Offer], responses: Sequence[Response], options: Any) -> Any:
        assert ONE_BY_ONE.publish is not None
        step = ONE_BY_ONE.publish.paths[1].next(offers, responses, options)
        return step.request if isinstance(step, Wait) else step  # it is asked for at once

    take_feeds_at_once(monkeypatch)
    assert ONE_BY_ONE.publish is not None
    paths = (ONE_BY_ONE.publish.paths[0], PublishPath("feed", 250, feed))
    channel = MiniChannel(feed_is_lost=True)
    adapter = replace(ONE_BY_ONE, publish=Publish(paths))
    async with running(tmp_path, channel, dict.fromkeys(FORTY, 9), adapter) as process:
        await until(lambda: channel.polls > 1)
        overtaken = channel.feeds["1"][0][0]
        process.tell(overtaken.split("@")[0], 0)
        await until(lambda: channel.shown.get(overtaken) == 0)


async def test_what_is_put_off_waits_for_the_time_that_passes_here(tmp_path: Path) -> None:
    """Not for that of a wall clock, which may be set back."""

    def put(offers: Sequence[Offer], *_: Any) -> Any:
        return [Deferred(10.0) for _ in offers]

    adapter = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    async with running(tmp_path, MiniChannel(), {"a": 3}, adapter) as process:
        process.passed_s = 3_600.0
        now_s = NOW.timestamp() + process.passed_s
        await until(lambda: process.board.dirty and not process.board.waiting)
        await until(lambda: not process.board.pairs.flights[0])
        assert [] == [*process.board.pass_time(now_s + 9)]
        assert [None] == [*process.board.pass_time(now_s + 11)]


async def test_an_offer_that_stays_stale_is_a_case_each(tmp_path: Path) -> None:
    def put(offers: Sequence[Offer], *_: Any) -> Any:
        return [Stale(9 if each.shown == 8 else 8) for each in offers]

    adapter = replace(ADAPTER, publish=Publish((PublishPath("put", 250, put),)))
    async with running(tmp_path, MiniChannel(), {"a": 3}, adapter) as process:
        await until(lambda: ["offer_stale market: a at DEFAULT"] == process.case_kinds())
        assert not process.board.waiting
