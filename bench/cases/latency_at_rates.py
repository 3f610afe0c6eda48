"""Latency against offered rate: one Reserve a call, at fixed rates up to near the peak."""

from functools import partial
from statistics import median

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.figures import Figure, figure, latencies
from ..harness.load import closed_loop, open_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan
from ..harness.rounds import Kind, Result, one_round
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows

MANY = rows(1_000)

#: Offered rates, in percent of the median peak of this run.
OFFERED = (10, 25, 50, 75, 90)
PERCENTILES = (50, 95, 99)


async def run(plan: Plan) -> list[Figure]:
    """Find the peak, then offer shares of it, all of them once a round."""
    async with node_server(plan.folder / "rates") as node, connect(node) as client:
        await put_stock(client, MANY, PLENTY)
        build = partial(Orders().reserves, choice=MANY)
        check = partial(expect, outcome=OUTCOME_ACCEPTED)
        kinds = {"reserve": Kind(node, node.call(RESERVE_PATH), build, check)}
        peak_drive = partial(closed_loop, callers=CALLERS)
        await one_round(kinds, 500, peak_drive)
        peaks = [
            (await one_round(kinds, plan.count(8_000, 800), peak_drive))["reserve"].rate
            for _ in plan.each_round("rates, peak")
        ]
        offered = {percent: median(peaks) * percent / 100 for percent in OFFERED}
        found: dict[int, list[Result]] = {percent: [] for percent in OFFERED}
        for _ in plan.each_round("rates"):
            for percent, rate in offered.items():
                count = max(plan.count(400, 40), round(rate * plan.count(2, 1) / 2))
                drive = partial(open_loop, rate=rate)
                found[percent].append((await one_round(kinds, count, drive))["reserve"])
    return [
        each for percent, rate in offered.items() for each in _at(percent, rate, found[percent])
    ]


def _at(percent: int, rate: float, results: list[Result]) -> list[Figure]:
    name = f"Reserve at {percent} % of peak"
    return [
        figure(f"rates.{percent}_offered", f"{name}: offered", "/s", [rate]),
        *latencies(
            f"rates.{percent}",
            name,
            [result.latencies_s for result in results],
            percents=PERCENTILES,
            note="from when the call was due",
        ),
    ]
