"""What all commands that record stock facts share: their options, their event ids, what they print.

A command is a function of what facts of its kind say besides: `fact_command` adds the options of
all facts, so that no command lacks one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid4, uuid5

import typer

from .auditing import default_actor
from .console import (
    EXIT_REFUSED,
    LINES_HELP,
    TIMEOUT_DEFAULT_S,
    Json,
    Target,
    Timeout,
    asking,
    console,
    fail,
    parse_instant,
    parse_lines,
    plain,
    print_json,
)
from .words import SignedCommand

if TYPE_CHECKING:
    from holdfast.v1.stock_service_pb2 import RecordStockEventsResponse, StockEvent

SOURCE_DEFAULT: Final = "cli"

#: Of a node; stated in the comments of holdfast.v1.
EVENT_ID_BYTES_MAX: Final = 128

#: The greatest number of a source's event; stated there as well.
SEQUENCE_MAX: Final = 2**63 - 1

Fields: TypeAlias = dict[str, Any]
"""Of a StockEvent."""


@dataclass(frozen=True, slots=True)
class FactOptions:
    """What every command that records facts takes."""

    lines: Annotated[list[str], typer.Argument(metavar="SKU LOCATION QUANTITY", help=LINES_HELP)]
    source: Annotated[str, typer.Option(metavar="NAME", help="System that reports this.")] = (
        SOURCE_DEFAULT
    )
    event_id: Annotated[
        str, typer.Option(metavar="ID", help="The source's id of the event; for one line.")
    ] = ""
    request_id: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Your id for the command, instead: each line counts once under it, whatever the "
            "other lines, as event ID/SKU@LOCATION. Default: a new id.",
            show_default=False,
        ),
    ] = ""
    sequence: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=SEQUENCE_MAX,
            help="The source's number of the event; for one line. 0: it has none.",
            show_default=False,
        ),
    ] = 0
    as_of: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="When it happened, or was counted: RFC 3339, such as 2026-11-26T22:00:00Z.",
        ),
    ] = ""
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the journal.")] = ""
    actor: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who did it; kept in the journal. Default: the user of this machine.",
            show_default=False,
        ),
    ] = ""
    reference: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="KIND ID", help="The document, such as: delivery D-17."),
    ] = None
    reference_line: Annotated[
        str, typer.Option(metavar="LINE", help="The line of the document.")
    ] = ""
    correlation_id: Annotated[
        str, typer.Option(metavar="ID", help="Id of what it belongs to; a filter in the ledger.")
    ] = ""
    target: Target = None
    timeout: Timeout = TIMEOUT_DEFAULT_S
    as_json: Json = False


#: Says what a fact has beside the options of all.
FieldsOf: TypeAlias = Callable[..., Fields]


def fact_command(
    group: typer.Typer, kind: str, name: str | None = None, *, is_signed: bool = False
) -> Callable[[FieldsOf], FieldsOf]:
    """Make a function a command of the group that records events of a kind. It is given the
    FactOptions, then its own options. Where `is_signed`, -5 is a quantity among the words.
    """
    more: Any = {}
    if is_signed:
        more = {"cls": SignedCommand, "context_settings": {"ignore_unknown_options": True}}

    def made(fields_of: FieldsOf) -> FieldsOf:
        shared = signature(FactOptions).parameters

        def command(**given: Any) -> None:
            options = FactOptions(**{each: given.pop(each) for each in shared})
            _record(kind, options, fields_of(options, **given))

        vars(command)["__signature__"] = _signature(fields_of, shared.values())
        group.command(name or fields_of.__name__, help=fields_of.__doc__, **more)(command)
        return fields_of

    return made


def _signature(fields_of: FieldsOf, shared: Iterable[Parameter]) -> Signature:
    """The lines, the options of one command, then those of all: as its help lists them."""
    _, *own = signature(fields_of).parameters.values()
    lines, *others = shared
    # By name alone, since one without a default may follow one with.
    kind = Parameter.KEYWORD_ONLY
    return Signature([each.replace(kind=kind) for each in (lines, *own, *others)])


def _record(kind: str, options: FactOptions, fields: Fields) -> None:
    """Record an event of a kind for each line, and show what became of them."""
    events, same = _events(kind, options, fields)
    asked = options.target, options.timeout
    with asking(*asked, as_json=options.as_json, same=same) as client:
        answer = client.record_stock_events(options.source, events)
    if options.as_json:
        print_json({**plain(answer), "event_ids": [event.event_id for event in events]})
    else:
        _show(events, answer)
    from . import fact_notes

    for sentence in fact_notes.notes(events, answer.results):
        typer.echo(sentence, err=True)
    without = sum(each.outcome not in fact_notes.RECORDED for each in answer.results)
    if without:
        facts = "The fact" if len(events) == 1 else f"{without:,} of {len(events):,} facts"
        fail(f"{facts} had no effect.", exit_code=EXIT_REFUSED)


def _events(kind: str, options: FactOptions, fields: Fields) -> "tuple[list[StockEvent], str]":
    """The events of a command, and the option with which it can be repeated safely."""
    from holdfast.v1.stock_service_pb2 import StockEvent

    lines = parse_lines(options.lines)
    ids, same = _event_ids(options, lines)
    said = _said(options, fields)
    events = [
        StockEvent(
            event_id=event_id,
            sku=sku,
            location=place,
            kind=f"STOCK_EVENT_KIND_{kind}",
            quantity=quantity,
            **said,
        )
        for event_id, (sku, place, quantity) in zip(ids, lines, strict=True)
    ]
    return events, same


def _said(options: FactOptions, fields: Fields) -> Fields:
    """Fields of every event of a command."""
    said = {
        "sequence": options.sequence,
        "reason": options.reason,
        "actor": options.actor or default_actor(),
        "correlation_id": options.correlation_id,
        **fields,
    }
    if options.as_of:
        said["occur_time"] = parse_instant(options.as_of)
    if options.reference is None and options.reference_line:
        raise typer.BadParameter("--reference-line needs --reference KIND ID")
    if options.reference is not None:
        if "reference" in fields:
            raise typer.BadParameter("--reference beside another document: a fact names one")
        named, of = options.reference
        said["reference"] = {"kind": named, "id": of, "line": options.reference_line}
    return said


def _event_ids(
    options: FactOptions, lines: Sequence[tuple[str, str, int]]
) -> tuple[list[str], str]:
    """The event's id as it is given, for one line, or an id for each line; and the option to repeat
    the command with.
    """
    given = [name for name in ("event_id", "sequence") if getattr(options, name)]
    if given and len(lines) > 1:
        option = f"--{given[0].replace('_', '-')}"
        raise typer.BadParameter(f"{option} is of one line; --request-id is of several")
    if options.event_id and options.request_id:
        raise typer.BadParameter("--event-id or --request-id, not both")
    if options.event_id:
        return [options.event_id], f"--event-id {options.event_id}"
    if options.sequence and not options.request_id:
        return [""], f"--sequence {options.sequence}"
    request_id = options.request_id or str(uuid4())
    return line_ids(request_id, lines), f"--request-id {request_id}"


def line_ids(request_id: str, lines: Sequence[tuple[str, str, int]]) -> list[str]:
    """An id for the event of each line: ID/SKU@LOCATION, and #2 and so on for another line of the
    same SKU and location. So a line has the same id wherever it stands, and whatever is added.

    SKU and location are percent-encoded, so that no two lines share an id; one that is too long for
    a node becomes a UUID (RFC 9562, version 5).
    """
    counts: Counter[tuple[str, str]] = Counter()
    ids = []
    for sku, place, _ in lines:
        counts[sku, place] += 1
        number = counts[sku, place]
        line_id = f"{request_id}/{quote(sku, safe='')}@{quote(place, safe='')}"
        line_id += f"#{number}" if number > 1 else ""
        is_short = len(line_id.encode()) <= EVENT_ID_BYTES_MAX
        ids.append(line_id if is_short else str(uuid5(NAMESPACE_OID, line_id)))
    return ids


def _show(events: "Sequence[StockEvent]", answer: "RecordStockEventsResponse") -> None:
    from . import answers

    console().print(answers.event_results(events, answer.results))
    if any(each.shortfall for each in answer.shortfalls):
        console().print(answers.endangered(answer.shortfalls))
    if any(each.uncovered for each in answer.shortfalls):
        console().print(answers.uncovered(answer.shortfalls))
