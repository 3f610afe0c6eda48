"""Levels that are encoded from columns are told as the same levels in messages are."""

import asyncio
from random import Random
from typing import Any, Final

import pytest

from holdfast.core.commands import (
    DeleteSku,
    Line,
    Location,
    RecordStockEvents,
    RenameSku,
    Reserve,
    ReserveAgainstSupply,
    Source,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import StockEvent
from holdfast.core.ids import key_from_text
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_DAY
from holdfast.core.model import EventKind, LocationKind, UnknownSkus
from holdfast.edge.server.watch import level_pages, watcher
from holdfast.edge.server.watch.watches import Watches
from holdfast.edge.wire.encoding import Encoded
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.server.test_pump import Bench
from tests.edge.server.watch.test_days import NOON_NS, rounds_until, supply
from tests.edge.server.watch.test_shared_passes import rest_for

SKUS: Final = tuple(f"Sku {number}" for number in range(40))
PLACES: Final = ("W1", "W2")
STEPS: Final = 12

#: So many levels are encoded from columns: one is enough, or no page has enough.
COLUMNS, MESSAGES = 1, 1_000_000


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"low_threshold": 40},
        {"crossings_only": True, "low_threshold": 40},
        {"start": watch.WATCH_START_NOW},
        {"skus": SKUS[:9]},
        {"locations": ["W2"]},
    ],
)
async def test_levels_are_told_the_same_encoded_and_as_messages(
    wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there, renamed, in quarantine, not for sale, promised, awaited, late and
    short, and one that ends, before and after they change.
    """
    rest_for(monkeypatch, 0.0)
    monkeypatch.setattr(watcher, "REST_A_LEVEL_S", 0.0)
    monkeypatch.setattr(level_pages, "ENCODED_MIN", MESSAGES)
    expected = await told(wanted)
    assert not any(isinstance(each, Encoded) for each in expected)
    monkeypatch.setattr(level_pages, "ENCODED_MIN", COLUMNS)
    found = await told(wanted)
    assert any(isinstance(each, Encoded) for each in found[1:]), "and not the first state alone"
    assert list(map(read, expected)) == list(map(read, found))


async def told(wanted: dict[str, Any]) -> list[Any]:
    """The responses to a watcher while all kinds of levels change."""
    bench, watches = await opened()
    rng, responses = Random(3), []

    async def take() -> None:
        every = watches.watch(watch.WatchAvailabilityRequest(**wanted))
        while True:
            responses.append(await anext(every))

    task = asyncio.create_task(take())
    await rounds_until(lambda: bool(responses))
    for step in range(STEPS):
        bench.now_ns += NS_PER_DAY // 2
        watches._look_at_clock(watches.today_ns() - NS_PER_DAY)
        await bench.ask(DeleteSku(SKUS[9]) if step == STEPS // 2 else sales(rng))
        await rounds_until(lambda: all(each.is_idle for each in watches.watchers))
    task.cancel()
    await asyncio.wait((task,))
    await bench.pump.drain()
    return responses


def read(response: Any) -> tuple[Any, ...]:
    """What a response says, with its levels in order: one of each name and place."""
    message = watch.WatchAvailabilityResponse.FromString(response.SerializeToString())
    levels = sorted(map(str, message.levels))
    return levels, list(map(str, message.revisions)), message.reset, message.conflated


def sales(rng: Random) -> RecordStockEvents:
    """Of half of the SKUs, at both locations, more than some have."""
    kinds = EventKind.SALE, EventKind.RECEIPT
    chosen = rng.sample(SKUS, len(SKUS) // 2)
    events = (
        StockEvent(None, 0, sku, place, rng.choice(kinds), rng.randint(1, 30))
        for sku in chosen
        for place in PLACES
    )
    return RecordStockEvents("till", tuple(events))


async def opened() -> tuple[Bench, Watches]:
    """40 SKUs at two locations, and something of everything among them."""
    bench = Bench()
    bench.now_ns = NOON_NS
    for place in PLACES:
        await bench.ask(UpdateLocation(Location(place, LocationKind.STORE, "", enabled=True)))
    some = (StockEvent(None, 0, sku, at, EventKind.RECEIPT, 50) for sku in SKUS for at in PLACES)
    damaged = StockEvent(
        None, 0, SKUS[0], PLACES[0], EventKind.STATUS_CHANGE, 2, to_status="damaged"
    )
    promised = ReserveAgainstSupply(
        key_from_text("waits"),
        (Line(SKUS[1], PLACES[0], 60),),
        HOLD_MS_MAX,
        (NOON_NS + 2 * NS_PER_DAY,),
    )
    unknown = Source("pos", 0, UnknownSkus.QUARANTINE)
    for command in (
        RecordStockEvents("till", tuple(some)),
        RecordStockEvents("till", (damaged,)),
        supply(SKUS[1], 20, NOON_NS + NS_PER_DAY, 1),
        supply(SKUS[2], 5, NOON_NS, 2),
        promised,
        Reserve(key_from_text("held"), (Line(SKUS[3], PLACES[1], 7),), HOLD_MS_MAX),
        RenameSku(SKUS[4], "Jug"),
        UpdateSource(unknown, allow_missing=True),
        RecordStockEvents("pos", (StockEvent(None, 1, "New", "W1", EventKind.RECEIPT, 9),)),
    ):
        answer = await bench.ask(command)
        assert not getattr(answer, "refusal", None)
    return bench, Watches(bench.pump)
