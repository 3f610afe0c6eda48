"""The fast lane: BatchReserve in several sizes, BatchCommit and BatchRelease of the same, reserves
of one SKU and of SKUs that are sold out, and what the journal keeps.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from holdfast.edge.client import Client
from holdfast.v1 import reservation_service_pb2 as reservation

from ..harness.figures import Figure, at_least, at_most, figure, latencies, ratios
from ..harness.load import closed_loop
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, node_server
from ..harness.packed_traffic import (
    COMMIT_PATH,
    RELEASE_PATH,
    RESERVE_PATH,
    Batches,
    commits,
    expect_all,
    releases,
    resolve,
)
from ..harness.plan import Plan
from ..harness.processes import Server
from ..harness.regimes import Regime, Total
from ..harness.workload import PLENTY, put_stock, rows

MANY = rows(10_000)
SOLD_OUT = rows(1_000, prefix="GONE")

ACCEPTED = reservation.BATCH_OUTCOME_ACCEPTED
INSUFFICIENT_STOCK = reservation.BATCH_OUTCOME_INSUFFICIENT_STOCK

#: Stretches of each regime in a round: forwards, then backwards.
STRETCHES = 2

#: Sizes whose journal is held against the bar; in smaller ones it is mostly started pages.
BYTES_BAR_SIZES = (8_190, 512)

REGIMES = (
    Regime(8_190, 4, 24, 2_000_000),
    Regime(512, 8, 96, 600_000),
    Regime(64, 16, 400, 130_000),
    Regime(8, 64, 1_000),
    Regime(1, 64, 1_000),
    Regime(1, 1, 200),
)


#: Kinds of load that are compared with reserves, what to call that, and the least ratio.
SHARES = (
    ("commit", "commit ÷ reserve", 0.8),
    ("release", "release ÷ reserve", 0.8),
    ("hot", "one SKU ÷ reserve", 0.9),
    ("refused", "sold out ÷ accepted", None),
)

#: Regime -> kind of load -> what it came to.
Round = dict[str, dict[str, Total]]


class Traffic:
    """A node with stock, and batches for it."""

    def __init__(self, node: Server, many: Sequence[int], sold_out: Sequence[int]) -> None:
        self._node = node
        self._many = many
        self._sold_out = sold_out
        self._batches = Batches()

    @classmethod
    async def prepare(cls, node: Server, client: Client) -> "Traffic":
        """Traffic for a node that is given stock; its handles are resolved."""
        await put_stock(client, MANY, PLENTY)
        await put_stock(client, SOLD_OUT, 0)
        return cls(node, await resolve(node, MANY), await resolve(node, SOLD_OUT))

    async def stretch(self, regime: Regime, totals: dict[str, Total]) -> None:
        """Reserve and commit, reserve and release, reserve one SKU, and be refused. The reserves of
        the first two count as one kind.
        """
        batches, messages = self._batches, regime.messages
        first, second = batches.ids(messages, regime.size), batches.ids(messages, regime.size)
        hot, gone = batches.ids(messages, regime.size), batches.ids(messages, regime.size)
        spells: list[tuple[str, str, Callable[[], list[bytes]], int]] = [
            ("reserve", RESERVE_PATH, lambda: batches.reserves(first, self._many), ACCEPTED),
            ("commit", COMMIT_PATH, lambda: commits(first), ACCEPTED),
            ("hot", RESERVE_PATH, lambda: batches.reserves(hot, self._many[:1]), ACCEPTED),
            (
                "refused",
                RESERVE_PATH,
                lambda: batches.reserves(gone, self._sold_out),
                INSUFFICIENT_STOCK,
            ),
            ("reserve", RESERVE_PATH, lambda: batches.reserves(second, self._many), ACCEPTED),
            ("release", RELEASE_PATH, lambda: releases(second), ACCEPTED),
        ]
        for kind, path, build, outcome in spells:
            await self._put_on(regime, totals[kind], path, build(), outcome)

    async def _put_on(
        self, regime: Regime, total: Total, path: str, requests: list[bytes], outcome: int
    ) -> None:
        cpu_before_s = self._node.cpu_seconds()
        load = await closed_loop(self._node.call(path), requests, regime.in_flight)
        cpu_s = self._node.cpu_seconds() - cpu_before_s
        expect_all(load.answers, regime.size, outcome)
        total.add(load, len(requests) * regime.size, cpu_s)

    async def growth(self, client: Client, regime: Regime) -> dict[str, float]:
        """Bytes by which the journal grows for an operation of each kind."""
        ids = self._batches.ids(max(1, regime.messages // 4), regime.size)
        sizes = [(await client.get_status()).journal_size_bytes]
        requests = (self._batches.reserves(ids, self._many), commits(ids))
        for path, messages in zip((RESERVE_PATH, COMMIT_PATH), requests, strict=True):
            load = await closed_loop(self._node.call(path), messages, regime.in_flight)
            expect_all(load.answers, regime.size, ACCEPTED)
            sizes.append((await client.get_status()).journal_size_bytes)
        count = len(ids) * regime.size
        return {
            "reserve": (sizes[1] - sizes[0]) / count,
            "commit": (sizes[2] - sizes[1]) / count,
        }


async def run(plan: Plan) -> list[Figure]:
    """Measure all regimes, then the journal of a node that nothing trims."""
    regimes = _regimes(plan)
    rounds: list[Round] = []
    async with node_server(plan.folder / "batches") as node, connect(node) as client:
        traffic = await Traffic.prepare(node, client)
        await _one_round(traffic, regimes)  # warms connections and caches, and is forgotten
        for _ in plan.each_round("batches"):
            rounds.append(await _one_round(traffic, regimes))  # noqa: PERF401 - it awaits
    return [*_figures(regimes, rounds), *await _journal(plan, regimes)]


def _regimes(plan: Plan) -> list[Regime]:
    if not plan.is_quick:
        return list(REGIMES)
    return [
        Regime(each.size, each.in_flight, max(each.in_flight, each.messages // 10), each.bar)
        for each in REGIMES
    ]


async def _one_round(traffic: Traffic, regimes: Sequence[Regime]) -> Round:
    totals: Round = {regime.key: defaultdict(Total) for regime in regimes}
    for number in range(STRETCHES):
        for regime in reversed(regimes) if number % 2 else regimes:
            await traffic.stretch(regime, totals[regime.key])
    return totals


async def _journal(plan: Plan, regimes: Sequence[Regime]) -> list[Figure]:
    folder = plan.folder / "batches-journal"
    measured = [regime for regime in regimes if regime.size > 1]
    growths: dict[str, list[dict[str, float]]] = {regime.key: [] for regime in measured}
    server = node_server(folder, snapshot_every_mib=NO_SNAPSHOTS_MIB)
    async with server as node, connect(node) as client:
        traffic = await Traffic.prepare(node, client)
        for _ in plan.each_round("batches, journal"):
            for regime in measured:
                growths[regime.key].append(await traffic.growth(client, regime))
    return [
        figure(
            f"batches.{regime.key}_{kind}_bytes",
            f"{regime.name}: journal, one {kind}",
            "B",
            [each[kind] for each in growths[regime.key]],
            at_most(48) if regime.size in BYTES_BAR_SIZES else None,
        )
        for regime in measured
        for kind in ("reserve", "commit")
    ]


def _figures(regimes: Sequence[Regime], rounds: Sequence[Round]) -> list[Figure]:
    return [
        each
        for regime in regimes
        for each in _of_regime(regime, [totals[regime.key] for totals in rounds])
    ]


def _of_regime(regime: Regime, rounds: Sequence[dict[str, Total]]) -> list[Figure]:
    key, name = f"batches.{regime.key}", regime.name
    rounds_s = [each["reserve"].latencies_s for each in rounds]
    cpu_us = [each["reserve"].cpu_us for each in rounds]
    return [
        figure(
            f"{key}_reserve_rate",
            f"{name}: reserves",
            "/s",
            [each["reserve"].rate for each in rounds],
            None if regime.bar is None else at_least(regime.bar),
            f"{regime.size:,} a message, {regime.in_flight} in flight",
        ),
        *(_share(regime, rounds, *share) for share in SHARES),
        *latencies(f"{key}_reserve", name, rounds_s, of="a message"),
        figure(f"{key}_reserve_cpu", f"{name}: processor a reserve", "us", cpu_us),
    ]


def _share(
    regime: Regime, rounds: Sequence[dict[str, Total]], kind: str, label: str, least: float | None
) -> Figure:
    """The rate of another kind of load beside that of reserves; its bar is for real batches."""
    rates = ratios([each[kind].rate for each in rounds], [each["reserve"].rate for each in rounds])
    bar = None if least is None or regime.size == 1 else at_least(least)
    return figure(f"batches.{regime.key}_{kind}_share", f"{regime.name}: {label}", "%", rates, bar)
