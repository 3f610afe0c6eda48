"""Orders of a SKU that has ended go on: its names stand for it, and what is promised stays."""

from dataclasses import replace

import pytest

from holdfast.adapters.events import OrderKind
from holdfast.adapters.runtime.facts import Dead, Settled
from holdfast.core.commands import DeleteSku, RenameSku
from tests.adapters.order_shop import Line, Shop, new_core, of_lines

APPLIED = Settled("APPLIED")
FIRST = Line("1", "A", 3), Line("2", "A", 1)


async def ended(called: str) -> Shop:
    """An order of a SKU that has ended since, after a rename or without one; the channel calls it
    by its old name or its last one.
    """
    shop = Shop(new_core())
    assert APPLIED == await shop.tell(*FIRST)
    last = shop.sku
    if called != "first":
        last = f"{shop.sku}-new"
        shop.core.engine.turn([RenameSku(shop.sku, last)], shop.core.now_ns)
    shop.core.engine.turn([DeleteSku(last)], shop.core.now_ns)
    if called == "new":
        shop.sku = last
    return shop


@pytest.mark.parametrize("called", ["old", "new", "first"])
@pytest.mark.parametrize("is_sold", [True, False])
async def test_states_of_an_order_go_on_after_its_sku_has_ended(called: str, is_sold: bool) -> None:
    shop = await ended(called)
    assert Settled("UNCHANGED") == await shop.tell(*FIRST, is_sold=is_sold)
    state = Line("1", "A", 3, 1, 1), Line("2", "A", 1)
    assert APPLIED == await shop.tell(*state, is_sold=is_sold)
    assert {("1", "A"): (1, 1, 1), ("2", "A"): (1, 0, 0)} == await shop.units()


@pytest.mark.parametrize("called", ["old", "new", "first"])
async def test_events_of_an_order_go_on_after_its_sku_has_ended(called: str) -> None:
    shop = await ended(called)
    placed = replace(of_lines(shop, OrderKind.PLACED, *FIRST), is_sold=True)
    assert Settled("ALREADY_PLACED") == await shop.orders.apply(placed)
    assert APPLIED == await shop.orders.apply(of_lines(shop, OrderKind.SHIPPED, Line("1", "", 2)))
    assert APPLIED == await shop.orders.apply(of_lines(shop, OrderKind.CANCELLED, *FIRST[1:]))
    assert {("1", "A"): (1, 2, 0), ("2", "A"): (0, 0, 1)} == await shop.units()


@pytest.mark.parametrize("called", ["old", "new", "first"])
async def test_a_line_that_is_added_to_a_sku_that_has_ended_says_so(called: str) -> None:
    shop = await ended(called)
    before = await shop.units()
    refused = await shop.tell(*FIRST, Line("3", "A", 1))
    assert isinstance(refused, Dead)
    assert "UNKNOWN_SKU" == refused.reason
    assert before == await shop.units()
