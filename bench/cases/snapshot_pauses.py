"""Snapshots: how long a node keeps its callers waiting while one is written.

A second process writes it, so the node should not pause. What can hold it up all the same is the
start of that process, and the disk. Reads and reserves come at a fixed rate, and at the same
moments calls of an echo server, which meets the same machine and the same load generator but has no
snapshots: what both waited for was the machine, and so is what the node's event loop waited for a
core. The same is measured while no snapshot is written.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from holdfast.v1 import availability_service_pb2 as availability

from ..harness.fact_traffic import APPLIED, Feed
from ..harness.figures import Figure, at_most, figure, latencies
from ..harness.load import Ticker, open_loop
from ..harness.node_server import connect, newest_snapshot_bytes, node_server, write_snapshot
from ..harness.packed_traffic import OPERATIONS_MAX
from ..harness.plan import BenchError, Plan, tell
from ..harness.population import LONG_HOLD_MS, ROWS, ROWS_QUICK, handles, level, populated
from ..harness.processes import Server
from ..harness.regimes import Regime
from ..harness.workload import AVAILABILITY_PATH, RESERVE_PATH, Orders
from ..peers import echo

#: Calls of each kind: reads, reserves, echoes. Far below what a node can do, so that nothing waits
#: for its own kind.
RATE = 100
STRETCH_S = 2.0

PAUSE_BAR_MS = 20.0

#: The journal grows by more than this, and by half of the newest snapshot, before each snapshot, so
#: that the node writes one by itself. Numbered facts make it grow and leave the state as large as
#: it is.
EVERY_MIB = 4
GROWTH_BYTES = 6 << 20
FACT_BYTES = 42
IN_FLIGHT = 4
PATIENCE_S = 120.0


@dataclass(slots=True)
class Probe:
    """Latencies of calls that were due at the same moments, every `1 / RATE` seconds."""

    reads_s: list[float]
    reserves_s: list[float]
    echoes_s: list[float]
    core_waits_s: list[float]
    """How long the node's event loop had waited for a core from its start on, at those moments."""

    def add(self, other: "Probe") -> None:
        """Append a stretch."""
        self.reads_s += other.reads_s
        self.reserves_s += other.reserves_s
        self.echoes_s += other.echoes_s
        self.core_waits_s += other.core_waits_s

    def pauses_s(self) -> list[float]:
        """How long each of the node's calls waited beyond what the machine explains."""
        return [
            max(0.0, latency_s - self._machine_s(number, latency_s))
            for latencies_s in (self.reads_s, self.reserves_s)
            for number, latency_s in enumerate(latencies_s)
        ]

    def _machine_s(self, number: int, latency_s: float) -> float:
        """The longest echo that was due while a call was under way, or a tick before it; or the
        wait for a core, if that was longer.
        """
        ticks = slice(max(0, number - 1), number + int(latency_s * RATE) + 2)
        waits_s = self.core_waits_s[ticks]
        return max(*self.echoes_s[ticks], waits_s[-1] - waits_s[0])


class Prober:
    """Sends reads and reserves to a node, and echoes to another server."""

    def __init__(self, node: Server, echoes: Server, rows: int) -> None:
        self._node = node
        self._echoes = echoes
        self._levels = [level(number) for number in range(0, rows, 7)]
        self._orders = Orders()
        self._reads = [
            availability.GetAvailabilityRequest(sku=sku).SerializeToString()
            for sku, _ in self._levels[: int(RATE * STRETCH_S)]
        ]

    async def stretch(self) -> Probe:
        """Latencies of one stretch of probes."""
        count = len(self._reads)
        reserves = self._orders.reserves(count, self._levels, hold_s=LONG_HOLD_MS // 1_000)
        reads, reserved, echoes, waits_s = await asyncio.gather(
            open_loop(self._node.call(AVAILABILITY_PATH), self._reads, RATE),
            open_loop(self._node.call(RESERVE_PATH), reserves, RATE),
            open_loop(self._echoes.call(echo.PATH), [b""] * count, RATE),
            self._core_waits(count),
        )
        return Probe(reads.latencies_s, reserved.latencies_s, echoes.latencies_s, waits_s)

    async def _core_waits(self, count: int) -> list[float]:
        waits_s = []
        with Ticker(1 / RATE) as ticker:
            for number in range(count):
                await ticker.wait_tick(number)
                waits_s.append(self._node.core_wait_seconds())
        return waits_s


async def run(plan: Plan) -> list[Figure]:
    """Probe a large node, by turns idle and writing a snapshot."""
    folder = await populated(plan)
    rows = plan.count(ROWS, ROWS_QUICK)
    calm, busy, seconds = [], [], []
    node = node_server(folder, snapshot_every_mib=EVERY_MIB)
    async with node, echo.echo_server(plan.folder / "snapshot") as echoes:
        tell("snapshot: writing the first")
        await write_snapshot(node)
        choice = await handles(node, rows)
        prober, feed = Prober(node, echoes, rows), Feed(node, choice)
        await prober.stretch()  # warms connections, and is forgotten
        for _ in plan.each_round("snapshot"):
            position = await _snapshot_position(node)
            calm.append(await prober.stretch())
            calm[-1].add(await prober.stretch())
            await _grow(feed, newest_snapshot_bytes(folder) // 2 + GROWTH_BYTES)
            started = perf_counter()
            busy.append(await prober.stretch())
            while await _snapshot_position(node) == position:
                busy[-1].add(await prober.stretch())
                if perf_counter() - started > PATIENCE_S:
                    raise BenchError("the node writes no snapshot")
            seconds.append(perf_counter() - started)
        await feed.close()
    return [*_figures("calm", "No snapshot", calm), *_figures("busy", "Snapshot", busy, seconds)]


async def _snapshot_position(node: Server) -> int:
    async with connect(node) as client:
        return int((await client.get_status()).snapshot_position)


async def _grow(feed: Feed, growth_bytes: int) -> None:
    """Let the journal grow until a snapshot is due."""
    regime = Regime(OPERATIONS_MAX, IN_FLIGHT, growth_bytes // FACT_BYTES // OPERATIONS_MAX + 1)
    await feed.send(regime, feed.facts.numbered(regime), APPLIED)


def _figures(
    key: str, name: str, probes: Sequence[Probe], seconds: Sequence[float] = ()
) -> list[Figure]:
    def worst_ms(all_s: Sequence[Sequence[float]]) -> list[float]:
        return [max(each_s) * 1e3 for each_s in all_s]

    reads_s = [probe.reads_s for probe in probes]
    figures = [
        figure(
            f"snapshot.{key}_pause",
            f"{name}: longest pause",
            "ms",
            worst_ms([probe.pauses_s() for probe in probes]),
            at_most(PAUSE_BAR_MS) if seconds else None,
            "beyond echoes, and waits for a core, of that moment",
        ),
        figure(f"snapshot.{key}_read_max", f"{name}: slowest read", "ms", worst_ms(reads_s)),
        figure(
            f"snapshot.{key}_reserve_max",
            f"{name}: slowest Reserve",
            "ms",
            worst_ms([probe.reserves_s for probe in probes]),
        ),
        figure(
            f"snapshot.{key}_echo_max",
            f"{name}: slowest echo",
            "ms",
            worst_ms([probe.echoes_s for probe in probes]),
        ),
        *latencies(f"snapshot.{key}_read", name, reads_s, of="reads", percents=(99,)),
    ]
    if seconds:
        note = "from when it was due until it was there"
        figures.append(figure("snapshot.seconds", f"{name}: takes", "s", seconds, note=note))
    return figures
