"""`holdfast adapters`, as the `holdfast` command finds it: by the entry points of the package."""

import typer

from . import channels, running, settling

app = typer.Typer(
    help="Connect other systems: run and monitor adapters, settle dead letters.",
    no_args_is_help=True,
)
for commands in (running, channels, settling):
    app.registered_commands += commands.app.registered_commands
