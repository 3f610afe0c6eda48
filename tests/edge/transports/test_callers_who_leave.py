"""Callers who give up and clients whose machine ends, in the midst of calls of every kind."""

import asyncio
import random
from typing import Final

import pytest

from holdfast.edge.client import calls, methods
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.http2 import HEADERS, OPENING, headers, kinds_until, message, reset
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, Wire, answer_of, new_name, receipt
from tests.edge.transports.neighbours import live_holds, neighbours, new_sku
from tests.real_time import let_pass

#: Calls at once, and the longest time after which one is given up: some are answered by then.
AT_ONCE: Final = 50
PATIENCE_S: Final = 0.02

SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(900))


async def cancel_some(wire: Wire, sku: str, orders: list[str], chance: random.Random) -> list[str]:
    """Reserve two units for each order, and give up at any moment; return how each call ended."""

    async def reserve(order: str) -> str:
        call = wire.start_call(calls.reserve(order, [(sku, WAREHOUSE, 2)]))
        patience_s = chance.random() * PATIENCE_S
        if chance.random() < 0.2:
            await asyncio.sleep(0)
        else:
            await let_pass(patience_s)
        call.cancel()
        return (await answer_of(call)).code

    return await asyncio.gather(*(reserve(order) for order in orders))


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=SLOW)])
async def test_calls_that_are_cancelled_are_done_wholly_or_not_at_all(
    node: NodeProcess, count: int
) -> None:
    """At whatever moment; neighbours notice nothing."""
    chance = random.Random(count)
    async with neighbours(node), Wire(node.target) as one, Wire(node.target) as other:
        orders = [new_name("given up") for _ in range(count)]
        sku = await new_sku(node)
        ended: list[str] = []
        for start in range(0, count, AT_ONCE):
            wire = chance.choice((one, other))
            ended += await cancel_some(wire, sku, orders[start : start + AT_ONCE], chance)
        assert "CANCELLED" in ended
        assert {"OK", "CANCELLED"} >= set(ended)  # who is answered in time is chance
        known = await live_holds(node, sku, 2, orders)
        assert ended.count("OK") <= known < count


async def begin_and_break_off(port: int, sku: str, order: str, chance: random.Random) -> None:
    """Begin calls of every kind over one connection, and break it off at any moment."""
    reserve = calls.reserve(order, [(sku, WAREHOUSE, 2)]).request.SerializeToString()
    event = receipt(f"{sku}'", 1)
    event.event_id = order  # so that it is a duplicate when the same order comes again
    fact = stock.RecordStockEventsStreamRequest(source=order, events=[event])
    everything = watch.WatchAvailabilityRequest().SerializeToString()
    said = OPENING + b"".join(
        (
            headers(methods.RESERVE.path, 1) + message(reserve, 1),
            headers(methods.RECORD_STOCK_EVENTS_STREAM.path, 3)
            + message(fact.SerializeToString(), 3, 0),
            headers(methods.WATCH_AVAILABILITY.path, 5) + message(everything, 5),
            headers(methods.RESERVE_STREAM.path, 7),
            headers(methods.RESERVE.path, 9) + message(reserve, 9)[: chance.randrange(9, 30)],
        )
    )
    is_whole = chance.random() < 0.7
    if not is_whole:
        said = said[: chance.randrange(len(said))]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    if is_whole and chance.random() < 0.5:
        await kinds_until(reader, HEADERS)  # the node has begun to answer
    else:
        await let_pass(chance.random() * PATIENCE_S)
    reset(writer)


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=SLOW)])
async def test_clients_that_are_killed_take_nothing_but_their_calls_along(
    node: NodeProcess, count: int
) -> None:
    """Their connections break off in the midst of calls, of messages, of frames."""
    chance = random.Random(count)
    async with neighbours(node):
        sku = await new_sku(node)
        orders = [new_name("killed") for _ in range(count)]
        for start in range(0, count, AT_ONCE):
            await asyncio.gather(
                *(
                    begin_and_break_off(node.grpc_port, sku, order, chance)
                    for order in orders[start : start + AT_ONCE]
                )
            )
        assert 0 < await live_holds(node, sku, 2, orders)
