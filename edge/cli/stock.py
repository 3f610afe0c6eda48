"""Commands on goods: availability, promise, stock receipt, adjustment, sale, return, count, status,
supply.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid4, uuid5

import typer

from .console import (
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
from .paging import whole
from .words import SignedCommand

app = typer.Typer()
stock = typer.Typer(no_args_is_help=True, help="Record what happened to stock.")
app.add_typer(stock, name="stock")

SOURCE_DEFAULT: Final = "cli"


class SourceState(StrEnum):
    """How a source is, as the wire names it after SOURCE_STATE_."""

    CURRENT = "current"
    STALE = "stale"
    GAP = "gap"


class ReversibleKind(StrEnum):
    """Kinds of events that a reversal undoes."""

    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    SALE = "sale"
    RETURN = "return"
    STATUS_CHANGE = "status-change"
    GOODS_ISSUE = "goods-issue"
    REVERSAL = "reversal"


#: Of a node; stated in the comments of holdfast.v1.
EVENT_ID_BYTES_MAX: Final = 128

Words = Annotated[list[str], typer.Argument(metavar="SKU LOCATION QUANTITY", help=LINES_HELP)]
Source = Annotated[str, typer.Option(metavar="NAME", help="System that reports this.")]
EventId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Your id for the command. Each line counts once under it, whatever the other lines. "
        "Default: a new id.",
        show_default=False,
    ),
]
ToStatus = Annotated[
    str,
    typer.Option("--status", metavar="STATUS", help="Why they are not for sale, such as damaged."),
]
FromStatus = Annotated[
    str, typer.Option("--status", metavar="STATUS", help="The status that they had.")
]
SupplyLine = Annotated[
    str, typer.Option("--document-line", metavar="LINE", help="The line of the document.")
]
AsOf = Annotated[
    str, typer.Option(metavar="TIME", help="When: RFC 3339, such as 2026-11-26T22:00:00Z.")
]


SourceStates = Annotated[
    list[SourceState] | None,
    typer.Option(
        "--source-state",
        help="Stock levels whose source is in this state; may be repeated. Default: all.",
        show_default=False,
    ),
]


@app.command()
def availability(
    skus: Annotated[list[str], typer.Argument(metavar="SKU...", help="One or more SKUs.")],
    source_states: SourceStates = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show how many units of SKUs are available, by location and in the network."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.batch_get_availability(skus, source_states=named_states(source_states))
    if as_json:
        print_json(plain(answer))
    else:
        from . import answers

        if answer.availabilities:
            console().print(answers.stock_levels(answer.availabilities))
    if answer.unknown_skus:
        unknown = ", ".join(answer.unknown_skus)
        fail(f"Unknown: {unknown}.", "A SKU is created by its first stock event.")


def named_states(states: list[SourceState] | None) -> list[str]:
    """States of sources as the wire names them."""
    return [f"SOURCE_STATE_{state.upper()}" for state in states or ()]


@app.command()
def promise(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="SKU.")],
    locations: Annotated[
        list[str] | None, typer.Argument(metavar="[LOCATION]...", help="Default: all.")
    ] = None,
    days: Annotated[int, typer.Option(metavar="N", help="Days ahead, up to 180.")] = 30,
    source_states: SourceStates = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show how many units of a SKU may be promised by date, as supply comes."""
    with asking(target, timeout, as_json=as_json) as client:
        ask = partial(
            client.get_available_to_promise,
            *(sku, locations or ()),
            horizon_days=days,
            source_states=named_states(source_states),
        )
        answer = whole(lambda token: ask(page_token=token))
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.promises(answer))


@app.command()
def shortfall(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="SKU.")],
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Location.")],
    limit: Annotated[int, typer.Option(help="How many lines to list at most.")] = 20,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show whose promises cannot be kept at a stock level, newest reservations first."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.get_shortfall(sku, location, max_lines=limit)
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    if answer.shortfall.shortfall:
        console().print(answers.endangered([answer.shortfall]))
    if answer.shortfall.uncovered:
        console().print(answers.uncovered([answer.shortfall]))
    typer.echo(answers.shortfall_sentence(answer.shortfall))


@stock.command()
def receipt(
    lines: Words,
    status: ToStatus = "",
    document: Annotated[
        str, typer.Option(metavar="ID", help="The document of the supply that they are of.")
    ] = "",
    line: SupplyLine = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units arrived."""
    more: dict[str, Any] = {"to_status": status}
    if document:
        more["reference"] = {"kind": "supply", "id": document, "line": line}
    record("RECEIPT", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command(cls=SignedCommand, context_settings={"ignore_unknown_options": True})
def adjustment(
    lines: Words,
    status: Annotated[
        str, typer.Option(metavar="STATUS", help="The status of what was found or written off.")
    ] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """A correction: units found (5) or written off (-5)."""
    found = all(quantity > 0 for _, _, quantity in parse_lines(lines))
    more = {"to_status" if found else "from_status": status}
    record("ADJUSTMENT", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def sale(
    lines: Words,
    status: FromStatus = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units were sold over the counter, without a reservation."""
    more = {"from_status": status}
    record("SALE", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command("return")
def return_(
    lines: Words,
    status: ToStatus = "",
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they were shipped.")
    ] = "",
    line: Annotated[str, typer.Option(metavar="LINE", help="The id of its line.")] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units came back, and can be sold again unless they have a status."""
    more: dict[str, Any] = {"to_status": status}
    if reservation:
        more["reference"] = {"kind": "reservation", "id": reservation, "line": line}
    record("RETURN", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def status(
    lines: Words,
    leaves: Annotated[
        str, typer.Option("--from", metavar="STATUS", help="Their status; none: for sale.")
    ] = "",
    enters: Annotated[
        str, typer.Option("--to", metavar="STATUS", help="Their new status; none: for sale.")
    ] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units are not for sale any more (--to damaged), or are again (--from damaged)."""
    more = {"from_status": leaves, "to_status": enters}
    record("STATUS_CHANGE", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def count(
    lines: Words,
    as_of: AsOf = "",
    books: Annotated[
        bool, typer.Option("--books", help="It is the balance of the source's books.")
    ] = False,
    picked: Annotated[int, typer.Option(help="Units picked and not shipped, not counted.")] = 0,
    seen: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="With --books: a reservation whose shipment it has seen."),
    ] = None,
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units were counted: this many are on hand, or were at a time."""
    more: dict[str, Any] = {"picked_quantity": picked, "seen_reservations": seen or []}
    if as_of:
        more["occur_time"] = parse_instant(as_of)
    more["count_basis"] = "COUNT_BASIS_BOOKS" if books else "COUNT_BASIS_UNSPECIFIED"
    record("COUNT", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def posted(
    lines: Words,
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they were shipped.")
    ],
    line: Annotated[str, typer.Option(metavar="LINE", help="The id of its line.")] = "",
    as_of: AsOf = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """A source has posted in its books that units of a reservation left."""
    more: dict[str, Any] = {"reference": {"kind": "reservation", "id": reservation, "line": line}}
    if as_of:
        more["occur_time"] = parse_instant(as_of)
    record("GOODS_ISSUE", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command(cls=SignedCommand, context_settings={"ignore_unknown_options": True})
def reverse(
    lines: Words,
    event: Annotated[
        str, typer.Option(metavar="ID", help="The event that was wrong; one line names one.")
    ],
    kind: Annotated[
        ReversibleKind, typer.Option(help="Its kind; reversal for one that is a reversal itself.")
    ],
    of_source: Annotated[
        str, typer.Option(metavar="NAME", help="Its source, if it is another.")
    ] = "",
    leaves: Annotated[
        str, typer.Option("--from", metavar="STATUS", help="The status that its units left.")
    ] = "",
    enters: Annotated[
        str, typer.Option("--to", metavar="STATUS", help="The status that they entered.")
    ] = "",
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation that it named.")
    ] = "",
    line: Annotated[str, typer.Option(metavar="LINE", help="The id of its line.")] = "",
    document: Annotated[
        str, typer.Option(metavar="ID", help="The document of the supply that it named.")
    ] = "",
    document_line: SupplyLine = "",
    happened: Annotated[str, typer.Option(metavar="TIME", help="When it happened: RFC 3339.")] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """An earlier event was wrong, and is undone; the line repeats what it said."""
    if len(lines) > 3:
        raise typer.BadParameter("one line, since an event has one", param_hint="LINE")
    more: dict[str, Any] = {"from_status": leaves, "to_status": enters}
    more["reverses"] = {"source": of_source, "event_id": event}
    more["reverses"]["kind"] = f"STOCK_EVENT_KIND_{kind.upper().replace('-', '_')}"
    if happened:
        more["reverses"]["occur_time"] = parse_instant(happened)
    if reservation and document:
        raise typer.BadParameter("--document or --reservation, not both", param_hint="--document")
    if reservation:
        more["reference"] = {"kind": "reservation", "id": reservation, "line": line}
    if document:
        more["reference"] = {"kind": "supply", "id": document, "line": document_line}
    record("REVERSAL", lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def unship(
    lines: Words,
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they count as shipped.")
    ],
    line: Annotated[str, typer.Option(metavar="LINE", help="The id of its line.")] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units were not shipped after all: they are on hand, and committed again."""
    more = {"reference": {"kind": "reservation", "id": reservation, "line": line}}
    kind = "SHIPMENT_REVERSAL"
    record(kind, lines, source, event_id, target, timeout, as_json=as_json, **more)


@stock.command()
def supply(
    lines: Words,
    document: Annotated[str, typer.Option(metavar="ID", help="The document that they come under.")],
    line: SupplyLine = "",
    expected: Annotated[
        str, typer.Option(metavar="TIME", help="When: RFC 3339, such as 2026-12-24T12:00:00Z.")
    ] = "",
    source: Source = SOURCE_DEFAULT,
    event_id: EventId = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Units are expected, this many in all under a document; 0 when no more will come."""
    more: dict[str, Any] = {"reference": {"kind": "supply", "id": document, "line": line}}
    if expected:
        more["expected_time"] = parse_instant(expected)
    record("SUPPLY", lines, source, event_id, target, timeout, as_json=as_json, **more)


def record(
    kind: str,
    words: list[str],
    source: str,
    event_id: str | None,
    target: str | None,
    timeout_s: float,
    *,
    as_json: bool,
    **more: Any,
) -> None:
    """Record an event of a kind for each line, and show what became of them."""
    from holdfast.v1.stock_service_pb2 import StockEvent

    event_id = event_id or str(uuid4())
    lines = parse_lines(words)
    events = [
        StockEvent(
            event_id=line_id,
            sku=sku,
            location=place,
            kind=f"STOCK_EVENT_KIND_{kind}",
            quantity=quantity,
            **more,
        )
        for line_id, (sku, place, quantity) in zip(line_ids(event_id, lines), lines, strict=True)
    ]
    same = f"--event-id {event_id}"
    with asking(target, timeout_s, as_json=as_json, same=same) as client:
        answer = client.record_stock_events(source, events)
    if as_json:
        print_json(plain(answer))
        return
    from . import answers
    from .event_notes import event_notes

    console().print(answers.event_results(events, answer.results))
    if any(each.shortfall for each in answer.shortfalls):
        console().print(answers.endangered(answer.shortfalls))
    if any(each.uncovered for each in answer.shortfalls):
        console().print(answers.uncovered(answer.shortfalls))
    for sentence in event_notes(events, answer.results):
        typer.echo(sentence, err=True)


def line_ids(event_id: str, lines: Sequence[tuple[str, str, int]]) -> list[str]:
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
        line_id = f"{event_id}/{quote(sku, safe='')}@{quote(place, safe='')}"
        line_id += f"#{number}" if number > 1 else ""
        is_short = len(line_id.encode()) <= EVENT_ID_BYTES_MAX
        ids.append(line_id if is_short else str(uuid5(NAMESPACE_OID, line_id)))
    return ids
