"""Messages to commands, outcomes to messages: the only file that knows both.

Rules of this file: it judges form, never stock. What leaves `..._from_request` is well formed in
every way that the comments of protos/holdfast/v1 state; what is not raises the `Fault` of the first
field, in the order of the message, that is not. Field paths carry the indexes of the request. The
two sides of a method stand together, methods stand in the order of the services.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
from types import ModuleType
from typing import Any, Final, TypeAlias, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core import commands as core
from holdfast.core.ids import Key, event_key, key_from_parts, key_from_text, text_from_key
from holdfast.core.limits import BATCH_MAX, HOLD_MS_DEFAULT, LINES_MAX, QUANTITY_MAX
from holdfast.core.model import (
    EventKind,
    EventOutcome,
    LocationKind,
    RefusalCode,
    Remainder,
    State,
    Verb,
)
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from .faults import (
    Fault,
    already_exists,
    invalid,
    not_found,
    out_of_range,
    refusal_message,
)
from .validation import (
    NS_PER_S,
    bad_event_quantity,
    bad_name,
    check_count,
    check_name,
    enum_member,
    hold_ms,
    is_event_quantity,
    is_name,
    path_before_sums,
)

INT64_MAX: Final = 2**63 - 1

#: The engine keeps the sequence of a source as an int64.
SOURCE_SEQUENCE_MAX: Final = INT64_MAX

PartialMoveRequest: TypeAlias = reservation.CommitRequest | reservation.FulfillRequest
MoveRequest: TypeAlias = PartialMoveRequest | reservation.ReleaseRequest | reservation.CancelRequest
LineMessage: TypeAlias = reservation.ReserveLine | reservation.LineQuantity
EventsRequest: TypeAlias = stock.RecordStockEventsRequest | stock.ApplyStockEventsRequest
FaultOutcome: TypeAlias = core.Unknown | core.Conflict | core.OutOfRange

MoveResponse = TypeVar(
    "MoveResponse",
    reservation.CommitResponse,
    reservation.FulfillResponse,
    reservation.ReleaseResponse,
    reservation.CancelResponse,
)
Member = TypeVar("Member", bound=IntEnum)


def _wire(module: ModuleType, prefix: str, members: Iterable[Member]) -> dict[Member, Any]:
    """Map the members of an enum of the engine to those of the wire, by name; all must be there."""
    return {member: getattr(module, f"{prefix}_{member.name}") for member in members}


STATES: Final = _wire(reservation, "RESERVATION_STATE", State)
REFUSAL_CODES: Final = _wire(common, "REFUSAL_CODE", RefusalCode)
EVENT_OUTCOMES: Final = _wire(stock, "STOCK_EVENT_OUTCOME", EventOutcome)
LOCATION_KINDS: Final = _wire(catalog, "LOCATION_KIND", LocationKind)

EVENT_KINDS_READ: Final[dict[int, EventKind]] = {
    value: kind for kind, value in _wire(stock, "STOCK_EVENT_KIND", EventKind).items()
}
LOCATION_KINDS_READ: Final[dict[int, LocationKind]] = {
    catalog.LOCATION_KIND_UNSPECIFIED: LocationKind.WAREHOUSE,
    **{value: kind for kind, value in LOCATION_KINDS.items()},
}
REMAINDERS_READ: Final[dict[int, Remainder]] = {
    reservation.REMAINDER_UNSPECIFIED: Remainder.KEEP,
    **{value: remainder for remainder, value in _wire(reservation, "REMAINDER", Remainder).items()},
}


# ReservationService


def reserve_from_request(request: reservation.ReserveRequest) -> core.Reserve:
    """Read a Reserve."""
    return core.Reserve(
        _reservation_key(request.reservation_id),
        _lines(request.lines, 1),
        hold_ms(request.hold_duration) if request.HasField("hold_duration") else HOLD_MS_DEFAULT,
    )


def reserve_response(outcome: core.HoldOutcome) -> reservation.ReserveResponse:
    """Answer a Reserve."""
    if outcome.refusal is not None:
        return reservation.ReserveResponse(
            outcome=common.OUTCOME_REFUSED,
            refusal=_refusal(outcome.refusal),
            revisions=_revisions(outcome.revisions),
        )
    # Filled in place: to build the parts first and have them copied takes twice as long, and no
    # other answer is sent as often as this one.
    response = reservation.ReserveResponse(outcome=common.OUTCOME_ACCEPTED)
    _set_time(response.expire_time, outcome.expires_at_ns)
    for revision in outcome.revisions:
        response.revisions.add(shard=revision.shard, sequence=revision.sequence)
    return response


def extend_from_request(request: reservation.ExtendRequest) -> core.Extend:
    """Read an Extend."""
    key = _reservation_key(request.reservation_id)
    request_key = _request_key(request.reservation_id, request.request_id)
    if not request.HasField("hold_duration"):
        raise invalid("hold_duration", "", "1 second to 30 days; here it has no default")
    return core.Extend(key, request_key, hold_ms(request.hold_duration))


def extend_response(outcome: core.HoldOutcome) -> reservation.ExtendResponse:
    """Answer an Extend."""
    response = reservation.ExtendResponse(revisions=_revisions(outcome.revisions))
    if outcome.refusal is not None:
        response.outcome = common.OUTCOME_REFUSED
        response.refusal.CopyFrom(_refusal(outcome.refusal))
        return response
    response.outcome = common.OUTCOME_ACCEPTED
    _set_time(response.expire_time, outcome.expires_at_ns)
    return response


def move_from_request(verb: Verb, request: MoveRequest) -> core.Move:
    """Read a Commit, Fulfill, Release or Cancel; the latter two always keep the remainder."""
    key = _reservation_key(request.reservation_id)
    request_key = _request_key(request.reservation_id, request.request_id)
    lines = _lines(request.lines, 0)
    remainder = Remainder.KEEP
    if isinstance(request, PartialMoveRequest):
        remainder = enum_member(
            "remainder", request.remainder, REMAINDERS_READ, reservation.Remainder
        )
    return core.Move(verb, key, request_key, lines, remainder)


def move_response(response_class: type[MoveResponse], outcome: core.MoveOutcome) -> MoveResponse:
    """Answer a Commit, Fulfill, Release or Cancel."""
    response = response_class(outcome=common.OUTCOME_ACCEPTED, state=STATES[outcome.state])
    for revision in outcome.revisions:
        response.revisions.add(shard=revision.shard, sequence=revision.sequence)
    if outcome.refusal is not None:
        response.outcome = common.OUTCOME_REFUSED
        response.refusal.CopyFrom(_refusal(outcome.refusal, outcome.state))
    return response


def get_reservation_from_request(request: reservation.GetReservationRequest) -> core.GetReservation:
    """Read a GetReservation."""
    return core.GetReservation(_reservation_key(request.reservation_id))


def get_reservation_response(
    command: core.GetReservation, view: core.ReservationView
) -> reservation.GetReservationResponse:
    """Answer a GetReservation."""
    key = command.key
    response = reservation.GetReservationResponse(
        reservation=reservation.Reservation(
            reservation_id=text_from_key(key.hi, key.lo) if key.text is None else key.text,
            state=STATES[view.state],
            lines=[_reservation_line(line) for line in view.lines],
        ),
        revisions=_revisions(view.revisions),
    )
    _set_time(response.reservation.create_time, view.reserved_at_ns)
    _set_time(response.reservation.expire_time, view.expires_at_ns)
    return response


# AvailabilityService


def availability_from_request(request: availability.GetAvailabilityRequest) -> core.GetAvailability:
    """Read a GetAvailability."""
    check_name("sku", request.sku)
    return core.GetAvailability((request.sku,))


def availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> availability.GetAvailabilityResponse:
    """Answer a GetAvailability; NOT_FOUND when no stock fact ever named the SKU."""
    (view,) = outcome.views
    if view is None:
        raise not_found("sku", command.skus[0])
    return availability.GetAvailabilityResponse(availability=_availability(view))


def batch_availability_from_request(
    request: availability.BatchGetAvailabilityRequest,
) -> core.GetAvailability:
    """Read a BatchGetAvailability."""
    skus = request.skus
    check_count("skus", len(skus), 1, BATCH_MAX)
    for index, sku in enumerate(skus):
        if not is_name(sku):
            raise bad_name(f"skus[{index}]", sku)
    return core.GetAvailability(tuple(skus))


def batch_availability_response(
    command: core.GetAvailability, outcome: core.AvailabilitiesView
) -> availability.BatchGetAvailabilityResponse:
    """Answer a BatchGetAvailability."""
    response = availability.BatchGetAvailabilityResponse()
    for sku, view in zip(command.skus, outcome.views, strict=True):
        if view is None:
            response.unknown_skus.append(sku)
        else:
            response.availabilities.append(_availability(view))
    return response


# StockService


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
        results=_event_results(outcome), revisions=_revisions(outcome.revisions)
    )


def apply_events_response(
    command: core.RecordStockEvents, outcome: core.EventsOutcome
) -> stock.ApplyStockEventsResponse:
    """Acknowledge one message of ApplyStockEvents."""
    return stock.ApplyStockEventsResponse(
        source=command.source,
        acknowledged_sequence=max(event.sequence for event in command.events),
        results=_event_results(outcome),
        revisions=_revisions(outcome.revisions),
    )


# CatalogService


def location_from_request(request: catalog.PutLocationRequest) -> core.PutLocation:
    """Read a PutLocation."""
    location = request.location
    check_name("location.location", location.location)
    kind = enum_member("location.kind", location.kind, LOCATION_KINDS_READ, catalog.LocationKind)
    if location.display_name:
        check_name("location.display_name", location.display_name)
    enabled = location.enabled if location.HasField("enabled") else True
    return core.PutLocation(core.Location(location.location, kind, location.display_name, enabled))


def location_response(outcome: core.LocationOutcome) -> catalog.PutLocationResponse:
    """Answer a PutLocation."""
    return catalog.PutLocationResponse(
        location=_location(outcome.location), revisions=_revisions(outcome.revisions)
    )


def list_locations_response(locations: Iterable[core.Location]) -> catalog.ListLocationsResponse:
    """Answer a ListLocations."""
    return catalog.ListLocationsResponse(locations=[_location(each) for each in locations])


def delete_sku_from_request(request: catalog.DeleteSkuRequest) -> core.DeleteSku:
    """Read a DeleteSku."""
    check_name("sku", request.sku)
    return core.DeleteSku(request.sku)


def delete_sku_response(outcome: core.DeleteOutcome) -> catalog.DeleteSkuResponse:
    """Answer a DeleteSku."""
    return catalog.DeleteSkuResponse(
        stock_levels=outcome.stock_levels,
        on_hand=outcome.on_hand,
        promised=outcome.promised,
        revision=_revision(outcome.revision),
    )


# Faults


def fault_from_outcome(outcome: FaultOutcome, request: object = None) -> Fault:
    """Turn a fault that the engine found into its status.

    The engine counts lines as they are after summing; `request` lets the path name its own line.
    """
    lines = [(line.sku, line.location) for line in getattr(request, "lines", ())]
    field = path_before_sums(outcome.field, lines)
    match outcome:
        case core.Unknown():
            return not_found(field, outcome.value)
        case core.Conflict():
            return already_exists(replace(outcome, field=field))
        case core.OutOfRange():
            return out_of_range(field, outcome.value)


# Reading parts


def _reservation_key(reservation_id: str) -> Key:
    if not is_name(reservation_id):
        raise bad_name("reservation_id", reservation_id)
    return key_from_text(reservation_id)


def _request_key(reservation_id: str, request_id: str) -> Key | None:
    if not request_id:
        return None
    check_name("request_id", request_id)
    return key_from_parts(reservation_id, request_id)


def _lines(lines: Sequence[LineMessage], count_min: int) -> tuple[core.Line, ...]:
    if len(lines) == 1:
        return (_line(0, lines[0]),)
    check_count("lines", len(lines), count_min, LINES_MAX)
    return _summed([_line(index, line) for index, line in enumerate(lines)])


def _line(index: int, line: LineMessage) -> core.Line:
    sku = line.sku
    if not is_name(sku):
        raise bad_name(f"lines[{index}].sku", sku)
    location = line.location
    if not is_name(location):
        raise bad_name(f"lines[{index}].location", location)
    quantity = line.quantity
    if not 1 <= quantity <= QUANTITY_MAX:
        raise invalid(f"lines[{index}].quantity", quantity, f"1 to {QUANTITY_MAX:,}")
    return core.Line(sku, location, quantity)


def _summed(lines: list[core.Line]) -> tuple[core.Line, ...]:
    """Sum lines of the same SKU and location where the first of them stands."""
    totals: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        pair = line.sku, line.location
        total = totals[pair] = totals.get(pair, 0) + line.quantity
        if total > QUANTITY_MAX:
            expected = f"all lines of this SKU and location to sum to {QUANTITY_MAX:,} at most"
            raise invalid(f"lines[{index}].quantity", line.quantity, expected)
    if len(totals) == len(lines):
        return tuple(lines)
    return tuple([core.Line(*pair, total) for pair, total in totals.items()])


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


# Writing parts


def _set_time(timestamp: Timestamp, ns: int) -> None:
    timestamp.seconds, timestamp.nanos = divmod(ns, NS_PER_S)


def _revision(revision: core.Revision) -> common.Revision:
    return common.Revision(shard=revision.shard, sequence=revision.sequence)


def _revisions(revisions: Sequence[core.Revision]) -> list[common.Revision]:
    return [_revision(each) for each in revisions]


def _refusal(refusal: core.Refusal, state: State | None = None) -> common.Refusal:
    return common.Refusal(
        code=REFUSAL_CODES[refusal.code],
        message=refusal_message(refusal, state),
        lines=[_refused_line(refusal.code, line) for line in refusal.lines],
    )


def _refused_line(code: RefusalCode, line: core.RefusedLine) -> common.RefusedLine:
    has_missing = code in (RefusalCode.INSUFFICIENT_STOCK, RefusalCode.EXCESS_QUANTITY)
    return common.RefusedLine(
        sku=line.sku,
        location=line.location,
        requested=line.requested,
        available=line.available,
        missing=line.requested - line.available if has_missing else 0,
    )


def _reservation_line(line: core.LineView) -> reservation.ReservationLine:
    units = line.quantities
    return reservation.ReservationLine(
        sku=line.sku,
        location=line.location,
        quantity=sum(units.values()),
        held=units.get(State.HELD, 0),
        committed=units.get(State.COMMITTED, 0),
        fulfilled=units.get(State.FULFILLED, 0),
        released=units.get(State.RELEASED, 0),
        expired=units.get(State.EXPIRED, 0),
        cancelled=units.get(State.CANCELLED, 0),
    )


def _availability(view: core.AvailabilityView) -> availability.Availability:
    message = availability.Availability(sku=view.sku, revision=_revision(view.revision))
    network_available = 0
    for level in view.levels:
        available = level.available
        if level.enabled and available > 0:
            network_available += available
        message.levels.add(
            location=level.location,
            on_hand=level.on_hand,
            reserved=level.reserved,
            committed=level.committed,
            available=available,
            shortfall=max(0, -available),
            enabled=level.enabled,
        )
    message.network_available = min(network_available, INT64_MAX)
    return message


def _event_results(outcome: core.EventsOutcome) -> list[stock.StockEventResult]:
    return [
        stock.StockEventResult(
            outcome=EVENT_OUTCOMES[result.outcome],
            on_hand=result.on_hand,
            shortfall=result.shortfall,
        )
        for result in outcome.results
    ]


def _location(location: core.Location) -> catalog.Location:
    return catalog.Location(
        location=location.name,
        kind=LOCATION_KINDS[location.kind],
        display_name=location.display_name,
        enabled=location.enabled,
    )
