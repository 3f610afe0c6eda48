"""Reserve, Extend, Commit, Fulfill, Release, Cancel, GetReservation and ForceRelease."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from itertools import repeat
from typing import Final, TypeAlias, TypeVar

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core
from holdfast.core.commands.naming import sum_lines
from holdfast.core.ids import Key, key_from_text, request_key, text_from_key
from holdfast.core.limits import (
    HOLD_MS_DEFAULT,
    LINES_AGAINST_SUPPLY_MAX,
    LINES_MAX,
    NS_PER_S,
    QUANTITY_MAX,
)
from holdfast.core.model import Remainder, State, Verb
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from .faults import invalid
from .name_rules import first_bad_name, is_name
from .refusals import refusal_message
from .shared import add_revisions, engine_members, wire_members
from .shortfalls import shortfall_message
from .validation import (
    bad_name,
    check_count,
    check_name,
    enum_member,
    hold_ms,
    time_ns,
)

#: Lines that are put into a message at once: some 2 ms.
PIECE_LINES: Final = 500

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
_UNITS_FIELDS: Final = {state: state.name.lower() for state in State}
REMAINDERS: Final = engine_members(reservation, "REMAINDER", Remainder, unspecified=Remainder.KEEP)


def reserve_from_request(request: reservation.ReserveRequest) -> core.AnyReserve:
    """The command of a Reserve; without a hold duration it holds for 15 minutes."""
    if owner := request.owner:
        check_name("owner", owner)
    key = _reservation_key(request.reservation_id)
    lines = _lines("lines", request.lines, may_name_by_id=False)
    has_hold = request.HasField("hold_duration")
    duration_ms = hold_ms(request.hold_duration) if has_hold else HOLD_MS_DEFAULT
    for line in request.lines:
        if line.HasField("latest_supply_time"):
            by_name = _latest_times(request.lines)
            latest = tuple(by_name[_name(each)] for each in lines)
            if request.already_sold:
                expected = "no latest_supply_time in any line, or already_sold not set"
                raise invalid("already_sold", "true", expected)
            return core.ReserveAgainstSupply(key, lines, duration_ms, latest, owner)
    if request.already_sold:
        return core.ReserveAlreadySold(key, lines, duration_ms, owner)
    return core.Reserve(key, lines, duration_ms, owner)


def _name(line: core.Line | reservation.ReserveLine) -> tuple[str, str, str]:
    return line.sku, line.location, line.line_id


def _latest_times(
    lines: Sequence[reservation.ReserveLine],
) -> dict[tuple[str, str, str], int | None]:
    """By when supply has to bring what is missing of each line. Raises a `Fault`."""
    check_count("lines", len(lines), 1, LINES_AGAINST_SUPPLY_MAX)
    latest: dict[tuple[str, str, str], int | None] = {}
    for index, line in enumerate(lines):
        path, time = f"lines[{index}].latest_supply_time", None
        if line.HasField("latest_supply_time"):
            time = time_ns(path, line.latest_supply_time)
        if latest.setdefault(_name(line), time) != time:
            given = line.latest_supply_time.ToJsonString() if time is not None else "not set"
            expected = "all lines of this SKU, location and id to have the same"
            raise invalid(path, given, expected)
    return latest


def reserve_response(outcome: core.ReserveOutcome) -> reservation.ReserveResponse:
    """The answer to a Reserve: the reservation as it is now, or the refusal."""
    response = reservation.ReserveResponse()
    if outcome.state is not None:
        response.state = STATES[outcome.state]
    if outcome.is_repeat:
        response.repeated_request = True
    _fill_hold(response, outcome, outcome.state)
    for line, backordered in zip(outcome.lines, outcome.backorders or repeat(None), strict=False):
        # Field by field: arguments of `add` would cost half as much again.
        allocated = response.lines.add()
        allocated.sku = line.sku
        allocated.location = line.location
        allocated.quantity = line.quantity
        if line.line_id:
            allocated.line_id = line.line_id
        if backordered:
            _fill_backordered(allocated, backordered)
    if outcome.shortfalls:
        response.shortfalls.extend(map(shortfall_message, outcome.shortfalls))
    return response


def _fill_backordered(
    message: reservation.AllocatedLine | reservation.ReservationLine, backordered: core.Backordered
) -> None:
    message.backordered = backordered.units
    if backordered.expected_ns is not None:
        message.expected_time.FromNanoseconds(backordered.expected_ns)


def extend_from_request(request: reservation.ExtendRequest) -> core.Extend:
    """The command of an Extend."""
    key = _reservation_key(request.reservation_id)
    request_key = _request_key(request.reservation_id, request.request_id)
    if not request.HasField("hold_duration"):
        raise invalid("hold_duration", "", "1 second to 30 days; Extend has no default")
    return core.Extend(key, request_key, hold_ms(request.hold_duration))


def extend_response(outcome: core.ExtendOutcome) -> reservation.ExtendResponse:
    """The answer to an Extend: when the hold ends now, or the refusal."""
    response = reservation.ExtendResponse()
    _fill_hold(response, outcome)
    return response


def _fill_hold(
    response: reservation.ReserveResponse | reservation.ExtendResponse,
    outcome: core.ReserveOutcome | core.ExtendOutcome,
    state: State | None = None,
) -> None:
    if outcome.refusal is None:
        response.outcome = common.OUTCOME_ACCEPTED
        # FromNanoseconds, which is Python and judges the range, takes half as long again.
        expire_time = response.expire_time
        expire_time.seconds, expire_time.nanos = divmod(outcome.expires_at_ns, NS_PER_S)
    else:
        response.outcome = common.OUTCOME_REFUSED
        response.refusal.CopyFrom(refusal_message(outcome.refusal, state))
    add_revisions(response, outcome.revisions)


def move_from_request(verb: Verb, request: MoveRequest) -> core.Move:
    """The command of a Commit, Fulfill, Release or Cancel.

    Release and Cancel have no remainder to decide about on the wire, so they keep it.
    """
    key = _reservation_key(request.reservation_id)
    request_key = _request_key(request.reservation_id, request.request_id)
    lines = _units(request)
    remainder = Remainder.KEEP
    if isinstance(request, PartialMoveRequest):
        remainder = enum_member("remainder", request.remainder, REMAINDERS, reservation.Remainder)
    return core.Move(verb, key, request_key, lines, remainder)


def _units(request: MoveRequest) -> tuple[core.Line, ...] | None:
    """The lines that a command names; None for all. Raises a `Fault` when it says neither: a filter
    that leaves no lines must not move everything.
    """
    match request.WhichOneof("units"):
        case "all":
            return None
        case "lines":
            if not request.lines.lines:
                raise invalid(
                    "lines.lines",
                    "0 items",
                    f"1 to {LINES_MAX:,} items; everything is said with all",
                )
            return _lines("lines.lines", request.lines.lines, may_name_by_id=True)
        case _:
            raise invalid("units", "", "lines, or all to say everything")


def move_response(response_class: type[MoveResponse], outcome: core.MoveOutcome) -> MoveResponse:
    """The answer to a Commit, Fulfill, Release or Cancel, with the reservation's state after it.

    A refused command changed nothing; the state then says why.
    """
    response = response_class(outcome=common.OUTCOME_ACCEPTED, state=STATES[outcome.state])
    if outcome.refusal is not None:
        response.outcome = common.OUTCOME_REFUSED
        response.refusal.CopyFrom(refusal_message(outcome.refusal, outcome.state))
    add_revisions(response, outcome.revisions)
    return response


def fulfill_response(outcome: core.MoveOutcome) -> reservation.FulfillResponse:
    """The answer to a Fulfill: that of any move, and the shortfalls at the levels shipped from."""
    response = move_response(reservation.FulfillResponse, outcome)
    response.shortfalls.extend(map(shortfall_message, outcome.shortfalls))
    return response


def get_reservation_from_request(request: reservation.GetReservationRequest) -> core.GetReservation:
    """The command of a GetReservation."""
    return core.GetReservation(_reservation_key(request.reservation_id))


def get_reservation_response(
    command: core.GetReservation, view: core.ReservationView
) -> Generator[None, None, reservation.GetReservationResponse]:
    """The answer to a GetReservation, in pieces: the reservation's state and times, and its units
    by line.
    """
    response = reservation.GetReservationResponse()
    add_revisions(response, view.revisions)
    yield from fill_reservation(response.reservation, command, view)
    return response


def fill_reservation(
    message: reservation.Reservation, command: core.GetReservation, view: core.ReservationView
) -> Generator[None, None, None]:
    """Set the fields of a Reservation, its lines in pieces."""
    key = command.key
    # A UUID is its own key: its text follows from it, in small letters. Any other has its text.
    message.reservation_id = text_from_key(key.hi, key.lo) if key.text is None else key.text
    message.state = STATES[view.state]
    message.owner = view.owner
    if view.reserved_at_ns is not None and view.expires_at_ns is not None:
        message.create_time.FromNanoseconds(view.reserved_at_ns)
        message.expire_time.FromNanoseconds(view.expires_at_ns)
    for count, line in enumerate(view.lines, 1):
        _fill_line(message.lines.add(), line)
        if count % PIECE_LINES == 0:
            yield


def _fill_line(message: reservation.ReservationLine, line: core.LineView) -> None:
    message.sku = line.sku
    message.location = line.location
    message.quantity = sum(line.quantities.values())
    message.line_id = line.line_id
    for state, units in line.quantities.items():
        if units:  # setting all six takes three times as long as one, and few lines have more
            setattr(message, _UNITS_FIELDS[state], units)
    if line.backordered:
        _fill_backordered(message, line.backordered)
        message.latest_supply_time.FromNanoseconds(line.backordered.latest_ns)


def _reservation_key(reservation_id: str) -> Key:
    check_name("reservation_id", reservation_id)
    key = key_from_text(reservation_id)
    if key.hi == key.lo == 0:
        # In many languages, an id that was left unset looks like this. Batches refuse it too.
        raise invalid("reservation_id", reservation_id, "an id; a UUID of zeros is not one")
    return key


def _request_key(reservation_id: str, request_id: str) -> Key | None:
    """The key under which a command's id is remembered; the same id may serve two reservations."""
    if not request_id:
        return None
    check_name("request_id", request_id)
    return request_key(reservation_id, request_id)


def _lines(
    path: str, lines: Sequence[LineMessage], *, may_name_by_id: bool
) -> tuple[core.Line, ...]:
    """The lines of a command; lines of the same SKU, location and id become one. `path` is that of
    the field that has them. A line of a reservation may be named by its id alone.
    """
    if len(lines) == 1:  # most reservations: nothing to count and nothing to sum
        return (_line(path, 0, lines[0], may_name_by_id),)
    check_count(path, len(lines), 1, LINES_MAX)
    read = [core.Line(line.sku, line.location, line.quantity, line.line_id) for line in lines]
    if not _are_plain(read):
        for index, line in enumerate(lines):
            _line(path, index, line, may_name_by_id)
    return _summed(path, read)


def _are_plain(lines: Sequence[core.Line]) -> bool:
    """Whether lines are seen at once to be good, as most are. Together that takes half as long."""
    skus, locations, quantities, line_ids = zip(*lines, strict=True)
    return (
        1 <= min(quantities) <= max(quantities) <= QUANTITY_MAX
        and first_bad_name(skus) is None
        and first_bad_name(tuple(set(locations))) is None
        and first_bad_name(tuple(filter(None, line_ids))) is None
    )


def _line(path: str, index: int, line: LineMessage, may_name_by_id: bool) -> core.Line:
    # The path of a field is built when a fault needs it: up to 2,000 lines pass here.
    sku, location, line_id = line.sku, line.location, line.line_id
    if not (may_name_by_id and line_id and not sku and not location):
        if not is_name(sku):
            raise bad_name(f"{path}[{index}].sku", sku)
        if not is_name(location):
            raise bad_name(f"{path}[{index}].location", location)
    quantity = line.quantity
    if not 1 <= quantity <= QUANTITY_MAX:
        raise invalid(f"{path}[{index}].quantity", quantity, f"1 to {QUANTITY_MAX:,}")
    if line_id and not is_name(line_id):
        raise bad_name(f"{path}[{index}].line_id", line_id)
    return core.Line(sku, location, quantity, line_id)


def _summed(path: str, lines: list[core.Line]) -> tuple[core.Line, ...]:
    """The lines with each SKU, location and id once, where the request first names it.

    The engine keeps a line for each: what a caller names twice is one line to it.
    Raises a `Fault` for the line that takes a sum beyond QUANTITY_MAX.
    """
    summed = sum_lines(lines)
    if len(summed) < len(lines):
        _check_sums(path, lines)
    return summed


def _check_sums(path: str, lines: Iterable[core.Line]) -> None:
    totals = Counter[tuple[str, str, str]]()
    for index, (sku, location, quantity, line_id) in enumerate(lines):
        totals[sku, location, line_id] += quantity
        if totals[sku, location, line_id] > QUANTITY_MAX:
            expected = f"all lines of this SKU, location and id to sum to {QUANTITY_MAX:,} at most"
            raise invalid(f"{path}[{index}].quantity", quantity, expected)


def forced_from_request(request: admin.ForceReleaseRequest) -> core.ForceRelease:
    """The command of a ForceRelease."""
    key = _reservation_key(request.reservation_id)
    check_name("reason", request.reason)
    check_name("actor", request.actor)
    request_key = _request_key(request.reservation_id, request.request_id)
    return core.ForceRelease(key, request.reason, request.actor, request_key)


def forced_response(outcome: core.ForcedOutcome) -> admin.ForceReleaseResponse:
    """The answer to a ForceRelease."""
    return admin.ForceReleaseResponse(
        released_quantity=outcome.released,
        cancelled_quantity=outcome.cancelled,
        repeated_request=outcome.is_repeat,
    )
