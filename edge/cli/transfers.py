"""Commands on units that go from one location to another."""

from enum import StrEnum
from typing import Annotated

import typer

from .console import parse_instant
from .recording import FactOptions, Fields, fact_command
from .stock import FromStatus, ToStatus, one_line, reference

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


@fact_command(transfer, "TRANSFER_DISPATCH")
def dispatch(
    _: FactOptions,
    document: Document,
    to: Annotated[str, typer.Option(metavar="LOCATION", help="Where they go.")],
    line: Line = "",
    expected: Annotated[str, typer.Option(metavar="TIME", help="When they come: RFC 3339.")] = "",
    takes_promised: Annotated[
        bool, typer.Option("--takes-promised", help="Also units that are promised.")
    ] = False,
    status: FromStatus = "",
) -> Fields:
    """Units leave a location for another one; those that are promised stay."""
    fields = {**reference("transfer", document, line), "from_status": status}
    fields |= {"to_location": to, "takes_promised": takes_promised}
    if expected:
        fields["expected_time"] = parse_instant(expected)
    return fields


@fact_command(transfer, "RECEIPT")
def receive(_: FactOptions, document: Document, line: Line = "", status: ToStatus = "") -> Fields:
    """Units came from another location: all that were dispatched, or some, or more."""
    return {**reference("transfer", document, line), "to_status": status}


@fact_command(transfer, "TRANSFER_ADJUSTMENT", is_signed=True)
def adjust(_: FactOptions, document: Document, line: Line = "") -> Fields:
    """Units under way to a location were lost (-1), or more had been sent than was reported (1)."""
    return reference("transfer", document, line)


@fact_command(transfer, "REVERSAL", is_signed=True)
def reverse(
    options: FactOptions,
    event: Annotated[
        str,
        typer.Option(metavar="ID", help="The event that was wrong, by the id that was printed."),
    ],
    kind: Annotated[TransferKind, typer.Option(help="Its kind.")],
    document: Document,
    line: Line = "",
    to: Annotated[str, typer.Option(metavar="LOCATION", help="Where a dispatch went.")] = "",
    of_source: Annotated[
        str, typer.Option(metavar="NAME", help="Its source, if it is another.")
    ] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="The status that it named.")] = "",
) -> Fields:
    """A dispatch, receipt or adjustment was wrong, and is undone; the line repeats what it said."""
    one_line(options)
    prefix = "TRANSFER_" if kind in (TransferKind.DISPATCH, TransferKind.ADJUSTMENT) else ""
    named = {
        "source": of_source,
        "event_id": event,
        "kind": f"STOCK_EVENT_KIND_{prefix}{kind.upper()}",
    }
    fields = {**reference("transfer", document, line), "to_location": to, "reverses": named}
    return {**fields, "from_status" if to else "to_status": status}
