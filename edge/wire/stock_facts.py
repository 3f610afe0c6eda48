"""Single stock events, alone and on a stream; columns are in stock_batches.py."""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

from holdfast.core import commands as core
from holdfast.core.ids import event_key
from holdfast.core.limits import BATCH_MAX, CHANGING_MAX
from holdfast.core.model import REVERSIBLE, CountBasis, EventKind, EventOutcome
from holdfast.v1 import stock_service_pb2 as stock

from .fact_rules import SOURCE_SEQUENCE_MAX, bad_event_quantity, check_kind, is_event_quantity
from .faults import Fault, invalid
from .name_rules import is_name
from .plain_facts import read_plain
from .shared import add_revisions, engine_members, wire_members
from .shortfalls import shortfall_message
from .validation import (
    bad_name,
    check_correlation_id,
    check_count,
    check_name,
    check_text,
    enum_member,
    time_ns,
)

EventsRequest: TypeAlias = stock.RecordStockEventsRequest | stock.RecordStockEventsStreamRequest

OUTCOMES: Final = wire_members(stock, "STOCK_EVENT_OUTCOME", EventOutcome)
KINDS: Final = wire_members(stock, "STOCK_EVENT_KIND", EventKind)
_BASES: Final = {0: None, **engine_members(stock, "COUNT_BASIS", CountBasis)}

#: Kinds that no fact can be of without saying more.
_NEEDS_MORE: Final = frozenset(kind for kind in EventKind if kind > EventKind.COUNT)
KINDS_READ: Final = engine_members(stock, "STOCK_EVENT_KIND", EventKind)

#: The last fields of a result, as most have them.
_RARE: Final = tuple(core.EventResult._field_defaults.values())
_FIRST_RARE: Final = -len(_RARE)

_REVERSIBLE_READ: Final = {n: kind for n, kind in KINDS_READ.items() if kind in REVERSIBLE}


def events_from_request(request: EventsRequest) -> core.RecordStockEvents:
    """The command of a RecordStockEvents, or of one message of its stream."""
    source = request.source
    check_name("source", source)
    events = request.events
    check_count("events", len(events), 1, BATCH_MAX)
    facts = read_plain(request)
    if facts is None:
        facts = tuple([_event(source, index, event) for index, event in enumerate(events)])
    command = core.RecordStockEvents(source, facts)
    if (changing := sum(fact.changes for fact in command.changing)) > CHANGING_MAX:
        expected = (
            f"up to {CHANGING_MAX} items: each event with a status, a reservation, a reversal, a "
            "goods issue or an instant is one, each of supply or a transfer two"
        )
        raise invalid("events", f"{changing:,} such items", expected)
    return command


def events_response(outcome: core.EventsOutcome) -> stock.RecordStockEventsResponse:
    """The answer to a RecordStockEvents: one result per event, in their order."""
    response = stock.RecordStockEventsResponse()
    add_results(response, outcome)
    return response


def add_results(response: Any, outcome: core.EventsOutcome) -> None:
    """Append one result per event, the shortfalls, and the revisions."""
    add = response.results.add
    for result in outcome.results:
        added = add()
        added.outcome = OUTCOMES[result.outcome]
        added.on_hand = result.on_hand
        added.available = result.available
        if result.shortfall or result[_FIRST_RARE:] != _RARE:
            _add_rare(added, result)
    add_skipped(response, outcome.skipped)
    response.shortfalls.extend(map(shortfall_message, outcome.shortfalls))
    add_revisions(response, outcome.revisions)


def _add_rare(message: stock.StockEventResult, result: core.EventResult) -> None:
    """Set what few results have: for those without, that would take as long as the rest."""
    message.shortfall = result.shortfall
    message.sku_created = result.creates_sku
    message.possible = result.possible
    message.in_transit = result.in_transit
    message.untracked = result.is_untracked
    for each in result.reapplied:
        kind = KINDS[each.kind] if each.kind else stock.STOCK_EVENT_KIND_UNSPECIFIED
        message.reapplied.add(source=each.source, kind=kind, quantity=each.units, events=each.facts)
    if result.difference is not None:
        message.difference.CopyFrom(difference_message(result.difference))


def add_skipped(response: Any, skipped: Iterable[core.SequenceRange]) -> None:
    """Append the numbers that were passed over."""
    for first, last in skipped:
        response.skipped_sequences.add(first_sequence=first, last_sequence=last)


def difference_message(difference: core.Difference) -> stock.StockEventDifference:
    """The first field in which an event differs from what was recorded under its id."""
    prefix = "STOCK_EVENT_KIND_" if difference.field == "kind" else ""
    return stock.StockEventDifference(
        field=difference.field,
        recorded=prefix + difference.recorded,
        now=prefix + difference.now,
    )


def _event(source: str, index: int, event: stock.StockEvent) -> core.StockEvent:
    # The path of a field is built when a fault needs it: up to 1,000 events pass here.
    event_id, sequence = event.event_id, event.sequence
    if not (is_name(event_id) if event_id else sequence):
        raise _bad_event_id(index, event_id)
    if sequence > SOURCE_SEQUENCE_MAX:
        raise invalid(f"events[{index}].sequence", sequence, f"0 to {SOURCE_SEQUENCE_MAX:,}")
    sku, location = event.sku, event.location
    if not is_name(sku):
        raise bad_name(f"events[{index}].sku", sku)
    if not is_name(location):
        raise bad_name(f"events[{index}].location", location)
    kind = KINDS_READ.get(event.kind)
    if kind is None:
        kind = enum_member(f"events[{index}].kind", event.kind, KINDS_READ, stock.StockEventKind)
    quantity = event.quantity
    if not is_event_quantity(kind, quantity):
        raise bad_event_quantity(f"events[{index}].quantity", kind, quantity)
    key = event_key(source, event_id) if event_id else None
    plain = core.StockEvent(key, sequence, sku, location, kind, quantity)
    has_more = event.reason or event.actor or event.from_status or event.to_status
    if has_more or _says_more(event):
        return _with_details(index, source, event, plain)
    if kind in _NEEDS_MORE:
        check_kind(f"events[{index}]", plain)
    return plain


def _says_more(event: stock.StockEvent) -> bool:
    """Whether it has a field that plain events do not have, and that is not text."""
    is_counted = event.as_of_sequence or event.count_basis or event.picked_quantity
    if is_counted or event.seen_reservations or event.HasField("expected_time"):
        return True
    if event.to_location or event.takes_promised or event.correlation_id:
        return True
    return any(map(event.HasField, ("reference", "occur_time", "reverses")))


def _with_details(
    index: int, source: str, event: stock.StockEvent, plain: core.StockEvent
) -> core.StockEvent:
    """The event with its statuses, and what is journaled as given."""
    path = f"events[{index}]"
    reference = _reference(path, event)
    for name in ("reason", "actor"):
        check_text(f"{path}.{name}", getattr(event, name))
    check_correlation_id(f"{path}.correlation_id", event.correlation_id)
    detailed = plain._replace(
        occur_time_ns=_time_ns(path, event, "occur_time"),
        reference=reference,
        reason=event.reason,
        actor=event.actor,
        from_status=event.from_status,
        to_status=event.to_status,
        as_of_sequence=event.as_of_sequence,
        basis=enum_member(f"{path}.count_basis", event.count_basis, _BASES, stock.CountBasis),
        picked_quantity=event.picked_quantity,
        seen_reservations=tuple(event.seen_reservations),
        reverses=_reversed(path, source, event),
        expected_ns=_time_ns(path, event, "expected_time"),
        to_location=event.to_location,
        takes_promised=event.takes_promised,
        correlation_id=event.correlation_id,
    )
    if detailed.as_of_sequence > SOURCE_SEQUENCE_MAX:
        expected = f"0 to {SOURCE_SEQUENCE_MAX:,}"
        raise invalid(f"{path}.as_of_sequence", detailed.as_of_sequence, expected)
    check_kind(path, detailed)
    return detailed


def _reference(path: str, event: stock.StockEvent) -> core.Reference | None:
    """The document that an event names."""
    if not event.HasField("reference"):
        return None
    given = event.reference
    for name in ("kind", "id", "line"):
        if text := getattr(given, name):
            check_name(f"{path}.reference.{name}", text)
    return core.Reference(given.kind, given.id, given.line)


def _reversed(path: str, source: str, event: stock.StockEvent) -> core.Reversed | None:
    """The event that a reversal undoes."""
    if not event.HasField("reverses"):
        return None
    path, named = f"{path}.reverses", event.reverses
    if named.source:
        check_name(f"{path}.source", named.source)
    check_name(f"{path}.event_id", named.event_id)
    kind = enum_member(f"{path}.kind", named.kind, _REVERSIBLE_READ, stock.StockEventKind)
    of = named.source or source
    key, at_ns = event_key(of, named.event_id), _time_ns(path, named, "occur_time")
    return core.Reversed(of, named.event_id, key, kind, at_ns)


def _time_ns(
    path: str,
    event: stock.StockEvent | stock.ReversedEvent,
    name: Literal["occur_time", "expected_time"],
) -> int | None:
    """A time of an event, in nanoseconds since 1970, where it has it."""
    return time_ns(f"{path}.{name}", getattr(event, name)) if event.HasField(name) else None


def _bad_event_id(index: int, event_id: str) -> Fault:
    if event_id:
        return bad_name(f"events[{index}].event_id", event_id)
    return invalid(f"events[{index}].event_id", "", "an event_id, a sequence, or both")
