"""One rehearsal: stock of its own on the node, visitors through Locust, a stocktake when all holds
have ended, and the verdict.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from holdfast.edge.client import Client, HoldfastError

from ..harness.command_line import stop_on_sigterm
from ..harness.conditions import load_average
from ..harness.node_server import node_server
from ..harness.plan import WORK_FOLDER, BenchError, tell
from .channels_beside import ChannelsBeside, channels_beside
from .locust_process import send_visitors
from .objectives import Objectives
from .profiles import Run
from .stocktaking import Stocktake, stocked, take_stock
from .verdict import Verdict, judge

TIMEOUT_S = 5.0


async def rehearse(run: Run, target: str | None, objectives: Objectives, stem: Path) -> Verdict:
    """The verdict on a run against a node, which is started when no target is given.

    Locust reports beside the stem: its report in .html, what it said in .log.
    """
    stop_on_sigterm()
    started = datetime.now(UTC)
    WORK_FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="load-", dir=WORK_FOLDER) as folder:
        async with _node(run, target, Path(folder)) as node, Client(node.address) as client:
            conditions = await _conditions(client, run, target, started)
            async with stocked(client, run):
                record = await _visited(run, node, Path(folder), stem)
                tell(f"waiting {run.hold_s:g} s for the last holds to end ...")
                stocktake = await _take_stock(client, run, record)
            of_channels = None if node.channels is None else node.channels.found(objectives)
    return judge(run, objectives, record, stocktake, conditions, of_channels)


@dataclass(frozen=True, slots=True)
class _Node:
    address: str
    channels: ChannelsBeside | None = None


@asynccontextmanager
async def _node(run: Run, target: str | None, folder: Path) -> AsyncIterator[_Node]:
    """The target, or a node that is started, with channels where the profile has them."""
    if target is not None:
        yield _Node(target)
    elif run.profile.has_channels:
        tell("starting a node, the adapters and twins of three channels ...")
        async with channels_beside(run, folder) as channels:
            yield _Node(channels.address, channels)
    else:
        tell("starting a node ...")
        async with node_server(folder) as server:
            yield _Node(server.address)


async def _visited(run: Run, node: _Node, folder: Path, stem: Path) -> dict[str, Any]:
    """The record of a run, while channels trade beside it."""
    if node.channels is not None:
        await node.channels.fill()
    tell(f"{run.profile_name} against {node.address} for {run.seconds:g} s ...")
    visitors = asyncio.create_task(send_visitors(run, node.address, folder, stem))
    try:
        if node.channels is not None:
            await node.channels.run()
        return await visitors
    finally:
        visitors.cancel()


async def _conditions(
    client: Client, run: Run, target: str | None, started: datetime
) -> dict[str, str]:
    try:
        await client.list_locations(timeout_s=TIMEOUT_S)
    except HoldfastError as error:
        message = f"no node answers at {client.target} ({error}): expected TARGET=host:port of one"
        raise BenchError(message) from None
    return {
        "profile": f"{run.profile_name}, {run.seconds:g} s, from {started:%Y-%m-%d %H:%M:%S} UTC",
        "load": f"{run.rate:g} visits a second at the peak, by {run.users} users",
        "stock": f"{run.hot_stock:,} units of each hot SKU, holds of {run.hold_s:g} s, "
        f"names with {run.name}",
        "node": client.target + ("" if target else ", on this machine, started for the run"),
        "load average before": load_average(),
    }


async def _take_stock(client: Client, run: Run, record: dict[str, Any]) -> Stocktake | str:
    """The stocktake, or why there is none: a node that stopped answering gets its verdict, too."""
    try:
        return await take_stock(client, record["books"], run.hold_s)
    except HoldfastError as error:
        return str(error)
