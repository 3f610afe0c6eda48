"""One Reserve a call: against the echo, over many SKUs and on one, accepted and refused, and its
latency at half of the peak and for a caller who is alone.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, OUTCOME_REFUSED

from ..harness.commits import SMALL, commit_seconds
from ..harness.figures import Bar, Figure, at_least, at_most, figure, latencies, ratios
from ..harness.load import closed_loop, open_loop
from ..harness.node_server import connect, node_server
from ..harness.plan import Plan, tell
from ..harness.processes import Server
from ..harness.rounds import Kind, Result, Round, one_round
from ..harness.workload import CALLERS, PLENTY, RESERVE_PATH, Orders, Row, expect, put_stock, rows
from ..peers import echo

SKUS = 1_000

MANY = rows(SKUS)
ONE = MANY[:1]
SOLD_OUT = rows(SKUS, prefix="GONE")

#: Percentile of the latency at half of peak -> milliseconds.
BARS = {50: at_most(2), 99: at_most(10)}

#: What a lone caller's Reserve may take beyond an echo and one commit, in milliseconds.
LONE_BAR = at_most(0.3)


async def run(plan: Plan) -> list[Figure]:
    """Measure the peak of each kind of load, then the latency at half of it."""
    folder = plan.folder / "unary"
    async with echo.echo_server(folder) as empty, node_server(folder) as node:
        async with connect(node) as client:
            await put_stock(client, MANY, PLENTY)
            await put_stock(client, SOLD_OUT, 0)
        kinds = _kinds(empty, node)
        peaks = await _peaks(plan, kinds)
        rate = median(each["reserve"].rate for each in peaks) / 2
        both = {name: kinds[name] for name in ("echo", "reserve")}
        halves = await _halves(plan, both, rate)
        lone = await _lone(plan, folder, both)
    return [
        *_throughput(peaks),
        *_processor_time(peaks),
        *_latencies(peaks, halves, rate),
        *lone,
    ]


def _kinds(empty: Server, node: Server) -> dict[str, Kind]:
    orders = Orders()

    def reserves(choice: Sequence[Row], outcome: int) -> Kind:
        build = partial(orders.reserves, choice=choice)
        return Kind(node, node.call(RESERVE_PATH), build, partial(expect, outcome=outcome))

    return {
        "echo": Kind(empty, empty.call(echo.PATH), lambda count: [b""] * count),
        "reserve": reserves(MANY, OUTCOME_ACCEPTED),
        "hot": reserves(ONE, OUTCOME_ACCEPTED),
        "refused": reserves(SOLD_OUT, OUTCOME_REFUSED),
    }


async def _peaks(plan: Plan, kinds: dict[str, Kind]) -> list[Round]:
    """Rounds at the peak: 64 callers, each sending as fast as it is answered."""
    drive = partial(closed_loop, callers=CALLERS)
    await one_round(kinds, 500, drive)  # warms connections and caches, and is forgotten
    count = plan.count(10_000, 1_000)
    return [await one_round(kinds, count, drive) for _ in plan.each_round("unary")]


async def _halves(plan: Plan, kinds: dict[str, Kind], rate: float) -> list[Round]:
    """Rounds at a fixed rate."""
    tell(f"unary: latency at {rate:,.0f} calls a second")
    drive = partial(open_loop, rate=rate)
    count = max(plan.count(1_000, 100), round(rate * plan.count(3, 1)))
    return [await one_round(kinds, count, drive) for _ in plan.each_round("unary, half of peak")]


async def _lone(plan: Plan, folder: Path, kinds: dict[str, Kind]) -> list[Figure]:
    """Latency of a caller who is alone, beside what LMDB alone takes to make it durable."""
    drive = partial(closed_loop, callers=1)
    count = plan.count(400, 40)
    samples: dict[str, list[float]] = {"echo": [], "commit": [], "reserve": []}
    for _ in plan.each_round("unary, a lone caller"):
        commits = commit_seconds(folder, SMALL, count, perf_counter)
        samples["commit"].append(median(commits) * 1e3)
        for name, result in (await one_round(kinds, count, drive)).items():
            samples[name].append(median(result.latencies_s) * 1e3)
    names = {"echo": "Echo", "commit": "LMDB commit", "reserve": "Reserve, durable"}
    beyond = [
        reserve - echo - commit
        for reserve, echo, commit in zip(
            samples["reserve"], samples["echo"], samples["commit"], strict=True
        )
    ]
    return [
        *(
            figure(f"unary.lone_{key}", f"{name}, one caller: p50", "ms", samples[key])
            for key, name in names.items()
        ),
        figure("unary.lone_beyond", "Reserve beyond echo and commit", "ms", beyond, LONE_BAR),
    ]


def _throughput(peaks: Sequence[Round]) -> list[Figure]:
    rates = {name: _each(peaks, name, lambda result: result.rate) for name in peaks[0]}
    reserve = rates["reserve"]
    return [
        figure("unary.echo_rate", "Empty echo, 64 callers", "/s", rates["echo"]),
        figure("unary.reserve_rate", "Reserve, 64 callers, durable", "/s", reserve),
        figure(
            "unary.reserve_to_echo",
            "Reserve ÷ echo",
            "%",
            ratios(reserve, rates["echo"]),
            at_least(0.85),
        ),
        figure(
            "unary.hot_to_uniform",
            "Reserve on one SKU ÷ over 1,000",
            "%",
            ratios(rates["hot"], reserve),
            at_least(0.9),
        ),
        figure("unary.refused_rate", "Reserve, all sold out", "/s", rates["refused"]),
        figure(
            "unary.refused_to_accepted",
            "Sold out ÷ accepted",
            "%",
            ratios(rates["refused"], reserve),
        ),
    ]


def _processor_time(peaks: Sequence[Round]) -> list[Figure]:
    servers = {name: _each(peaks, name, lambda result: result.server_us) for name in peaks[0]}
    clients = _each(peaks, "reserve", lambda result: result.client_us)
    return [
        figure("unary.echo_cpu", "Processor a call: echo", "us", servers["echo"]),
        figure("unary.reserve_cpu", "Processor a call: Reserve", "us", servers["reserve"]),
        figure("unary.refused_cpu", "Processor a call: sold out", "us", servers["refused"]),
        figure("unary.client_cpu", "Processor a call: load generator", "us", clients),
        figure(
            "unary.echo_to_reserve_cpu",
            "Processor a call: echo ÷ Reserve",
            "%",
            ratios(servers["echo"], servers["reserve"]),
        ),
    ]


def _latencies(peaks: Sequence[Round], halves: Sequence[Round], rate: float) -> list[Figure]:
    at_rate = f"at {rate:,.0f} /s, from when the call was due"
    return [
        *_latency("echo", "peak", peaks, "Echo, 64 callers"),
        *_latency("reserve", "peak", peaks, "Reserve, 64 callers"),
        *_latency("echo", "half", halves, "Echo, same rate", at_rate),
        *_latency("reserve", "half", halves, "Reserve, half of peak", at_rate, BARS),
    ]


def _latency(
    kind: str,
    load: str,
    rounds: Sequence[Round],
    name: str,
    note: str = "",
    bars: Mapping[int, Bar] | None = None,
) -> list[Figure]:
    return latencies(
        f"unary.{kind}_{load}",
        name,
        [each[kind].latencies_s for each in rounds],
        bars=bars,
        note=note,
    )


def _each(rounds: Sequence[Round], kind: str, read: Callable[[Result], float]) -> list[float]:
    return [read(each[kind]) for each in rounds]
