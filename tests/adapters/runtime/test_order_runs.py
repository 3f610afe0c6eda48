"""Orders that come as one row a line: what a round has of one is placed at once."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.adapters.events import Event, OrderEvent, OrderKind, OrderLine
from holdfast.adapters.runtime import order_lines
from holdfast.adapters.runtime.order_runs import joined, runs
from tests.adapters.core_client import CoreClient, Killed
from tests.adapters.one_lane import NOW, deliver, letters_in
from tests.adapters.order_shop import Shop, new_core

ROWS = 40
MANY = 1_000


@pytest.fixture(scope="module")
def core() -> CoreClient:
    return new_core()


def rows(
    shop: Shop,
    kind: OrderKind,
    lines: Iterable[tuple[str, int]],
    feed: str = "oms",
    is_sold: bool = False,
) -> list[OrderEvent]:
    """Rows of a file, which share the correlation id of it."""
    return [
        OrderEvent(
            source=feed,
            id=f"{shop.order}/{kind}/{number}",
            kind=kind,
            order=shop.order,
            lines=(OrderLine(id_, shop.sku, "A", Decimal(units)),),
            is_sold=is_sold,
            hold=timedelta(minutes=15) if kind is OrderKind.HELD else None,
            correlation_id=shop.order,
        )
        for number, (id_, units) in enumerate(lines)
    ]


def numbered(count: int) -> list[tuple[str, int]]:
    return [(str(number), 1) for number in range(count)]


@pytest.mark.parametrize(
    ("kind", "is_sold"),
    [(OrderKind.HELD, False), (OrderKind.PLACED, False), (OrderKind.PLACED, True)],
)
async def test_rows_of_an_order_are_one_reservation(
    core: CoreClient, tmp_path: Path, kind: OrderKind, is_sold: bool
) -> None:
    shop = Shop(core, MANY)
    for feed in ("oms", "again"):  # a file that comes twice, too
        core.asked.clear()
        await deliver(tmp_path, core, *rows(shop, kind, numbered(ROWS), feed, is_sold))
        assert len(core.asked) <= 10
    assert 1 == len(await shop.orders.states.find(shop.order))
    assert {(name, "A"): (1, 0, 0) for name, _ in numbered(ROWS)} == await shop.units()
    assert [] == letters_in(tmp_path)


async def test_rows_of_different_calls_are_one_reservation(
    core: CoreClient, tmp_path: Path
) -> None:
    shop = Shop(core, MANY)
    events = rows(shop, OrderKind.PLACED, numbered(ROWS))
    events = [replace(each, correlation_id=each.id) for each in events]
    core.asked.clear()
    await deliver(tmp_path, core, *events)
    assert len(core.asked) <= 10
    assert {(name, "A"): (1, 0, 0) for name, _ in numbered(ROWS)} == await shop.units()


async def test_an_order_in_too_many_pieces_is_a_dead_letter(
    core: CoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece that comes looks at all those before it."""
    monkeypatch.setattr(order_lines, "RESERVATIONS_MAX", 3)
    shop = Shop(core, MANY)
    for event in rows(shop, OrderKind.PLACED, numbered(5)):
        await deliver(tmp_path, core, event)
    letters = [(letter.reason, letter.field) for letter in letters_in(tmp_path)]
    assert [("UNFIT", "order")] * 2 == letters
    assert {(name, "A"): (1, 0, 0) for name, _ in numbered(3)} == await shop.units()


async def test_rows_that_come_later_are_one_more_reservation(
    core: CoreClient, tmp_path: Path
) -> None:
    shop = Shop(core, MANY)
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, numbered(3)))
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, numbered(6)[3:], "later"))
    assert 2 == len(await shop.orders.states.find(shop.order))
    assert {(name, "A"): (1, 0, 0) for name, _ in numbered(6)} == await shop.units()


async def test_a_row_that_is_refused_holds_no_other_up(core: CoreClient, tmp_path: Path) -> None:
    shop = Shop(core, MANY)
    lines = [*numbered(6), ("6", MANY), ("7", 1)]
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, lines))
    (letter,) = letters_in(tmp_path)
    assert "INSUFFICIENT_STOCK" == letter.reason
    taken = {(name, "A"): (1, 0, 0) for name, units in lines if units == 1}
    assert taken == await shop.units()


async def test_rows_of_which_an_order_has_some_are_told_apart(
    core: CoreClient, tmp_path: Path
) -> None:
    shop = Shop(core, MANY)
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, [("0", 1), ("4", 2)], "first"))
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, numbered(6)))
    (letter,) = letters_in(tmp_path)
    assert "LINE_DIFFERS" == letter.reason
    units = await shop.units()
    assert [1, 1, 1, 1, 2, 1] == [units[str(number), "A"][0] for number in range(6)]


async def test_a_line_that_a_file_names_twice_is_placed_once(
    core: CoreClient, tmp_path: Path
) -> None:
    shop = Shop(core, MANY)
    await deliver(tmp_path, core, *rows(shop, OrderKind.PLACED, [*numbered(3), ("1", 1)]))
    assert {(name, "A"): (1, 0, 0) for name, _ in numbered(3)} == await shop.units()
    assert [] == letters_in(tmp_path)


async def test_units_of_rows_that_are_missing_are_one_case(
    core: CoreClient, tmp_path: Path
) -> None:
    shop = Shop(core, 2)
    events = rows(shop, OrderKind.PLACED, numbered(5), is_sold=True)
    (case,) = await deliver(tmp_path, core, *events)
    assert ("order_short", 1) == (case.kind, case.times)
    assert f"sold, but not in stock: 3 of {shop.sku} at A" == case.text


@pytest.mark.parametrize("calls", range(1, 6))
async def test_rows_are_placed_and_cancelled_once_whenever_the_process_dies(
    core: CoreClient, tmp_path: Path, calls: int
) -> None:
    shop = Shop(core, MANY)
    events = rows(shop, OrderKind.PLACED, numbered(4))
    cancelled = replace(events[0], id="cancelled", kind=OrderKind.CANCELLED)
    core.calls_left = calls
    try:
        await deliver(tmp_path, core, *events, cancelled)
    except (Killed, BaseExceptionGroup):
        core.calls_left = None
        await deliver(tmp_path, core)
    core.calls_left = None
    placed = {(name, "A"): (1, 0, 0) for name, _ in numbered(4)}
    assert {**placed, ("0", "A"): (0, 0, 1)} == await shop.units()
    assert [] == letters_in(tmp_path)


def test_what_differs_in_more_than_its_lines_is_not_joined() -> None:
    lines = (OrderLine("1", "MUG", "A", Decimal(1)),)
    first = OrderEvent(source="oms", id="1", kind=OrderKind.PLACED, order="o", lines=lines)
    second = replace(first, id="2", lines=(replace(lines[0], id="2"),))
    assert [[first, second]] == list(runs([first, second], _itself))
    assert (*first.lines, *second.lines) == joined([first, second]).lines
    of_another_call = replace(second, correlation_id="other")
    assert [[first, of_another_call]] == list(runs([first, of_another_call], _itself))
    others = (
        replace(second, lines=()),
        replace(second, lines=lines),
        replace(second, is_sold=True),
        replace(second, owner="other"),
        replace(second, time=NOW),
        replace(second, kind=OrderKind.SHIPPED),
    )
    for other in others:
        assert [[first], [other]] == list(runs([first, other], _itself))


def _itself(event: Event) -> Event:
    return event
