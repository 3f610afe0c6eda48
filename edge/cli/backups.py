"""Commands that copy data directories and go back in time: backup, restore, rebuild."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .console import EXIT_FAILED, Json, amount, fail, print_json
from .data_directory import Directory, directory_errors

if TYPE_CHECKING:
    from holdfast.persistence.backup import BackupMade
    from holdfast.persistence.rebuild import Rebuilt
    from holdfast.persistence.recovery import Progress
    from holdfast.persistence.restore import Restored

    from .progress import LateBar

app = typer.Typer()

#: RFC 3339, with a zone and at most nanoseconds.
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 of a time like 2026-11-26T02:30:00Z. Raises typer.BadParameter."""
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        at = datetime.fromisoformat(f"{match[1]}{match[3]}".upper())
    except ValueError:
        right = "expected one of RFC 3339 with a zone, like 2026-11-26T02:30:00Z"
        raise typer.BadParameter(f"{text!r} is no time: {right}") from None
    seconds = (at - _EPOCH) // timedelta(seconds=1)
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))


@app.command()
def backup(
    directory: Directory,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="New or empty folder.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Make a verified backup of a data directory. A node may be serving it."""
    with directory_errors():
        from holdfast.persistence.backup import back_up

        from .progress import LateBar

        with LateBar("Copying") as bar:
            made = back_up(directory, target, bar, _then("Verifying", bar))
    _show_backup(target, made, as_json=as_json)


def _then(label: str, bar: "LateBar") -> "Progress":
    """The bar of the next step, under another label from its first call on."""
    is_new = True

    def show(done: int, total: int) -> None:
        nonlocal is_new
        if is_new:
            bar.relabel(label)
            is_new = False
        bar(done, total)

    return show


def _show_backup(target: Path, made: "BackupMade", *, as_json: bool) -> None:
    from holdfast.persistence.time_texts import exact_time_text

    position, end = made.backup.position, exact_time_text(made.report.now_ns)
    notes = [*made.notes, *made.report.notes]
    if as_json:
        document = {"path": str(target), "position": position, "time": end}
        print_json({**document, "state_hash": made.report.state_hash, "notes": notes})
        return
    for note in notes:
        typer.echo(note)
    typer.echo(f"It ends at position {position:,} ({end}), state hash {made.report.state_hash}.")
    typer.secho(f"{target} is a good backup.", fg="green")


@app.command()
def restore(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="BACKUP", help="Backup, or a copy of a data directory.", show_default=False
        ),
    ],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty folder.", show_default=False)
    ],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Go back to this time, like 2026-11-26T02:30:00Z."),
    ] = None,
    position: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Go back to this position.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a data directory from a backup, in a new timeline, and verify it."""
    if at is not None and position is not None:
        raise typer.BadParameter("--at and --position name one point twice: give one of them")
    at_ns = None if at is None else parse_time(at)
    with directory_errors():
        from holdfast.persistence.past import Wanted
        from holdfast.persistence.restore import restore as make

        from .progress import LateBar

        with LateBar("Replaying") as bar:
            made = make(source, directory, Wanted(position, at_ns), bar, _then("Verifying", bar))
    _tell_restored(made, as_json=as_json)


def _tell_restored(made: "Restored", *, as_json: bool) -> None:
    from holdfast.persistence.time_texts import exact_time_text

    path, timeline = made.directory.path, f"{made.directory.timeline:016x}"
    time, end_time = exact_time_text(made.now_ns), exact_time_text(made.end_ns)
    if as_json:
        document = {
            "path": str(path),
            "timeline": timeline,
            "position": made.position,
            "time": time,
        }
        source = {"source_position": made.end, "source_time": end_time}
        print_json({**document, **source, "state_hash": made.report.state_hash})
        return
    if not made.has_history:
        typer.echo(f"It begins with a snapshot: there is no history up to {made.position:,}.")
    if made.position < made.end:
        taken = f"positions {made.position + 1:,} to {made.end:,}, {time} to {end_time}"
        typer.echo(f"Taken back: all answers that rest on {taken}.")
    typer.echo(f"Also taken back: all answers given after {end_time}, the end of what was read.")
    typer.echo("Systems that acted on those answers must tell the node again.")
    typer.secho(
        f"{path} is good: position {made.position:,} ({time}), timeline {timeline}.", fg="green"
    )


@app.command()
def rebuild(
    directory: Directory,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare it with what the newest snapshot leads to, and write nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Rebuild the state from the journal alone, and write it as the newest snapshot."""
    from holdfast.persistence.rebuild import verify_rebuilt, write_rebuilt
    from holdfast.persistence.snapshots.file import SnapshotError

    from .progress import LateBar

    with directory_errors(), LateBar("Rebuilding") as bar:
        try:
            if verify:
                rebuilt = verify_rebuilt(directory, bar, _then("Replaying", bar))
            else:
                rebuilt = write_rebuilt(directory, bar)
        except (SnapshotError, OSError) as error:
            fail(str(error))
    _tell_rebuilt(rebuilt, is_compared=verify, as_json=as_json)
    if rebuilt.differences:
        raise typer.Exit(EXIT_FAILED)


def _tell_rebuilt(rebuilt: "Rebuilt", *, is_compared: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "position": rebuilt.position,
                "state_hash": rebuilt.state_hash,
                "state_bytes": rebuilt.state_bytes,
                "snapshot": rebuilt.snapshot,
                "differences": rebuilt.differences,
            }
        )
        return
    state = f"{amount(rebuilt.state_bytes, 'byte')} of state at position {rebuilt.position:,}"
    typer.echo(f"Rebuilt {state}, state hash {rebuilt.state_hash}.")
    for difference in rebuilt.differences:
        typer.secho(f"{difference} differs", fg="red")
    if not is_compared:
        typer.echo(f"Written as {rebuilt.snapshot}." if rebuilt.snapshot else "Nothing to write.")
    elif not rebuilt.snapshot:
        typer.echo("There is no good snapshot to compare it with.")
    elif not rebuilt.differences:
        typer.secho(f"It is the state that {rebuilt.snapshot} leads to, to the byte.", fg="green")
