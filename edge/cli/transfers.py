"""Commands on units that go from one location to another."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from .console import TIMEOUT_DEFAULT_S, Json, Target, Timeout, parse_instant
from .stock import SOURCE_DEFAULT, EventId, FromStatus, Source, ToStatus, Words, record
from .words import SignedCommand

transfer = typer.Typer(no_args_is_help=True, help="Record what goes from one location to another.")


class TransferKind(StrEnum):
    """What can be reversed of a transfer."""

    DISPATCH = "dispatch"
    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"


Document = Annotated[
    str, typer.Option(metavar="ID", help="The document of the transfer, such as a delivery note.")
]
Line = Annotated[
    str, typer.Option("--document-line", metavar="LINE", help="The line of the document.")
]


@transfer.command()
def dispatch(
    lines: Words,
    document: Document,
    to: Annotated[str, typer.Option(metavar="LOCATION", help="Where they go.")],
    line: Line = "",
    expected: Annotated[str, typer.Option(metavar="TIME", help="When they come: RFC 3339.")] = "",
    takes_promised: Annotated[
        bool, typer.Option("--takes-promised", help="Also units that are promised.")
    ] = False,
    status: FromStatus = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units leave a location for another one; those that are promised stay."""
    more = {**_of(document, line), "from_status": status}
    more |= {"to_location": to, "takes_promised": takes_promised}
    if expected:
        more["expected_time"] = parse_instant(expected)
    kind = "TRANSFER_DISPATCH"
    record(kind, lines, source, event_id, target, timeout, as_json=as_json, **more)


@transfer.command()
def receive(
    lines: Words,
    document: Document,
    line: Line = "",
    status: ToStatus = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units came from another location: all that were dispatched, or some, or more."""
    more = {**_of(document, line), "to_status": status}
    record("RECEIPT", lines, source, event_id, target, timeout, as_json=as_json, **more)


@transfer.command(cls=SignedCommand, context_settings={"ignore_unknown_options": True})
def adjust(
    lines: Words,
    document: Document,
    line: Line = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units under way to a location were lost (-1), or more had been sent than was reported (1)."""
    more, kind = _of(document, line), "TRANSFER_ADJUSTMENT"
    record(kind, lines, source, event_id, target, timeout, as_json=as_json, **more)


@transfer.command(cls=SignedCommand, context_settings={"ignore_unknown_options": True})
def reverse(
    lines: Words,
    event: Annotated[
        str, typer.Option(metavar="ID", help="The event that was wrong; one line names one.")
    ],
    kind: Annotated[TransferKind, typer.Option(help="Its kind.")],
    document: Document,
    line: Line = "",
    to: Annotated[str, typer.Option(metavar="LOCATION", help="Where a dispatch went.")] = "",
    of_source: Annotated[
        str, typer.Option(metavar="NAME", help="Its source, if it is another.")
    ] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="The status that it named.")] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """A dispatch, receipt or adjustment was wrong, and is undone; the line repeats what it said."""
    if len(lines) > 3:
        raise typer.BadParameter("one line, since an event has one", param_hint="LINE")
    prefix = "TRANSFER_" if kind in (TransferKind.DISPATCH, TransferKind.ADJUSTMENT) else ""
    name = f"STOCK_EVENT_KIND_{prefix}{kind.upper()}"
    named = {"source": of_source, "event_id": event, "kind": name}
    more = {**_of(document, line), "to_location": to, "reverses": named}
    more["from_status" if to else "to_status"] = status
    record("REVERSAL", lines, source, event_id, target, timeout, as_json=as_json, **more)


def _of(document: str, line: str) -> dict[str, Any]:
    return {"reference": {"kind": "transfer", "id": document, "line": line}}
