"""Orders that a channel has sold already, from the message to the core and the exception queue."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.events import OrderEvent, OrderKind, OrderLine
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.adapters.runtime.order_calls import SOLD_HOLD
from holdfast.adapters.runtime.store import StoreFailed, StoreFull
from holdfast.core.commands import Location, RecordStockEvents, StockEvent, UpdateLocation
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.edge.client import NotFound, calls
from holdfast.edge.wire.reservations import reserve_from_request
from tests.adapters.core_client import CoreClient, Killed, orders_in_memory
from tests.adapters.one_lane import NOW, deliver
from tests.core.engine import NodeEngine
from tests.core.script_answers import START_NS

LINE = OrderLine("1", "MUG", "A", Decimal(3))
PLACED = OrderEvent(
    source="amazon", id="1", kind=OrderKind.PLACED, order="o", lines=(LINE,), is_sold=True
)


@pytest.fixture
def core() -> CoreClient:
    """Two mugs at A."""
    engine = NodeEngine(1)
    engine.turn([UpdateLocation(Location("A", LocationKind.STORE, "", enabled=True))], START_NS)
    count = StockEvent(key_from_text("count"), 0, "MUG", "A", EventKind.COUNT, 2)
    engine.turn([RecordStockEvents("wms", (count,))], START_NS)
    return CoreClient(engine, START_NS)


async def test_an_order_that_is_sold_is_placed_whatever_is_there(core: CoreClient) -> None:
    orders = orders_in_memory(core)
    asked = await orders.apply(replace(PLACED, is_sold=False))
    assert isinstance(asked, Dead)
    assert "INSUFFICIENT_STOCK" == asked.reason
    for outcome in ("APPLIED", "APPLIED", "ALREADY_PLACED"):
        event = PLACED if outcome == "APPLIED" else replace(PLACED, id="2")
        done = await orders.apply(event)
        assert isinstance(done, Settled)
        assert done.case
        expected = outcome, "order_short", "sold, but not in stock: 1 of MUG at A"
        assert expected == (done.outcome, done.case.kind, done.case.text)
    (line,) = (await core.get_reservation("o")).reservation.lines
    assert (3, 0) == (line.committed, line.held)


async def test_whether_a_sale_is_short_is_asked_of_its_lines_and_of_the_others_if_it_is(
    core: CoreClient,
) -> None:
    for sku in ("CUP", "JUG"):
        count = StockEvent(key_from_text(sku), 0, sku, "A", EventKind.COUNT, 1)
        core.engine.turn([RecordStockEvents("wms", (count,))], START_NS)
    orders, texts = orders_in_memory(core), []
    for id_, sku, units in (("1", "MUG", 3), ("2", "CUP", 1), ("3", "JUG", 2)):
        line = OrderLine(id_, sku, "A", Decimal(units))
        core.asked.clear()
        done = await orders.apply(replace(PLACED, id=id_, lines=(line,)))
        assert isinstance(done, Settled)
        texts.append((done.case and done.case.text, core.asked.count("get_shortfall")))
    both = "sold, but not in stock: 1 of JUG at A, 1 of MUG at A"
    assert [("sold, but not in stock: 1 of MUG at A", 1), (None, 1), (both, 3)] == texts


@pytest.mark.parametrize("kind", [OrderKind.PLACED, OrderKind.STATE])
async def test_a_sale_is_still_held_after_a_long_time_between_reserve_and_commit(
    core: CoreClient, kind: OrderKind
) -> None:
    event, orders = replace(PLACED, kind=kind), orders_in_memory(core)
    core.calls_left = 1  # what finds no such order is not counted
    with pytest.raises(Killed):
        await orders.apply(event)
    core.calls_left = None
    assert "reserve" == core.asked[-1]
    core.now_ns += round(SOLD_HOLD.total_seconds() - 1) * 10**9
    await orders.apply(event)
    (line,) = (await core.get_reservation("o")).reservation.lines
    assert (3, 0) == (line.committed, line.held)


@pytest.mark.parametrize("kind", [OrderKind.PLACED, OrderKind.STATE])
async def test_a_channel_hears_when_what_the_core_has_now_was_sold(
    core: CoreClient, tmp_path: Path, kind: OrderKind
) -> None:
    sold: list[datetime] = []
    event = replace(PLACED, kind=kind, time=NOW)
    shipped = replace(LINE, shipped=Decimal(3))
    await deliver(tmp_path / "1", core, event, sold=sold.append)
    await deliver(tmp_path / "2", core, replace(event, id="again"), sold=sold.append)
    later = replace(event, id="2", kind=OrderKind.STATE, lines=(shipped,))
    await deliver(tmp_path / "3", core, later, sold=sold.append)

    assert [NOW] == sold


async def is_placed(core: CoreClient) -> bool:
    try:
        await core.get_reservation("o")
    except NotFound:
        return False
    return True


CANCELLED = OrderEvent(source="amazon", id="c", kind=OrderKind.CANCELLED, order="o", time=NOW)


@pytest.mark.parametrize("kind", [OrderKind.HELD, OrderKind.PLACED, OrderKind.STATE])
async def test_an_order_that_was_cancelled_before_it_was_known_is_not_placed(
    core: CoreClient, tmp_path: Path, kind: OrderKind
) -> None:
    """Such as one at Amazon that ends before it was seen pending: its lines have no units then."""
    line = replace(LINE, quantity=Decimal(1))
    before = NOW - timedelta(seconds=1)
    is_sold = kind is not OrderKind.HELD
    late = replace(PLACED, kind=kind, time=before, lines=(line,), is_sold=is_sold)
    assert [] == await deliver(tmp_path, core, CANCELLED)
    assert [] == await deliver(tmp_path, core, late)
    assert not await is_placed(core)

    await deliver(tmp_path, core, replace(late, id="new", time=NOW + timedelta(seconds=1)))
    assert await is_placed(core)


@pytest.mark.parametrize("time", [None, NOW])
async def test_what_was_shipped_of_an_order_or_bears_no_time_is_not_taken_for_late(
    core: CoreClient, tmp_path: Path, time: datetime | None
) -> None:
    shipped = replace(LINE, shipped=Decimal(1 if time else 0))
    await deliver(tmp_path, core, CANCELLED)
    event = replace(PLACED, kind=OrderKind.STATE, lines=(shipped,), time=time)
    await deliver(tmp_path, core, event)

    assert await is_placed(core)


async def test_an_order_that_is_placed_while_its_cancellation_is_kept_is_cancelled(
    core: CoreClient, tmp_path: Path
) -> None:
    asked: list[str] = []

    def place(method: str) -> None:
        asked.append(method)
        if asked == ["get_reservation", "cancel", "get_reservation"]:
            request: Any = calls.reserve("o", [("MUG", "A", 1)]).request
            core.engine.turn([reserve_from_request(request)], START_NS)

    core.before = place
    assert [] == await deliver(tmp_path, core, CANCELLED)
    (line,) = (await core.get_reservation("o")).reservation.lines
    assert (0, 1) == (line.held, line.released)


@pytest.mark.parametrize("error", [StoreFull("full"), StoreFailed("the disk is gone")])
async def test_a_cancellation_that_cannot_be_kept_says_so_and_is_kept_later(
    core: CoreClient, tmp_path: Path, error: StoreFull | StoreFailed
) -> None:
    """Whoever runs a lane looks for these errors: a full store ended the process."""
    with pytest.raises(type(error), match=str(error)):
        await deliver(tmp_path, core, CANCELLED, fails=error)

    assert [] == await deliver(tmp_path, core)
    await deliver(tmp_path, core, replace(PLACED, time=NOW - timedelta(seconds=1)))
    assert not await is_placed(core)


async def test_a_state_goes_from_its_message_to_the_core_and_the_exception_queue(
    core: CoreClient, tmp_path: Path
) -> None:
    state = replace(LINE, shipped=Decimal(1), cancelled=Decimal(0))
    later = OrderLine("2", "MUG", "A", Decimal(1), cancelled=Decimal(1))
    event = replace(PLACED, kind=OrderKind.STATE, lines=(state, later))
    found = await deliver(tmp_path, core, event)

    lines = (await core.get_reservation("o")).reservation.lines
    figures = [(each.line_id, each.committed, each.fulfilled, each.cancelled) for each in lines]
    assert [("1", 2, 1, 0), ("2", 0, 0, 1)] == figures
    assert [("order_short", "o")] == [(case.kind, case.subject) for case in found]
