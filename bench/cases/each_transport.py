"""One Reserve a call through each transport, against the empty echo of grpc.aio: for 64 callers on
eight connections, at half of the rate that these reach over grpcio, and for one who is alone.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Final

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.figures import Figure, at_least, figure, latencies, ratios
from ..harness.load import closed_loop, open_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.rounds import Kind, Round, one_round
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows
from ..peers import echo

CONNECTIONS = 8
MANY = rows(1_000)

#: Transport -> the bar of its Reserves beside an empty echo of grpc.aio.
TRANSPORTS: Final = {"grpcio": None, "ngh2": at_least(1.0)}


async def run(plan: Plan) -> list[Figure]:
    """Measure the echo and a node behind each transport, by turns."""
    if find_spec("ngh2") is None:
        plan.leave_out("transports", "the extra holdfast[ngh2] is not installed")
        return []
    async with AsyncExitStack() as stack:
        empty = await stack.enter_async_context(echo.echo_server(plan.folder / "echo"))
        call = empty.call_over(CONNECTIONS, echo.PATH)
        kinds = {"echo": Kind(empty, call, lambda count: [b""] * count)}
        orders = Orders()
        for transport in TRANSPORTS:
            node = await stack.enter_async_context(
                node_server(plan.folder / transport, transport=transport)
            )
            async with connect(node) as client:
                await put_stock(client, MANY, PLENTY)
            kinds[transport] = Kind(
                node,
                node.call_over(CONNECTIONS, RESERVE_PATH),
                partial(orders.reserves, choice=MANY),
                partial(expect, outcome=OUTCOME_ACCEPTED),
            )
        many, lone = (partial(closed_loop, callers=count) for count in (CALLERS, 1))
        await one_round(kinds, 500, many)  # warms connections and caches, and is forgotten
        count, few = plan.count(10_000, 1_000), plan.count(400, 40)
        peaks = [await one_round(kinds, count, many) for _ in plan.each_round("transports")]
        rate = median(each["grpcio"].rate for each in peaks) / 2
        half, due = partial(open_loop, rate=rate), round(rate * plan.count(3, 1))
        halves = [await one_round(kinds, due, half) for _ in plan.each_round("transports, half")]
        alone = [await one_round(kinds, few, lone) for _ in plan.each_round("transports, alone")]
    return [
        *(each for key in kinds for each in _of(key, peaks, halves, alone)),
        *(each for key in TRANSPORTS for each in _beside_echo(key, peaks)),
    ]


def _of(
    key: str, peaks: Sequence[Round], halves: Sequence[Round], alone: Sequence[Round]
) -> list[Figure]:
    """What is reported of the echo and of each transport alike."""
    name = "Empty echo" if key == "echo" else f"Reserve over {key}"
    results = [each[key] for each in peaks]
    at_once = f"{name}, {CALLERS} callers"
    lone = [median(each[key].latencies_s) * 1e3 for each in alone]
    return [
        figure(f"transports.{key}_rate", at_once, "/s", [each.rate for each in results]),
        *latencies(f"transports.{key}", at_once, [each.latencies_s for each in results]),
        figure(
            f"transports.{key}_cpu",
            f"{name}: processor",
            "us",
            [each.server_us for each in results],
        ),
        *latencies(
            f"transports.{key}_half",
            f"{name}, half of grpcio's peak",
            [each[key].latencies_s for each in halves],
        ),
        figure(f"transports.{key}_lone", f"{name}, one caller: p50", "ms", lone),
    ]


def _beside_echo(key: str, peaks: Sequence[Round]) -> list[Figure]:
    """By the clock, and by processor time, which hardly depends on what else the machine does."""
    echoes, results = [each["echo"] for each in peaks], [each[key] for each in peaks]
    rates = ratios([each.rate for each in results], [each.rate for each in echoes])
    costs = ratios([each.server_us for each in echoes], [each.server_us for each in results])
    return [
        figure(
            f"transports.{key}_to_echo", f"Reserve over {key} ÷ echo", "%", rates, TRANSPORTS[key]
        ),
        figure(
            f"transports.{key}_cost_to_echo", f"Processor: echo ÷ Reserve over {key}", "%", costs
        ),
    ]
