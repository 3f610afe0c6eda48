"""Commands on the ledger: ledger, explain."""

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    TIMEOUT_DEFAULT_S,
    Json,
    Target,
    Timeout,
    amount,
    asking,
    console,
    plain,
    print_json,
)
from .paging import up_to

if TYPE_CHECKING:
    from holdfast.v1.ledger_service_pb2 import LedgerCoverage

Time = Annotated[
    str | None, typer.Option(metavar="TIME", help="Like 2026-11-27T06:00Z.", show_default=False)
]

app = typer.Typer()


@app.command("ledger")
def list_movements(
    sku: Annotated[str, typer.Option(help="Of this SKU.", show_default=False)] = "",
    location: Annotated[str, typer.Option(help="At this location.", show_default=False)] = "",
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="Of this reservation.", show_default=False)
    ] = "",
    source: Annotated[str, typer.Option(help="From this source.", show_default=False)] = "",
    reference: Annotated[
        str, typer.Option(metavar="ID", help="Of this document.", show_default=False)
    ] = "",
    correlation: Annotated[
        str, typer.Option(metavar="ID", help="Of calls under this id.", show_default=False)
    ] = "",
    since: Time = None,
    until: Time = None,
    limit: Annotated[
        int, typer.Option(metavar="COUNT", min=1, help="Movements to show at most.")
    ] = 50,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """List what moved units of stock, newest first."""
    wanted: dict[str, Any] = {
        "sku": sku,
        "location": location,
        "reservation_id": reservation,
        "source": source,
        "reference_id": reference,
        "by_correlation_id": correlation,
        "from_time": _time("--since", since),
        "until_time": _time("--until", until),
    }
    with asking(target, timeout, as_json=as_json) as client:
        ask = partial(client.list_movements, **wanted)
        found, last = up_to(
            limit, lambda size, token: ask(page_size=size, page_token=token), "movements"
        )
    if as_json:
        for movement in found:
            print_json(plain(movement))
        return
    from . import ledger_tables

    console().print(ledger_tables.movements(found))
    if last.next_page_token:
        typer.echo(f"There are more: --limit {2 * limit} shows twice as many.")
    _tell_coverage(last.coverage)


@app.command()
def explain(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="SKU.")],
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Location.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As of when. Default: now.", show_default=False),
    ] = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Explain the quantities of a stock level: each change, hold and commitment."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.explain_availability(sku, location, _time("--at", at))
    if as_json:
        print_json(plain(answer))
        return
    from . import ledger_tables

    for part in ledger_tables.explanation(sku, location, answer):
        console().print(part)
    _tell_coverage(answer.coverage)


def _time(option: str, text: str | None) -> datetime | None:
    """A time of RFC 3339; without a zone it is UTC. Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        expected = "a time like 2026-11-27, 2026-11-27T06:00Z or 2026-11-27T06:00+01:00"
        raise typer.BadParameter(f"{option} is {text!r}: expected {expected}") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _tell_coverage(coverage: "LedgerCoverage") -> None:
    if coverage.position < coverage.durable_position:
        behind = coverage.durable_position - coverage.position
        typer.echo(
            f"The ledger is {amount(behind, 'append')} behind: newer movements are missing.",
            err=True,
        )
    if coverage.HasField("begin_time"):
        begin = coverage.begin_time.ToJsonString()
        typer.echo(f"The ledger begins at {begin}: what moved before is not kept.", err=True)
