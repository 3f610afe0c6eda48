"""One rehearsal: stock of its own on the node, visitors through Locust, a stocktake when all holds
have ended, and the verdict.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from holdfast.edge.client import Client, HoldfastError

from ..harness.command_line import stop_on_sigterm
from ..harness.conditions import load_average
from ..harness.node_server import node_server
from ..harness.plan import WORK_FOLDER, BenchError, tell
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
        async with _node(target, Path(folder)) as address, Client(address) as client:
            conditions = await _conditions(client, run, target, started)
            async with stocked(client, run):
                tell(f"{run.profile_name} against {address} for {run.seconds:g} s ...")
                record = await send_visitors(run, address, Path(folder), stem)
                tell(f"waiting {run.hold_s:g} s for the last holds to end ...")
                stocktake = await _take_stock(client, run, record)
    return judge(run, objectives, record, stocktake, conditions)


@asynccontextmanager
async def _node(target: str | None, folder: Path) -> AsyncIterator[str]:
    """The address of the node: the target, or one that is started."""
    if target is not None:
        yield target
        return
    tell("starting a node ...")
    async with node_server(folder) as server:
        yield server.address


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
