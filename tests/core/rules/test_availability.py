"""Reads of stock levels: what is named twice is returned twice."""

from holdfast.core.commands import (
    GetAvailability,
    Location,
    RecordStockEvents,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.model import EventKind, LocationKind
from tests.core.engine import NodeEngine
from tests.model_facts import Availabilities

NOW_NS = 10**15


def test_a_sku_that_is_named_often_has_its_statuses_each_time() -> None:
    """They are more than there are in the whole shard."""
    engine = NodeEngine(1)
    put = UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True))
    kinds = (EventKind.RECEIPT, ""), (EventKind.STATUS_CHANGE, "damaged")
    events = tuple(StockEvent(None, 0, "Tea", "W", kind, 5, to_status=to) for kind, to in kinds)
    for command in (put, RecordStockEvents("erp", events)):
        engine.turn([command], NOW_NS)
    (answer,) = engine.turn([GetAvailability(("Tea",) * 100)], NOW_NS)
    assert isinstance(answer, Availabilities)
    assert [{"damaged": 5}] * 100 == [
        level.unavailable for view in answer.views if view for level in view.levels
    ]
