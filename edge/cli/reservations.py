"""Commands on reservations: reserve, extend, commit, fulfill, release, cancel, show."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    EXIT_REFUSED,
    LINES_HELP,
    TIMEOUT_DEFAULT_S,
    Json,
    RequestId,
    Target,
    Timeout,
    asking,
    console,
    fail,
    parse_day,
    parse_duration,
    parse_lines,
    plain,
    print_json,
)

if TYPE_CHECKING:
    from holdfast.v1.common_pb2 import Refusal

app = typer.Typer()

ReservationId = Annotated[
    str, typer.Argument(metavar="RESERVATION_ID", help="Your id for the reservation.")
]
Words = Annotated[list[str], typer.Argument(metavar="SKU LOCATION QUANTITY", help=LINES_HELP)]
SomeWords = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SKU LOCATION QUANTITY",
        help="Lines of SKU LOCATION QUANTITY to apply this to. Default: all lines.",
        show_default=False,
    ),
]
GiveBack = Annotated[
    bool, typer.Option("--give-back", help="Give back the units that the lines leave out.")
]
LatestSupply = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help="Promise what is not on hand from supply expected by the end of this day: 2026-12-24.",
        show_default=False,
    ),
]
AlreadySold = Annotated[
    bool,
    typer.Option(
        "--already-sold",
        help="It is sold, for example by a marketplace: hold it whether units are there or not.",
    ),
]
HOLD_HELP = "How long to hold, from now: 90s, 15m, 12h or 30d."


@app.command()
def reserve(
    reservation_id: ReservationId,
    lines: Words,
    hold: Annotated[str, typer.Option(metavar="DURATION", help=HOLD_HELP)] = "15m",
    owner: Annotated[str, typer.Option(help="Whom it is for.", show_default=False)] = "",
    latest_supply: LatestSupply = None,
    already_sold: AlreadySold = False,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Hold all lines or none. Repeating an id shows what is held under it now."""
    asked = parse_lines(lines)
    hold_s, latest = parse_duration(hold), parse_day(latest_supply) if latest_supply else None
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.reserve(
            *(reservation_id, asked, hold_s, owner),
            latest_supply=latest,
            already_sold=already_sold,
        )
    _tell_refusal(answer, as_json=as_json)
    if not as_json:
        _tell_reserved(reservation_id, answer)


@app.command()
def extend(
    reservation_id: ReservationId,
    hold: Annotated[str, typer.Argument(metavar="DURATION", help=HOLD_HELP)],
    request_id: RequestId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Let a hold end later. A duration that would end it earlier changes nothing."""
    hold_s = parse_duration(hold)
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.extend(reservation_id, hold_s, request_id=request_id)
    _tell_refusal(answer, as_json=as_json)
    if not as_json:
        _tell_hold(reservation_id, answer)


@app.command()
def commit(
    reservation_id: ReservationId,
    lines: SomeWords = None,
    give_back: GiveBack = False,
    request_id: RequestId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Place the order: held units no longer expire."""
    some = _some_lines(lines)
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.commit(
            reservation_id, some, remainder=_remainder(give_back), request_id=request_id
        )
    _tell_state(reservation_id, answer, as_json=as_json)


@app.command()
def fulfill(
    reservation_id: ReservationId,
    lines: SomeWords = None,
    give_back: GiveBack = False,
    request_id: RequestId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Ship committed units: they leave the stock on hand."""
    some = _some_lines(lines)
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.fulfill(
            reservation_id, some, remainder=_remainder(give_back), request_id=request_id
        )
    _tell_state(reservation_id, answer, as_json=as_json)
    if not as_json:
        _tell_shortfalls(answer)


@app.command()
def release(
    reservation_id: ReservationId,
    lines: SomeWords = None,
    request_id: RequestId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Give held units back."""
    some = _some_lines(lines)
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.release(reservation_id, some, request_id=request_id)
    _tell_state(reservation_id, answer, as_json=as_json)


@app.command()
def cancel(
    reservation_id: ReservationId,
    lines: SomeWords = None,
    request_id: RequestId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Give back committed units that were not shipped."""
    some = _some_lines(lines)
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.cancel(reservation_id, some, request_id=request_id)
    _tell_state(reservation_id, answer, as_json=as_json)


@app.command()
def show(
    reservation_id: ReservationId,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show a reservation line by line."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.get_reservation(reservation_id)
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    found = answer.reservation
    typer.echo(f"{found.reservation_id} is {_state_name(found.state)}")
    typer.echo(f"made {answers.instant(found.create_time)}")
    if any(line.held for line in found.lines):
        typer.echo(f"held units expire {answers.instant(found.expire_time)}")
    console().print(answers.reservation_lines(found.lines))


def _some_lines(words: list[str] | None) -> list[tuple[str, str, int]] | None:
    return parse_lines(words) if words else None


def _remainder(give_back: bool) -> str | None:
    return "REMAINDER_GIVE_BACK" if give_back else None


def _tell_reserved(reservation_id: str, answer: Any) -> None:
    """Say until when units are held; of a repeated command, what became of them."""
    from holdfast.v1.reservation_service_pb2 import RESERVATION_STATE_HELD

    if answer.state == RESERVATION_STATE_HELD:
        _tell_hold(reservation_id, answer)
    else:
        typer.echo(f"{reservation_id} is {_state_name(answer.state)} already")
    if waiting := [line for line in answer.lines if line.backordered]:
        from . import answers

        console().print(answers.backordered_lines(waiting))
    _tell_shortfalls(answer)


def _tell_shortfalls(answer: Any) -> None:
    if answer.shortfalls:
        from . import answers

        typer.echo("Promises exceed supply here:")
        console().print(answers.shortfalls(answer.shortfalls))


def _tell_hold(reservation_id: str, answer: Any) -> None:
    from . import answers

    typer.echo(f"{reservation_id} is held until {answers.instant(answer.expire_time)}")


def _tell_state(reservation_id: str, answer: Any, *, as_json: bool) -> None:
    _tell_refusal(answer, as_json=as_json)
    if not as_json:
        typer.echo(f"{reservation_id} is {_state_name(answer.state)} now")


def _tell_refusal(answer: Any, *, as_json: bool) -> None:
    """Print the answer with --json; end the command when it is a refusal."""
    from holdfast.v1.common_pb2 import OUTCOME_REFUSED

    is_refused = answer.outcome == OUTCOME_REFUSED
    if as_json:
        print_json(plain(answer))
        if is_refused:
            raise typer.Exit(EXIT_REFUSED)
    elif is_refused:
        _refuse(answer.refusal)


def _refuse(refusal: "Refusal") -> None:
    if refusal.lines:
        from . import answers

        console().print(answers.refused_lines(refusal.lines))
    fail(f"Refused: {refusal.message}.", exit_code=EXIT_REFUSED)


def _state_name(state: Any) -> str:
    from holdfast.v1.reservation_service_pb2 import ReservationState

    return ReservationState.Name(state).removeprefix("RESERVATION_STATE_").lower()
