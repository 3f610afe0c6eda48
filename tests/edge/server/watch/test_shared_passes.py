"""Watchers whose passes are the same: one makes it, and each is sent what is right for it."""

import asyncio
from contextlib import AsyncExitStack
from itertools import count
from random import Random
from typing import Any, Final

import pytest

from holdfast.core.commands import DeleteSku, GetAvailability, RecordStockEvents, StockEvent
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind
from holdfast.edge.server.watch import watches as watches_module
from holdfast.edge.server.watch.watches import Watches
from holdfast.edge.wire.watch import status_of
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.server.test_pump import Bench
from tests.edge.server.watch.test_days import rounds_until, watching
from tests.edge.server.watch.test_states import let_pages_be_short, opened, received

SKUS: Final = ("Pot", "Tea", "Cup", "Jug", "Mug", "Pan")
WATCHERS: Final = 40
STEPS: Final = 60
NUMBERS: Final = count()


async def test_those_who_want_the_same_are_told_what_the_first_has_read() -> None:
    """Who has another threshold is told its own."""
    bench, watches = await opened()
    async with AsyncExitStack() as stack:
        first, second, low = [
            await stack.enter_async_context(watching(watches, **wanted))
            for wanted in (
                {"skus": ["Pot"]},
                {"skus": ["Pot"], "start": watch.WATCH_START_CURRENT_STATE},
                {"skus": ["Pot"], "low_threshold": 99},
            )
        ]
        for responses in (first, second, low):
            await anext(responses)
        for number in (2, 3):
            await bench.ask(received(number, source="wms"))
            response = await anext(first)
            assert response is await anext(second)
            other = await anext(low)
            assert [watch.STOCK_STATUS_IN_STOCK] == [each.status for each in response.levels]
            assert [watch.STOCK_STATUS_LOW] == [each.status for each in other.levels]
    await bench.pump.drain()


async def test_who_was_sent_another_status_before_is_told_of_its_own_crossing() -> None:
    bench, watches = await opened()
    wanted: dict[str, Any] = {"skus": ["Pot"]}
    async with (
        watching(watches, **wanted) as knowing,
        watching(watches, **wanted, start=watch.WATCH_START_NOW) as new,
    ):
        for responses in (knowing, new):
            await anext(responses)
        await bench.ask(some(EventKind.SALE, "Pot", 5))
        crossed = [(await anext(each)).levels[0].crossed_from for each in (knowing, new)]
        assert [watch.STOCK_STATUS_IN_STOCK, watch.STOCK_STATUS_UNSPECIFIED] == crossed
        await bench.ask(received(2, source="wms"))
        assert await anext(knowing) is await anext(new), "they have been sent the same since"
    await bench.pump.drain()


async def test_what_takes_several_responses_is_told_to_each_in_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_pages_be_short(monkeypatch)
    bench, watches = await opened()
    for sku in SKUS:
        await bench.ask(some(EventKind.RECEIPT, sku, 1))
    for _ in range(2):
        async with watching(watches) as responses:
            skus = []
            async for response in responses:
                skus += [each.sku for each in response.levels]
                if response.revisions:
                    break
        assert sorted(SKUS) == sorted(skus)
    await bench.pump.drain()


async def test_who_shares_a_pass_that_told_nothing_is_told_later_that_values_were_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest_for(monkeypatch, 3_600.0)
    bench, watches = await opened()
    wanted: dict[str, Any] = {"skus": ["Pot"], "crossings_only": True}
    async with watching(watches, **wanted) as one, watching(watches, **wanted) as other:
        for responses in (one, other):
            await anext(responses)
        both = asyncio.gather(anext(one), anext(other))
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
        for units in (1, 2, 3):
            await bench.ask(some(EventKind.RECEIPT, "Pot", units))
        watches._wake()
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
        assert not both.done()
        await bench.ask(some(EventKind.SALE, "Pot", 11))
        watches._wake()
        assert [True, True] == [each.conflated for each in await both]
    await bench.pump.drain()


async def test_each_watcher_ends_with_what_it_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they want, whenever they begin and however slowly they read."""
    rest_for(monkeypatch, 0.0)
    rng = Random(5)
    bench, watches = await opened()
    skus = list(SKUS)
    readers: list[Reader] = []
    tasks: list[asyncio.Task[None]] = []
    for _ in range(STEPS):
        if len(readers) < WATCHERS:
            readers.append(Reader(rng))
            tasks.append(asyncio.create_task(readers[-1].read(watches)))
        await bench.ask(any_command(rng, skus))
    await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
    assert 0 == watches.lag()
    units = await units_of(bench)
    for reader in readers:
        reader.check(units)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await bench.pump.drain()


@pytest.mark.parametrize("states", [[], [common.SOURCE_STATE_CURRENT]])
async def test_a_sku_that_ends_and_begins_again_between_passes_crosses_from_what_was_sent(
    states: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its level is another, which the caller does not see."""
    rest_for(monkeypatch, 0.0)
    bench, watches = await opened()
    crossed: list[tuple[int, int]] = []
    async with watching(watches, skus=["Pot"], source_states=states) as responses:
        await anext(responses)
        for _ in range(2):
            following = asyncio.ensure_future(anext(responses))
            await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
            lives = [(DeleteSku("Pot"), some(EventKind.SALE, "Pot", 1)) for _ in range(2)]
            await asyncio.gather(*(bench.ask(each) for life in lives for each in life))
            (update,) = (await following).levels
            crossed.append((update.status, update.crossed_from))
    in_stock, short = watch.STOCK_STATUS_IN_STOCK, watch.STOCK_STATUS_SHORT
    assert [(short, in_stock), (short, watch.STOCK_STATUS_UNSPECIFIED)] == crossed
    await bench.pump.drain()


async def test_changes_while_watchers_rest_are_told_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest_for(monkeypatch, 3_600.0)
    bench, watches = await opened()
    async with watching(watches, skus=["Pot"]) as responses:
        await anext(responses)
        await bench.ask(received(2, source="wms"))
        assert not (await anext(responses)).conflated
        following = asyncio.ensure_future(anext(responses))
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
        await bench.ask(some(EventKind.RECEIPT, "Tea", 1))
        assert 0 == watches.lag(), "it is of another SKU"
        for number in (3, 4):
            await bench.ask(received(number, source="wms"))
        assert 2 == watches.lag()
        assert not following.done()
        watches._wake()
        response = await following
        assert (True, 20) == (response.conflated, response.levels[0].level.on_hand)
    await bench.pump.drain()


class Reader:
    """Takes in what it is told, and checks that each crossing begins where the last one ended."""

    def __init__(self, rng: Random) -> None:
        self._rounds = rng.choice((0, 0, 3, 30))
        self._threshold = rng.choice((0, 0, 12))
        self._is_by_crossings = rng.random() < 0.2
        self._starts_now = rng.random() < 0.5
        self._skus = rng.choice(((), SKUS[:1], SKUS[1:3], SKUS))
        self._units: dict[str, int] = {}
        self._statuses: dict[str, int] = {}

    async def read(self, watches: Watches) -> None:
        wanted: dict[str, Any] = {
            "skus": self._skus,
            "low_threshold": self._threshold,
            "crossings_only": self._is_by_crossings,
            "start": watch.WATCH_START_NOW if self._starts_now else watch.WATCH_START_UNSPECIFIED,
        }
        async with watching(watches, **wanted) as responses:
            async for response in responses:
                for update in response.levels:
                    self._take_in(update)
                for _ in range(self._rounds):
                    await asyncio.sleep(0)

    def _take_in(self, update: watch.LevelUpdate) -> None:
        before = self._statuses.pop(update.sku, 0)
        self._units.pop(update.sku, None)
        if not update.removed:
            self._statuses[update.sku] = update.status
            self._units[update.sku] = update.level.available
            assert (before if before != update.status else 0) == update.crossed_from

    def check(self, units: dict[str, int]) -> None:
        """Compare with the units of each SKU that there is."""
        known = self._units if self._starts_now else self._skus or SKUS
        expected = {sku: units[sku] for sku in known if sku in units}
        if self._is_by_crossings:
            statuses = {sku: status_of(left, self._threshold) for sku, left in expected.items()}
            assert statuses == self._statuses
        else:
            assert expected == self._units


def rest_for(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """How long a watcher rests after a round."""
    monkeypatch.setattr(watches_module, "ROUND_S", seconds)


def any_command(rng: Random, skus: list[str]) -> RecordStockEvents | DeleteSku:
    """About one of these SKUs, of which some end and begin again."""
    sku = rng.choice(skus)
    if rng.random() < 0.1:
        return DeleteSku(sku)
    return some(rng.choice((EventKind.RECEIPT, EventKind.SALE)), sku, rng.randint(1, 9))


def some(kind: EventKind, sku: str, units: int) -> RecordStockEvents:
    event = StockEvent(key_from_text(str(next(NUMBERS))), 0, sku, "W1", kind, units)
    return RecordStockEvents("till", (event,))


async def units_of(bench: Bench) -> dict[str, int]:
    """How many units of each SKU are available that there is."""
    found = await bench.ask(GetAvailability(SKUS))
    return {view.sku: view.levels[0].available for view in found.views if view and view.levels}
