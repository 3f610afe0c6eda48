"""Answers of the ledger as tables for people, as answers.py makes those of the other services."""

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from holdfast.v1 import ledger_service_pb2 as ledger

from .answers import instant, table, unavailable_units


def movements(found: Iterable[ledger.Movement]) -> Table:
    """Movements of stock, with what each level had after."""
    numbers = ("units", "on hand", "reserved", "committed")
    made = table(("time", "what", "SKU", "location", "for"), numbers)
    for each in found:
        after = each.after
        made.add_row(
            *(instant(each.record_time), escape(_movement_kind(each)), escape(each.sku)),
            *(escape(each.location), escape(_cause(each)), f"{each.quantity:+,}"),
            *(f"{after.on_hand:,}", f"{after.reserved:,}", f"{after.committed:,}"),
        )
    return made


def explanation(
    sku: str, location: str, answer: ledger.ExplainAvailabilityResponse
) -> Iterator[Table | str]:
    """The parts of a stock level, and what they come to."""
    quantities = answer.quantities
    yield _changes(answer)
    if answer.decisions:
        yield _decisions(answer)
    if answer.holds or answer.commitments:
        yield _promises(answer)
    withheld = f"{quantities.withheld + answer.backordered:,} withheld"
    if answer.unavailable:
        withheld += f" ({', '.join(unavailable_units(answer.unavailable).splitlines())})"
    sums = f"{quantities.on_hand:,} on hand - {withheld} - {quantities.reserved:,} reserved"
    available = f"{answer.available:,}"
    if answer.available < 0:
        available = f"[red]{available} (shortfall)[/red]"
    revision = f"{answer.revision.shard}/{answer.revision.sequence}"
    yield (
        f"{escape(sku)} at {escape(location)}: {sums} - {quantities.committed:,} committed"
        f"{f' + {answer.backordered:,} backordered' if answer.backordered else ''} = "
        f"[bold]{available}[/bold] available, "
        f"as of {instant(answer.record_time)} (entry {revision})"
    )
    if answer.incoming:
        yield f"{answer.incoming:,} more are announced and still to come"


def _changes(answer: ledger.ExplainAvailabilityResponse) -> Table:
    made = table(("time", "what", "for"), ("units", "on hand"))
    on_hand = 0
    for name, sums in (("opening", answer.opening), ("earlier", answer.earlier)):
        if sums.count:
            on_hand += sums.quantity
            made.add_row("", f"{name} ({sums.count:,})", "", f"{sums.quantity:+,}", f"{on_hand:,}")
    for event in answer.events:
        is_on_hand = event.kind != ledger.MOVEMENT_KIND_UNAVAILABLE
        change = event.after.on_hand - event.before.on_hand if is_on_hand else event.quantity
        what = escape(_movement_kind(event)), escape(_cause(event))
        figures = f"{change:+,}", f"{event.after.on_hand:,}"
        made.add_row(instant(event.record_time), *what, *figures)
    return made


def _decisions(answer: ledger.ExplainAvailabilityResponse) -> Table:
    made = table(("time", "ended by an operator", "reservation"), ("units",))
    for each in answer.decisions:
        what = f"{_movement_kind(each)}, {each.reason} ({each.actor or 'nobody named'})"
        row = (instant(each.record_time), escape(what), escape(each.reservation_id))
        made.add_row(*row, f"{each.quantity:,}")
    return made


def _promises(answer: ledger.ExplainAvailabilityResponse) -> Table:
    made = table(("since", "state", "reservation"), ("units",))
    for state, promises, others in (
        ("held", answer.holds, answer.other_holds),
        ("committed", answer.commitments, answer.other_commitments),
    ):
        if others.count:
            made.add_row("", state, f"{others.count:,} older ones", f"{others.quantity:,}")
        for each in promises:
            since = instant(each.record_time)
            made.add_row(since, state, escape(each.reservation_id), f"{each.quantity:,}")
    return made


def _movement_kind(movement: ledger.Movement) -> str:
    name = ledger.MovementKind.Name(movement.kind).removeprefix("MOVEMENT_KIND_")
    status = f" ({movement.status})" if movement.status else ""
    return name.lower().replace("_", " ") + status


def _cause(movement: ledger.Movement) -> str:
    """What a movement came from: a reservation, or a source with what it said."""
    fact = movement.fact
    number = f"#{fact.sequence}" if fact.sequence else ""
    reference = (fact.reference.kind, fact.reference.id, fact.reference.line)
    under = f"under {movement.correlation_id}" if movement.correlation_id else ""
    said = (movement.reason, movement.actor, under)
    return " ".join(filter(None, (movement.reservation_id, fact.source, number, *reference, *said)))
