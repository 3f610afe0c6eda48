"""A stream that its sender gives up has recorded what it had posted, in order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.core.commands import (
    DeleteSku,
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
from holdfast.edge.wire import faults
from tests.persistence.journals import MemoryAppender

#: Of a caller who waits as long as it takes.
ANYONE = CallContext()


def fact(sequence: int, quantity: int) -> NDArray[Any]:
    """A receipt at the stock level of the first row, as a column message has it."""
    events = np.zeros(1, STOCK_EVENT)
    events["sequence"], events["quantity"] = sequence, quantity
    events["kind"] = EventKind.RECEIPT
    return events


async def rounds_of_the_loop() -> None:
    """Let every task go as far as it can."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_what_was_posted_is_recorded_though_the_stream_is_cancelled() -> None:
    """Else the messages after it would count and it would not: its source, which goes on after the
    last number that counted, would get DUPLICATE when it sent the lost one again.
    """
    appender = MemoryAppender()
    failures: list[BaseException] = []
    pump = Pump(Node(1), appender, node_clock(0), failures.append)
    admission = Admission(pump)
    streams = OrderedStreams(admission)
    place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)
    await admission.post(UpdateLocation(place), ANYONE)
    first = StockEvent(None, 1, "Tea", "W", EventKind.RECEIPT, 1_000)
    await admission.post(RecordStockEvents("source", (first,)), ANYONE)

    appender.is_held = True
    held = admission.post(
        UpdateLocation(Location("V", LocationKind.STORE, "", enabled=True)), ANYONE
    )
    await rounds_of_the_loop()
    assert appender.appending

    async def messages() -> AsyncIterator[StockBatch]:
        yield StockBatch("source", fact(2, 10))
        yield StockBatch("source", fact(3, 10))
        await asyncio.Event().wait()

    async def listen() -> None:
        write: Any = lambda *_: None  # noqa: E731
        async for _ in streams.answer(messages(), ANYONE, lambda message: message, write, write):
            pass

    listener = asyncio.create_task(listen())
    await rounds_of_the_loop()
    assert 2 == len(pump.node.actors[0].mailbox)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    appender.let_go()
    await held
    view: Any = await admission.post(GetAvailability(("Tea",)), ANYONE)

    assert 1_020 == view.views[0].levels[0].on_hand
    await pump.drain()
    assert [] == failures


async def test_a_message_that_fails_is_answered_in_its_place_and_the_stream_goes_on() -> None:
    """Whether it could not be parsed, is malformed, or is one that the engine refuses."""
    failures: list[BaseException] = []
    pump = Pump(Node(1), MemoryAppender(), node_clock(0), failures.append)
    admission = Admission(pump)
    streams = OrderedStreams(admission)
    place = Location("W", LocationKind.WAREHOUSE, "", enabled=True)

    async def messages() -> AsyncIterator[Any]:
        yield UpdateLocation(place)
        yield faults.malformed("no bytes of ours")
        yield "malformed"
        yield DeleteSku("Tea")  # there is none
        yield UpdateLocation(place)

    def read(message: Any) -> Any:
        if message == "malformed":
            raise faults.invalid("id_high", "0 items", "1 to 8,190 items")
        return message

    def refused(request: Any, fault: Any) -> Any:
        return (request if isinstance(request, str) else type(request).__name__, fault.reason)

    def written(_request: Any, command: Any, _outcome: Any) -> Any:
        return (type(command).__name__, "OK")

    answers = [each async for each in streams.answer(messages(), ANYONE, read, written, refused)]
    assert [
        ("UpdateLocation", "OK"),
        ("Fault", "MALFORMED_MESSAGE"),
        ("malformed", "INVALID_VALUE"),
        ("DeleteSku", "UNKNOWN_SKU"),
        ("UpdateLocation", "OK"),
    ] == answers
    await pump.drain()
    assert [] == failures


async def test_a_stream_that_is_ended_before_it_is_read_ends() -> None:
    """A drain may come in the very round in which a stream begins."""
    failures: list[BaseException] = []
    pump = Pump(Node(1), MemoryAppender(), node_clock(0), failures.append)
    streams = OrderedStreams(Admission(pump))

    async def messages() -> AsyncIterator[Any]:
        yield await asyncio.Event().wait()

    write: Any = lambda *_: None  # noqa: E731
    answers = streams.answer(messages(), ANYONE, lambda message: message, write, write)
    first = asyncio.ensure_future(anext(answers))
    asyncio.get_running_loop().call_soon(streams.end)
    await rounds_of_the_loop()
    assert first.done()
    with pytest.raises(faults.Fault, match="shutting down"):
        await first
    assert [] == failures
