"""The ledger: how long questions take over ten million movements, and what keeping it costs.

Reservations over 20,000 SKUs are made, committed and shipped as packed batches: three movements
each. The index is built meanwhile, by a process of its own.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from holdfast.edge.client import Client, Unavailable
from holdfast.v1 import reservation_service_pb2 as reservation

from ..harness.figures import Bar, Figure, at_most, figure, latencies
from ..harness.load import closed_loop
from ..harness.node_server import connect, node_server
from ..harness.packed_traffic import (
    COMMIT_PATH,
    FULFILL_PATH,
    OPERATIONS_MAX,
    RESERVE_PATH,
    Batches,
    commits,
    expect_all,
    fulfills,
    resolve,
)
from ..harness.plan import BenchError, Plan, tell
from ..harness.processes import Server
from ..harness.workload import PLENTY, SEED, Row, put_stock, rows

SKUS = 20_000
MOVEMENTS = 10_000_000
MOVEMENTS_QUICK = 50_000

#: Of a question by SKU.
BAR_MS = 50.0

PAGE = 100
IN_FLIGHT = 4

#: Seconds that the index may take to be up to date, and between two looks.
PATIENCE_S, LOOK_S = 900.0, 0.25

#: Of a question: a slow answer is a figure, not a failure.
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What questions of one kind took in a round."""

    latencies_s: list[float]
    cpu_s: float
    """Processor time of the node and of the ledger's process, of one."""


async def run(plan: Plan) -> list[Figure]:
    """Make movements, wait for the index, and ask."""
    levels = rows(plan.count(SKUS, 100))
    messages = -(-plan.count(MOVEMENTS, MOVEMENTS_QUICK) // (3 * OPERATIONS_MAX))
    questions = plan.count(200, 10)
    listed: list[Asked] = []
    explained: list[Asked] = []
    async with node_server(plan.folder / "ledger", ledger="on") as node, connect(node) as client:
        await put_stock(client, levels, PLENTY)
        await _move(node, levels, messages)
        made = len(levels) + 3 * messages * OPERATIONS_MAX
        tell(f"ledger: indexing {made:,} movements")
        behind_s = await _until_indexed(client, levels[0])
        chance = random.Random(SEED)
        for _ in plan.each_round("ledger"):
            asked = [chance.choice(levels) for _ in range(questions)]
            listed.append(await _ask(node, partial(_list, client), asked))
            explained.append(await _ask(node, partial(_explain, client), asked))
    name = f"{made:,} movements"
    return [
        *_figures("ledger.sku", f"{name}: {PAGE} of a SKU", listed, {99: at_most(BAR_MS)}),
        *_figures("ledger.explain", f"{name}: why a level has what it has", explained, {}),
        figure("ledger.behind", f"{name}: indexed after the last is durable", "s", [behind_s]),
    ]


def _figures(key: str, name: str, asked: list[Asked], bars: dict[int, Bar]) -> list[Figure]:
    cpu_ms = [each.cpu_s * 1e3 for each in asked]
    return [
        *latencies(key, name, [each.latencies_s for each in asked], bars=bars),
        figure(f"{key}_cpu", f"{name}: processor a question", "ms", cpu_ms),
    ]


async def _ask(node: Server, ask: Callable[[Row], Awaitable[None]], rows: list[Row]) -> Asked:
    """Ask of each row, one after the other."""
    latencies_s: list[float] = []
    cpu_before_s = node.cpu_seconds()
    for row in rows:
        started = perf_counter()
        await ask(row)
        latencies_s.append(perf_counter() - started)
    return Asked(latencies_s, (node.cpu_seconds() - cpu_before_s) / len(rows))


async def _move(node: Server, levels: list[Row], messages: int) -> None:
    """Reserve, commit and ship a unit of some level, many times."""
    choice, batches = await resolve(node, levels), Batches()
    for number in range(0, messages, IN_FLIGHT):
        if number % (10 * IN_FLIGHT) == 0:
            tell(f"ledger: {3 * number * OPERATIONS_MAX:,} movements")
        ids = batches.ids(min(IN_FLIGHT, messages - number), OPERATIONS_MAX)
        for path, requests in (
            (RESERVE_PATH, batches.reserves(ids, choice)),
            (COMMIT_PATH, commits(ids)),
            (FULFILL_PATH, fulfills(ids)),
        ):
            load = await closed_loop(node.call(path), requests, IN_FLIGHT)
            expect_all(load.answers, OPERATIONS_MAX, reservation.BATCH_OUTCOME_ACCEPTED)


async def _until_indexed(client: Client, row: Row) -> float:
    """Seconds until the ledger holds all that is durable."""
    started = perf_counter()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Unavailable):  # it is starting
                coverage = (await client.list_movements(*row, timeout_s=TIMEOUT_S)).coverage
                if coverage.position >= coverage.durable_position:
                    return perf_counter() - started
            await asyncio.sleep(LOOK_S)


async def _list(client: Client, row: Row) -> None:
    answer = await client.list_movements(*row, page_size=PAGE, timeout_s=TIMEOUT_S)
    if [row[0]] * PAGE != [movement.sku for movement in answer.movements]:
        raise BenchError(f"{row[0]} was answered with {len(answer.movements)} movements")


async def _explain(client: Client, row: Row) -> None:
    answer = await client.explain_availability(*row, timeout_s=TIMEOUT_S)
    if answer.available <= 0:
        raise BenchError(f"{row[0]} has nothing available")
