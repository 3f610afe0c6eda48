"""Commands for channels: what they are told to show, and how far they are."""

from typing import Annotated, Any

import typer

from holdfast.edge.cli.console import Json, console, fail, print_json

from .shared import CONFIG_DEFAULT, Config, loaded, opened_store, read_status

app = typer.Typer()


@app.command("channels")
def list_channels(config: Config = CONFIG_DEFAULT, as_json: Json = False) -> None:
    """Show the state of channels: how many pairs of item and node, how many are behind and for how
    long, and with which margin.

    Examples:

        holdfast adapters channels
    """
    adapters = read_status(config)["adapters"]
    channels = {each["name"]: each["channel"] for each in adapters if "channel" in each}
    if as_json:
        print_json(channels)
    else:
        _print_channels(channels)


def _print_channels(channels: dict[str, dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(
        *("channel", "pairs", "behind", "oldest", "rejected", "lag p50", "lag p99"),
        *("kept back", "exposed", "bound"),
    )
    for name, each in channels.items():
        bound = each["bound"]
        table.add_row(
            name,
            f"{each['pairs']:,}",
            f"{each['dirty']:,}",
            _seconds(each["oldest_dirty_s"]),
            f"{each['rejected']:,}",
            _seconds(each["lag_p50_s"]),
            _seconds(each["lag_p99_s"]),
            f"{each['buffer_units']:,}",
            f"{each['exposed_units']:,}",
            f"> {bound['units']:,} oversold in {bound['age_s']:.1f} s: {bound['chance']:.2%}",
        )
    console().print(table)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s"


@app.command()
def republish(
    name: Annotated[str, typer.Argument(help="The channel.")], config: Config = CONFIG_DEFAULT
) -> None:
    """Offer a channel again what it has rejected.

    Examples:

        holdfast adapters republish market
    """
    from ..runtime.publisher import order_rejected_again

    _, configured = loaded(config)
    if name not in {each.name for each in configured if each.settings.publish}:
        fail(f"no channel is called {name!r} in {config}")
    with opened_store(config) as store:
        store.write_now(order_rejected_again(name))
    typer.echo(f"What {name} has rejected is offered again.")
