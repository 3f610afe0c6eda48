"""Messages of ReservationService to commands, outcomes to messages."""

from collections.abc import Sequence
from typing import Final, TypeAlias, TypeVar

from holdfast.core import commands as core
from holdfast.core.ids import Key, key_from_parts, key_from_text, text_from_key
from holdfast.core.limits import HOLD_MS_DEFAULT, LINES_MAX, QUANTITY_MAX
from holdfast.core.model import Remainder, State, Verb
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from .faults import invalid
from .refusals import refusal_to_message
from .shared import revisions_to_messages, set_time, wire_members
from .validation import bad_name, check_count, check_name, enum_member, hold_ms, is_name

PartialMoveRequest: TypeAlias = reservation.CommitRequest | reservation.FulfillRequest
MoveRequest: TypeAlias = PartialMoveRequest | reservation.ReleaseRequest | reservation.CancelRequest
LineMessage: TypeAlias = reservation.ReserveLine | reservation.LineQuantity

MoveResponse = TypeVar(
    "MoveResponse",
    reservation.CommitResponse,
    reservation.FulfillResponse,
    reservation.ReleaseResponse,
    reservation.CancelResponse,
)

STATES: Final = wire_members(reservation, "RESERVATION_STATE", State)

REMAINDERS_READ: Final[dict[int, Remainder]] = {
    reservation.REMAINDER_UNSPECIFIED: Remainder.KEEP,
    **{
        value: remainder
        for remainder, value in wire_members(reservation, "REMAINDER", Remainder).items()
    },
}


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
            refusal=refusal_to_message(outcome.refusal),
            revisions=revisions_to_messages(outcome.revisions),
        )
    # Filled in place: to build the parts first and have them copied takes twice as long, and no
    # other answer is sent as often as this one.
    response = reservation.ReserveResponse(outcome=common.OUTCOME_ACCEPTED)
    set_time(response.expire_time, outcome.expires_at_ns)
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
    response = reservation.ExtendResponse(revisions=revisions_to_messages(outcome.revisions))
    if outcome.refusal is not None:
        response.outcome = common.OUTCOME_REFUSED
        response.refusal.CopyFrom(refusal_to_message(outcome.refusal))
        return response
    response.outcome = common.OUTCOME_ACCEPTED
    set_time(response.expire_time, outcome.expires_at_ns)
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
        response.refusal.CopyFrom(refusal_to_message(outcome.refusal, outcome.state))
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
        revisions=revisions_to_messages(view.revisions),
    )
    set_time(response.reservation.create_time, view.reserved_at_ns)
    set_time(response.reservation.expire_time, view.expires_at_ns)
    return response


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
