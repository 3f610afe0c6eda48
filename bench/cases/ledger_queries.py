"""The ledger: how long questions take over ten million movements, and what keeping it costs.

Reservations over 20,000 SKUs are made, committed and shipped as packed batches: three movements
each. The index is built meanwhile, by a process of its own.
"""

import asyncio
import random
from time import perf_counter

from holdfast.edge.client import Client, Unavailable
from holdfast.v1 import reservation_service_pb2 as reservation

from ..harness.figures import Figure, at_most, figure, latencies
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


async def run(plan: Plan) -> list[Figure]:
    """Make movements, wait for the index, and ask."""
    levels = rows(plan.count(SKUS, 100))
    messages = -(-plan.count(MOVEMENTS, MOVEMENTS_QUICK) // (3 * OPERATIONS_MAX))
    questions = plan.count(200, 10)
    rounds: dict[str, list[list[float]]] = {"sku": [], "explain": []}
    async with node_server(plan.folder / "ledger", ledger="on") as node, connect(node) as client:
        await put_stock(client, levels, PLENTY)
        await _move(node, levels, messages)
        made = len(levels) + 3 * messages * OPERATIONS_MAX
        tell(f"ledger: indexing {made:,} movements")
        behind_s = await _until_indexed(client, levels[0])
        chance = random.Random(SEED)
        for _ in plan.each_round("ledger"):
            asked = [chance.choice(levels) for _ in range(questions)]
            rounds["sku"].append([await _listed_s(client, row) for row in asked])
            rounds["explain"].append([await _explained_s(client, row) for row in asked])
    name = f"{made:,} movements"
    return [
        *latencies(
            "ledger.sku", f"{name}: {PAGE} of a SKU", rounds["sku"], bars={99: at_most(BAR_MS)}
        ),
        *latencies("ledger.explain", f"{name}: why a level has what it has", rounds["explain"]),
        figure("ledger.behind", f"{name}: indexed after the last is durable", "s", [behind_s]),
    ]


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
    """Seconds until the ledger answers, which it does when it is up to date."""
    started = perf_counter()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await client.list_movements(*row, timeout_s=PATIENCE_S)
                return perf_counter() - started
            except Unavailable:
                await asyncio.sleep(LOOK_S)


async def _listed_s(client: Client, row: Row) -> float:
    started = perf_counter()
    answer = await client.list_movements(*row, page_size=PAGE)
    took_s = perf_counter() - started
    if [row[0]] * PAGE != [movement.sku for movement in answer.movements]:
        raise BenchError(f"{row[0]} was answered with {len(answer.movements)} movements")
    return took_s


async def _explained_s(client: Client, row: Row) -> float:
    started = perf_counter()
    answer = await client.explain_availability(*row)
    took_s = perf_counter() - started
    if answer.available <= 0:
        raise BenchError(f"{row[0]} has nothing available")
    return took_s
