"""The command that compares a file of counts with a node, and records it: reconcile."""

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TextIO
from uuid import NAMESPACE_OID, uuid5

import typer

from .auditing import default_actor
from .console import (
    EXIT_REFUSED,
    Json,
    Target,
    Timeout,
    amount,
    asking,
    console,
    fail,
    parse_instant,
    print_json,
)
from .count_comparison import Compared, compare, differing
from .count_file import Counted, CountFileError, pieces, read_counts

if TYPE_CHECKING:
    from holdfast.v1.stock_service_pb2 import StockEvent, StockEventResult

    from ..client import BlockingClient

app = typer.Typer()

#: Counts as of an instant in one message: the most that a node takes.
COUNTS_MAX: Final = 100

#: Outcomes of counts that are recorded, now or before.
_TAKEN: Final = ("STOCK_EVENT_OUTCOME_APPLIED", "STOCK_EVENT_OUTCOME_DUPLICATE")

#: How far a count may be ahead of the node's clock; stated in the comments of holdfast.v1.
AHEAD_MAX: Final = timedelta(minutes=5)

#: Differences that a table shows.
SHOWN_MAX: Final = 50

#: A long file takes many calls, each of which has this long.
TIMEOUT_DEFAULT_S: Final = 30.0


@app.command()
def reconcile(
    against: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="CSV with the columns sku, location, on_hand; - for stdin."
        ),
    ],
    as_of: Annotated[
        str,
        typer.Option(metavar="TIME", help="When it was counted: RFC 3339, as 2026-11-26T22:00Z."),
    ],
    apply: Annotated[
        bool, typer.Option("--apply", help="Record the counts; without it nothing changes.")
    ] = False,
    source: Annotated[str, typer.Option(metavar="NAME", help="Who counted.")] = "reconcile",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the journal.")] = "",
    actor: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Who decides it. Default: the user of this machine.",
            show_default=False,
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all differences as CSV.", show_default=False),
    ] = None,
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compare counts with what a node has on hand, and record them with --apply."""
    at = _past(as_of)
    if apply and not reason:
        raise typer.BadParameter("say why with --reason, or look first without --apply")
    name = "stdin" if str(against) == "-" else str(against)
    counts = _read(against, name, is_shown=not as_json)
    with asking(target, timeout, as_json=as_json, same="the same file and time") as client:
        compared, is_past = _compared(client, counts, at, name, is_shown=not as_json)
        if out is not None:
            _write(out, compared)
        if as_json:
            for each in differing(compared):
                print_json(_document(each))
        else:
            _tell(compared, at, is_past=is_past)
        if apply:
            more = {"reason": reason, "actor": actor or default_actor()}
            _apply(client, compared, at, source, more, as_json=as_json)
    if not as_json and not apply and any(differing(compared)):
        typer.echo("Nothing is changed. Record the counts with --apply --reason TEXT.", err=True)


def _past(text: str) -> datetime:
    """The instant of a count. Raises typer.BadParameter for one that the node would refuse, by this
    machine's clock.
    """
    at = parse_instant(text)
    if at > datetime.now(UTC) + AHEAD_MAX:
        raise typer.BadParameter(
            f"--as-of is {text}, which is to come: expected when it was counted"
        )
    return at


def _read(path: Path, name: str, *, is_shown: bool) -> list[Counted]:
    """The counts of a file. Ends the command when it cannot be read as such."""
    from .progress import LateBar

    try:
        with _opened(path) as file, LateBar("rows read", is_shown=is_shown) as bar:
            return read_counts(file, lambda rows: bar(rows, rows))
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror}.")
    except CountFileError as error:
        _fail_file(name, error)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    # A byte order mark is what spreadsheets write.
    form: Any = {"encoding": "utf-8-sig", "newline": ""}
    if str(path) == "-":
        yield TextIOWrapper(sys.stdin.buffer, **form)
        return
    with path.open(**form) as file:
        yield file


def _compared(
    client: "BlockingClient", counts: Sequence[Counted], at: datetime, name: str, *, is_shown: bool
) -> tuple[list[Compared], bool]:
    """As `compare`. Ends the command when the file has a SKU under two names."""
    try:
        return compare(client, counts, at, is_shown=is_shown)
    except CountFileError as error:
        _fail_file(name, error)


def _fail_file(name: str, error: CountFileError) -> NoReturn:
    fail(f"{name} cannot be used, and nothing is done:\n{error}")


# Telling


def _document(each: Compared) -> dict[str, object]:
    document: dict[str, object] = {
        "sku": each.counted.sku,
        "location": each.counted.location,
        "counted": each.counted.on_hand,
    }
    if each.unknown:
        return {**document, "unknown": each.unknown.lower()}
    return {**document, "on_hand": each.node, "difference": each.difference}


def _write(path: Path, compared: Sequence[Compared]) -> None:
    fields = ("sku", "location", "counted", "on_hand", "difference", "unknown")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, restval="")
            writer.writeheader()
            writer.writerows(map(_document, differing(compared)))
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}.")


def _tell(compared: Sequence[Compared], at: datetime, *, is_past: bool) -> None:
    different = [each for each in differing(compared) if not each.unknown]
    unknown = [each for each in compared if each.unknown]
    if different:
        _print_differences(different, f"at {at.isoformat()}" if is_past else "now")
    for each in unknown[:SHOWN_MAX]:
        name = each.counted.sku if each.unknown == "SKU" else each.counted.location
        typer.echo(f"Unknown {each.unknown}: {name}.", err=True)
    net = sum(each.difference for each in different)
    net_units = f"{'-' if net < 0 else '+'}{amount(abs(net), 'unit')}"
    agreeing = len(compared) - len(different) - len(unknown)
    typer.echo(
        f"{len(compared):,} compared: {agreeing:,} agree, {len(different):,} differ "
        f"({net_units} together), {len(unknown):,} unknown."
    )
    if different and not is_past:
        typer.echo(
            "What happened since is part of the differences; the node takes it into account when "
            "the counts are recorded.",
            err=True,
        )


def _print_differences(different: Sequence[Compared], when: str) -> None:
    from rich.markup import escape

    from . import answers

    table = answers.table(("SKU", "location"), ("counted", f"on hand {when}", "difference"))
    for each in different[:SHOWN_MAX]:
        figures = f"{each.counted.on_hand:,}", f"{each.node:,}", f"[red]{each.difference:+,}"
        table.add_row(escape(each.counted.sku), escape(each.counted.location), *figures)
    console().print(table)
    if len(different) > SHOWN_MAX:
        typer.echo(f"{len(different) - SHOWN_MAX:,} smaller differences are not shown: --out FILE.")


# Recording


def _apply(
    client: "BlockingClient",
    compared: Sequence[Compared],
    at: datetime,
    source: str,
    more: dict[str, str],
    *,
    as_json: bool,
) -> None:
    """Record the counts as of an instant, each under an id of its own, so that the command may be
    repeated.
    """
    from .progress import LateBar

    results: list[tuple[StockEvent, StockEventResult]] = []
    counts = [each.counted for each in compared if not each.unknown]
    with LateBar("counts recorded", is_shown=not as_json) as bar:
        for piece in pieces(counts, COUNTS_MAX):
            events = [_event(each, at, more) for each in piece]
            answer = client.record_stock_events(source, events)
            results += zip(events, answer.results, strict=True)
            bar(len(results), len(counts))
    _tell_recorded(results, len(compared) - len(counts), as_json=as_json)


def _event(each: Counted, at: datetime, more: dict[str, str]) -> "StockEvent":
    from holdfast.v1.stock_service_pb2 import StockEvent

    content = f"{at.isoformat()}\n{each.sku}\n{each.location}\n{each.on_hand}"
    return StockEvent(
        event_id=str(uuid5(NAMESPACE_OID, content)),
        sku=each.sku,
        location=each.location,
        kind="STOCK_EVENT_KIND_COUNT",
        quantity=each.on_hand,
        occur_time=at,
        reason=more["reason"],
        actor=more["actor"],
    )


def _tell_recorded(
    results: "Sequence[tuple[StockEvent, StockEventResult]]", unknown: int, *, as_json: bool
) -> None:
    """Print what became of counts, and of those that were not sent."""
    counted = Counter(_outcome(result) for _, result in results)
    recorded, repeated = (counted[outcome] for outcome in _TAKEN)
    others = [each for each in results if _outcome(each[1]) not in _TAKEN]
    if as_json:
        refused = [
            {"sku": event.sku, "location": event.location, "outcome": _outcome(result)}
            for event, result in others
        ]
        told = {"recorded": recorded, "repeated": repeated, "unknown": unknown}
        print_json({**told, "not_recorded": refused})
    else:
        again = f", {repeated:,} recorded before" if repeated else ""
        typer.echo(f"{amount(recorded, 'count')} recorded{again}.")
        if others:
            from . import answers

            console().print(answers.event_results(*zip(*others, strict=True)))
    wrong = [f"{amount(len(others), 'count')} had no effect"] if others else []
    wrong += [f"{amount(unknown, 'count')} of unknown names left out"] if unknown else []
    if wrong:
        fail(f"{', '.join(wrong)}.", exit_code=EXIT_REFUSED)


def _outcome(result: "StockEventResult") -> str:
    from holdfast.v1.stock_service_pb2 import StockEventOutcome

    return StockEventOutcome.Name(result.outcome)
