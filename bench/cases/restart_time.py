"""Restart: from a killed node to one that answers again, with and without a snapshot.

The node is killed with everything durable and nothing sealed, as a crash would leave it, and is
timed from the start of its process, imports included, until it answers a GetAvailability with what
was true before. Its state has to hash to what it did. Kernels are warm: the node ran here before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.v1 import availability_service_pb2 as availability

from ..harness.figures import Figure, at_most, figure
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, node_server, write_snapshot
from ..harness.plan import BenchError, Plan, tell
from ..harness.population import ROWS, ROWS_QUICK, level, populated
from ..harness.processes import Server
from ..harness.workload import AVAILABILITY_PATH

BAR_S = 5.0


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
    """Kill and restart a large node, first on its journal alone, then with a snapshot."""
    folder = await populated(plan)
    count = plan.count(ROWS, ROWS_QUICK)
    sku, _ = level(0)
    async with node_server(folder, snapshot_every_mib=NO_SNAPSHOTS_MIB) as node:
        replays = [await _restart(node, sku) for _ in plan.each_round("restart")]
        tell("restart: writing a snapshot")
        await write_snapshot(node)
        loads = [
            await _restart(node, sku, has_snapshot=True)
            for _ in plan.each_round("restart from the snapshot")
        ]
    return [
        *_figures("journal", "journal alone", replays, count),
        *_figures("snapshot", "snapshot", loads, count),
    ]


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
    return [
        figure(
            f"restart.{key}_serving",
            f"{name}: serving",
            "s",
            [each.serving_s for each in restarts],
            at_most(BAR_S),
            f"{count:,} stock levels, {count:,} holds of one line",
        ),
        figure(
            f"restart.{key}_recovery",
            f"{name}: of that, recovery",
            "s",
            [each.recovery_s for each in restarts],
        ),
        figure(f"restart.{key}_cpu", f"{name}: processor", "s", [each.cpu_s for each in restarts]),
    ]
