"""Messages on reservations: what may be asked, and that every field of an answer is returned."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core import commands as core
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import HOLD_MS_DEFAULT, LINES_MAX, QUANTITY_MAX
from holdfast.core.model import RefusalCode, Remainder, State, Verb
from holdfast.core.work import finished
from holdfast.edge.wire.reservations import (
    extend_response,
    fulfill_response,
    get_reservation_response,
    move_from_request,
    move_response,
    reserve_from_request,
    reserve_response,
)
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.core.work_seen import Seen
from tests.edge.wire.builders import (
    ID,
    MOVES,
    REVISIONS,
    SENT_REVISIONS,
    assert_invalid,
    extend,
    fault,
    line,
    move,
    record,
    reserve,
)

QUANTITY_EXPECTED = "1 to 1,000,000,000,000,000"


SUM_EXPECTED = "all lines of this SKU, location and id to sum to 1,000,000,000,000,000 at most"


@pytest.mark.parametrize("quantity", [1, QUANTITY_MAX])
def test_quantities_of_lines_within_the_limits_are_taken(quantity: int) -> None:
    expected = (core.Line("85123A", "BRISTOL", quantity),)
    assert reserve(lines=[line(quantity=quantity)]).lines == expected
    assert move(lines=[line(quantity=quantity)]).lines == expected


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("index", [0, 3])
def test_quantities_of_lines_beyond_the_limits_are_refused(quantity: int, index: int) -> None:
    lines = [line(sku=str(n)) for n in range(index)] + [line(quantity=quantity)]
    for call, path in ((reserve, "lines"), (move, "lines.lines")):
        error = fault(call, lines=lines)
        assert_invalid(error, f"{path}[{index}].quantity", quantity, QUANTITY_EXPECTED)


def test_an_owner_is_taken_as_it_is_and_returned() -> None:
    assert "" == reserve().owner
    assert "Käthe / 17" == reserve(owner="Käthe / 17").owner
    view = core.ReservationView(State.HELD, (), 0, 0, (), "ann")
    response = finished(get_reservation_response(core.GetReservation(key_from_text(ID)), view))
    assert "ann" == response.reservation.owner


def test_lines_of_a_sku_and_location_are_summed_where_the_first_stands() -> None:
    lines = [line("B"), line("A"), line("B", "LEEDS"), line("B", quantity=2), line("A")]
    expected = (
        core.Line("B", "BRISTOL", 7),
        core.Line("A", "BRISTOL", 10),
        core.Line("B", "LEEDS", 5),
    )
    assert reserve(lines=lines).lines == expected
    assert move(lines=lines).lines == expected


def test_a_sum_has_the_limit_of_a_quantity() -> None:
    most = [line(quantity=QUANTITY_MAX - 2), line("B"), line(quantity=2)]
    assert reserve(lines=most).lines[0].quantity == QUANTITY_MAX
    for call, path in ((reserve, "lines"), (move, "lines.lines")):
        error = fault(call, lines=[*most, line(quantity=1)])
        assert_invalid(error, f"{path}[3].quantity", 1, SUM_EXPECTED)


def test_lines_with_ids_of_their_own_stay_apart() -> None:
    ids = ("1", "2", "", "1", "")
    lines = [{**line(quantity=1), "line_id": line_id} for line_id in ids]
    expected = {"1": 2, "2": 1, "": 2}
    for call in (reserve, move):
        assert expected == {each.line_id: each.quantity for each in call(lines=lines).lines or ()}


def test_a_line_id_is_a_name_or_nothing() -> None:
    for call, path in ((reserve, "lines"), (move, "lines.lines")):
        for wrong in ("x" * 129, "a\nb"):
            error = fault(call, lines=[line(), {**line(), "line_id": wrong}])
            assert f"{path}[1].line_id" == error.metadata["field"]


def test_an_id_names_a_line_of_a_reservation_alone() -> None:
    (named,) = move(lines=[{"line_id": "7", "quantity": 2}]).lines or ()
    assert core.Line("", "", 2, "7") == named
    for half, missing in (({"sku": "A"}, "location"), ({"location": "L"}, "sku")):
        error = fault(move, lines=[{"line_id": "7", "quantity": 2, **half}])
        assert f"lines.lines[0].{missing}" == error.metadata["field"]
    assert "lines[0].sku" == fault(reserve, lines=[{"line_id": "7"}]).metadata["field"]


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["L", "M"]), st.integers(1, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_summing_loses_no_unit_and_no_order(given_lines: list[tuple[str, str, int]]) -> None:
    totals: Counter[tuple[str, str]] = Counter()
    for sku, location, quantity in given_lines:
        totals[sku, location] += quantity
    summed = reserve(lines=[line(*each) for each in given_lines]).lines
    assert [((each.sku, each.location), each.quantity) for each in summed] == [*totals.items()]


def test_a_reserve_has_1_to_2000_lines() -> None:
    lines = [line(str(n)) for n in range(LINES_MAX + 1)]
    assert len(reserve(lines=lines[:LINES_MAX]).lines) == LINES_MAX
    assert_invalid(fault(reserve, lines=lines), "lines", "2,001 items", "1 to 2,000 items")
    assert_invalid(fault(reserve, lines=[]), "lines", "0 items", "1 to 2,000 items")


@pytest.mark.parametrize("verb", MOVES)
def test_a_move_has_1_to_2000_lines_or_says_all(verb: Verb) -> None:
    lines = [line(str(n)) for n in range(LINES_MAX + 1)]
    assert move(verb).lines is None
    assert len(move(verb, lines=lines[:LINES_MAX]).lines or ()) == LINES_MAX
    error = fault(move, verb, lines=lines)
    assert_invalid(error, "lines.lines", "2,001 items", "1 to 2,000 items")
    error = fault(move, verb, lines=[])
    assert_invalid(error, "lines.lines", "0 items", "1 to 2,000 items; everything is said with all")
    error = fault(move_from_request, verb, MOVES[verb](reservation_id=ID))
    assert_invalid(error, "units", "", "lines, or all to say everything")


@pytest.mark.parametrize("read", [reserve, move, extend])
def test_a_uuid_of_zeros_is_no_id(read: Any) -> None:
    error = fault(read, reservation_id=str(UUID(int=0)))
    assert_invalid(error, "reservation_id", str(UUID(int=0)), "an id; a UUID of zeros is not one")


def test_a_uuid_in_capitals_is_the_same_id() -> None:
    assert reserve().key == reserve(ID.upper()).key
    request = move(request_id=ID).request
    assert request is not None
    for reservation_id, request_id in ((ID.upper(), ID), (ID, ID.upper())):
        other = move(reservation_id=reservation_id, request_id=request_id).request
        assert other is not None
        assert (request.hi, request.lo) == (other.hi, other.lo)


def test_lines_are_counted_before_they_are_summed() -> None:
    error = fault(reserve, lines=[line()] * (LINES_MAX + 1))
    assert "lines" == error.metadata["field"]


def test_a_duration_that_is_not_given_has_a_default_in_reserve_only() -> None:
    assert reserve().hold_ms == HOLD_MS_DEFAULT
    error = fault(extend)
    expected = "1 second to 30 days; Extend has no default"
    assert_invalid(error, "hold_duration", "", expected)


@pytest.mark.parametrize("verb", [Verb.COMMIT, Verb.FULFILL])
def test_commit_and_fulfill_say_what_happens_to_the_rest(verb: Verb) -> None:
    assert move(verb).remainder is Remainder.KEEP
    assert move(verb, remainder="REMAINDER_KEEP").remainder is Remainder.KEEP
    assert move(verb, remainder="REMAINDER_GIVE_BACK").remainder is Remainder.GIVE_BACK
    error = fault(move, verb, remainder=3)
    assert_invalid(error, "remainder", 3, "REMAINDER_KEEP or REMAINDER_GIVE_BACK")


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.CANCEL])
def test_release_and_cancel_keep_the_rest(verb: Verb) -> None:
    assert move(verb).remainder is Remainder.KEEP


@pytest.mark.parametrize("verb", MOVES)
def test_a_move_carries_its_verb(verb: Verb) -> None:
    assert move(verb).verb is verb


def test_fields_of_a_later_version_are_ignored() -> None:
    data = reservation.ReserveRequest(reservation_id=ID, lines=[line()]).SerializeToString()
    field_99 = b"\x9a\x06\x03new"
    request = reservation.ReserveRequest.FromString(data + field_99)
    assert reserve_from_request(request) == reserve()


def test_keys_of_commands_are_scoped_to_their_reservation_and_source() -> None:
    assert reserve().key == key_from_text(ID)
    assert reserve("order-1").key == key_from_text("order-1")
    assert move(request_id="r1").request == key_from_parts(ID, "r1")
    assert extend(request_id="r1", seconds=1).request == key_from_parts(ID, "r1")
    assert record(source="a", event_id="e1").key == key_from_parts("a", "e1")
    assert move().request is None
    assert extend(seconds=1).request is None
    assert record(event_id="", sequence=1).key is None


# Responses


EXPIRES_AT_NS = 1_700_000_000_123_456_789


EXPIRE_TIME = Timestamp(seconds=1_700_000_000, nanos=123_456_789)


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


HOLD = (State.HELD, EXPIRES_AT_NS, (core.Line("A", "L", 2, "7"), core.Line("B", "L", 1)))


def test_an_accepted_reserve_says_what_is_held_and_until_when() -> None:
    for is_repeat in (False, True):
        outcome = core.ReserveOutcome(None, *HOLD, REVISIONS, is_repeat)
        assert reserve_response(outcome) == reservation.ReserveResponse(
            outcome=common.OUTCOME_ACCEPTED,
            expire_time=EXPIRE_TIME,
            state=reservation.RESERVATION_STATE_HELD,
            repeated_request=is_repeat,
            lines=[
                {"line_id": "7", "sku": "A", "location": "L", "quantity": 2},
                {"sku": "B", "location": "L", "quantity": 1},
            ],
            revisions=SENT_REVISIONS,
        )


def test_a_refused_reserve_says_why_and_has_no_end() -> None:
    response = reserve_response(core.ReserveOutcome(SHORT, None, 0, (), REVISIONS))
    assert response == reservation.ReserveResponse(
        outcome=common.OUTCOME_REFUSED, refusal=SENT_SHORT, revisions=SENT_REVISIONS
    )
    assert not response.HasField("expire_time")


def test_an_ended_reservation_is_returned_with_its_state() -> None:
    ended = core.Refusal(RefusalCode.RESERVATION_ENDED)
    outcome = core.ReserveOutcome(ended, State.RELEASED, 0, (), REVISIONS, is_repeat=True)
    assert reserve_response(outcome) == reservation.ReserveResponse(
        outcome=common.OUTCOME_REFUSED,
        refusal=common.Refusal(
            code=common.REFUSAL_CODE_RESERVATION_ENDED,
            message="reservation ended: it is RELEASED and holds nothing; "
            "a new hold needs a new id",
        ),
        state=reservation.RESERVATION_STATE_RELEASED,
        repeated_request=True,
        revisions=SENT_REVISIONS,
    )


def test_an_extend_says_when_the_hold_ends_or_why_not() -> None:
    accepted = extend_response(core.ExtendOutcome(None, EXPIRES_AT_NS, REVISIONS))
    assert accepted == reservation.ExtendResponse(
        outcome=common.OUTCOME_ACCEPTED, expire_time=EXPIRE_TIME, revisions=SENT_REVISIONS
    )
    refused = extend_response(core.ExtendOutcome(SHORT, 0, REVISIONS))
    assert refused == reservation.ExtendResponse(
        outcome=common.OUTCOME_REFUSED, refusal=SENT_SHORT, revisions=SENT_REVISIONS
    )


def test_a_fulfill_names_the_levels_that_it_leaves_short() -> None:
    short = core.Shortfall("A", "L", -1, -3)
    outcome = core.MoveOutcome(None, State.FULFILLED, REVISIONS, (short,))
    assert fulfill_response(outcome) == reservation.FulfillResponse(
        outcome=common.OUTCOME_ACCEPTED,
        state=reservation.RESERVATION_STATE_FULFILLED,
        revisions=SENT_REVISIONS,
        shortfalls=[{"sku": "A", "location": "L", "on_hand": -1, "available": -3, "shortfall": 3}],
    )


@pytest.mark.parametrize("response_class", MOVE_RESPONSES)
@pytest.mark.parametrize("state", State)
def test_a_move_says_the_state_after_it(response_class: Any, state: State) -> None:
    response = move_response(response_class, core.MoveOutcome(None, state, REVISIONS))
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
    assert move_response(response_class, outcome) == response_class(
        outcome=common.OUTCOME_REFUSED,
        refusal=common.Refusal(
            code=common.REFUSAL_CODE_WRONG_STATE,
            message="wrong state: the reservation is FULFILLED and "
            "has no units left for this command",
        ),
        state=reservation.RESERVATION_STATE_FULFILLED,
        revisions=SENT_REVISIONS,
    )


@pytest.mark.parametrize("reservation_id", ["order-1", "0b4f9a5e-0000-4000-8000-00000000000f"])
def test_a_reservation_is_returned_by_line_and_state(reservation_id: str) -> None:
    view = core.ReservationView(
        State.HELD,
        (
            core.LineView("A", "L", {state: 10 + state for state in State}),
            core.LineView("B", "M", {State.HELD: 4}, "7"),
        ),
        EXPIRES_AT_NS - 1_000_000_000,
        EXPIRES_AT_NS,
        REVISIONS,
    )
    command = core.GetReservation(key_from_text(reservation_id))
    response = finished(get_reservation_response(command, view))
    assert response == reservation.GetReservationResponse(
        reservation=reservation.Reservation(
            reservation_id=reservation_id,
            state=reservation.RESERVATION_STATE_HELD,
            lines=[
                reservation.ReservationLine(
                    sku="A",
                    location="L",
                    quantity=98,
                    held=11,
                    committed=12,
                    fulfilled=13,
                    released=14,
                    expired=15,
                    cancelled=16,
                    returned=17,
                ),
                reservation.ReservationLine(sku="B", location="M", quantity=4, held=4, line_id="7"),
            ],
            create_time=Timestamp(seconds=1_699_999_999, nanos=123_456_789),
            expire_time=EXPIRE_TIME,
        ),
        revisions=SENT_REVISIONS,
    )


def test_a_long_reservation_is_written_in_pieces() -> None:
    """Of four, each does a quarter of the work, and nothing is lost at the seams."""
    lines = tuple(
        core.LineView(f"A{n}", "L", {State.HELD: n + 1}, str(n)) for n in range(LINES_MAX)
    )
    view = core.ReservationView(State.HELD, lines, 0, 0, REVISIONS)
    pieces = get_reservation_response(core.GetReservation(key_from_text(ID)), view)
    seen: list[float] = []
    response = None
    while response is None:
        piece = Seen()
        try:
            piece.watch(next, pieces)
        except StopIteration as end:
            response = end.value
        seen.append(piece.units)
    assert [(line.sku, line.quantities[State.HELD], line.line_id) for line in lines] == [
        (line.sku, line.held, line.line_id) for line in response.reservation.lines
    ]
    assert max(seen) <= 0.3 * sum(seen)
