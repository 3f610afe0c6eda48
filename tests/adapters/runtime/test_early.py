"""Events that overtake their order wait for it, and are dead letters if it does not come."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.events import (
    Event,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from holdfast.adapters.runtime.boxes import EARLY, of_others
from holdfast.adapters.runtime.dead_letters import dead_letters, replay
from holdfast.adapters.runtime.early import WAITS_S
from holdfast.adapters.runtime.store import Store, Tables
from holdfast.core.commands import Location, RecordStockEvents, StockEvent, UpdateLocation
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from tests.adapters.core_client import CoreClient
from tests.adapters.one_lane import MAP_BYTES, NOW, deliver, letters_in, wait_in_vain
from tests.core.engine import NodeEngine
from tests.core.script_answers import START_NS

LINE = OrderLine("1", "MUG", "A", Decimal(2))
HOUR = timedelta(hours=1)
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def core() -> CoreClient:
    """Many mugs at A, for orders of which each has an id of its own."""
    engine = NodeEngine(1)
    engine.turn([UpdateLocation(Location("A", LocationKind.STORE, "", enabled=True))], START_NS)
    counted = StockEvent(key_from_text("count"), 0, "MUG", "A", EventKind.COUNT, 1_000)
    engine.turn([RecordStockEvents("wms", (counted,))], START_NS)
    return CoreClient(engine, START_NS)


@pytest.fixture
def placed() -> OrderEvent:
    """An order of two."""
    name = f"web/{next(_NUMBERS)}"
    return OrderEvent(
        source="web", id=f"{name}/p", kind=OrderKind.PLACED, order=name, lines=(LINE,), time=NOW
    )


def later(placed: OrderEvent, kind: OrderKind, **changes: Any) -> OrderEvent:
    return replace(placed, id=f"{placed.order}/{kind}", kind=kind, **changes)


def returned(placed: OrderEvent) -> StockFact:
    return StockFact(
        source="web",
        id=f"{placed.order}/r",
        kind=FactKind.RETURN,
        sku="MUG",
        location="A",
        quantity=Decimal(1),
        time=NOW,
        reference=Reference("reservation", placed.order),
    )


async def figures(core: CoreClient, placed: OrderEvent) -> list[tuple[int, int, int, int]]:
    """Of each line: committed, fulfilled, cancelled and returned units."""
    lines = (await core.get_reservation(placed.order)).reservation.lines
    return [(each.committed, each.fulfilled, each.cancelled, each.returned) for each in lines]


def waiting(folder: Path) -> int:
    """How many events wait for their order."""
    store = Store(folder, MAP_BYTES)
    with store.reading() as tables:
        found = of_others(tables, ()).get(f"channel: {EARLY}", 0)
    store.close()
    return found


async def at(folder: Path, core: CoreClient, seconds: int, *events: Event) -> None:
    now: datetime = NOW + timedelta(seconds=seconds)
    await deliver(folder, core, *events, now=now)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (OrderKind.SHIPPED, (0, 2, 0, 0)),
        (OrderKind.CANCELLED, (0, 0, 2, 0)),
        (OrderKind.REFUNDED, (0, 0, 2, 0)),
        (OrderKind.SETTLED, (2, 0, 0, 0)),
    ],
)
async def test_what_comes_before_its_order_is_carried_out_after_it(
    core: CoreClient,
    tmp_path: Path,
    placed: OrderEvent,
    kind: OrderKind,
    expected: tuple[int, int, int, int],
) -> None:
    lines = () if kind is OrderKind.SETTLED else placed.lines
    await deliver(tmp_path, core, later(placed, kind, lines=lines))
    assert 1 == waiting(tmp_path)
    await deliver(tmp_path, core, placed)
    assert [(2, 0, 0, 0)] == await figures(core, placed)
    await at(tmp_path, core, WAITS_S[0])
    assert [expected] == await figures(core, placed)
    assert (0, []) == (waiting(tmp_path), letters_in(tmp_path))


async def test_a_line_that_is_shipped_before_it_is_placed_is_shipped_then(
    core: CoreClient, tmp_path: Path, placed: OrderEvent
) -> None:
    second = replace(LINE, id="2", quantity=Decimal(3))
    shipped = later(placed, OrderKind.SHIPPED, lines=(second,))
    added = replace(placed, id=f"{placed.order}/p2", lines=(second,))
    await deliver(tmp_path, core, placed, shipped, added)
    await at(tmp_path, core, WAITS_S[0])
    further = (await core.get_reservation(f"{placed.order}+1")).reservation.lines
    assert [("2", 3)] == [(line.line_id, line.fulfilled) for line in further]


async def test_a_return_waits_for_the_shipment(
    core: CoreClient, tmp_path: Path, placed: OrderEvent
) -> None:
    assert [] == await deliver(tmp_path, core, placed, returned(placed))
    await deliver(tmp_path, core, later(placed, OrderKind.SHIPPED))
    assert [(0, 2, 0, 0)] == await figures(core, placed)
    await at(tmp_path, core, WAITS_S[0])
    assert [(0, 1, 0, 1)] == await figures(core, placed)


async def test_it_is_tried_at_its_times_and_is_a_dead_letter_after_the_last(
    core: CoreClient, tmp_path: Path, placed: OrderEvent
) -> None:
    unknown = later(replace(placed, order=f"{placed.order}-unknown"), OrderKind.SHIPPED)
    await deliver(tmp_path, core, placed, unknown, returned(placed))
    other = replace(placed, order=f"{placed.order}-other")
    for number, due in enumerate(accumulate(WAITS_S)):
        # Just before its time it still waits, whatever else comes.
        await at(tmp_path, core, due - 1, replace(other, id=f"{other.order}/{number}"))
        assert (2, []) == (waiting(tmp_path), letters_in(tmp_path))
        await at(tmp_path, core, due)
    letters = letters_in(tmp_path)
    assert 0 == waiting(tmp_path)
    assert {"UNKNOWN_RESERVATION", "EXCEEDS_SHIPPED"} == {each.reason for each in letters}
    assert {len(WAITS_S) + 1} == {each.attempts for each in letters}
    assert HOUR.total_seconds() == sum(WAITS_S)


async def test_its_case_is_opened_with_its_dead_letter(
    core: CoreClient, tmp_path: Path, placed: OrderEvent
) -> None:
    assert [] == await deliver(tmp_path, core, placed, returned(placed))
    [case] = await wait_in_vain(tmp_path, core)
    assert ("failed_return", placed.order) == (case.kind, case.subject)


async def test_what_is_replayed_does_not_wait(
    core: CoreClient, tmp_path: Path, placed: OrderEvent
) -> None:
    await deliver(tmp_path, core, later(placed, OrderKind.SHIPPED))
    await wait_in_vain(tmp_path, core)

    def replay_all(tables: Tables) -> None:
        for letter in list(dead_letters(tables)):
            replay(tables, letter.number)

    store = Store(tmp_path, MAP_BYTES)
    store.write_now(replay_all)
    store.close()
    await deliver(tmp_path, core)
    assert (0, 1) == (waiting(tmp_path), len(letters_in(tmp_path)))
