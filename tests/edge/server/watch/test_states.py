"""What a watcher who asks for levels by the state of their source is sent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.core.commands import DeleteSku, RecordStockEvents, RenameSku, StockEvent
from holdfast.core.model import EventKind
from holdfast.edge.server.watch import level_pages, watched_rows, watcher
from holdfast.edge.server.watch.watches import Watches
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.server.test_pump import Bench
from tests.edge.server.watch.test_days import rounds_until, watching

GAP, CURRENT = common.SOURCE_STATE_GAP, common.SOURCE_STATE_CURRENT

#: A SKU that the caller is to drop, and the state into which its source came, or 0.
LevelState = tuple[str, bool, int]


def received(*numbers: int, source: str = "erp", sku: str = "Pot") -> RecordStockEvents:
    events = [StockEvent(None, n, sku, "W1", EventKind.RECEIPT, 5) for n in numbers]
    return RecordStockEvents(source, tuple(events))


async def next_states(responses: AsyncIterator[Any]) -> list[LevelState]:
    """The next response, without the units."""
    return sorted(map(state_of, (await anext(responses)).levels))


def state_of(update: watch.LevelUpdate) -> LevelState:
    return update.sku, update.removed, update.level.source_state


async def opened() -> tuple[Bench, Watches]:
    """The Tea of one source, and the Pot of another, both current."""
    bench = Bench()
    await bench.stock()
    await bench.ask(received(1, source="wms"))
    return bench, Watches(bench.pump)


async def test_a_level_is_sent_when_it_comes_into_a_state_and_when_it_leaves() -> None:
    bench, watches = await opened()
    async with watching(watches, source_states=[GAP]) as responses:
        first = await anext(responses)
        assert (True, 0) == (first.reset, len(first.levels))
        await bench.ask(received(3, source="wms"))
        assert [("Pot", False, GAP)] == await next_states(responses)
        await bench.ask(received(4, source="wms"))
        assert [("Pot", False, GAP)] == await next_states(responses)
        await bench.ask(received(2, source="wms"))
        assert [("Pot", True, CURRENT)] == await next_states(responses)
        # What it is not sent: other levels, and this one once it is gone.
        await bench.ask(received(2))
        await bench.ask(received(5, source="wms"))
        await bench.ask(received(7, source="wms"))
        assert [("Pot", False, GAP)] == await next_states(responses)
    await bench.pump.drain()


async def test_the_state_that_comes_first_has_levels_in_the_states_alone() -> None:
    bench, watches = await opened()
    await bench.ask(received(3, source="wms"))
    for states, expected in (
        ([GAP], ["Pot"]),
        ([CURRENT], ["Tea"]),
        ([CURRENT, GAP], ["Pot", "Tea"]),
        ([], ["Pot", "Tea"]),
    ):
        async with watching(watches, source_states=states) as responses:
            assert expected == [sku for sku, *_ in await next_states(responses)]
    await bench.pump.drain()


async def test_who_resumes_gets_once_what_has_left() -> None:
    """The node does not know which of these levels the caller has."""
    bench, watches = await opened()
    await bench.ask(received(3, source="wms"))
    async with watching(watches, source_states=[GAP]) as responses:
        after = (await anext(responses)).revisions
    await bench.ask(received(2, source="wms"))
    async with watching(watches, source_states=[GAP], after=after) as responses:
        assert [("Pot", True, CURRENT)] == await next_states(responses)
        await bench.ask(received(4, source="wms"))
        await bench.ask(received(6, source="wms"))
        assert [("Pot", False, GAP)] == await next_states(responses)
    await bench.pump.drain()


async def test_the_end_of_a_level_in_a_state_is_its_end_under_its_present_name() -> None:
    bench, watches = await opened()
    await bench.ask(received(3, source="wms"))
    async with watching(watches, source_states=[GAP]) as responses:
        await anext(responses)
        await bench.ask(RenameSku("Pot", "Jug"))
        assert [("Jug", False, GAP)] == await next_states(responses)
        await bench.ask(received(2, source="wms"))
        assert [("Jug", True, CURRENT)] == await next_states(responses)
        await bench.ask(received(6, source="wms", sku="Jug"))
        assert [("Jug", False, GAP)] == await next_states(responses)
        await bench.ask(DeleteSku("Pot"))
        assert [("Jug", True, 0)] == await next_states(responses)
    await bench.pump.drain()


async def test_a_sku_that_begins_again_in_another_state_is_dropped() -> None:
    """Between two passes: the caller has the level of the one that ended."""
    bench, watches = await opened()
    await bench.ask(received(3, source="wms"))
    async with watching(watches, source_states=[GAP]) as responses:
        assert [("Pot", False, GAP)] == await next_states(responses)
        following = asyncio.ensure_future(next_states(responses))
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
        await asyncio.gather(bench.ask(DeleteSku("Pot")), bench.ask(received(1, source="till")))
        assert [("Pot", True, CURRENT)] == await following
    await bench.pump.drain()


@pytest.mark.parametrize("encoded_min", [1, level_pages.ENCODED_MIN])
async def test_a_crossing_is_sent_of_a_level_that_comes_back_into_a_state(
    encoded_min: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its status was before it left."""
    monkeypatch.setattr(level_pages, "ENCODED_MIN", encoded_min)
    bench, watches = await opened()
    async with watching(watches, source_states=[GAP], crossings_only=True) as responses:
        await anext(responses)
        for numbers, state in (([3], GAP), ([4, 2], CURRENT), ([6], GAP)):
            await bench.ask(received(*numbers, source="wms"))
            (level,) = (await anext(responses)).levels
            assert ("Pot", state == CURRENT, state) == state_of(level)
            assert watch.STOCK_STATUS_UNSPECIFIED == level.crossed_from
    await bench.pump.drain()


def let_pages_be_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two levels each, without a rest between them."""
    for module in (watcher, watched_rows):
        monkeypatch.setattr(module, "PAGE_LEVELS", 2)
    monkeypatch.setattr(watcher, "REST_A_LEVEL_S", 0)


async def test_a_watcher_that_has_nothing_to_tell_lets_others_run_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many levels change and cross no threshold: the loop goes round between pages."""
    let_pages_be_short(monkeypatch)
    bench, watches = await opened()
    events = [StockEvent(None, 0, f"S{n}", "W1", EventKind.RECEIPT, 5) for n in range(20)]
    await bench.ask(RecordStockEvents("wms", tuple(events)))
    async with watching(watches, crossings_only=True) as responses:
        while not (await anext(responses)).revisions:
            pass
        (one,) = watches.watchers
        following = asyncio.ensure_future(anext(responses))
        await rounds_until(lambda: one._is_waiting)
        await bench.ask(RecordStockEvents("wms", tuple(events)))
        assert await rounds_until(lambda: one.sent == watches.sequences()) > 5
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await bench.pump.drain()
