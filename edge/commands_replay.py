"""The command `replay`: a job of orders against a node, its report, and what to try next."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from .cli.console import (
    EXIT_FAILED,
    TARGET_METAVAR,
    Json,
    console,
    fail,
    fail_call,
    print_json,
)

if TYPE_CHECKING:
    from .client import Client
    from .replay import NodeLevel, Replayed
    from .replay_node import StartedNode
    from .replay_plan import Plan

app = typer.Typer()

Result = TypeVar("Result")

#: As in orders.py and replay.py, which take long to import; test_cli.py compares them.
INVOICES_DEFAULT: Final = 2_000
SEED_DEFAULT: Final = 1
CALLERS_DEFAULT: Final = 64

EXIT_INTERRUPTED: Final = 130  # as a shell says it of SIGINT

GO_ON: Final = "The same command again goes on where it stopped."


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for."""

    orders: Path | None
    serve: bool
    data_dir: Path | None
    target: str | None
    shards: int | None
    invoices: int
    seed: int
    callers: int
    as_json: bool


@app.command()
def replay(
    orders: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Orders, .csv or .csv.gz; without it they are generated.",
            show_default=False,
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Go on serving afterwards, until Ctrl-C.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the node that is started keeps its data; default is that of the settings.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar=TARGET_METAVAR,
            help="A node that is there already; without it one is started.",
            show_default=False,
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(metavar="N", help="Shards of a new data directory.", show_default=False),
    ] = None,
    invoices: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many invoices to generate.")
    ] = INVOICES_DEFAULT,
    seed: Annotated[int, typer.Option(min=0, help="What to generate them from.")] = SEED_DEFAULT,
    callers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Calls at a time.")
    ] = CALLERS_DEFAULT,
    as_json: Json = False,
) -> None:
    """Play orders through a node and check every unit. Without --target it starts a node.

    A replay that was cut off goes on where it stopped when it is run again.
    """
    if target is not None and (serve or shards is not None or data_dir is not None):
        raise typer.BadParameter(
            "--serve, --shards and --data-dir are for a node that is started: leave --target away"
        )
    job = Job(orders, serve, data_dir, target, shards, invoices, seed, callers, as_json)
    import uvloop

    from .client import HoldfastError
    from .orders import OrderFileError
    from .replay import ReplayError
    from .server.settings import ConfigError

    try:
        plan = _plan(job)
        is_good = uvloop.run(_until_sigterm(_replay(job, plan)))
    except HoldfastError as error:
        fail_call(error, target or "the address given above", as_json=as_json)
    except (ReplayError, ConfigError, OrderFileError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        fail("Stopped.", GO_ON, EXIT_INTERRUPTED)
    if not is_good:
        raise typer.Exit(EXIT_FAILED)


def _plan(job: Job) -> "Plan":
    from .cli.progress import LateBar
    from .replay_plan import plan_from_file, plan_from_generator

    with LateBar("Reading the orders", is_shown=not job.as_json):
        if job.orders is not None:
            return plan_from_file(job.orders)
        return plan_from_generator(job.invoices, job.seed)


async def _until_sigterm(work: Coroutine[None, None, Result]) -> Result:
    """End like Ctrl-C when told to: a node that was started must not be left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


async def _replay(job: Job, plan: "Plan") -> bool:
    """Replay, report, and serve on if that is asked for. Says whether every check was good."""
    from .report import NodeInfo, print_report, report

    async with _node(job) as (target, node):
        replayed = await _run(job, plan, target, node)
        data_dir = None if node is None else str(node.data_dir)
        document = report(plan, replayed, NodeInfo(target, data_dir))
        if job.as_json:
            print_json(document)
        else:
            print_report(document, console())
        if node is not None and job.serve:
            _tell_next(node, replayed.node_levels)
            await _serve(node)
    return bool(document["is_good"])


@asynccontextmanager
async def _node(job: Job) -> "AsyncIterator[tuple[str, StartedNode | None]]":
    """The node to replay against, started unless it is there already."""
    from .cli.progress import LateBar
    from .replay_node import started_node, wait_until_healthy
    from .server.settings import load_settings

    if job.target is not None:
        await wait_until_healthy(job.target)
        yield job.target, None
        return
    settings = load_settings(data_dir=job.data_dir, shard_count=job.shards)
    bar = LateBar("Starting a node", is_shown=not job.as_json)
    with bar:
        starting = started_node(settings, on_own_ports=job.serve, on_progress=bar)
        async with starting as node:
            bar.finish()
            await wait_until_healthy(node.grpc_address)
            if not job.as_json:
                where = f"gRPC on {node.grpc_address}, HTTP on {node.http_address}"
                typer.echo(f"Node: {where}, data in {node.data_dir}", err=True)
            yield node.grpc_address, node


async def _run(job: Job, plan: "Plan", target: str, node: "StartedNode | None") -> "Replayed":
    """Run the replay, as long as the node that was started lives."""
    from .cli.progress import LateBar
    from .client import Client
    from .replay import CALL_TIMEOUT_S, RETRIES, Replay

    async with Client(target, timeout_s=CALL_TIMEOUT_S, retries=RETRIES) as client:
        await _check_shards(job, client)
        driver = Replay(client, plan, job.callers)
        with LateBar("Replaying", is_shown=not job.as_json) as bar:
            replaying = asyncio.create_task(driver.run(bar))
            tasks: set[asyncio.Task[Replayed]] = {replaying}
            if node is not None:
                tasks.add(asyncio.create_task(node.wait_stopped()))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return await done.pop()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def _check_shards(job: Job, client: "Client") -> None:
    from .replay import ReplayError

    shards = len((await client.get_status()).shards)
    if job.shards not in (None, shards):
        raise ReplayError(
            f"the data directory has {shards} shards, not {job.shards}: their number is fixed when "
            "it is made; choose another --data-dir"
        )


async def _serve(node: "StartedNode") -> None:
    """Wait for Ctrl-C, which from now on is the proper end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    stopped = asyncio.create_task(node.wait_stopped())
    done, _ = await asyncio.wait((stopping, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stopped in done:
        stopped.result()
    stopped.cancel()
    await asyncio.gather(stopping, stopped, return_exceptions=True)


# What to try next


def _tell_next(node: "StartedNode", levels: "dict[tuple[str, str], NodeLevel]") -> None:
    """Say what to try, with a stock level that has something to promise."""
    sku, location = max(levels, key=lambda level: (levels[level].available, level))
    request = shlex.quote(f'{{"sku": "{sku}"}}')
    method = "holdfast.v1.AvailabilityService/GetAvailability"
    target = "" if node.is_on_default_port else f" --target {node.grpc_address}"
    lines = (
        "",
        f"Serving on {node.grpc_address} until Ctrl-C; log in {node.log}. Try:",
        f"  grpcurl -plaintext -d {request} {node.grpc_address} {method}",
        f"  {own_command()} reserve try-1 {shlex.quote(sku)} {location} 2{target}",
    )
    typer.echo("\n".join(lines), err=True)


def own_command() -> str:
    """The words by which this program was called, as short as they work from here."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{_from_here(Path(sys.executable))} -m holdfast.edge"
    return _from_here(program)


def _from_here(program: Path) -> str:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if Path(folder) == program.parent:
            return program.name
    here = os.path.relpath(program)
    return shlex.quote(str(program) if here.startswith("..") else here)
