"""Commands for operators on the reservations of others: reservations, force-release."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from .auditing import Actor, Reason, default_actor
from .console import (
    TIMEOUT_DEFAULT_S,
    AdminTarget,
    Json,
    RequestId,
    Target,
    Timeout,
    amount,
    asking,
    asking_operators,
    console,
    parse_duration,
    plain,
    print_json,
)
from .paging import up_to

app = typer.Typer()


class State(StrEnum):
    """States of reservations as a whole, as the wire names them after RESERVATION_STATE_."""

    HELD = "held"
    COMMITTED = "committed"
    FULFILLED = "fulfilled"
    RETURNED = "returned"
    RELEASED = "released"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@app.command("reservations")
def list_reservations(
    sku: Annotated[str, typer.Option(help="With a line of this SKU.", show_default=False)] = "",
    location: Annotated[
        str, typer.Option(help="With a line at this location.", show_default=False)
    ] = "",
    state: Annotated[State | None, typer.Option(help="In this state as a whole.")] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Made longer ago: 90s, 15m, 12h, 30d.", show_default=False
        ),
    ] = None,
    owner: Annotated[str, typer.Option(help="Of this owner.", show_default=False)] = "",
    limit: Annotated[
        int, typer.Option(metavar="COUNT", min=1, help="Reservations to show at most.")
    ] = 50,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """List reservations by what they hold, their state, age and owner. Needs the node's ledger."""
    before = None
    if older_than is not None:
        before = datetime.now(UTC) - timedelta(seconds=parse_duration(older_than))
    wanted: dict[str, Any] = {
        "state": None if state is None else f"RESERVATION_STATE_{state.name}",
        "create_time_before": before,
        "owner": owner,
    }
    with asking(target, timeout, as_json=as_json) as client:
        ask = partial(client.list_reservations, sku, location, **wanted)
        found, last = up_to(
            limit, lambda size, token: ask(page_size=size, page_token=token), "reservations"
        )
    if as_json:
        for reservation in found:
            print_json(plain(reservation))
        return
    from . import answers

    console().print(answers.reservations(found))
    if last.next_page_token:
        typer.echo(f"There are more: --limit {2 * limit} shows twice as many.")


@app.command("force-release")
def force_release(
    reservation_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the reservation.")],
    reason: Reason,
    actor: Actor = "",
    request_id: RequestId = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Give back all that a reservation holds or has committed, without asking its caller."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        decided = reservation_id, reason, actor or default_actor()
        answer = client.force_release(*decided, request_id=request_id)
    if as_json:
        print_json(plain(answer))
        return
    released, cancelled = answer.released_quantity, answer.cancelled_quantity
    typer.echo(f"{reservation_id}: {amount(released, 'unit')} released, {cancelled:,} cancelled.")
