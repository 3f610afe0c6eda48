"""Responses: every field carries what its comment in the protos says."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core import commands as core
from holdfast.core.ids import key_from_text
from holdfast.core.limits import ON_HAND_MAX
from holdfast.core.model import EventKind, EventOutcome, LocationKind, RefusalCode, State
from holdfast.edge.wire import messages
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

EXPIRES_AT_NS = 1_700_000_000_123_456_789
EXPIRE_TIME = Timestamp(seconds=1_700_000_000, nanos=123_456_789)
REVISIONS = (core.Revision(1, 77), core.Revision(3, 5))
SENT_REVISIONS = [common.Revision(shard=1, sequence=77), common.Revision(shard=3, sequence=5)]
SHORT = core.Refusal(RefusalCode.INSUFFICIENT_STOCK, (core.RefusedLine("85123A", "BRISTOL", 5, 2),))
SENT_SHORT = common.Refusal(
    code=common.REFUSAL_CODE_INSUFFICIENT_STOCK,
    message="insufficient stock: SKU 85123A at BRISTOL has 2 available, 5 requested",
    lines=[
        common.RefusedLine(sku="85123A", location="BRISTOL", requested=5, available=2, missing=3)
    ],
)
MOVE_RESPONSES = [
    reservation.CommitResponse,
    reservation.FulfillResponse,
    reservation.ReleaseResponse,
    reservation.CancelResponse,
]

# Reservations


@pytest.mark.parametrize(
    ("respond", "response_class"),
    [
        (messages.reserve_response, reservation.ReserveResponse),
        (messages.extend_response, reservation.ExtendResponse),
    ],
)
def test_an_accepted_hold_says_when_it_ends(respond: Any, response_class: Any) -> None:
    outcome = core.HoldOutcome(None, EXPIRES_AT_NS, REVISIONS)
    assert respond(outcome) == response_class(
        outcome=common.OUTCOME_ACCEPTED, expire_time=EXPIRE_TIME, revisions=SENT_REVISIONS
    )


@pytest.mark.parametrize(
    ("respond", "response_class"),
    [
        (messages.reserve_response, reservation.ReserveResponse),
        (messages.extend_response, reservation.ExtendResponse),
    ],
)
def test_a_refused_hold_says_why_and_has_no_end(respond: Any, response_class: Any) -> None:
    response = respond(core.HoldOutcome(SHORT, 0, REVISIONS))
    assert response == response_class(
        outcome=common.OUTCOME_REFUSED, refusal=SENT_SHORT, revisions=SENT_REVISIONS
    )
    assert not response.HasField("expire_time")


@pytest.mark.parametrize("response_class", MOVE_RESPONSES)
@pytest.mark.parametrize("state", State)
def test_a_move_says_the_state_after_it(response_class: Any, state: State) -> None:
    response = messages.move_response(response_class, core.MoveOutcome(None, state, REVISIONS))
    assert response == response_class(
        outcome=common.OUTCOME_ACCEPTED,
        state=f"RESERVATION_STATE_{state.name}",
        revisions=SENT_REVISIONS,
    )
    assert not response.HasField("refusal")


@pytest.mark.parametrize("response_class", MOVE_RESPONSES)
def test_a_refused_move_says_the_state_as_it_is(response_class: Any) -> None:
    refusal = core.Refusal(RefusalCode.WRONG_STATE)
    outcome = core.MoveOutcome(refusal, State.FULFILLED, REVISIONS)
    assert messages.move_response(response_class, outcome) == response_class(
        outcome=common.OUTCOME_REFUSED,
        refusal=common.Refusal(
            code=common.REFUSAL_CODE_WRONG_STATE,
            message="wrong state: the reservation, which is FULFILLED now, "
            "has nothing left that this command starts from",
        ),
        state=reservation.RESERVATION_STATE_FULFILLED,
        revisions=SENT_REVISIONS,
    )


@pytest.mark.parametrize("code", RefusalCode)
def test_what_is_missing_is_told_where_it_means_something(code: RefusalCode) -> None:
    refused = core.RefusedLine("A", "L", 5, -2)
    outcome = core.HoldOutcome(core.Refusal(code, (refused,)), 0, ())
    refusal = messages.reserve_response(outcome).refusal
    assert refusal.code == common.RefusalCode.Value(f"REFUSAL_CODE_{code.name}")
    means_something = code in (RefusalCode.INSUFFICIENT_STOCK, RefusalCode.EXCESS_QUANTITY)
    assert refusal.lines[0].missing == (7 if means_something else 0)
    assert refusal.lines[0].available == -2


@pytest.mark.parametrize("reservation_id", ["order-1", "0b4f9a5e-0000-4000-8000-00000000000f"])
def test_a_reservation_is_told_by_line_and_state(reservation_id: str) -> None:
    view = core.ReservationView(
        State.HELD,
        (
            core.LineView("A", "L", {state: 10 + state for state in State}),
            core.LineView("B", "M", {State.HELD: 4}),
        ),
        EXPIRES_AT_NS - 1_000_000_000,
        EXPIRES_AT_NS,
        REVISIONS,
    )
    command = core.GetReservation(key_from_text(reservation_id))
    response = messages.get_reservation_response(command, view)
    assert response == reservation.GetReservationResponse(
        reservation=reservation.Reservation(
            reservation_id=reservation_id,
            state=reservation.RESERVATION_STATE_HELD,
            lines=[
                reservation.ReservationLine(
                    sku="A",
                    location="L",
                    quantity=81,
                    held=11,
                    committed=12,
                    fulfilled=13,
                    released=14,
                    expired=15,
                    cancelled=16,
                ),
                reservation.ReservationLine(sku="B", location="M", quantity=4, held=4),
            ],
            create_time=Timestamp(seconds=1_699_999_999, nanos=123_456_789),
            expire_time=EXPIRE_TIME,
        ),
        revisions=SENT_REVISIONS,
    )


# Availability

LEVELS = (
    core.LevelView("L", on_hand=10, reserved=3, committed=2, available=5, enabled=True),
    core.LevelView("M", on_hand=1, reserved=0, committed=4, available=-3, enabled=True),
    core.LevelView("N", on_hand=7, reserved=0, committed=0, available=7, enabled=False),
    core.LevelView("O", on_hand=6, reserved=0, committed=0, available=6, enabled=True),
)
VIEW = core.AvailabilityView("A", LEVELS, core.Revision(1, 77))
SENT_LEVELS = [
    {"location": "L", "on_hand": 10, "reserved": 3, "committed": 2, "available": 5},
    {"location": "M", "on_hand": 1, "committed": 4, "available": -3, "shortfall": 3},
    {"location": "N", "on_hand": 7, "available": 7},
    {"location": "O", "on_hand": 6, "available": 6},
]
SENT = availability.Availability(
    sku="A",
    levels=[availability.StockLevel(**each) for each in SENT_LEVELS],
    network_available=11,
    revision=SENT_REVISIONS[0],
)
for level in SENT.levels:
    level.enabled = level.location != "N"


def test_the_network_promises_what_enabled_locations_have() -> None:
    """A shortfall of one location is not made up by another, nor hidden."""
    command = core.GetAvailability(("A",))
    response = messages.availability_response(command, core.AvailabilitiesView((VIEW,)))
    assert response == availability.GetAvailabilityResponse(availability=SENT)


def test_a_network_beyond_int64_is_told_as_the_most_there_can_be() -> None:
    level = core.LevelView(
        "L", on_hand=ON_HAND_MAX, reserved=0, committed=0, available=ON_HAND_MAX, enabled=True
    )
    view = core.AvailabilityView("A", (level,) * 5, core.Revision(0, 1))
    response = messages.availability_response(
        core.GetAvailability(("A",)), core.AvailabilitiesView((view,))
    )
    assert response.availability.network_available == 2**63 - 1


def test_an_unknown_sku_is_not_found_when_asked_alone() -> None:
    command = core.GetAvailability(("A",))
    with pytest.raises(Fault) as caught:
        messages.availability_response(command, core.AvailabilitiesView((None,)))
    assert caught.value.reason == "UNKNOWN_SKU"
    assert caught.value.metadata == {"field": "sku", "value": "A"}


def test_unknown_skus_of_a_batch_are_named_in_order() -> None:
    command = core.GetAvailability(("X", "A", "Y"))
    outcome = core.AvailabilitiesView((None, VIEW, None))
    response = messages.batch_availability_response(command, outcome)
    assert response == availability.BatchGetAvailabilityResponse(
        availabilities=[SENT], unknown_skus=["X", "Y"]
    )


# Stock events

EVENTS = core.EventsOutcome(
    (
        core.EventResult(EventOutcome.APPLIED, 5, 0),
        core.EventResult(EventOutcome.DUPLICATE, -2, 3),
        core.EventResult(EventOutcome.OUT_OF_ORDER, 0, 0),
    ),
    REVISIONS,
)
SENT_RESULTS = [
    stock.StockEventResult(outcome=stock.STOCK_EVENT_OUTCOME_APPLIED, on_hand=5),
    stock.StockEventResult(outcome=stock.STOCK_EVENT_OUTCOME_DUPLICATE, on_hand=-2, shortfall=3),
    stock.StockEventResult(outcome=stock.STOCK_EVENT_OUTCOME_OUT_OF_ORDER),
]


def test_events_are_answered_by_position() -> None:
    assert messages.events_response(EVENTS) == stock.RecordStockEventsResponse(
        results=SENT_RESULTS, revisions=SENT_REVISIONS
    )


@pytest.mark.parametrize(
    ("sequences", "acknowledged"), [((4, 9, 6), 9), ((0, 0, 0), 0), ((2**63 - 1,), 2**63 - 1)]
)
def test_the_highest_sequence_is_acknowledged(
    sequences: tuple[int, ...], acknowledged: int
) -> None:
    events = tuple(
        core.StockEvent(None, sequence, "A", "L", EventKind.SALE, 1) for sequence in sequences
    )
    command = core.RecordStockEvents("till/0042", events)
    assert messages.apply_events_response(command, EVENTS) == stock.ApplyStockEventsResponse(
        source="till/0042",
        acknowledged_sequence=acknowledged,
        results=SENT_RESULTS,
        revisions=SENT_REVISIONS,
    )


# Catalogue


@pytest.mark.parametrize("kind", LocationKind)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_location_is_told_as_it_is(kind: LocationKind, enabled: bool) -> None:
    location = core.Location("L", kind, "Leeds", enabled)
    sent = catalog.Location(
        location="L",
        kind=f"LOCATION_KIND_{kind.name}",
        display_name="Leeds",
        enabled=enabled,
    )
    outcome = core.LocationOutcome(location, REVISIONS)
    assert messages.location_response(outcome) == catalog.PutLocationResponse(
        location=sent, revisions=SENT_REVISIONS
    )
    assert messages.list_locations_response(iter([location])) == catalog.ListLocationsResponse(
        locations=[sent]
    )


def test_an_ended_sku_is_told_with_what_ended() -> None:
    outcome = core.DeleteOutcome(3, -4, 5, REVISIONS[0])
    assert messages.delete_sku_response(outcome) == catalog.DeleteSkuResponse(
        stock_levels=3, on_hand=-4, promised=5, revision=SENT_REVISIONS[0]
    )


# Faults that the engine finds


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("lines[0].sku", "UNKNOWN_SKU"),
        ("sku", "UNKNOWN_SKU"),
        ("lines[1].location", "UNKNOWN_LOCATION"),
        ("events[7].location", "UNKNOWN_LOCATION"),
        ("reservation_id", "UNKNOWN_RESERVATION"),
    ],
)
def test_what_is_unknown_is_not_found(field: str, reason: str) -> None:
    told = messages.fault_from_outcome(core.Unknown(field, "X"))
    assert (told.code.name, told.reason) == ("NOT_FOUND", reason)
    assert told.metadata == {"field": field, "value": "X"}
    assert told.message.startswith(f"{field} is 'X', which is not known: ")


def test_an_id_that_is_used_again_names_what_differs() -> None:
    told = messages.fault_from_outcome(core.Conflict("hold_duration", "900000 ms", "1000 ms"))
    assert (told.code.name, told.reason) == ("ALREADY_EXISTS", "ID_REUSED")
    first_now = {"first": "900000 ms", "now": "1000 ms"}
    assert told.metadata == {"field": "hold_duration", **first_now}
    assert "hold_duration was '900000 ms' and is '1000 ms' now" in told.message


def test_a_stock_level_out_of_range_is_malformed() -> None:
    told = messages.fault_from_outcome(core.OutOfRange("events[3].quantity", 10**15))
    assert (told.code.name, told.reason) == ("INVALID_ARGUMENT", "OUT_OF_RANGE")
    assert told.metadata["field"] == "events[3].quantity"
    assert told.message.startswith("events[3].quantity is 1000000000000000: expected on_hand")


@pytest.mark.parametrize(("engine_index", "request_index"), [(0, 0), (1, 2), (2, 4), (3, 3)])
def test_a_path_has_the_index_of_the_request(engine_index: int, request_index: int) -> None:
    """The engine sees A, B and C; the request named A twice and then B twice before C."""
    lines = [{"sku": sku, "location": "L"} for sku in "AABBC"]
    request = reservation.ReserveRequest(lines=lines)
    for rest in (".sku", ".location"):
        unknown = core.Unknown(f"lines[{engine_index}]{rest}", "X")
        told = messages.fault_from_outcome(unknown, request)
        assert told.metadata["field"] == f"lines[{request_index}]{rest}"


def test_a_path_that_is_of_no_line_stays_as_it_is() -> None:
    unknown = core.Unknown("reservation_id", "X")
    for request in (reservation.ReserveRequest(lines=[{"sku": "A"}]), None):
        assert messages.fault_from_outcome(unknown, request).metadata["field"] == "reservation_id"
