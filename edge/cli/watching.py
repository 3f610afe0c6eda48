"""Commands that go on until interrupted: watch, watch-reservations."""

import json
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from .console import TIMEOUT_DEFAULT_S, Json, Target, asking, console, plain, print_json
from .stock import SourceStates, named_states

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from google.protobuf.message import Message

    from holdfast.v1.common_pb2 import Revision, SourceState
    from holdfast.v1.reservation_service_pb2 import ReservationState
    from holdfast.v1.watch_service_pb2 import (
        LevelUpdate,
        ReservationChange,
        WatchAvailabilityResponse,
        WatchReservationsResponse,
    )

app = typer.Typer()

Shown = TypeVar("Shown", bound="Message")

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
    after: Annotated[
        str,
        typer.Option(
            metavar="RESPONSE",
            help="Go on after a response: what --json printed of it.",
            show_default=False,
        ),
    ] = "",
    low: Annotated[
        int, typer.Option(metavar="UNITS", min=0, help="So many units or fewer are low.")
    ] = 0,
    crossings: Annotated[
        bool, typer.Option("--crossings", help="Show when stock is low, out, short or back.")
    ] = False,
    source_states: SourceStates = None,
    target: Target = None,
    as_json: Json = False,
) -> None:
    """Show stock as it changes, until interrupted."""
    revisions = _revisions(after) if after else []
    with asking(target, TIMEOUT_DEFAULT_S, as_json=as_json, retries=True) as client:
        responses = client.watch_availability(
            skus or (),
            location or (),
            from_now=now,
            after=revisions,
            low_threshold=low,
            crossings_only=crossings,
            source_states=named_states(source_states),
        )
        _show(responses, _level_lines, as_json=as_json)


def _revisions(response: str) -> "list[Revision]":
    """The revisions of a response that was printed as JSON. Raises typer.BadParameter."""
    from holdfast.v1.common_pb2 import Revision

    try:
        return [Revision(**each) for each in json.loads(response)["revisions"]]
    except (ValueError, TypeError, LookupError):
        expected = "a line that `holdfast watch --json` printed, with revisions"
        raise typer.BadParameter(f"--after is {response[:60]!r}: expected {expected}") from None


def _show(
    responses: "Generator[Shown, None, None]",
    lines_of: "Callable[[Shown], Iterator[str]]",
    *,
    as_json: bool,
) -> None:
    """Print responses as they come, until interrupted."""
    try:
        for response in responses:
            if as_json:
                print_json(plain(response))
                continue
            for line in lines_of(response):
                console().print(line, highlight=False, markup=False)
    except KeyboardInterrupt:
        responses.close()


def _level_lines(response: "WatchAvailabilityResponse") -> "Iterator[str]":
    return map(_line, response.levels)


def _line(update: "LevelUpdate") -> str:
    """A level in a line: where, what is available of what, and its status."""
    name = f"{update.sku} @ {update.level.location}"
    if update.removed:
        state = update.level.source_state
        return f"{name}: {'its source is ' + _source_word(state) if state else 'ended'}"
    units = update.level
    line = (
        f"{name}: {units.available} available, {units.on_hand} on hand, "
        f"{units.reserved} reserved, {units.committed} committed, {_STATUS_WORDS[update.status]}"
    )
    line += f" (was {_STATUS_WORDS[update.crossed_from]})" if update.crossed_from else ""
    line += f", {update.uncovered} promised and not covered" if update.uncovered else ""
    return f"{line}, {update.overdue} overdue" if update.overdue else line


def _source_word(number: "SourceState") -> str:
    from holdfast.v1 import common_pb2 as common

    return common.SourceState.Name(number).removeprefix("SOURCE_STATE_").lower()


@app.command("watch-reservations")
def watch_reservations(
    sku: Annotated[str, typer.Option(help="Lines of this SKU.", show_default=False)] = "",
    location: Annotated[str, typer.Option(help="Lines there.", show_default=False)] = "",
    oldest: Annotated[
        bool, typer.Option("--oldest", help="Begin with the oldest that the ledger has.")
    ] = False,
    token: Annotated[
        str,
        typer.Option(metavar="TOKEN", help="Go on after a response.", show_default=False),
    ] = "",
    target: Target = None,
    as_json: Json = False,
) -> None:
    """Show what becomes of reservations, until interrupted. Needs the node's ledger."""
    with asking(target, TIMEOUT_DEFAULT_S, as_json=as_json, retries=True) as client:
        responses = client.watch_reservations(sku, location, from_oldest=oldest, resume_token=token)
        _show(responses, _change_lines, as_json=as_json)


def _change_lines(response: "WatchReservationsResponse") -> "Iterator[str]":
    if response.reset:
        typer.echo("What happened until now is not known any more.", err=True)
    return map(_change_line, response.changes)


def _change_line(change: "ReservationChange") -> str:
    """A change in a line: whose units of what entered which state, and why."""
    what = f"{change.quantity:,} {change.sku} at {change.location}"
    left, entered = (_state_word(state) for state in (change.from_state, change.state))
    states = f"{left} -> {entered}" if left else entered
    said = "".join(
        f", {word} {text}"
        for word, text in (
            ("because:", change.reason),
            ("by", change.actor),
            ("under", change.correlation_id),
        )
        if text
    )
    return f"{change.reservation_id}: {what} {states}{said}"


def _state_word(number: "ReservationState") -> str:
    from holdfast.v1 import reservation_service_pb2 as reservation

    name = reservation.ReservationState.Name(number).removeprefix("RESERVATION_STATE_")
    return "" if name == "UNSPECIFIED" else name.lower()
