"""The command `watch`: changes of stock as they become durable."""

from typing import TYPE_CHECKING, Annotated

import typer

from .console import TIMEOUT_DEFAULT_S, Json, Target, asking, console, plain, print_json

if TYPE_CHECKING:
    from holdfast.v1.watch_service_pb2 import LevelUpdate

app = typer.Typer()

_STATUS_WORDS = ("", "in stock", "low", "out", "short")


@app.command()
def watch(
    skus: Annotated[
        list[str] | None, typer.Argument(metavar="SKU...", help="SKUs to watch. Default: all.")
    ] = None,
    location: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Location to watch; may be repeated. Default: all."),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Show changes from now on, not the state first.")
    ] = False,
    low: Annotated[
        int, typer.Option(metavar="UNITS", min=0, help="So many available units are low.")
    ] = 0,
    crossings: Annotated[
        bool, typer.Option("--crossings", help="Show when stock is low, out, short or back.")
    ] = False,
    target: Target = None,
    as_json: Json = False,
) -> None:
    """Show stock as it changes, until interrupted."""
    with asking(target, TIMEOUT_DEFAULT_S, as_json=as_json, retries=True) as client:
        responses = client.watch_availability(
            skus or (),
            location or (),
            from_now=now,
            low_threshold=low,
            crossings_only=crossings,
        )
        try:
            for response in responses:
                if as_json:
                    print_json(plain(response))
                    continue
                for update in response.levels:
                    console().print(_line(update), highlight=False, markup=False)
        except KeyboardInterrupt:
            responses.close()


def _line(update: "LevelUpdate") -> str:
    """A level in a line: where, what is available of what, and its status."""
    name = f"{update.sku} @ {update.level.location}"
    if update.removed:
        return f"{name}: ended"
    units = update.level
    line = (
        f"{name}: {units.available} available, {units.on_hand} on hand, "
        f"{units.reserved} reserved, {units.committed} committed, {_STATUS_WORDS[update.status]}"
    )
    return f"{line} (was {_STATUS_WORDS[update.crossed_from]})" if update.crossed_from else line
