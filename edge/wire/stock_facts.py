"""Messages of StockService that carry single events to commands, outcomes to messages."""

from typing import Final, TypeAlias

from holdfast.core import commands as core
from holdfast.core.ids import event_key
from holdfast.core.limits import BATCH_MAX
from holdfast.core.model import EventKind, EventOutcome
from holdfast.v1 import stock_service_pb2 as stock

from .faults import Fault, invalid
from .shared import INT64_MAX, revisions_to_messages, wire_members
from .validation import (
    bad_event_quantity,
    bad_name,
    check_count,
    check_name,
    enum_member,
    is_event_quantity,
    is_name,
)

#: The engine keeps the sequence of a source as an int64.
SOURCE_SEQUENCE_MAX: Final = INT64_MAX

EventsRequest: TypeAlias = stock.RecordStockEventsRequest | stock.ApplyStockEventsRequest

EVENT_OUTCOMES: Final = wire_members(stock, "STOCK_EVENT_OUTCOME", EventOutcome)
EVENT_KINDS_READ: Final[dict[int, EventKind]] = {
    value: kind for kind, value in wire_members(stock, "STOCK_EVENT_KIND", EventKind).items()
}


def events_from_request(request: EventsRequest) -> core.RecordStockEvents:
    """Read a RecordStockEvents, or one message of ApplyStockEvents."""
    source = request.source
    check_name("source", source)
    events = request.events
    check_count("events", len(events), 1, BATCH_MAX)
    return core.RecordStockEvents(
        source, tuple([_event(source, index, event) for index, event in enumerate(events)])
    )


def events_response(outcome: core.EventsOutcome) -> stock.RecordStockEventsResponse:
    """Answer a RecordStockEvents."""
    return stock.RecordStockEventsResponse(
        results=_event_results(outcome), revisions=revisions_to_messages(outcome.revisions)
    )


def apply_events_response(
    command: core.RecordStockEvents, outcome: core.EventsOutcome
) -> stock.ApplyStockEventsResponse:
    """Acknowledge one message of ApplyStockEvents."""
    return stock.ApplyStockEventsResponse(
        source=command.source,
        acknowledged_sequence=max(event.sequence for event in command.events),
        results=_event_results(outcome),
        revisions=revisions_to_messages(outcome.revisions),
    )


def _event(source: str, index: int, event: stock.StockEvent) -> core.StockEvent:
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
    kind = EVENT_KINDS_READ.get(event.kind)
    if kind is None:
        kind = enum_member(
            f"events[{index}].kind", event.kind, EVENT_KINDS_READ, stock.StockEventKind
        )
    quantity = event.quantity
    if not is_event_quantity(kind, quantity):
        raise bad_event_quantity(f"events[{index}].quantity", kind, quantity)
    key = event_key(source, event_id) if event_id else None
    return core.StockEvent(key, sequence, sku, location, kind, quantity)


def _bad_event_id(index: int, event_id: str) -> Fault:
    if event_id:
        return bad_name(f"events[{index}].event_id", event_id)
    return invalid(f"events[{index}].event_id", "", "an event_id, a sequence, or both")


def _event_results(outcome: core.EventsOutcome) -> list[stock.StockEventResult]:
    return [
        stock.StockEventResult(
            outcome=EVENT_OUTCOMES[result.outcome],
            on_hand=result.on_hand,
            shortfall=result.shortfall,
        )
        for result in outcome.results
    ]
