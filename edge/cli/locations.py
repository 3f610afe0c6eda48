"""Commands on places: location put, location list."""

from enum import StrEnum
from typing import Annotated

import typer

from .console import TIMEOUT_DEFAULT_S, Json, Target, Timeout, asking, console, plain, print_json

app = typer.Typer()
location = typer.Typer(no_args_is_help=True, help="Create, change and list locations.")
app.add_typer(location, name="location")


class Kind(StrEnum):
    """Kinds of location, as the wire names them after LOCATION_KIND_."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    SUPPLIER = "supplier"


@location.command("put")
def put_location(
    code: Annotated[str, typer.Argument(metavar="LOCATION", help="Id of the location.")],
    kind: Annotated[Kind, typer.Option(help="Kind of location.")] = Kind.WAREHOUSE,
    name: Annotated[str, typer.Option(help="Display name.", show_default=False)] = "",
    enabled: Annotated[
        bool, typer.Option("--enabled/--disabled", help="Whether it takes new reservations.")
    ] = True,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Create a location or replace all its settings."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.put_location(
            code, f"LOCATION_KIND_{kind.upper()}", display_name=name, enabled=enabled
        )
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.locations([answer.location]))


@location.command("list")
def list_locations(
    target: Target = None, timeout: Timeout = TIMEOUT_DEFAULT_S, as_json: Json = False
) -> None:
    """List all locations."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.list_locations()
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.locations(answer.locations))
