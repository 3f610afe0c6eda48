"""Many small callers: a thousand tasks over one connection, each waiting for its own answers. The
client gathers what they ask into batches.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from uuid import UUID

from holdfast.v1 import reservation_service_pb2 as reservation

from ..harness.figures import Figure, at_least, figure, latencies
from ..harness.load import TIMEOUT_S
from ..harness.node_server import connect, node_server
from ..harness.packed_traffic import HOLD_MS
from ..harness.plan import BenchError, Plan
from ..harness.processes import Server
from ..harness.workload import PLENTY, SEED, Row, put_stock, rows

TASKS = 1_000
MANY = rows(1_000)

#: Coalescer.reserve.
Reserve = Callable[..., Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Result:
    """What the tasks achieved in a round."""

    rate: float
    """Reserves a second."""
    latencies_s: list[float]
    server_us: float
    """Processor time of the node for a reserve."""
    client_us: float
    """Processor time of the tasks and the client for a reserve."""


async def run(plan: Plan) -> list[Figure]:
    """Reserve from all tasks at once, then from one alone."""
    each = plan.count(50, 5)
    traffic = random.Random(SEED)
    many, alone = [], []
    async with (
        node_server(plan.folder / "coalescing") as node,
        connect(node) as client,
        client.coalescer() as coalescer,
    ):
        await put_stock(client, MANY, PLENTY)
        await _measure(node, coalescer.reserve, traffic, TASKS, 1)  # learns the handles
        for _ in plan.each_round("coalescing"):
            many.append(await _measure(node, coalescer.reserve, traffic, TASKS, each))
            alone.append(await _measure(node, coalescer.reserve, traffic, 1, plan.count(200, 50)))
    return _figures(many, alone)


async def _measure(
    node: Server, reserve: Reserve, traffic: random.Random, tasks: int, each: int
) -> Result:
    orders = [_orders(traffic, each) for _ in range(tasks)]
    latencies_s: list[float] = []

    async def caller(mine: Sequence[tuple[UUID, Row]]) -> None:
        for reservation_id, (sku, location) in mine:
            asked = perf_counter()
            outcome = await reserve(reservation_id, sku, location, 1, hold_ms=HOLD_MS)
            latencies_s.append(perf_counter() - asked)
            if outcome != reservation.BATCH_OUTCOME_ACCEPTED:
                raise BenchError(f"a reserve was answered with outcome {outcome}")

    server_before_s, client_before_s = node.cpu_seconds(), process_time()
    started = perf_counter()
    async with asyncio.timeout(TIMEOUT_S):
        await asyncio.gather(*map(caller, orders))
    seconds = perf_counter() - started
    count = tasks * each
    return Result(
        count / seconds,
        latencies_s,
        (node.cpu_seconds() - server_before_s) / count * 1e6,
        (process_time() - client_before_s) / count * 1e6,
    )


def _orders(traffic: random.Random, count: int) -> list[tuple[UUID, Row]]:
    return [
        (UUID(int=traffic.getrandbits(128), version=4), traffic.choice(MANY)) for _ in range(count)
    ]


def _figures(many: Sequence[Result], alone: Sequence[Result]) -> list[Figure]:
    return [
        figure(
            "coalescing.reserve_rate",
            "Coalesced reserves, 1,000 tasks",
            "/s",
            [each.rate for each in many],
            at_least(60_000),
        ),
        *_latencies("tasks", "1,000 tasks", many),
        *_latencies("alone", "a lone task", alone),
        figure(
            "coalescing.server_cpu",
            "Processor a reserve: node",
            "us",
            [each.server_us for each in many],
        ),
        figure(
            "coalescing.client_cpu",
            "Processor a reserve: tasks and client",
            "us",
            [each.client_us for each in many],
        ),
    ]


def _latencies(key: str, name: str, results: Sequence[Result]) -> list[Figure]:
    return latencies(
        f"coalescing.{key}", f"Coalesced, {name}", [each.latencies_s for each in results]
    )
