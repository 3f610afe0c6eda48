"""The `holdfast` command. `holdfast --help` lists its commands."""

import sys
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Annotated

import typer

from . import (
    auditing,
    backups,
    data_directory,
    export,
    ledger,
    locations,
    node,
    overseeing,
    reconciling,
    reservations,
    skus,
    sources,
    stock,
    transfers,
    watching,
)
from .console import EXIT_CODES, EXIT_FAILED
from .words import TextGroup

app = typer.Typer(
    name="holdfast",
    cls=TextGroup,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a defect is reported with a plain traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)
stock.stock.add_typer(transfers.transfer, name="transfer")
# In the order in which a newcomer meets them.
COMMANDS = (
    *(node, data_directory, backups, auditing, reconciling),
    *(reservations, overseeing, stock, sources, skus, watching, locations),
    *(ledger, export),
)
for commands in COMMANDS:
    app.add_typer(commands.app)
# Rooms above this one bring groups of their own, and are not imported by name.
for entry in sorted(entry_points(group="holdfast.commands"), key=attrgetter("name")):
    app.add_typer(entry.load(), name=entry.name)


def _end_help_with_exit_codes(of: typer.Typer) -> None:
    for command in of.registered_commands:
        command.epilog = EXIT_CODES
    for group in of.registered_groups:
        if group.typer_instance is not None:
            _end_help_with_exit_codes(group.typer_instance)


_end_help_with_exit_codes(app)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback()
def root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Inventory and reservation core for retail: how many can be promised, and hold these."""


def main() -> None:
    """Run the command, and say what to install when it needs a library that is missing."""
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "holdfast":
            raise  # a file of ours is missing: a defect
        command = next(word for word in sys.argv[1:] if not word.startswith("-"))
        extra = "adapters" if command == "adapters" else "node"
        sentence = f"holdfast {command} needs the {extra}: pip install 'holdfast[{extra}]'"
        typer.secho(sentence, fg="red", err=True)
        sys.exit(EXIT_FAILED)
