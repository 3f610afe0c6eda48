"""Commands on goods: availability, promise, stock receipt, adjustment, sale, return, count, status,
supply.
"""

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from .console import (
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
from .recording import SEQUENCE_MAX, FactOptions, Fields, fact_command

app = typer.Typer()
stock = typer.Typer(no_args_is_help=True, help="Record what happened to stock.")
app.add_typer(stock, name="stock")


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


ToStatus = Annotated[
    str,
    typer.Option("--status", metavar="STATUS", help="Why they are not for sale, such as damaged."),
]
FromStatus = Annotated[
    str, typer.Option("--status", metavar="STATUS", help="The status that they had.")
]
ReservationLine = Annotated[str, typer.Option("--line", metavar="LINE", help="The id of its line.")]
SupplyLine = Annotated[
    str, typer.Option("--document-line", metavar="LINE", help="The line of the document.")
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


@fact_command(stock, "RECEIPT")
def receipt(
    _: FactOptions,
    status: ToStatus = "",
    document: Annotated[
        str, typer.Option(metavar="ID", help="The document of the supply that they are of.")
    ] = "",
    line: SupplyLine = "",
) -> Fields:
    """Units arrived."""
    return {"to_status": status, **reference("supply", document, line)}


@fact_command(stock, "ADJUSTMENT", is_signed=True)
def adjustment(
    options: FactOptions,
    status: Annotated[
        str, typer.Option(metavar="STATUS", help="The status of what was found or written off.")
    ] = "",
) -> Fields:
    """A correction: units found (5) or written off (-5)."""
    if not status:
        return {}
    signs = {quantity > 0 for _, _, quantity in parse_lines(options.lines)}
    if len(signs) > 1:
        raise typer.BadParameter(
            "--status with units found and units written off: give a command each"
        )
    return {"to_status" if True in signs else "from_status": status}


@fact_command(stock, "SALE")
def sale(_: FactOptions, status: FromStatus = "") -> Fields:
    """Units were sold over the counter, without a reservation."""
    return {"from_status": status}


@fact_command(stock, "RETURN", "return")
def return_(
    _: FactOptions,
    status: ToStatus = "",
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they were shipped.")
    ] = "",
    line: ReservationLine = "",
) -> Fields:
    """Units came back, and can be sold again unless they have a status."""
    return {"to_status": status, **reference("reservation", reservation, line)}


@fact_command(stock, "STATUS_CHANGE")
def status(
    _: FactOptions,
    leaves: Annotated[
        str, typer.Option("--from", metavar="STATUS", help="Their status; none: for sale.")
    ] = "",
    enters: Annotated[
        str, typer.Option("--to", metavar="STATUS", help="Their new status; none: for sale.")
    ] = "",
) -> Fields:
    """Units are not for sale any more (--to damaged), or are again (--from damaged)."""
    return {"from_status": leaves, "to_status": enters}


@fact_command(stock, "COUNT")
def count(
    _: FactOptions,
    books: Annotated[
        bool, typer.Option("--books", help="It is the balance of the source's books.")
    ] = False,
    as_of_sequence: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=SEQUENCE_MAX,
            help="The last number of the source that its books had seen; implies --books.",
            show_default=False,
        ),
    ] = 0,
    picked: Annotated[int, typer.Option(help="Units picked and not shipped, not counted.")] = 0,
    seen: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="With --books: a reservation whose shipment it has seen."),
    ] = None,
) -> Fields:
    """Units were counted: this many are on hand, or were at a time."""
    if seen and not (books or as_of_sequence):
        raise typer.BadParameter(
            "--seen needs --books: a count on the shelf has seen all shipments"
        )
    return {
        "picked_quantity": picked,
        "seen_reservations": seen or [],
        "as_of_sequence": as_of_sequence,
        "count_basis": "COUNT_BASIS_BOOKS" if books else "COUNT_BASIS_UNSPECIFIED",
    }


@fact_command(stock, "GOODS_ISSUE")
def posted(
    _: FactOptions,
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they were shipped.")
    ],
    line: ReservationLine = "",
) -> Fields:
    """A source has posted in its books that units of a reservation left."""
    return reference("reservation", reservation, line)


@fact_command(stock, "REVERSAL", is_signed=True)
def reverse(
    options: FactOptions,
    event: Annotated[
        str,
        typer.Option(metavar="ID", help="The event that was wrong, by the id that was printed."),
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
    line: ReservationLine = "",
    document: Annotated[
        str, typer.Option(metavar="ID", help="The document of the supply that it named.")
    ] = "",
    document_line: SupplyLine = "",
    happened: Annotated[str, typer.Option(metavar="TIME", help="When it happened: RFC 3339.")] = "",
) -> Fields:
    """An earlier event was wrong, and is undone; the line repeats what it said."""
    one_line(options)
    if reservation and document:
        raise typer.BadParameter("--document or --reservation, not both", param_hint="--document")
    named: Fields = {"source": of_source, "event_id": event}
    named["kind"] = f"STOCK_EVENT_KIND_{kind.upper().replace('-', '_')}"
    if happened:
        named["occur_time"] = parse_instant(happened)
    return {
        "from_status": leaves,
        "to_status": enters,
        "reverses": named,
        **reference("reservation", reservation, line),
        **reference("supply", document, document_line),
    }


@fact_command(stock, "SHIPMENT_REVERSAL")
def unship(
    _: FactOptions,
    reservation: Annotated[
        str, typer.Option(metavar="ID", help="The reservation under which they count as shipped.")
    ],
    line: ReservationLine = "",
) -> Fields:
    """Units were not shipped after all: they are on hand, and committed again."""
    return reference("reservation", reservation, line)


@fact_command(stock, "SUPPLY")
def supply(
    _: FactOptions,
    document: Annotated[str, typer.Option(metavar="ID", help="The document that they come under.")],
    line: SupplyLine = "",
    expected: Annotated[
        str, typer.Option(metavar="TIME", help="When: RFC 3339, such as 2026-12-24T12:00:00Z.")
    ] = "",
) -> Fields:
    """Units are expected, this many in all under a document; 0 when no more will come."""
    fields = reference("supply", document, line)
    if expected:
        fields["expected_time"] = parse_instant(expected)
    return fields


def reference(kind: str, name: str, line: str) -> Fields:
    """The reference of a fact to what an option names, where it names something."""
    return {"reference": {"kind": kind, "id": name, "line": line}} if name else {}


def one_line(options: FactOptions) -> None:
    """Raise typer.BadParameter for several lines, where a command is about one event."""
    if len(options.lines) > 3:
        raise typer.BadParameter("one line, since an event has one", param_hint="LINE")
