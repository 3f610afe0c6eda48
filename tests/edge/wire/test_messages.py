"""Requests: form is judged as the comments of the protos say, from both sides of every limit."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from unicodedata import category

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core import commands as core
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import BATCH_MAX, HOLD_MS_DEFAULT, LINES_MAX, QUANTITY_MAX
from holdfast.core.model import EventKind, LocationKind, Remainder, Verb
from holdfast.edge.wire import messages
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

ID = "0b4f9a5e-0000-4000-8000-00000000000f"
MOVES = {
    Verb.COMMIT: reservation.CommitRequest,
    Verb.FULFILL: reservation.FulfillRequest,
    Verb.RELEASE: reservation.ReleaseRequest,
    Verb.CANCEL: reservation.CancelRequest,
}


def line(sku: str = "85123A", location: str = "BRISTOL", quantity: int = 5) -> dict[str, Any]:
    return {"sku": sku, "location": location, "quantity": quantity}


def reserve(
    reservation_id: str = ID, lines: list[dict[str, Any]] | None = None, **fields: Any
) -> core.Reserve:
    lines = [line()] if lines is None else lines
    return messages.reserve_from_request(
        reservation.ReserveRequest(reservation_id=reservation_id, lines=lines, **fields)
    )


def extend(reservation_id: str = ID, request_id: str = "", **duration: int) -> core.Extend:
    return messages.extend_from_request(
        reservation.ExtendRequest(
            reservation_id=reservation_id,
            request_id=request_id,
            hold_duration=Duration(**duration) if duration else None,
        )
    )


def move(verb: Verb = Verb.COMMIT, reservation_id: str = ID, **fields: Any) -> core.Move:
    request = MOVES[verb](reservation_id=reservation_id, **fields)
    return messages.move_from_request(verb, request)


def record(source: str = "till/0042", **fields: Any) -> core.StockEvent:
    event = {"event_id": "e1", "kind": "STOCK_EVENT_KIND_SALE", **line(), **fields}
    request = stock.RecordStockEventsRequest(source=source, events=[event])
    (recorded,) = messages.events_from_request(request).events
    return recorded


def availability_of(sku: str) -> core.GetAvailability:
    return messages.availability_from_request(availability.GetAvailabilityRequest(sku=sku))


def availability_of_all(skus: list[str]) -> core.GetAvailability:
    return messages.batch_availability_from_request(
        availability.BatchGetAvailabilityRequest(skus=skus)
    )


def put_location(**fields: Any) -> core.Location:
    location = {"location": "BRISTOL", **fields}
    return messages.location_from_request(catalog.PutLocationRequest(location=location)).location


def fault(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        call(*args, **kwargs)
    return caught.value


def assert_invalid(told: Fault, field: str, value: object, expected: str) -> None:
    """The fault names field and value, and says what would be right."""
    assert told.reason == "INVALID_VALUE"
    assert told.code.name == "INVALID_ARGUMENT"
    assert told.metadata == {"field": field, "value": str(value), "expected": expected}
    assert told.message == f"{field} is {value!r}: expected {expected}"


# Names and ids

REQUIRED_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Reserve.reservation_id": ("reservation_id", reserve),
    "Reserve.sku": ("lines[1].sku", lambda text: reserve(lines=[line(), line(sku=text)])),
    "Reserve.location": ("lines[0].location", lambda text: reserve(lines=[line(location=text)])),
    "Extend.reservation_id": ("reservation_id", lambda text: extend(text, seconds=1)),
    "Commit.reservation_id": ("reservation_id", lambda text: move(reservation_id=text)),
    "Commit.sku": ("lines[0].sku", lambda text: move(lines=[line(sku=text)])),
    "Commit.location": ("lines[0].location", lambda text: move(lines=[line(location=text)])),
    "GetReservation.reservation_id": (
        "reservation_id",
        lambda text: messages.get_reservation_from_request(
            reservation.GetReservationRequest(reservation_id=text)
        ),
    ),
    "GetAvailability.sku": ("sku", availability_of),
    "BatchGetAvailability.skus": ("skus[1]", lambda text: availability_of_all(["A", text])),
    "RecordStockEvents.source": ("source", lambda text: record(source=text)),
    "RecordStockEvents.sku": ("events[0].sku", lambda text: record(sku=text)),
    "RecordStockEvents.location": ("events[0].location", lambda text: record(location=text)),
    "PutLocation.location": ("location.location", lambda text: put_location(location=text)),
    "DeleteSku.sku": (
        "sku",
        lambda text: messages.delete_sku_from_request(catalog.DeleteSkuRequest(sku=text)),
    ),
}
OPTIONAL_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Extend.request_id": ("request_id", lambda text: extend(request_id=text, seconds=1)),
    "Commit.request_id": ("request_id", lambda text: move(request_id=text)),
    "RecordStockEvents.event_id": (
        "events[0].event_id",
        lambda text: record(event_id=text, sequence=1),
    ),
    "PutLocation.display_name": (
        "location.display_name",
        lambda text: put_location(display_name=text),
    ),
}
NAMES = REQUIRED_NAMES | OPTIONAL_NAMES

GOOD_NAMES = {
    "one byte": "x",
    "128 of one byte": "x" * 128,
    "64 of two bytes": "é" * 64,
    "32 of four bytes": "\U0001f4e6" * 32,
    "space within": "a b",
    "space alone": " ",
    "other letters": "Käse №5",
    "other spaces": "a\u00a0b\u200d",
}
TOO_LONG = "1 to 128 bytes of UTF-8, not {}"
BREAKING = "text without control characters and line breaks"
BAD_NAMES = {
    "129 of one byte": ("x" * 129, TOO_LONG.format(129)),
    "129 bytes": ("é" * 64 + "x", TOO_LONG.format(129)),
    "33 of four bytes": ("\U0001f4e6" * 33, TOO_LONG.format(132)),
    "a megabyte": ("x" * 1_000_000, TOO_LONG.format("1,000,000")),
    "NUL": ("a\0b", BREAKING),
    "line feed": ("a\n", BREAKING),
    "delete": ("\x7f", BREAKING),
    "next line": ("é\x85", BREAKING),
    "line separator": ("\u2028", BREAKING),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", GOOD_NAMES.values(), ids=GOOD_NAMES)
def test_names_up_to_128_bytes_are_taken_as_they_are(name: str, text: str) -> None:
    command = NAMES[name][1](text)
    if name.endswith(("sku", "skus", "location", "display_name")):
        assert repr(text) in repr(command)  # the others become keys, see below


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("text", "expected"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_longer_names_and_those_that_break_a_log_are_refused(
    name: str, text: str, expected: str
) -> None:
    field, call = NAMES[name]
    told = fault(call, text)
    assert told.reason == "INVALID_VALUE"
    assert (told.metadata["field"], told.metadata["expected"]) == (field, expected)
    assert told.metadata["value"].startswith(text[:128])
    assert told.message.startswith(f"{field} is {text[:128]!r}")
    assert told.message.endswith(f": expected {expected}")


@pytest.mark.parametrize("name", REQUIRED_NAMES)
def test_required_names_cannot_be_empty(name: str) -> None:
    field, call = REQUIRED_NAMES[name]
    assert_invalid(fault(call, ""), field, "", "1 to 128 bytes of UTF-8, not 0")


@pytest.mark.parametrize("name", OPTIONAL_NAMES)
def test_optional_names_can_be_empty(name: str) -> None:
    OPTIONAL_NAMES[name][1]("")


@given(st.text(max_size=140))
def test_a_name_has_1_to_128_bytes_and_breaks_no_line(text: str) -> None:
    is_breaking = any(category(character) in ("Cc", "Zl", "Zp") for character in text)
    expected = 1 <= len(text.encode()) <= 128 and not is_breaking
    assert messages.is_name(text) == expected


def test_keys_of_commands_are_scoped_to_their_reservation_and_source() -> None:
    assert reserve().key == key_from_text(ID)
    assert reserve("order-1").key == key_from_text("order-1")
    assert move(request_id="r1").request == key_from_parts(ID, "r1")
    assert extend(request_id="r1", seconds=1).request == key_from_parts(ID, "r1")
    assert record(source="a", event_id="e1").key == key_from_parts("a", "e1")
    assert move().request is None
    assert extend(seconds=1).request is None
    assert record(event_id="", sequence=1).key is None


# Lines

QUANTITY_EXPECTED = "1 to 1,000,000,000,000,000"
SUM_EXPECTED = "all lines of this SKU and location to sum to 1,000,000,000,000,000 at most"


@pytest.mark.parametrize("quantity", [1, QUANTITY_MAX])
def test_quantities_of_lines_within_the_limits_are_taken(quantity: int) -> None:
    expected = (core.Line("85123A", "BRISTOL", quantity),)
    assert reserve(lines=[line(quantity=quantity)]).lines == expected
    assert move(lines=[line(quantity=quantity)]).lines == expected


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("index", [0, 3])
def test_quantities_of_lines_beyond_the_limits_are_refused(quantity: int, index: int) -> None:
    lines = [line(sku=str(n)) for n in range(index)] + [line(quantity=quantity)]
    for call in (reserve, move):
        told = fault(call, lines=lines)
        assert_invalid(told, f"lines[{index}].quantity", quantity, QUANTITY_EXPECTED)


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
    for call in (reserve, move):
        told = fault(call, lines=[*most, line(quantity=1)])
        assert_invalid(told, "lines[3].quantity", 1, SUM_EXPECTED)


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
    assert_invalid(fault(reserve, lines=lines), "lines", "2,001 long", "1 to 2,000 of them")
    assert_invalid(fault(reserve, lines=[]), "lines", "0 long", "1 to 2,000 of them")


@pytest.mark.parametrize("verb", MOVES)
def test_a_move_has_0_to_2000_lines(verb: Verb) -> None:
    lines = [line(str(n)) for n in range(LINES_MAX + 1)]
    assert move(verb, lines=[]).lines == ()
    assert len(move(verb, lines=lines[:LINES_MAX]).lines) == LINES_MAX
    told = fault(move, verb, lines=lines)
    assert_invalid(told, "lines", "2,001 long", "0 to 2,000 of them")


def test_lines_are_counted_before_they_are_summed() -> None:
    told = fault(reserve, lines=[line()] * (LINES_MAX + 1))
    assert told.metadata["field"] == "lines"


# Hold durations

DURATION_EXPECTED = "1 second to 30 days, in whole milliseconds"
DAYS_30_S = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("seconds", "nanos", "hold_ms"),
    [(1, 0, 1_000), (1, 1_000_000, 1_001), (1, 999_000_000, 1_999), (DAYS_30_S, 0, 2_592_000_000)],
)
def test_durations_within_the_limits_are_taken(seconds: int, nanos: int, hold_ms: int) -> None:
    duration = Duration(seconds=seconds, nanos=nanos)
    assert reserve(hold_duration=duration).hold_ms == hold_ms
    assert extend(seconds=seconds, nanos=nanos).hold_ms == hold_ms


@pytest.mark.parametrize(
    ("seconds", "nanos", "value"),
    [
        (0, 0, "0 s"),
        (0, 999_000_000, "0 s and 999000000 ns"),
        (DAYS_30_S, 1_000_000, "2592000 s and 1000000 ns"),
        (DAYS_30_S + 1, 0, "2592001 s"),
        (-1, 0, "-1 s"),
        (1, 1, "1 s and 1 ns"),
        (2, 500_000, "2 s and 500000 ns"),
        (2, -1_000_000, "2 s and -1000000 ns"),
        (1, 1_000_000_000, "1 s and 1000000000 ns"),
    ],
)
def test_durations_beyond_the_limits_are_refused(seconds: int, nanos: int, value: str) -> None:
    duration = Duration(seconds=seconds, nanos=nanos)
    assert_invalid(
        fault(reserve, hold_duration=duration), "hold_duration", value, DURATION_EXPECTED
    )
    told = fault(extend, seconds=seconds, nanos=nanos)
    assert_invalid(told, "hold_duration", value, DURATION_EXPECTED)


def test_a_duration_that_is_not_given_has_a_default_in_reserve_only() -> None:
    assert reserve().hold_ms == HOLD_MS_DEFAULT
    told = fault(extend)
    expected = "1 second to 30 days; here it has no default"
    assert_invalid(told, "hold_duration", "", expected)


# Remainders


@pytest.mark.parametrize("verb", [Verb.COMMIT, Verb.FULFILL])
def test_commit_and_fulfill_say_what_happens_to_the_rest(verb: Verb) -> None:
    assert move(verb).remainder is Remainder.KEEP
    assert move(verb, remainder="REMAINDER_KEEP").remainder is Remainder.KEEP
    assert move(verb, remainder="REMAINDER_GIVE_BACK").remainder is Remainder.GIVE_BACK
    told = fault(move, verb, remainder=3)
    assert_invalid(told, "remainder", 3, "REMAINDER_KEEP or REMAINDER_GIVE_BACK")


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.CANCEL])
def test_release_and_cancel_keep_the_rest(verb: Verb) -> None:
    assert move(verb).remainder is Remainder.KEEP


@pytest.mark.parametrize("verb", MOVES)
def test_a_move_carries_its_verb(verb: Verb) -> None:
    assert move(verb).verb is verb


# Stock events and locations

EVENT_LIMITS = {
    EventKind.RECEIPT: (1, "1 to 1,000,000,000,000,000 for kind RECEIPT"),
    EventKind.ADJUSTMENT: (
        -QUANTITY_MAX,
        "-1,000,000,000,000,000 to 1,000,000,000,000,000 but not 0 for kind ADJUSTMENT",
    ),
    EventKind.SALE: (1, "1 to 1,000,000,000,000,000 for kind SALE"),
    EventKind.RETURN: (1, "1 to 1,000,000,000,000,000 for kind RETURN"),
    EventKind.COUNT: (0, "0 to 1,000,000,000,000,000 for kind COUNT"),
}


@pytest.mark.parametrize("kind", EventKind)
def test_quantities_of_events_have_the_limits_of_their_kind(kind: EventKind) -> None:
    low, expected = EVENT_LIMITS[kind]
    name = f"STOCK_EVENT_KIND_{kind.name}"
    for quantity in (low, 1, QUANTITY_MAX):
        event = record(kind=name, quantity=quantity)
        assert (event.kind, event.quantity) == (kind, quantity)
    for quantity in (low - 1, QUANTITY_MAX + 1):
        told = fault(record, kind=name, quantity=quantity)
        assert_invalid(told, "events[0].quantity", quantity, expected)


def test_nothing_is_adjusted_by_0() -> None:
    told = fault(record, kind="STOCK_EVENT_KIND_ADJUSTMENT", quantity=0)
    assert_invalid(told, "events[0].quantity", 0, EVENT_LIMITS[EventKind.ADJUSTMENT][1])
    for quantity in (-1, 1):
        event = record(kind="STOCK_EVENT_KIND_ADJUSTMENT", quantity=quantity)
        assert event.quantity == quantity


@pytest.mark.parametrize(("kind", "value"), [(0, "STOCK_EVENT_KIND_UNSPECIFIED"), (6, 6), (-1, -1)])
def test_events_of_other_kinds_are_refused(kind: int, value: object) -> None:
    expected = " or ".join(f"STOCK_EVENT_KIND_{each.name}" for each in EventKind)
    assert_invalid(fault(record, kind=kind), "events[0].kind", value, expected)


def test_an_event_has_an_id_or_a_sequence() -> None:
    assert record(event_id="e", sequence=0).sequence == 0
    assert record(event_id="", sequence=2**63 - 1).sequence == 2**63 - 1
    expected = "an event_id, a sequence, or both"
    assert_invalid(fault(record, event_id=""), "events[0].event_id", "", expected)
    told = fault(record, sequence=2**63)
    expected = "0 to 9,223,372,036,854,775,807"
    assert_invalid(told, "events[0].sequence", 2**63, expected)


@pytest.mark.parametrize(
    "request_class", [stock.RecordStockEventsRequest, stock.ApplyStockEventsRequest]
)
def test_a_message_has_1_to_1000_events(request_class: Any) -> None:
    events = [
        {"sequence": n + 1, "kind": "STOCK_EVENT_KIND_SALE", **line(quantity=n + 1)}
        for n in range(BATCH_MAX + 1)
    ]
    most = messages.events_from_request(request_class(source="s", events=events[:BATCH_MAX]))
    assert [event.sequence for event in most.events] == [*range(1, BATCH_MAX + 1)]
    assert most.source == "s"
    for count, value in ((0, "0 long"), (BATCH_MAX + 1, "1,001 long")):
        request = request_class(source="s", events=events[:count])
        told = fault(messages.events_from_request, request)
        assert_invalid(told, "events", value, "1 to 1,000 of them")


def test_a_fault_names_the_event_that_is_malformed() -> None:
    good = {"sequence": 1, "kind": "STOCK_EVENT_KIND_SALE", **line()}
    request = stock.RecordStockEventsRequest(source="s", events=[good, good, {**good, "sku": ""}])
    assert fault(messages.events_from_request, request).metadata["field"] == "events[2].sku"


def test_a_location_is_an_enabled_warehouse_unless_it_says_otherwise() -> None:
    assert put_location() == core.Location("BRISTOL", LocationKind.WAREHOUSE, "", True)
    assert put_location(enabled=True).enabled
    assert not put_location(enabled=False).enabled


@pytest.mark.parametrize("kind", LocationKind)
def test_every_kind_of_location_is_taken(kind: LocationKind) -> None:
    assert put_location(kind=f"LOCATION_KIND_{kind.name}").kind is kind


def test_other_kinds_of_location_are_refused() -> None:
    expected = "LOCATION_KIND_WAREHOUSE or LOCATION_KIND_STORE or LOCATION_KIND_SUPPLIER"
    assert_invalid(fault(put_location, kind=4), "location.kind", 4, expected)


def test_a_put_location_without_location_names_the_field_that_is_missing() -> None:
    told = fault(messages.location_from_request, catalog.PutLocationRequest())
    assert told.metadata["field"] == "location.location"


# Availability


def test_a_batch_reads_1_to_1000_skus_in_their_order() -> None:
    skus = [str(n) for n in range(BATCH_MAX + 1)]
    assert availability_of_all(skus[:BATCH_MAX]).skus == tuple(skus[:BATCH_MAX])
    assert availability_of_all(["B", "A", "B"]).skus == ("B", "A", "B")
    assert availability_of("A").skus == ("A",)
    for count, value in ((0, "0 long"), (BATCH_MAX + 1, "1,001 long")):
        told = fault(availability_of_all, skus[:count])
        assert_invalid(told, "skus", value, "1 to 1,000 of them")


# Messages as a whole


def test_the_first_field_that_is_malformed_is_named() -> None:
    told = fault(reserve, "", lines=[], hold_duration=Duration())
    assert told.metadata["field"] == "reservation_id"
    told = fault(reserve, lines=[], hold_duration=Duration())
    assert told.metadata["field"] == "lines"
    told = fault(record, event_id="", sku="", quantity=0)
    assert told.metadata["field"] == "events[0].event_id"


def test_fields_of_a_later_version_are_ignored() -> None:
    data = reservation.ReserveRequest(reservation_id=ID, lines=[line()]).SerializeToString()
    field_99 = b"\x9a\x06\x03new"
    request = reservation.ReserveRequest.FromString(data + field_99)
    assert messages.reserve_from_request(request) == reserve()
