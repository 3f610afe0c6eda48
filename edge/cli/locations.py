"""Commands on places: location put, get, list."""

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .console import TIMEOUT_DEFAULT_S, Json, Target, Timeout, asking, console, plain, print_json
from .paging import PAGE_SIZE, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from holdfast.v1.catalog_service_pb2 import Location

Code = Annotated[str, typer.Argument(metavar="LOCATION", help="Id of the location.")]

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
    code: Code,
    kind: Annotated[Kind | None, typer.Option(help="Kind of location.")] = None,
    name: Annotated[str | None, typer.Option(help="Display name.", show_default=False)] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enabled/--disabled", help="Whether it takes new reservations."),
    ] = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Create a location, by default an enabled warehouse, or change the given fields of one."""
    kind_name = None if kind is None else f"LOCATION_KIND_{kind.upper()}"
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.update_location(
            code, kind=kind_name, display_name=name, enabled=enabled, allow_missing=True
        )
    _print(answer, [answer.location], as_json=as_json)


@location.command("get")
def get_location(
    code: Code,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show a location."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.get_location(code)
    _print(answer, [answer.location], as_json=as_json)


@location.command("list")
def list_locations(
    target: Target = None, timeout: Timeout = TIMEOUT_DEFAULT_S, as_json: Json = False
) -> None:
    """List all locations."""
    with asking(target, timeout, as_json=as_json) as client:
        every = whole(partial(client.list_locations, PAGE_SIZE))
    _print(every, every.locations, as_json=as_json)


def _print(answer: "Message", locations: "Iterable[Location]", *, as_json: bool) -> None:
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.locations(locations))
