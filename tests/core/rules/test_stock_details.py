"""What a stock fact comes with is journaled as given, beside the fact that it belongs to."""

from dataclasses import replace

import pytest

from holdfast.core.commands import (
    Location,
    RecordStockEvents,
    Reference,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.tables.effects import Entry, Section
from tests.core.engine import NodeEngine
from tests.model import StockColumns

SALE = EventKind.SALE


def recorded(*events: StockEvent) -> Entry:
    """The entry of a message with these events, after an opening count of ten."""
    engine = NodeEngine(1)
    place = UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True))
    opening = StockEvent(None, 1, "Tea", "W", EventKind.COUNT, 10)
    engine.turn([place, RecordStockEvents("opening", (opening,))], 1)
    engine.turn([RecordStockEvents("erp", events)], 2)
    entry: Entry = engine.entries[-1]
    return entry


def texts(entry: Entry) -> list[str]:
    """Each after a byte of length."""
    packed = bytes(entry.effects(Section.STOCK_DETAIL_TEXTS))
    found, at = [], 0
    while at < len(packed):
        end = at + 1 + packed[at]
        found.append(packed[at + 1 : end].decode())
        at = end
    return found


def test_details_stand_beside_the_effect_of_their_event() -> None:
    """By its number among the facts of the turn: events without details, and those that take no
    effect, have none.
    """
    entry = recorded(
        StockEvent(None, 5, "Tea", "W", SALE, 1),
        StockEvent(None, 5, "Tea", "W", SALE, 1, reason="again"),
        StockEvent(None, 6, "Tea", "W", SALE, 1, 7, Reference("order", "A1", "2"), "sold", "Ann"),
        StockEvent(None, 8, "Tea", "W", SALE, 1, actor="Bob"),
    )
    assert 3 == len(entry.effects(Section.STOCK))
    assert [(7, 1, 1), (0, 2, 0)] == [tuple(each)[:3] for each in details(entry)]
    assert ["order", "A1", "2", "sold", "Ann", "", "", "", "", "Bob"] == texts(entry)


def test_the_beginning_of_time_is_a_time() -> None:
    """An occur_time of zero differs from none."""
    entry = recorded(StockEvent(None, 5, "Tea", "W", SALE, 1, occur_time_ns=0))
    assert [(0, 0, 1)] == [tuple(each)[:3] for each in details(entry)]
    assert [""] * 5 == texts(entry)


@pytest.mark.parametrize("shard_count", [1, 4])
def test_columns_tell_what_single_facts_tell(shard_count: int) -> None:
    """The same entries, byte for byte, where some take no effect and some say nothing."""
    place = UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True))
    opening = tuple(
        StockEvent(None, number, sku, "W", EventKind.COUNT, 10)
        for number, sku in enumerate(("Tea", "Mug", "Pot"), 1)
    )
    receipt = Reference("receipt", "17", "2")
    facts = (
        StockEvent(None, 5, "Tea", "W", SALE, 1),
        StockEvent(None, 6, "Mug", "W", SALE, 1, -7, receipt),
        StockEvent(None, 6, "Mug", "W", SALE, 1, -7, receipt),
        StockEvent(None, 7, "Pot", "W", SALE, 1, 3),
        StockEvent(None, 8, "Tea", "W", SALE, 1, None, Reference("receipt", "", "Ü")),
        StockEvent(None, 9, "Tea", "W", EventKind.COUNT, 4, None, replace(receipt, line="")),
    )
    written = []
    for command in (RecordStockEvents("erp", facts), StockColumns("erp", facts)):
        engine = NodeEngine(shard_count)
        engine.turn([place, RecordStockEvents("opening", opening)], 1)
        before = len(engine.entries)
        engine.turn([command], 2)
        written.append(
            [
                (kind, effects.tobytes())
                for entry in engine.entries[before:]
                for kind, effects in entry.sections
            ]
        )
    assert written[0] == written[1]
    assert shard_count > 1 or 4 == len(details(engine.entries[-1]))


def details(entry: Entry) -> list[tuple[int, ...]]:
    return list(entry.effects(Section.STOCK_DETAILS).tolist())
