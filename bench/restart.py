"""Restart: from a killed node to one that answers again, with and without a snapshot.

The node is killed with everything durable and nothing sealed, as a crash would leave it, and is
timed from the start of its process, imports included, until it answers a GetAvailability with what
was true before. Its state has to hash to what it did. Kernels are warm: the node ran here before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from .figures import Figure, at_most, figure
from .load import closed_loop
from .plan import BenchError, Plan, tell
from .processes import Server, connect, node_server, write_snapshot
from .workload import PLENTY, RESERVE_PATH, Orders, expect, put_stock, rows

AVAILABILITY_PATH = "/holdfast.v1.AvailabilityService/GetAvailability"

LOCATIONS = 5
CALLERS = 256  # loading is not measured
CHUNK = 10_000
HOLD_S = 7 * 24 * 3600  # no hold may end while this runs

#: The bar speaks of so many stock levels and as many holds.
BAR_ROWS = 1_000_000
BAR_S = 5.0
SCALED_MIN = 100_000  # fewer say too little about so many

NEVER_MIB = 1_048_576  # no snapshot but those that are asked for here


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart."""

    serving_s: float
    """From the start of the process to the first right answer."""
    recovery_s: float
    """What the node says that recovery took of it."""
    cpu_s: float
    """Processor time of the process until then."""


async def run(plan: Plan) -> list[Figure]:
    """Load a node, then kill and restart it, first on its journal alone, then with a snapshot."""
    folder = plan.folder / "restart"
    count = plan.count(100_000, 5_000)
    levels = rows(count // LOCATIONS, LOCATIONS)
    async with node_server(folder, snapshot_every_mib=NEVER_MIB) as node:
        await _load(node, levels)
        replays = [await _restart(node, levels[0][0]) for _ in plan.each_round("restart")]
        tell("restart: writing a snapshot")
        await write_snapshot(folder)
        loads = [
            await _restart(node, levels[0][0], has_snapshot=True)
            for _ in plan.each_round("restart from the snapshot")
        ]
    return [
        *_figures("journal", "journal alone", replays, count),
        *_figures("snapshot", "snapshot", loads, count),
    ]


async def _load(node: Server, levels: Sequence[tuple[str, str]]) -> None:
    """Record a count of every stock level, and make as many holds of one line."""
    orders = Orders()
    async with connect(node) as client:
        await put_stock(client, levels, PLENTY)
    call = node.call(RESERVE_PATH)
    for done in range(0, len(levels), CHUNK):
        tell(f"restart: {done:,} of {len(levels):,} holds made")
        requests = orders.reserves(min(CHUNK, len(levels) - done), levels, hold_s=HOLD_S)
        expect((await closed_loop(call, requests, CALLERS)).answers, OUTCOME_ACCEPTED)


async def _restart(node: Server, sku: str, *, has_snapshot: bool = False) -> Restart:
    async def answers_as_before(server: Server) -> None:
        if await _available(server, sku) != available:
            raise BenchError(f"{sku} is not what it was before the restart")

    state_hash, _, _ = await _status(node)
    available = await _available(node, sku)
    await node.kill()
    serving_s = await node.start(answers_as_before)
    cpu_s = node.cpu_seconds()
    state_hash_after, recovery_s, snapshot_position = await _status(node)
    if state_hash_after != state_hash:
        raise BenchError(f"state hashes to {state_hash_after}, before the restart to {state_hash}")
    if has_snapshot != (snapshot_position > 0):
        raise BenchError(f"the newest snapshot is at {snapshot_position}")
    return Restart(serving_s, recovery_s, cpu_s)


async def _status(node: Server) -> tuple[str, float, int]:
    async with connect(node) as client:
        status = await client.get_status(include_state_hash=True, timeout_s=60)
    recovery_s = status.recovery_duration.ToTimedelta().total_seconds()
    return status.state_hash, recovery_s, status.snapshot_position


async def _available(node: Server, sku: str) -> int:
    request = availability.GetAvailabilityRequest(sku=sku).SerializeToString()
    answer = await node.call(AVAILABILITY_PATH)(request)
    return availability.GetAvailabilityResponse.FromString(answer).availability.network_available


def _figures(key: str, start: str, restarts: Sequence[Restart], count: int) -> list[Figure]:
    name = f"Restart, {start}"
    figures = [
        figure(
            f"restart.{key}_serving",
            f"{name}: serving",
            "s",
            [each.serving_s for each in restarts],
            note=f"{count:,} stock levels, {count:,} holds of one line",
        ),
        figure(
            f"restart.{key}_recovery",
            f"{name}: of that, recovery",
            "s",
            [each.recovery_s for each in restarts],
        ),
        figure(f"restart.{key}_cpu", f"{name}: processor", "s", [each.cpu_s for each in restarts]),
    ]
    return figures if count < SCALED_MIN else [*figures, _scaled(key, name, restarts, count)]


def _scaled(key: str, name: str, restarts: Sequence[Restart], count: int) -> Figure:
    """Say what the bar's size would take if recovery grew with it and the rest did not."""
    times = BAR_ROWS / count
    return figure(
        f"restart.{key}_scaled",
        f"{name}: scaled to 1 M",
        "s",
        [each.serving_s + (times - 1) * each.recovery_s for each in restarts],
        at_most(BAR_S),
        note=f"not measured: recovery taken {times:,.0f} times",
    )
