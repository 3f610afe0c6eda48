"""Counts of one message that may or may not add up change nothing until somebody says which."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.adapters.events import FactKind, StockFact
from holdfast.adapters.runtime.ambiguous_counts import COUNTED_TWICE, counted_twice
from tests.adapters.one_lane import deliver, letters_in
from tests.adapters.order_shop import new_core
from tests.core.script_answers import START_NS

STARTED = datetime.fromtimestamp(START_NS / 10**9, UTC)
COUNT = StockFact(
    source="wms",
    id="1",
    kind=FactKind.COUNT,
    sku="pen",
    location="A",
    quantity=Decimal(9),
    time=STARTED,
)


@pytest.mark.parametrize("quantity", [9, 11])
async def test_two_counts_of_one_stock_are_dead_letters_and_the_others_count(
    quantity: int, tmp_path: Path
) -> None:
    core = new_core()
    second = replace(COUNT, id="2", quantity=Decimal(quantity))
    other = replace(COUNT, id="3", sku="ink", quantity=Decimal(4))
    await deliver(tmp_path, core, COUNT, second, other, is_batch=True)

    letters = letters_in(tmp_path)
    assert [(COUNTED_TWICE, "quantity")] * 2 == [(each.reason, each.field) for each in letters]
    assert ["9", str(quantity)] == [each.value for each in letters]
    assert 4 == (await core.get_shortfall("ink", "A", max_lines=1)).shortfall.on_hand


async def test_counts_of_different_messages_are_each_true_in_their_turn(tmp_path: Path) -> None:
    core = new_core()
    await deliver(tmp_path, core, COUNT, replace(COUNT, id="2", quantity=Decimal(11)))

    assert [] == letters_in(tmp_path)
    assert 11 == (await core.get_shortfall("pen", "A", max_lines=1)).shortfall.on_hand


@pytest.mark.parametrize(
    "other",
    [
        replace(COUNT, id="2", location="B"),
        replace(COUNT, id="2", time=STARTED + timedelta(hours=1)),
        replace(COUNT, id="2", sequence=7),
        replace(COUNT, id="2", as_of_sequence=7),
        replace(COUNT, source="erp"),
        replace(COUNT, id="2", kind=FactKind.RECEIPT),
        COUNT,
    ],
    ids=["location", "time", "sequence", "as_of_sequence", "source", "kind", "a repeat"],
)
def test_what_can_be_told_apart_is_not_counted_twice(other: StockFact) -> None:
    assert set() == counted_twice([COUNT, other])
