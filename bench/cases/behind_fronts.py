"""One Reserve a call through fronts: what it costs the engine, what it costs a front, and so how
many of each would keep the other busy.

On two cores with the load generator on them, fronts cannot be faster than one process. What more
cores would give follows from the processor time of a call in each process.
"""

from collections.abc import Callable, Sequence
from functools import partial

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.figures import Figure, at_least, at_most, figure, latencies, ratios
from ..harness.load import closed_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.rounds import Kind, Result, Round, one_round
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows
from ..peers import echo

FRONTS = 2
CONNECTIONS = 8
MANY = rows(1_000)

#: The bar of the engine's own processor time: 60 µs where an empty echo costs 282.
ENGINE_TO_ECHO = 60 / 282


async def run(plan: Plan) -> list[Figure]:
    """Measure the echo, a node of one process and one with fronts, by turns."""
    folder = plan.folder
    async with (
        echo.echo_server(folder / "echo") as empty,
        node_server(folder / "alone") as alone,
        node_server(folder / "fronts", fronts=FRONTS) as behind,
    ):
        orders = Orders()
        for node in (alone, behind):
            async with connect(node) as client:
                await put_stock(client, MANY, PLENTY)
        build = partial(orders.reserves, choice=MANY)
        check = partial(expect, outcome=OUTCOME_ACCEPTED)
        kinds = {
            "echo": Kind(
                empty, empty.call_over(CONNECTIONS, echo.PATH), lambda count: [b""] * count
            ),
            **{
                name: Kind(node, node.call_over(CONNECTIONS, RESERVE_PATH), build, check)
                for name, node in (("alone", alone), ("fronts", behind))
            },
        }
        drive = partial(closed_loop, callers=CALLERS)
        await one_round(kinds, 500, drive)  # warms connections and caches, and is forgotten
        count = plan.count(10_000, 1_000)
        return _figures([await one_round(kinds, count, drive) for _ in plan.each_round("fronts")])


def _figures(rounds: Sequence[Round]) -> list[Figure]:
    def each(kind: str, read: Callable[[Result], float]) -> list[float]:
        return [read(result[kind]) for result in rounds]

    echo_us = each("echo", lambda result: result.server_us)
    engine_us = each("fronts", lambda result: result.own_us)
    beside_us = each("fronts", lambda result: result.server_us - result.own_us)
    names = {"echo": "Empty echo", "alone": "Reserve, one process", "fronts": "Reserve, 2 fronts"}
    return [
        *(
            figure(f"fronts.{kind}_rate", f"{name}, 64 callers", "/s", rates)
            for kind, name in names.items()
            for rates in [each(kind, lambda result: result.rate)]
        ),
        figure("fronts.echo_cpu", "Processor a call: echo", "us", echo_us),
        figure(
            "fronts.alone_cpu",
            "Processor a call: node of one process",
            "us",
            each("alone", lambda result: result.own_us),
        ),
        figure("fronts.engine_cpu", "Processor a call: engine behind fronts", "us", engine_us),
        figure("fronts.beside_cpu", "Processor a call: fronts, journal", "us", beside_us),
        figure(
            "fronts.engine_to_echo",
            "Engine's processor ÷ echo's",
            "%",
            ratios(engine_us, echo_us),
            at_most(ENGINE_TO_ECHO),
        ),
        figure(
            "fronts.echoes_carried",
            "Echo's processor ÷ engine's: rate of one engine in echoes",
            "x",
            ratios(echo_us, engine_us),
            at_least(4),
        ),
        *latencies(
            "fronts.reserve",
            "Reserve through fronts, 64 callers",
            [result["fronts"].latencies_s for result in rounds],
        ),
    ]
