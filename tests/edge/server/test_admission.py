"""Admission: what a full table answers, on calls and on streams."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest

from holdfast.core.commands import (
    GetAvailability,
    Location,
    RecordStockEvents,
    StockBatch,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables.layouts import STOCK_EVENT
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.clock import node_clock
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.ordered_streams import OrderedStreams
from holdfast.edge.server.pump import Pump
from holdfast.edge.wire.faults import Fault
from tests.persistence.journals import MemoryAppender

ROWS_MAX = 20

ANYONE = CallContext()


async def admission_with_stock() -> Admission:
    """In front of a node with small tables that has tea."""
    failures: list[BaseException] = []
    node = Node(1, rows_max=ROWS_MAX)
    admission = Admission(Pump(node, MemoryAppender(), node_clock(0), failures.append))
    await admission.post(
        UpdateLocation(Location("W", LocationKind.STORE, "", enabled=True)), ANYONE
    )
    first = StockEvent(None, 1, "Tea", "W", EventKind.RECEIPT, 1_000)
    await admission.post(RecordStockEvents("source", (first,)), ANYONE)
    return admission


def keyed(first: int, count: int) -> StockBatch:
    events = np.zeros(count, STOCK_EVENT)
    events["kind"], events["quantity"], events["has_key"] = EventKind.RECEIPT, 1, 1
    events["key_lo"] = events["sequence"] = np.arange(first, first + count)
    return StockBatch("source", events)


async def test_a_full_table_is_a_fault_that_says_which_and_what_to_do() -> None:
    """And it leaves the node as it was."""
    admission = await admission_with_stock()
    await admission.post(keyed(2, ROWS_MAX - 2), ANYONE)
    with pytest.raises(Fault) as raised:
        admission.post(keyed(30, 3), ANYONE)
    fault = raised.value
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "TABLE_FULL") == (fault.code, fault.reason)
    assert {"table": "events", "shard": "0", "rows_max": str(ROWS_MAX)} == fault.metadata
    assert "shard 0 holds at most 20 event ids" in fault.message
    assert "ids are forgotten after 7 days" in fault.message
    view: Any = await admission.post(GetAvailability(("Tea",)), ANYONE)
    assert 1_000 + ROWS_MAX - 2 == view.views[0].levels[0].on_hand
    await admission.post(keyed(30, 2), ANYONE)


async def test_a_message_of_a_stream_that_does_not_fit_is_answered_in_its_place() -> None:
    """It did nothing, and those around it are recorded."""
    admission = await admission_with_stock()
    answers: list[Any] = []

    async def messages() -> AsyncIterator[StockBatch]:
        for first, count in ((2, 10), (12, 11), (23, 1)):
            yield keyed(first, count)

    def write(_request: Any, _command: Any, outcome: Any) -> Any:
        answers.append(len(outcome.codes))

    def refuse(_request: Any, fault: Fault) -> Any:
        answers.append(fault.reason)

    streams = OrderedStreams(admission)
    read: Any = lambda message: message  # noqa: E731
    async for _ in streams.answer(messages(), ANYONE, read, write, refuse):
        pass
    assert [10, "TABLE_FULL", 1] == answers
    view: Any = await admission.post(GetAvailability(("Tea",)), ANYONE)
    assert 1_011 == view.views[0].levels[0].on_hand
