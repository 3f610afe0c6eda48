"""What a watcher is told of supply that is late, and of the promises that it does not cover."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from holdfast.core.commands import Line, RecordStockEvents, Reference, ReserveAgainstSupply
from holdfast.core.commands.stock import SUPPLY, StockEvent
from holdfast.core.ids import key_from_text
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_DAY
from holdfast.core.model import EventKind
from holdfast.edge.server.watch import changes
from holdfast.edge.server.watch.watches import Watches
from holdfast.edge.wire.encoding import Encoded
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.server.test_pump import Bench

NOON_NS = 20_000 * NS_PER_DAY + NS_PER_DAY // 2


def supply(sku: str, units: int, due_ns: int, number: int) -> RecordStockEvents:
    event = StockEvent(
        *(None, number, sku, "W1", EventKind.SUPPLY, units),
        reference=Reference(SUPPLY, f"po {sku}", ""),
        expected_ns=due_ns,
    )
    return RecordStockEvents("buyer", (event,))


def watching(watches: Watches, **wanted: Any) -> "aclosing[Any]":
    """The responses to a watcher, whose call ends with the block."""
    responses = watches.watch(watch.WatchAvailabilityRequest(**wanted))
    return aclosing(_readable(responses))


async def _readable(responses: Any) -> AsyncIterator[Any]:
    async with aclosing(responses) as every:
        async for each in every:
            if isinstance(each, Encoded):
                yield watch.WatchAvailabilityResponse.FromString(each.SerializeToString())
            else:
                yield each


async def next_levels(responses: AsyncIterator[Any]) -> dict[str, tuple[int, int]]:
    """What is overdue and uncovered at each level of the next response."""
    response = await anext(responses)
    assert not response.conflated
    return {each.sku: (each.overdue, each.uncovered) for each in response.levels}


async def opened() -> tuple[Bench, Watches]:
    """Five Pots and nine Cups come today, one Mug tomorrow; three Pots are promised."""
    bench = Bench()
    bench.now_ns = NOON_NS
    await bench.stock()
    for number, (sku, units, days) in enumerate((("Pot", 5, 0), ("Cup", 9, 0), ("Mug", 1, 1)), 1):
        await bench.ask(supply(sku, units, NOON_NS + days * NS_PER_DAY, number))
    line, latest = (Line("Pot", "W1", 3),), (NOON_NS + 9 * NS_PER_DAY,)
    reserve = ReserveAgainstSupply(key_from_text("r"), line, HOLD_MS_MAX, latest)
    assert (await bench.ask(reserve)).refusal is None
    return bench, Watches(bench.pump)


async def test_supply_is_reported_when_it_becomes_overdue_and_whom_it_does_not_cover() -> None:
    """Those levels alone, once; no entry says so."""
    bench, watches = await opened()
    async with watching(watches) as responses:
        assert {"Tea": (0, 0), "Pot": (0, 0), "Cup": (0, 0), "Mug": (0, 0)} == await next_levels(
            responses
        )
        today = watches.today_ns()
        watches._look_at_clock(today)  # the day goes on: nobody is woken
        assert not any(watcher.news.is_set() for watcher in watches.watchers)
        bench.now_ns += NS_PER_DAY
        watches._look_at_clock(today)
        assert {"Pot": (5, 3), "Cup": (9, 0)} == await next_levels(responses)
        bench.now_ns += NS_PER_DAY
        watches._look_at_clock(today + NS_PER_DAY)
        assert {"Mug": (1, 0)} == await next_levels(responses)
    await bench.pump.drain()


async def test_what_changed_and_is_overdue_is_sent_once() -> None:
    bench, watches = await opened()
    async with watching(watches) as responses:
        await anext(responses)
        bench.now_ns += NS_PER_DAY
        await bench.ask(supply("Cup", 8, NOON_NS, 4))
        response = await anext(responses)
        assert ["Cup", "Pot"] == sorted(each.sku for each in response.levels)
    await bench.pump.drain()


async def test_supply_that_is_cancelled_or_late_leaves_promises_uncovered() -> None:
    bench, watches = await opened()
    async with watching(watches, skus=["Pot"]) as responses:
        assert {"Pot": (0, 0)} == await next_levels(responses)
        for number, (units, days, uncovered) in enumerate(((1, 0, 2), (9, 0, 0), (9, 99, 3)), 4):
            await bench.ask(supply("Pot", units, NOON_NS + days * NS_PER_DAY, number))
            assert {"Pot": (0, uncovered)} == await next_levels(responses)
    await bench.pump.drain()


async def test_who_resumes_on_another_day_gets_what_became_overdue() -> None:
    bench, watches = await opened()
    async with watching(watches) as responses:
        after = (await anext(responses)).revisions
    bench.now_ns += NS_PER_DAY
    async with watching(watches, after=after) as responses:
        assert {"Pot": (5, 3), "Cup": (9, 0)} == await next_levels(responses)
    await bench.pump.drain()


async def test_nobody_waits_for_midnight_when_nobody_watches() -> None:
    bench, watches = await opened()
    async with watching(watches) as responses:
        await anext(responses)
    assert watches._midnight is not None
    watches._forget()
    assert watches._midnight.cancelled()
    await bench.pump.drain()


async def test_levels_with_many_promises_from_supply_are_sent_a_few_at_a_time() -> None:
    """All of them, each once."""
    bench, watches = await opened()
    names = [f"S{number}" for number in range(35)]
    for number, sku in enumerate(names, 4):
        await bench.ask(supply(sku, 5, NOON_NS, number))
        line, latest = (Line(sku, "W1", 2),), (NOON_NS + NS_PER_DAY,)
        await bench.ask(ReserveAgainstSupply(key_from_text(sku), line, HOLD_MS_MAX, latest))
    async with watching(watches) as responses:
        await anext(responses)
        bench.now_ns += NS_PER_DAY
        watches._look_at_clock(NOON_NS // NS_PER_DAY * NS_PER_DAY)
        expected = {"Pot": (5, 3), "Cup": (9, 0)} | dict.fromkeys(names, (5, 2))
        assert expected == await next_levels(responses)
    await bench.pump.drain()


async def test_who_was_not_concerned_for_long_has_missed_nothing_when_a_day_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So nothing that it is told was passed over."""
    monkeypatch.setattr(changes, "RECENT_ROWS_MAX", 1)
    bench, watches = await opened()
    async with watching(watches, skus=["Pot"]) as responses:
        assert {"Pot": (0, 0)} == await next_levels(responses)
        following = asyncio.ensure_future(next_levels(responses))
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
        for number in range(4, 9):
            await bench.ask(supply("Mug", number, NOON_NS + NS_PER_DAY, number))
        bench.now_ns += NS_PER_DAY
        watches._look_at_clock(NOON_NS // NS_PER_DAY * NS_PER_DAY)
        assert {"Pot": (5, 3)} == await following
    await bench.pump.drain()


async def rounds_until(is_so: Callable[[], bool]) -> int:
    """How often the loop goes round until something is so."""
    for rounds in range(1_000):
        if is_so():
            return rounds
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")
