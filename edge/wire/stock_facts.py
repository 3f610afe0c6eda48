"""RecordStockEvents, and ApplyStockEvents with single events; columns are in stock_batches.py."""

from typing import Any, Final, TypeAlias

from holdfast.core import commands as core
from holdfast.core.ids import event_key
from holdfast.core.limits import BATCH_MAX
from holdfast.core.model import EventKind, EventOutcome
from holdfast.v1 import stock_service_pb2 as stock

from .faults import Fault, invalid
from .shared import INT64_MAX, add_revisions, engine_members, wire_members
from .validation import (
    bad_event_quantity,
    bad_name,
    check_count,
    check_name,
    enum_member,
    is_event_quantity,
    is_name,
)

#: uint64 on the wire, int64 in the engine.
SOURCE_SEQUENCE_MAX: Final = INT64_MAX

EventsRequest: TypeAlias = stock.RecordStockEventsRequest | stock.ApplyStockEventsRequest

OUTCOMES: Final = wire_members(stock, "STOCK_EVENT_OUTCOME", EventOutcome)
KINDS_READ: Final = engine_members(stock, "STOCK_EVENT_KIND", EventKind)


def events_from_request(request: EventsRequest) -> core.RecordStockEvents:
    """The command of a RecordStockEvents, or of one message of ApplyStockEvents."""
    source = request.source
    check_name("source", source)
    events = request.events
    check_count("events", len(events), 1, BATCH_MAX)
    return core.RecordStockEvents(
        source, tuple([_event(source, index, event) for index, event in enumerate(events)])
    )


def events_response(outcome: core.EventsOutcome) -> stock.RecordStockEventsResponse:
    """The answer to a RecordStockEvents: one result per event, in their order."""
    response = stock.RecordStockEventsResponse()
    _add_results(response, outcome)
    return response


def apply_events_response(
    command: core.RecordStockEvents, outcome: core.EventsOutcome
) -> stock.ApplyStockEventsResponse:
    """The acknowledgement of one message of ApplyStockEvents.

    It names the message's highest sequence: from there the source goes on after a lost connection.
    """
    response = stock.ApplyStockEventsResponse(
        source=command.source,
        acknowledged_sequence=max(event.sequence for event in command.events),
    )
    _add_results(response, outcome)
    return response


def _add_results(response: Any, outcome: core.EventsOutcome) -> None:
    for result in outcome.results:
        response.results.add(
            outcome=OUTCOMES[result.outcome], on_hand=result.on_hand, shortfall=result.shortfall
        )
    add_revisions(response, outcome.revisions)


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
    return core.StockEvent(key, sequence, sku, location, kind, quantity)


def _bad_event_id(index: int, event_id: str) -> Fault:
    if event_id:
        return bad_name(f"events[{index}].event_id", event_id)
    return invalid(f"events[{index}].event_id", "", "an event_id, a sequence, or both")
