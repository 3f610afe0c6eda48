"""Watching: how late 200 watchers see a change, and what one watcher of everything costs a node
that takes packed stock facts, side by side with none.

A change is durable when its call is answered, so lateness is counted from there; a watcher that is
told before counts as 0.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from uuid import uuid4

from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2 as stock

from ..harness.fact_traffic import APPLIED, MANY, Feed
from ..harness.figures import Figure, at_most, figure, percentile
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, node_server
from ..harness.plan import Plan
from ..harness.regimes import Regime, Total
from ..harness.workload import Row

WATCHERS = 200

#: Seconds between two changes, from a caller who waits for each; ten times as long where each is
#: reported to all.
EVERY_S = 0.01

LATE_BAR_MS = 20.0
COST_BAR = 1.1

#: Long enough for a watcher of all to come round, and for processor time to be counted: that comes
#: in hundredths of a second.
LARGE = Regime(8_190, 4, 160)


async def run(plan: Plan) -> list[Figure]:
    """Measure both on one node, round by round."""
    changes, regime = plan.count(5, 2), Regime(8_190, 4, plan.count(LARGE.messages, 8))
    own: list[float] = []
    same: list[float] = []
    costs: list[float] = []
    again: list[float] = []
    # A snapshot that is written in one stretch and not in the other costs more than a watcher.
    server = node_server(plan.folder / "watch", snapshot_every_mib=NO_SNAPSHOTS_MIB)
    async with server as node, connect(node) as client:
        feed = await Feed.prepare(node, client)
        await feed.send(regime, feed.facts.numbered(regime), APPLIED)
        for _ in plan.each_round("watch"):
            alone, watched, after = Total(), Total(), Total()
            await feed.send(regime, feed.facts.numbered(regime), APPLIED, alone)
            async with _watching(client):
                await feed.send(regime, feed.facts.numbered(regime), APPLIED, watched)
            await feed.send(regime, feed.facts.numbered(regime), APPLIED, after)
            costs.append(watched.cpu_us / alone.cpu_us)
            again.append(after.cpu_us / alone.cpu_us)
            own.append(await _lateness_ms(client, MANY[:WATCHERS], changes, EVERY_S))
            same.append(await _lateness_ms(client, MANY[:1] * WATCHERS, 10 * changes, 10 * EVERY_S))
        await feed.close()
    return [
        *(
            figure(
                f"watch.{key}_late_p99",
                f"{WATCHERS} watchers of {what}: told after it is durable, p99",
                "ms",
                late,
                at_most(LATE_BAR_MS),
            )
            for key, what, late in (("own", "a level each", own), ("same", "one level", same))
        ),
        figure(
            "watch.cost",
            "processor a packed fact, with one watcher of all ÷ with none",
            "%",
            costs,
            at_most(COST_BAR),
        ),
        figure(
            "watch.cost_after", "processor a packed fact, after it has gone ÷ before", "%", again
        ),
    ]


@asynccontextmanager
async def _watching(client: Client) -> AsyncIterator[None]:
    """A watcher of everything, from now on, that reads as fast as it can."""
    started = asyncio.Event()

    async def read() -> None:
        async for _ in client.watch_availability(from_now=True):
            started.set()

    task = asyncio.create_task(read())
    await started.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _lateness_ms(client: Client, names: Sequence[Row], changes: int, every_s: float) -> float:
    """How late 99 of 100 changes are reported. There is a watcher for each name; changes come one
    by one, to the names in turn.
    """
    turns = [name[:2] for name in dict.fromkeys(names)]
    goals = {name: await _one_more(client, *name) + changes for name in turns}
    received_s: list[dict[int, float]] = [{} for _ in names]
    started = asyncio.Semaphore(0)

    async def read(name: tuple[str, str], mine: dict[int, float]) -> None:
        watching = client.watch_availability([name[0]], [name[1]], from_now=True)
        async with aclosing(watching) as responses:
            async for response in responses:
                if not response.levels:
                    started.release()
                for update in response.levels:
                    mine[update.level.on_hand] = perf_counter()
                if goals[name] in mine:
                    return

    tasks = [
        asyncio.create_task(read(name[:2], mine))
        for name, mine in zip(names, received_s, strict=True)
    ]
    for _ in tasks:
        await started.acquire()
    durable_s: dict[tuple[str, str], dict[int, float]] = {name: {} for name in turns}
    for _ in range(changes):
        for name in turns:
            durable_s[name][await _one_more(client, *name)] = perf_counter()
            await asyncio.sleep(every_s)
    await asyncio.gather(*tasks)
    late_s = [
        max(0.0, mine[on_hand] - at_s)
        for name, mine in zip(names, received_s, strict=True)
        for on_hand, at_s in durable_s[name[:2]].items()
        if on_hand in mine
    ]
    return percentile(late_s, 99) * 1e3


async def _one_more(client: Client, sku: str, location: str) -> int:
    """Receive a unit; how many are on hand then."""
    event = stock.StockEvent(
        event_id=str(uuid4()),
        sku=sku,
        location=location,
        kind=stock.STOCK_EVENT_KIND_RECEIPT,
        quantity=1,
    )
    answer = await client.record_stock_events("one", [event])
    return answer.results[0].on_hand
