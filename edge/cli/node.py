"""Commands on a node and its data directory: serve, status, verify, journal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .console import (
    EXIT_FAILED,
    TIMEOUT_DEFAULT_S,
    Json,
    Target,
    Timeout,
    asking,
    console,
    fail,
    plain,
    print_json,
)

if TYPE_CHECKING:
    from holdfast.persistence.recovery import Progress
    from holdfast.persistence.verify import VerifyReport

    from ..server.lifecycle import Server
    from ..server.settings import Settings

app = typer.Typer()

LISTEN_ADVICE: Final = (
    "Stop what listens there, or choose another address: --grpc-address, --http-address."
)

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="A data directory.", show_default=False)
]


@app.command()
def serve(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings; default is ./holdfast.toml, if it is there."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where journal and snapshots live.")
    ] = None,
    shard_count: Annotated[
        int | None, typer.Option(metavar="N", help="Actors; fixed when the directory is made.")
    ] = None,
    grpc_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the gRPC services listen.")
    ] = None,
    http_address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where metrics and health are.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="auto, console or json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve until told to stop. All settings are in deploy/holdfast.toml."""
    from ..server.settings import ConfigError, load_settings

    try:
        settings = load_settings(
            config,
            data_dir=data_dir,
            shard_count=shard_count,
            grpc_address=grpc_address,
            http_address=http_address,
            log_level=log_level,
            log_format=log_format,
        )
    except ConfigError as error:
        fail(str(error), "Options win over HOLDFAST_... variables, and those over the file.")
    _serve(settings, as_json=as_json)


def _serve(settings: "Settings", *, as_json: bool) -> None:
    # gRPC's library would report a port that is taken in its own words, before we do in ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import uvloop

    from holdfast.core.warm import warm_up
    from holdfast.persistence.recovery import ERRORS

    from ..server.lifecycle import Server
    from ..server.logs import configure_logging
    from .progress import LateBar

    configure_logging(settings.log_level, settings.log_format)

    async def run(progress: "Progress", on_ready: Any) -> None:
        server = Server(settings)
        server.stop_on_signals()
        await server.run(on_ready, progress)

    with LateBar("Compiling kernels, once for each build", is_shown=not as_json) as bar:
        warm_up(_progress("warming", bar, as_json=as_json))
        bar.relabel("Recovering")

        def on_ready(server: "Server") -> None:
            bar.finish()
            _tell_ready(server, as_json=as_json)

        try:
            uvloop.run(run(_progress("recovering", bar, as_json=as_json), on_ready))
        except ERRORS as error:
            fail(str(error))
        except OSError as error:
            fail(str(error), LISTEN_ADVICE if "cannot listen" in str(error) else "")


def _progress(event: str, bar: "Progress", *, as_json: bool) -> "Progress":
    """For people the bar, for programs at most a hundred lines."""
    if not as_json:
        return bar
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (now := 100 * done // max(total, 1)) > told:
            told = now
            _print_event(event, done=done, all=total)

    return tell


def _tell_ready(server: "Server", *, as_json: bool) -> None:
    from ..server.settings import split_address

    settings = server.settings
    grpc_host, _ = split_address(settings.grpc_address)
    http_host, _ = split_address(settings.http_address)
    grpc, http = _joined(grpc_host, server.grpc_port), _joined(http_host, server.http_port)
    if as_json:
        data_dir = str(settings.data_dir)
        _print_event("serving", grpc_address=grpc, http_address=http, data_dir=data_dir)
    else:
        where = f"gRPC on {grpc}, http://{http}/metrics, data in {settings.data_dir}"
        typer.echo(f"Holdfast serves: {where}. Ctrl-C stops it.")


def _print_event(event: str, **figures: object) -> None:
    """Tell programs how far it is, in the form of the log."""
    print_json({"event": event, "level": "info", **figures})


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@app.command()
def status(
    state_hash: Annotated[
        bool, typer.Option("--hash", help="Also hash all state: 0.2 s for a million stock levels.")
    ] = False,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show what a node is doing and how full it is."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.get_status(include_state_hash=state_hash)
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.node_status(answer))
    console().print(answers.shards(answer.shards))


@app.command()
def verify(directory: Directory, as_json: Json = False) -> None:
    """Read a whole data directory and say what is wrong with it. A node may serve it meanwhile."""
    with _directory_errors():
        from holdfast.persistence.verify import verify as read_all

        from .progress import LateBar

        with LateBar("Verifying") as bar:
            report = read_all(directory, bar)
    if as_json:
        print_json(_verify_document(report))
    else:
        _print_verify(report)
    if not report.is_good:
        raise typer.Exit(EXIT_FAILED)


def _verify_document(report: "VerifyReport") -> dict[str, Any]:
    findings = [
        {"file": str(finding.file), "offset": finding.offset, "reason": finding.reason}
        for finding in report.findings
    ]
    return {
        "path": str(report.path),
        "is_good": report.is_good,
        "findings": findings,
        "notes": report.notes,
        "appends": report.appends,
        "entries": report.entries,
        "epoch": report.epoch,
        "operations": {section.name: count for section, count in report.operations.items()},
        "snapshots": report.snapshots,
        "reservations": report.reservations,
        "stock_levels": report.stock_levels,
        "state_hash": report.state_hash,
    }


def _print_verify(report: "VerifyReport") -> None:
    for finding in report.findings:
        typer.secho(str(finding), fg="red")
    for note in report.notes:
        typer.echo(note)
    read = f"{report.appends:,} appends, {report.entries:,} entries, {report.snapshots} snapshots"
    state = f"{report.stock_levels:,} stock levels, {report.reservations:,} reservations"
    typer.echo(f"Read {read}: {state}, state hash {report.state_hash}.")
    if report.is_good:
        typer.secho(f"{report.path} is good.", fg="green")
    else:
        typer.secho(f"{report.path} is damaged.", fg="red", err=True)
        typer.echo("Restore it from a backup; nothing was changed.", err=True)


@app.command()
def journal(
    directory: Directory,
    first: Annotated[
        int, typer.Option("--from", metavar="POSITION", min=1, help="Position to begin at.")
    ] = 1,
    sku: Annotated[
        str | None, typer.Option(help="Only what touches this SKU.", show_default=False)
    ] = None,
    reservation: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only what belongs to this one.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the journal, an effect a line, oldest first. A node may serve it meanwhile."""
    with _directory_errors():
        from holdfast.persistence.data_directory import DirectoryError, read_directory
        from holdfast.persistence.history import Wanted, as_text, journal_records
        from holdfast.persistence.recovery import open_beside

        found = read_directory(directory)
        if found is None:
            raise DirectoryError(f"{directory}: not a data directory (it has no node.json)")
        with open_beside(found) as (opened, _):
            for record in journal_records(opened.read(0, {}), Wanted(first - 1, sku, reservation)):
                if as_json:
                    print_json(record)
                else:
                    typer.echo(as_text(record))


@contextmanager
def _directory_errors() -> Iterator[None]:
    """Tell in short what is wrong with a data directory."""
    from holdfast.persistence.codec import DamagedEntryError
    from holdfast.persistence.recovery import ERRORS

    try:
        yield
    except (*ERRORS, DamagedEntryError) as error:
        fail(str(error))
