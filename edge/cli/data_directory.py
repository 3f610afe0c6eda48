"""Commands that read a data directory, even of a node that runs, or a backup: verify, journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import EXIT_FAILED, Json, amount, fail, print_json

if TYPE_CHECKING:
    from holdfast.persistence.verify import VerifyReport

app = typer.Typer()

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Data directory, or a backup.", show_default=False)
]


@app.command()
def verify(directory: Directory, as_json: Json = False) -> None:
    """Check a whole data directory, or a backup, for damage. A node may be serving it."""
    with directory_errors():
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
    read = amount(report.appends, "append"), amount(report.entries, "entry")
    snapshots = amount(report.snapshots, "snapshot")
    levels = amount(report.stock_levels, "stock level")
    state = f"{levels}, {amount(report.reservations, 'reservation')}"
    typer.echo(f"Read {', '.join(read)}, {snapshots}: {state}, state hash {report.state_hash}.")
    if report.is_good:
        typer.secho(f"{report.path} is good.", fg="green")
    else:
        typer.secho(f"{report.path} is damaged.", fg="red", err=True)
        typer.echo("Restore it from a backup; nothing was changed.", err=True)


@app.command()
def journal(
    directory: Directory,
    first: Annotated[
        int, typer.Option("--from", metavar="POSITION", min=1, help="First position to print.")
    ] = 1,
    sku: Annotated[
        str | None, typer.Option(help="Print what touches this SKU.", show_default=False)
    ] = None,
    reservation: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Print what belongs to this reservation.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the journal and its archive, oldest first, one effect per line. A node may be serving
    it.
    """
    with directory_errors():
        from holdfast.persistence.codec import read_appends
        from holdfast.persistence.history import RecordFilter, effect_records
        from holdfast.persistence.history_text import record_text
        from holdfast.persistence.kept_history import open_history, read_folder

        # Beside a node that serves it, or locked against one that would start meanwhile.
        with open_history(read_folder(directory)) as (history, _):
            wanted = RecordFilter(first - 1, sku, reservation)
            for record in effect_records(read_appends(history, 0, {}), wanted):
                if as_json:
                    print_json(record)
                else:
                    typer.echo(record_text(record))


@contextmanager
def directory_errors() -> Iterator[None]:
    """End the command with one sentence when the data directory cannot be read."""
    from holdfast.persistence.codec import DamagedEntryError
    from holdfast.persistence.recovery import RECOVERY_ERRORS

    try:
        yield
    except (*RECOVERY_ERRORS, DamagedEntryError) as error:
        fail(str(error))
