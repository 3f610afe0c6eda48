"""One job: a node, started unless it is there already, a replay against it, and its report."""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from holdfast.edge.client import TARGET, Client

from ..harness.command_line import stop_on_sigterm
from ..harness.plan import BenchError, tell
from .driver import CALL_TIMEOUT_S, RETRIES, Replay
from .reconciliation import NodeInfo, report
from .replayed import NodeLevel, Replayed
from .started_node import StartedNode, started_node, wait_until_healthy
from .steps import ReplayPlan, plan_from_file, plan_from_generator
from .summary import print_report
from .terminal import console, progress_bar
from .warehouses import Level

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for."""

    orders: Path | None
    """A file of orders; None to generate them."""
    invoices: int
    seed: int
    callers: int
    target: str | None
    """A node that is there already; None to start one."""
    beside_others: bool
    """Whether the node may hold other data."""
    admin_target: str | None
    """Where that node's methods for operators are."""
    data_dir: Path
    shards: int | None
    serve: bool
    as_json: bool

    def plan(self) -> ReplayPlan:
        """The orders as steps. Raises OrderFileError."""
        with progress_bar("Reading the orders", is_shown=not self.as_json):
            if self.orders is not None:
                return plan_from_file(self.orders)
            return plan_from_generator(self.invoices, self.seed)


async def run(job: Job, plan: ReplayPlan) -> bool:
    """Replay, report, and serve on if that is asked for; whether every check is good."""
    stop_on_sigterm()
    async with AsyncExitStack() as stack:
        node = await _start(job, stack) if job.target is None else None
        target = job.target if node is None else node.grpc_address
        admin_target = job.admin_target if node is None else node.admin_address
        assert target is not None
        await wait_until_healthy(target)
        replayed = await _alive(node, _replay(job, plan, target, admin_target))
        data_dir = None if node is None else str(node.data_dir)
        document = report(plan, replayed, NodeInfo(target, data_dir))
        _show(document, as_json=job.as_json)
        if node is not None and job.serve:
            await _serve(node, replayed.node_levels)
    return bool(document["is_good"])


async def _start(job: Job, stack: AsyncExitStack) -> StartedNode:
    """A new node, which ends with the stack."""
    with progress_bar("Starting a node", is_shown=not job.as_json) as bar:
        node = await stack.enter_async_context(
            started_node(job.data_dir, job.shards, on_default_ports=job.serve, on_progress=bar)
        )
    if not job.as_json:
        where = f"gRPC on {node.grpc_address}, for operators on {node.admin_address}"
        tell(f"Node: {where}, HTTP on {node.http_address}, data in {node.data_dir}")
    return node


async def _alive(node: StartedNode | None, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of some work. Raises BenchError when a node that was started stops before it."""
    if node is None:
        return await work
    working, stopped = asyncio.create_task(work), asyncio.create_task(node.wait_stopped())
    try:
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        return await (working if working.done() else stopped)
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def _replay(job: Job, plan: ReplayPlan, target: str, admin_target: str | None) -> Replayed:
    async with Client(
        target, admin_target=admin_target, timeout_s=CALL_TIMEOUT_S, retries=RETRIES
    ) as client:
        await _check_shards(job, client)
        with progress_bar("Replaying", is_shown=not job.as_json) as bar:
            replay = Replay(client, plan, job.callers, is_beside_others=job.beside_others)
            return await replay.run(bar)


async def _check_shards(job: Job, client: Client) -> None:
    shards = len((await client.get_status()).shards)
    if job.shards not in (None, shards):
        raise BenchError(
            f"the data directory has {shards} shards, not {job.shards}: their number is fixed when "
            "it is made; choose another --data-dir"
        )


def _show(document: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        print_report(document, console())


async def _serve(node: StartedNode, levels: Mapping[Level, NodeLevel]) -> None:
    """Wait for Ctrl-C or SIGTERM, which from now on are the proper end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tell(_next_steps(node, levels))
    await _alive(node, stop.wait())


def _next_steps(node: StartedNode, levels: Mapping[Level, NodeLevel]) -> str:
    """What to try, with a stock level that has something to promise."""
    sku, location = max(levels, key=lambda level: (levels[level].available, level))
    request = shlex.quote(f'{{"sku": "{sku}"}}')
    method = "holdfast.v1.AvailabilityService/GetAvailability"
    target = "" if node.grpc_address == TARGET else f" --target {node.grpc_address}"
    return "\n".join(
        (
            "",
            f"Serving on {node.grpc_address} until Ctrl-C; log in {node.log}. Try:",
            f"  grpcurl -plaintext -d {request} {node.grpc_address} {method}",
            f"  {_holdfast_command()} reserve try-1 {shlex.quote(sku)} {location} 2{target}",
        )
    )


def _holdfast_command() -> str:
    """The command `holdfast` of this environment, as short as it works from here."""
    program = Path(sys.executable).with_name("holdfast")
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if Path(folder) == program.parent:
            return program.name
    here = os.path.relpath(program)
    return shlex.quote(str(program) if here.startswith("..") else here)
