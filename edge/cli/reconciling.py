"""The command that compares a file of counts with a node, and records it: reconcile."""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO
from uuid import NAMESPACE_OID, uuid5

import typer

from .auditing import default_actor
from .console import (
    EXIT_REFUSED,
    Json,
    Target,
    Timeout,
    asking,
    console,
    fail,
    parse_instant,
    print_json,
)
from .count_file import Counted, CountFileError, pieces, read_counts

if TYPE_CHECKING:
    from holdfast.v1.stock_service_pb2 import StockEvent, StockEventResult

    from ..client import BlockingClient

app = typer.Typer()

#: SKUs that are read at once, and counts of an instant that are sent: the most that a node takes.
SKUS_MAX: Final = 1_000
COUNTS_MAX: Final = 100

#: Differences that a table shows.
SHOWN_MAX: Final = 50

#: A long file takes many calls, each of which has this long.
TIMEOUT_DEFAULT_S: Final = 30.0

#: Reasons for which the node cannot say what was on hand at a past instant.
_NO_PAST: Final = frozenset({"LEDGER_OFF", "LEDGER_UNAVAILABLE", "BEFORE_LEDGER"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A count beside what the node has; `node` is None where it does not know the name."""

    counted: Counted
    node: int | None
    unknown: str = ""
    """What is unknown: "SKU" or "location"."""

    @property
    def difference(self) -> int:
        """Units that were counted beyond what the node has."""
        return self.counted.on_hand - (self.node or 0)


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
    at = parse_instant(as_of)
    if apply and not reason:
        raise typer.BadParameter("say why with --reason, or look first without --apply")
    counts = _read(against, is_shown=not as_json)
    with asking(target, timeout, as_json=as_json, same="the same file and time") as client:
        compared, is_past = _compare(client, counts, at, is_shown=not as_json)
        if out is not None:
            _write(out, compared)
        if as_json:
            for each in _differing(compared):
                print_json(_document(each))
        else:
            _tell(compared, at, is_past=is_past)
        if apply:
            known = [each.counted for each in compared if not each.unknown]
            more = {"reason": reason, "actor": actor or default_actor()}
            _apply(client, known, at, source, more, as_json=as_json)
    if not as_json and not apply and any(_differing(compared)):
        typer.echo("Nothing is changed. Record the counts with --apply --reason TEXT.", err=True)


def _read(path: Path, *, is_shown: bool) -> list[Counted]:
    """The counts of a file. Ends the command when it is none."""
    from .progress import LateBar

    name = "stdin" if str(path) == "-" else str(path)
    try:
        with _opened(path) as file, LateBar("rows read", is_shown=is_shown) as bar:
            return read_counts(file, lambda rows: bar(rows, rows))
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror}.")
    except CountFileError as error:
        fail(f"{name} cannot be used, and nothing is done:\n{error}")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdin
        return
    # A byte order mark is what spreadsheets write.
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield file


# Comparing


def _compare(
    client: "BlockingClient", counts: Sequence[Counted], at: datetime, *, is_shown: bool
) -> tuple[list[Compared], bool]:
    """Each count beside what the node had at this instant by its ledger, or else has now; and
    whether it was the instant.
    """
    from .progress import LateBar

    places = _locations(client)
    compared: list[Compared] = []
    on_hand: dict[tuple[str, str], int] = {}
    skus = list(dict.fromkeys(each.sku for each in counts))
    known: set[str] = set()
    with LateBar("SKUs read", is_shown=is_shown) as bar:
        for start in range(0, len(skus), SKUS_MAX):
            answer = client.batch_get_availability(skus[start : start + SKUS_MAX])
            for sku in answer.availabilities:
                known.add(sku.sku)
                for level in sku.levels:
                    on_hand[sku.sku, level.location] = level.on_hand
            bar(start, len(skus))
    for each in counts:
        unknown = "SKU" if each.sku not in known else ""
        unknown = unknown or ("" if each.location in places else "location")
        node = None if unknown else on_hand.get((each.sku, each.location), 0)
        compared.append(Compared(each, node, unknown))
    return _as_of(client, compared, at, is_shown=is_shown)


def _locations(client: "BlockingClient") -> set[str]:
    """The names of all locations."""
    names: set[str] = set()
    token = ""
    while True:
        page = client.list_locations(page_size=1_000, page_token=token)
        names.update(location.location for location in page.locations)
        token = page.next_page_token
        if not token:
            return names


def _as_of(
    client: "BlockingClient", compared: list[Compared], at: datetime, *, is_shown: bool
) -> tuple[list[Compared], bool]:
    """The same with what was on hand at an instant, where the node has a ledger that says so."""
    from ..client import HoldfastError, NotFound
    from .progress import LateBar

    past: list[Compared] = []
    with LateBar("levels looked up", is_shown=is_shown) as bar:
        for each in compared:
            if each.unknown:
                past.append(each)
                continue
            try:
                answer = client.explain_availability(each.counted.sku, each.counted.location, at)
                past.append(Compared(each.counted, answer.quantities.on_hand))
            except NotFound:
                past.append(Compared(each.counted, 0))  # there was no such level yet
            except HoldfastError as error:
                if error.reason in _NO_PAST:
                    return compared, False
                raise
            bar(len(past), len(compared))
    return past, True


def _differing(compared: Iterable[Compared]) -> list[Compared]:
    """What differs or is unknown, the largest difference first."""
    found = [each for each in compared if each.unknown or each.difference]
    return sorted(found, key=lambda each: (bool(each.unknown), -abs(each.difference)))


# Telling


def _document(each: Compared) -> dict[str, object]:
    told: dict[str, object] = {
        "sku": each.counted.sku,
        "location": each.counted.location,
        "counted": each.counted.on_hand,
    }
    if each.unknown:
        return {**told, "unknown": each.unknown.lower()}
    return {**told, "on_hand": each.node, "difference": each.difference}


def _write(path: Path, compared: Sequence[Compared]) -> None:
    fields = ("sku", "location", "counted", "on_hand", "difference", "unknown")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, restval="")
            writer.writeheader()
            writer.writerows(map(_document, _differing(compared)))
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}.")


def _tell(compared: Sequence[Compared], at: datetime, *, is_past: bool) -> None:
    from rich.markup import escape

    from . import answers

    differing = [each for each in _differing(compared) if not each.unknown]
    unknown = [each for each in compared if each.unknown]
    when = f"at {at.isoformat()}" if is_past else "now"
    if differing:
        made = answers.table(("SKU", "location"), ("counted", f"on hand {when}", "difference"))
        for each in differing[:SHOWN_MAX]:
            figures = f"{each.counted.on_hand:,}", f"{each.node:,}", f"[red]{each.difference:+,}"
            made.add_row(escape(each.counted.sku), escape(each.counted.location), *figures)
        console().print(made)
    if len(differing) > SHOWN_MAX:
        typer.echo(f"{len(differing) - SHOWN_MAX:,} smaller differences are not shown: --out FILE.")
    for each in unknown[:SHOWN_MAX]:
        name = each.counted.sku if each.unknown == "SKU" else each.counted.location
        typer.echo(f"Unknown {each.unknown}: {name}.", err=True)
    net = sum(each.difference for each in differing)
    agreeing = len(compared) - len(differing) - len(unknown)
    typer.echo(
        f"{len(compared):,} compared: {agreeing:,} agree, {len(differing):,} differ "
        f"({net:+,} units together), {len(unknown):,} unknown."
    )
    if differing and not is_past:
        typer.echo(
            "What happened since is part of the differences; the node takes it into account when "
            "the counts are recorded.",
            err=True,
        )


# Recording


def _apply(
    client: "BlockingClient",
    counts: Sequence[Counted],
    at: datetime,
    source: str,
    more: dict[str, str],
    *,
    as_json: bool,
) -> None:
    """Record the counts as of an instant, each under an id of its own, so that the command may be
    repeated.
    """
    from holdfast.v1 import stock_service_pb2 as stock

    from .progress import LateBar

    accepted = (stock.STOCK_EVENT_OUTCOME_APPLIED, stock.STOCK_EVENT_OUTCOME_DUPLICATE)
    done: dict[int, int] = dict.fromkeys(accepted, 0)
    others: list[tuple[StockEvent, StockEventResult]] = []
    with LateBar("counts recorded", is_shown=not as_json) as bar:
        for piece in pieces(counts, COUNTS_MAX):
            events = [_event(each, at, more) for each in piece]
            results = client.record_stock_events(source, events).results
            for event, result in zip(events, results, strict=True):
                if result.outcome in done:
                    done[result.outcome] += 1
                else:
                    others.append((event, result))
            bar(sum(done.values()) + len(others), len(counts))
    _tell_recorded(list(done.values()), others, as_json=as_json)


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
    done: Sequence[int],
    others: "Sequence[tuple[StockEvent, StockEventResult]]",
    *,
    as_json: bool,
) -> None:
    recorded, repeated = done
    if as_json:
        refused = [
            {"sku": event.sku, "location": event.location, "outcome": _outcome(result)}
            for event, result in others
        ]
        print_json({"recorded": recorded, "repeated": repeated, "not_recorded": refused})
    else:
        again = f", {repeated:,} were recorded before" if repeated else ""
        typer.echo(f"{recorded:,} counts recorded{again}.")
        if others:
            from . import answers

            console().print(answers.event_results(*zip(*others, strict=True)))
    if others:
        fail(f"{len(others):,} counts had no effect.", exit_code=EXIT_REFUSED)


def _outcome(result: "StockEventResult") -> str:
    from holdfast.v1.stock_service_pb2 import StockEventOutcome

    return StockEventOutcome.Name(result.outcome)
