"""Commands on a node: serve, status, snapshot, drain."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .console import (
    TIMEOUT_DEFAULT_S,
    AdminTarget,
    Json,
    Timeout,
    amount,
    asking_operators,
    console,
    fail,
    plain,
    print_json,
)

if TYPE_CHECKING:
    from holdfast.persistence.recovery import Progress

    from ..server.lifecycle import Server
    from ..server.settings import Settings

app = typer.Typer()

LISTEN_ADVICE: Final = (
    "Stop the process that listens there, or choose another --grpc-address, "
    "--admin-address or --http-address."
)


@app.command()
def serve(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings file. Default: ./holdfast.toml, if it exists."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory of the journal and snapshots.")
    ] = None,
    shard_count: Annotated[
        int | None,
        typer.Option(metavar="N", help="Number of shards; fixed when the directory is created."),
    ] = None,
    grpc_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Address of the gRPC services.")
    ] = None,
    admin_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Address of the operators' methods.")
    ] = None,
    http_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Address of metrics and health.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="auto, console or json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a node until it is stopped. deploy/holdfast.toml lists all settings."""
    from ..server.settings import ConfigError, load_settings
    from ..server.transports.choice import check_installed

    try:
        settings = load_settings(
            config,
            data_dir=data_dir,
            shard_count=shard_count,
            grpc_address=grpc_address,
            admin_address=admin_address,
            http_address=http_address,
            log_level=log_level,
            log_format=log_format,
        )
        check_installed(settings.transport)
    except ConfigError as error:
        fail(str(error), "Options override HOLDFAST_... variables, which override the file.")
    _serve(settings, as_json=as_json)


def _serve(settings: "Settings", *, as_json: bool) -> None:
    # gRPC would report a port that is taken in its own words, before we do in ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import structlog
    import uvloop

    from holdfast.core.warm import warm_up

    from ..server.lifecycle import Server
    from ..server.log_writer import stderr_writer
    from ..server.logs import configure_logging
    from ..server.transports.event_loop import EventLoop
    from .progress import LateBar

    log_lines = stderr_writer()
    configure_logging(settings.log_level, settings.log_format, log_lines)

    async def run(progress: "Progress", on_ready: Any) -> None:
        server = Server(settings, log_lines)
        server.stop_on_signals()
        await server.run(on_ready, progress)

    # Where nobody sees the bar, the first start would say nothing for a minute.
    structlog.get_logger().info("loading kernels", first_start_of_a_build="compiles them")
    with LateBar("Compiling kernels (once per build)", is_shown=not as_json) as bar:
        warm_up(_progress("warming", bar, as_json=as_json))
        bar.relabel("Recovering")

        def on_ready(server: "Server") -> None:
            bar.finish()  # or the line below would land in it
            _tell_ready(server, as_json=as_json)

        with closing(log_lines), _failing_with_advice():
            serving = run(_progress("recovering", bar, as_json=as_json), on_ready)
            uvloop.run(serving, loop_factory=EventLoop)


@contextmanager
def _failing_with_advice() -> Iterator[None]:
    """Ends the command when a node cannot serve, and says what to do."""
    from holdfast.persistence.recovery import RECOVERY_ERRORS

    from ..server.clock import ClockAheadError

    try:
        yield
    except (*RECOVERY_ERRORS, ClockAheadError) as error:
        fail(str(error))
    except OSError as error:
        fail(str(error), LISTEN_ADVICE if "cannot listen" in str(error) else "")


def _progress(event: str, bar: "Progress", *, as_json: bool) -> "Progress":
    """The bar for people; at most a hundred lines of JSON for programs."""
    if not as_json:
        return bar
    shown = -1  # a program that reads them should not drown in lines

    def show(done: int, total: int) -> None:
        nonlocal shown
        if (now := 100 * done // max(total, 1)) > shown:
            shown = now
            _print_event(event, done=done, all=total)

    return show


def _tell_ready(server: "Server", *, as_json: bool) -> None:
    from ..addresses import split_address

    settings = server.settings
    addresses = {
        "grpc_address": _joined(split_address(settings.grpc_address)[0], server.grpc_port),
        "admin_address": _joined(split_address(settings.admin_address)[0], server.admin_port),
        "http_address": _joined(split_address(settings.http_address)[0], server.http_port),
    }
    if as_json:
        _print_event("serving", **addresses, data_dir=str(settings.data_dir))
    else:
        grpc, admin, http = addresses.values()
        where = f"gRPC on {grpc}, for operators on {admin}, http://{http}/metrics"
        where = f"{where}, data in {settings.data_dir}"
        typer.echo(f"Holdfast is serving: {where}. Press Ctrl-C to stop.")


def _print_event(event: str, **figures: object) -> None:
    """Print an event for programs, in the form of the log."""
    print_json({"event": event, "level": "info", **figures})


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@app.command()
def status(
    state_hash: Annotated[
        bool,
        typer.Option(
            "--hash", help="Add a hash over all state, for which the node has to be quiet."
        ),
    ] = False,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show what a node is doing and how full it is."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.get_status(include_state_hash=state_hash)
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.node_status(answer))
    console().print(answers.shards(answer.shards))


#: A large state takes minutes to write.
SNAPSHOT_TIMEOUT_DEFAULT_S: Final = 600.0


@app.command()
def snapshot(
    target: AdminTarget = None,
    timeout: Timeout = SNAPSHOT_TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Let a node write a snapshot, and wait until it is durable and was read back."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.create_snapshot()
    if as_json:
        print_json(plain(answer))
        return
    size = amount(answer.size_bytes, "byte")
    typer.echo(f"A snapshot of position {answer.position:,} is written: {size}.")


@app.command()
def drain(
    target: AdminTarget = None,
    timeout: Timeout = SNAPSHOT_TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Stop a node: it finishes what it has, writes a snapshot, and ends."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.drain()
    if as_json:
        print_json(plain(answer))
        return
    typer.echo(f"It has answered all calls and ends, at position {answer.durable_position:,}.")
    if answer.snapshot_position < answer.durable_position:
        newest = f"the newest is of position {answer.snapshot_position:,}"
        typer.secho(f"It wrote no snapshot ({newest}); its log says why.", fg="red", err=True)
