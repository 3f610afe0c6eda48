"""A job of orders against a node, its report, and what to try next:
`python -m bench.replay --help`, `make run` or `make replay`.
"""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeVar

import typer
import uvloop

from holdfast.edge.client import TARGET, Client, HoldfastError

from .driver import (
    CALL_TIMEOUT_S,
    CALLERS_DEFAULT,
    RETRIES,
    NodeLevel,
    Replay,
    Replayed,
    ReplayError,
)
from .orders import INVOICES_DEFAULT, SEED_DEFAULT, OrderFileError
from .reconciliation import NodeInfo, print_report, report
from .started_node import StartedNode, started_node, wait_until_healthy
from .steps import Plan, plan_from_file, plan_from_generator
from .terminal import console, progress_bar

app = typer.Typer()

Result = TypeVar("Result")

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130  # as a shell says it of SIGINT

DATA_DIR: Final = Path("data")

GO_ON: Final = "The same command again goes on where it stopped."


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for."""

    orders: Path | None
    serve: bool
    data_dir: Path
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
            help="Where the node that is started keeps its data; default is data.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Play orders through a node and check every unit. Without --target it starts a node.

    A replay that was cut off goes on where it stopped when it is run again.
    """
    if target is not None and (serve or shards is not None or data_dir is not None):
        raise typer.BadParameter(
            "--serve, --shards and --data-dir are for a node that is started: leave --target away"
        )
    folder = data_dir or DATA_DIR
    job = Job(orders, serve, folder, target, shards, invoices, seed, callers, as_json)

    try:
        plan = _plan(job)
        is_good = uvloop.run(_until_sigterm(_replay(job, plan)))
    except (HoldfastError, ReplayError, OrderFileError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _fail(f"Stopped. {GO_ON}", EXIT_INTERRUPTED)
    if not is_good:
        raise typer.Exit(EXIT_FAILED)


def _fail(sentence: str, exit_code: int = EXIT_FAILED) -> NoReturn:
    typer.secho(sentence, fg="red", err=True)
    raise typer.Exit(exit_code)


def _plan(job: Job) -> Plan:

    with progress_bar("Reading the orders", is_shown=not job.as_json):
        if job.orders is not None:
            return plan_from_file(job.orders)
        return plan_from_generator(job.invoices, job.seed)


async def _until_sigterm(work: Coroutine[None, None, Result]) -> Result:
    """End like Ctrl-C when told to: a node that was started must not be left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


async def _replay(job: Job, plan: Plan) -> bool:
    """Replay, report, and serve on if that is asked for. Says whether every check was good."""

    async with AsyncExitStack() as stack:
        node = await _start(job, stack) if job.target is None else None
        target = job.target if node is None else node.grpc_address
        assert target is not None
        await wait_until_healthy(target)
        replayed = await _run(job, plan, target, node)
        data_dir = None if node is None else str(node.data_dir)
        document = report(plan, replayed, NodeInfo(target, data_dir))
        if job.as_json:
            typer.echo(json.dumps(document, ensure_ascii=False))
        else:
            print_report(document, console())
        if node is not None and job.serve:
            _tell_next(node, replayed.node_levels)
            await _serve(node)
    return bool(document["is_good"])


async def _start(job: Job, stack: AsyncExitStack) -> StartedNode:
    """Start a node that ends with the stack."""

    with progress_bar("Starting a node", is_shown=not job.as_json) as bar:
        node = await stack.enter_async_context(
            started_node(job.data_dir, job.shards, on_default_ports=job.serve, on_progress=bar)
        )
    if not job.as_json:
        where = f"gRPC on {node.grpc_address}, HTTP on {node.http_address}"
        typer.echo(f"Node: {where}, data in {node.data_dir}", err=True)
    return node


async def _run(job: Job, plan: Plan, target: str, node: StartedNode | None) -> Replayed:
    """Run the replay, as long as the node that was started lives."""

    async with Client(target, timeout_s=CALL_TIMEOUT_S, retries=RETRIES) as client:
        await _check_shards(job, client)
        driver = Replay(client, plan, job.callers)
        with progress_bar("Replaying", is_shown=not job.as_json) as bar:
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

    shards = len((await client.get_status()).shards)
    if job.shards not in (None, shards):
        raise ReplayError(
            f"the data directory has {shards} shards, not {job.shards}: their number is fixed when "
            "it is made; choose another --data-dir"
        )


async def _serve(node: StartedNode) -> None:
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


def _tell_next(node: StartedNode, levels: dict[tuple[str, str], NodeLevel]) -> None:
    """Say what to try, with a stock level that has something to promise."""

    sku, location = max(levels, key=lambda level: (levels[level].available, level))
    request = shlex.quote(f'{{"sku": "{sku}"}}')
    method = "holdfast.v1.AvailabilityService/GetAvailability"
    target = "" if node.grpc_address == TARGET else f" --target {node.grpc_address}"
    lines = (
        "",
        f"Serving on {node.grpc_address} until Ctrl-C; log in {node.log}. Try:",
        f"  grpcurl -plaintext -d {request} {node.grpc_address} {method}",
        f"  {holdfast_command()} reserve try-1 {shlex.quote(sku)} {location} 2{target}",
    )
    typer.echo("\n".join(lines), err=True)


def holdfast_command() -> str:
    """The command `holdfast` of this environment, as short as it works from here."""
    program = Path(sys.executable).with_name("holdfast")
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if Path(folder) == program.parent:
            return program.name
    here = os.path.relpath(program)
    return shlex.quote(str(program) if here.startswith("..") else here)


if __name__ == "__main__":
    app()
