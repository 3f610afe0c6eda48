"""One Reserve a call through each transport, against the empty echo of grpc.aio: for 64 callers on
eight connections, and for one who is alone.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any, Final

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.figures import Figure, at_least, figure, latencies, ratios
from ..harness.load import closed_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.rounds import Kind, Result, Round, one_round
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows
from ..peers import echo

CONNECTIONS = 8
MANY = rows(1_000)

#: Reserves of one line beside an empty echo, for a transport that is not grpc.aio's.
FASTER_THAN_ECHO = at_least(1.0)

#: Key of a figure -> its name, and the settings of the node.
NODES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "grpcio": ("grpcio", {}),
    "ngh2": ("ngh2", {"transport": "ngh2"}),
    "ngh2_fronts": ("ngh2 in 2 fronts", {"transport": "ngh2", "fronts": 2}),
}


async def run(plan: Plan) -> list[Figure]:
    """Measure the echo and a node behind each transport, by turns."""
    if find_spec("ngh2") is None:
        plan.leave_out("transports", "the extra holdfast[ngh2] is not installed")
        return []
    async with AsyncExitStack() as stack:
        empty = await stack.enter_async_context(echo.echo_server(plan.folder / "echo"))
        kinds = {
            "echo": Kind(
                empty, empty.call_over(CONNECTIONS, echo.PATH), lambda count: [b""] * count
            )
        }
        orders = Orders()
        for key, (_, settings) in NODES.items():
            node = await stack.enter_async_context(node_server(plan.folder / key, **settings))
            async with connect(node) as client:
                await put_stock(client, MANY, PLENTY)
            kinds[key] = Kind(
                node,
                node.call_over(CONNECTIONS, RESERVE_PATH),
                partial(orders.reserves, choice=MANY),
                partial(expect, outcome=OUTCOME_ACCEPTED),
            )
        drive = partial(closed_loop, callers=CALLERS)
        await one_round(kinds, 500, drive)  # warms connections and caches, and is forgotten
        count = plan.count(10_000, 1_000)
        peaks = [await one_round(kinds, count, drive) for _ in plan.each_round("transports")]
        lone, few = partial(closed_loop, callers=1), plan.count(400, 40)
        alone = [
            await one_round(kinds, few, lone) for _ in plan.each_round("transports, a lone caller")
        ]
    return [*_of_echo(peaks, alone), *(each for key in NODES for each in _of(key, peaks, alone))]


def _of_echo(peaks: Sequence[Round], alone: Sequence[Round]) -> list[Figure]:
    return [
        figure("transports.echo_rate", "Empty echo", "/s", _each(peaks, "echo", _rate)),
        figure("transports.echo_cpu", "Processor: echo", "us", _each(peaks, "echo", _cpu)),
        figure("transports.echo_lone", "Echo, one caller: p50", "ms", _each(alone, "echo", _p50)),
    ]


def _of(key: str, peaks: Sequence[Round], alone: Sequence[Round]) -> list[Figure]:
    name, _ = NODES[key]
    rates, costs = _each(peaks, key, _rate), _each(peaks, key, _cpu)
    ratio = ratios(rates, _each(peaks, "echo", _rate))
    bar = None if key == "grpcio" else FASTER_THAN_ECHO
    own = _each(peaks, key, lambda result: result.own_us)
    return [
        figure(f"transports.{key}_rate", f"Reserve, {name}", "/s", rates),
        figure(f"transports.{key}_to_echo", f"Reserve ÷ echo, {name}", "%", ratio, bar),
        figure(f"transports.{key}_cpu", f"Processor: all of the node, {name}", "us", costs),
        figure(f"transports.{key}_own", f"Processor: who decides, {name}", "us", own),
        *latencies(
            f"transports.{key}", f"Reserve, {name}", [each[key].latencies_s for each in peaks]
        ),
        figure(
            f"transports.{key}_lone",
            f"Reserve, {name}, one caller: p50",
            "ms",
            _each(alone, key, _p50),
        ),
    ]


def _each(rounds: Sequence[Round], key: str, read: Callable[[Result], float]) -> list[float]:
    return [read(each[key]) for each in rounds]


def _rate(result: Result) -> float:
    return result.rate


def _cpu(result: Result) -> float:
    return result.server_us


def _p50(result: Result) -> float:
    return median(result.latencies_s) * 1e3
