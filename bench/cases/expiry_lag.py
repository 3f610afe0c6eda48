"""Expiry: a million holds that end within a minute, and what waiting for them costs.

How late a hold ends is read from the journal, where the time of every release stands beside the end
that its reserve was given. For the first half of the minute nobody calls, so that the node's own
alarm is all that ends holds; then reads come at a fixed rate, each of which ends what is due, and
shows how long mass expiry keeps a caller waiting. A read is exact however late a release is.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast.v1 import availability_service_pb2 as availability

from ..harness.figures import Figure, at_most, figure, latencies, percentile
from ..harness.load import Load, open_loop
from ..harness.node_server import NO_SNAPSHOTS_MIB, connect, data_dir, node_server
from ..harness.plan import BenchError, Plan, tell
from ..harness.population import (
    handles,
    level,
    put_holds,
    put_levels,
    put_locations,
)
from ..harness.processes import Server
from ..harness.workload import AVAILABILITY_PATH, PLENTY

JOURNAL_COMMAND = (sys.executable, "-m", "holdfast.edge", "journal", "--json")

LEVELS = 10_000
PERCENTILES = (50, 99, 100)
READS_A_SECOND = 100

#: How late 99 of 100 releases may be at most, and how much of a core a waiting node may take.
LAG_BAR_MS = 50.0
IDLE_BAR = 0.03


async def run(plan: Plan) -> list[Figure]:
    """Make holds, wait idly until the first ends, let them end, and read the journal."""
    count = plan.count(1_000_000, 5_000)
    idle_s, spread_s = plan.count(20, 2), plan.count(60, 4)
    making_s = plan.count(10, 1)  # by then the last one is made
    folder = plan.folder / "expiry"
    async with node_server(folder, snapshot_every_mib=NO_SNAPSHOTS_MIB) as node:
        await put_locations(node)
        await put_levels(node, range(LEVELS))
        choice = await handles(node, LEVELS)
        first_ms = (making_s + idle_s) * 1_000
        await put_holds(node, choice, count, (first_ms, first_ms + spread_s * 1_000))
        idle = await _idle_share(node, idle_s * 0.8)
        tell("expiry: holds are ending")
        before = await _appends(node)
        cpu_before_s = node.cpu_seconds()
        await asyncio.sleep(making_s + idle_s * 0.2 + spread_s / 2)
        reads = await _read(node, spread_s / 2)
        await _until_all_have_ended(node, making_s)
        cpu_s = node.cpu_seconds() - cpu_before_s
        appends = await _appends(node) - before
    tell("expiry: reading the journal")
    late_ms = await asyncio.to_thread(lambda: list(lags_ms(_journal(folder))))
    if len(late_ms) < count:
        raise BenchError(f"{len(late_ms):,} of {count:,} holds have ended in the journal")
    return _figures(late_ms, reads, idle, cpu_s / len(late_ms), len(late_ms) / appends)


async def _idle_share(node: Server, seconds: float) -> float:
    """Processor time while nothing happens, as a share of one core."""
    tell(f"expiry: idle for {seconds:.0f} s")
    before_s = node.cpu_seconds()
    await asyncio.sleep(seconds)
    return (node.cpu_seconds() - before_s) / seconds


async def _appends(node: Server) -> int:
    async with connect(node) as client:
        return int((await client.get_status()).durable_position)


async def _read(node: Server, seconds: float) -> Load:
    """Reads of stock levels at a fixed rate."""
    requests = [
        availability.GetAvailabilityRequest(sku=level(number)[0]).SerializeToString()
        for number in range(int(seconds * READS_A_SECOND))
    ]
    return await open_loop(node.call(AVAILABILITY_PATH), requests, READS_A_SECOND)


async def _until_all_have_ended(node: Server, patience_s: float) -> None:
    """Wait for all holds to end, without a call that would end them: a status reads figures."""
    async with connect(node) as client, asyncio.timeout(60 + patience_s):
        while True:
            shards = (await client.get_status()).shards
            if not any(shard.reserved for shard in shards):
                break
            await asyncio.sleep(0.2)
    on_hand = sum(shard.on_hand for shard in shards)
    if on_hand != LEVELS * PLENTY:
        raise BenchError(f"{on_hand:,} units are on hand, which no expiry may change")


def _journal(folder: Path) -> Iterator[dict[str, Any]]:
    """The effects in the journal of a node that was stopped."""
    command = (*JOURNAL_COMMAND, str(data_dir(folder)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        yield from map(json.loads, reading.stdout)
    if reading.returncode:
        raise BenchError("the journal can't be read")


def lags_ms(records: Iterator[dict[str, Any]]) -> Iterator[float]:
    """How late each release came after the end that its hold was given, to the millisecond."""
    ends_ms: dict[str, float] = {}
    for record in records:
        if record["kind"] == "reserve":
            ends_ms[record["reservation_id"]] = _ms(record) + record["hold_ms"]
        elif record["kind"] == "move" and record["enters"] == "EXPIRED":
            yield _ms(record) - ends_ms[record["reservation_id"]]


def _ms(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(record["time"]).timestamp() * 1e3


def _figures(
    late_ms: list[float], reads: Load, idle: float, cpu_s: float, an_append: float
) -> list[Figure]:
    note = f"{len(late_ms):,} holds"
    return [
        *(
            figure(
                f"expiry.lag_p{percent}",
                f"Release after the end of its hold: p{percent}",
                "ms",
                [percentile(late_ms, percent)],
                at_most(LAG_BAR_MS) if percent == 99 else None,
                note,
            )
            for percent in PERCENTILES
        ),
        *latencies(
            "expiry.read",
            "Reads while holds end",
            [reads.latencies_s],
            percents=PERCENTILES,
            note=f"{READS_A_SECOND} a second, from when they were due",
        ),
        figure(
            "expiry.idle_cpu",
            "Idle with live holds: of a core",
            "%",
            [idle],
            at_most(IDLE_BAR),
            note,
        ),
        figure("expiry.cpu", "Processor for one release", "us", [cpu_s * 1e6]),
        figure("expiry.releases_an_append", "Releases that share an append", "x", [an_append]),
    ]
