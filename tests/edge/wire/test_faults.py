"""Every fault is one status that programs and people can both read, and that fits its header."""

import base64
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core import commands as core
from holdfast.core.capacity import TABLES
from holdfast.core.commands import Conflict, OutOfRange
from holdfast.edge.wire import faults
from holdfast.edge.wire.engine_faults import fault_from_outcome
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import reservation_service_pb2 as reservation

#: What gRPC takes as the headers of an answer, by default.
HEADERS_BYTES_MAX = 8192

FAULTS: dict[str, tuple[Callable[[], Fault], str]] = {
    "invalid": (lambda: faults.invalid("lines[3].quantity", 0, "1 to 9"), "INVALID_ARGUMENT"),
    "out_of_range": (
        lambda: faults.out_of_range(OutOfRange("events[2].quantity", 71, "on_hand", 70)),
        "INVALID_ARGUMENT",
    ),
    "malformed": (lambda: faults.malformed("wire type 7"), "INVALID_ARGUMENT"),
    "not_found sku": (lambda: faults.not_found("lines[2].sku", "85123A"), "NOT_FOUND"),
    "not_found skus": (lambda: faults.not_found("skus[2]", "85123A"), "NOT_FOUND"),
    "not_found location": (lambda: faults.not_found("lines[2].location", "L7"), "NOT_FOUND"),
    "not_found reservation": (lambda: faults.not_found("reservation_id", "r7"), "NOT_FOUND"),
    "other_timeline": (
        lambda: faults.other_timeline("stock_levels[3]", 77),
        "FAILED_PRECONDITION",
    ),
    "ambiguous": (
        lambda: faults.ambiguous("lines.lines[1]", core.Ambiguous("", "A", "L", "", 2)),
        "INVALID_ARGUMENT",
    ),
    "already_exists": (
        lambda: faults.already_exists(Conflict("lines[1].quantity", "5", "6")),
        "ALREADY_EXISTS",
    ),
    "name_taken": (
        lambda: fault_from_outcome(core.NameTaken("new_sku", "A", "B")),
        "ALREADY_EXISTS",
    ),
    "name_taken ended": (
        lambda: fault_from_outcome(core.NameTaken("new_sku", "A", "A", has_ended=True)),
        "ALREADY_EXISTS",
    ),
    "too_much_to_merge": (
        lambda: fault_from_outcome(core.LimitReached("sku", "A", "stock levels", 200)),
        "FAILED_PRECONDITION",
    ),
    "merge_blocked": (
        lambda: fault_from_outcome(core.InTheWay("sku", "A", "units held", 7, "ship them")),
        "FAILED_PRECONDITION",
    ),
    "merge_blocked as one": (
        lambda: fault_from_outcome(core.InTheWay("into_sku", "A", "one SKU already")),
        "FAILED_PRECONDITION",
    ),
    "too_many_names": (
        lambda: fault_from_outcome(core.LimitReached("new_sku", "A", "names", 32)),
        "FAILED_PRECONDITION",
    ),
    "overloaded": (lambda: faults.overloaded(3, 4096), "UNAVAILABLE"),
    "state_changing": (lambda: faults.state_changing(10), "ABORTED"),
    "snapshot_under_way": (faults.snapshot_under_way, "ABORTED"),
    "snapshot_failed": (lambda: faults.snapshot_failed("a full disk"), "FAILED_PRECONDITION"),
    "storage_full": (lambda: faults.storage_full(12, 345), "RESOURCE_EXHAUSTED"),
    "draining": (faults.draining, "UNAVAILABLE"),
    "deadline_exceeded": (faults.deadline_exceeded, "DEADLINE_EXCEEDED"),
    "internal": (faults.internal, "INTERNAL"),
    "internal with id": (lambda: faults.internal("abc-123"), "INTERNAL"),
}


def unpacked(status: status_pb2.Status, kind: type[Any]) -> list[Any]:
    """The details of one kind."""
    return [kind.FromString(each.value) for each in status.details if each.Is(kind.DESCRIPTOR)]


def details(status: status_pb2.Status) -> tuple[list[error_details_pb2.ErrorInfo], list[float]]:
    """Unpack the ErrorInfos, and the delays of the RetryInfos in seconds."""
    retries = unpacked(status, error_details_pb2.RetryInfo)
    delays = [retry.retry_delay.ToNanoseconds() / 1e9 for retry in retries]
    return unpacked(status, error_details_pb2.ErrorInfo), delays


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_names_a_field_blames_it_in_a_bad_request(name: str) -> None:
    fault = FAULTS[name][0]()
    requests = unpacked(fault.to_status(), error_details_pb2.BadRequest)
    assert len(requests) == ("field" in fault.metadata)
    for request in requests:
        (violation,) = request.field_violations
        assert fault.metadata["field"] == violation.field
        assert violation.description


@pytest.mark.parametrize(
    ("make", "resource"),
    [
        (lambda: faults.not_found("lines[0].sku", "A"), ("inventory.holdfast/Sku", "A")),
        (lambda: faults.not_found("location", "L"), ("inventory.holdfast/Location", "L")),
        (
            lambda: faults.not_found("reservation_id", "r"),
            ("inventory.holdfast/Reservation", "r"),
        ),
        (
            lambda: fault_from_outcome(
                Conflict("lines", "1", "2"), reservation.ReserveRequest(reservation_id="r")
            ),
            ("inventory.holdfast/Reservation", "r"),
        ),
        (
            lambda: fault_from_outcome(
                Conflict("lines", "1", "2"),
                reservation.CommitRequest(reservation_id="r", request_id="q"),
            ),
            ("inventory.holdfast/Request", "q"),
        ),
    ],
)
def test_what_is_there_or_is_not_is_named_as_a_resource(
    make: Callable[[], Fault], resource: tuple[str, str]
) -> None:
    (info,) = unpacked(make().to_status(), error_details_pb2.ResourceInfo)
    assert resource == (info.resource_type, info.resource_name)


def test_thousands_of_unknown_names_are_reported_in_one_pass_over_the_lines() -> None:
    """A pass for each of them took over a second for a Reserve of 2,000 lines."""
    lines, hashed = 500, 0

    class Sku:
        def __hash__(self) -> int:
            nonlocal hashed
            hashed += 1
            return id(self)

    request = SimpleNamespace(
        lines=[SimpleNamespace(sku=Sku(), location="L", line_id="") for _ in range(lines)]
    )
    first, *more = [(f"lines[{at}].sku", str(at)) for at in range(lines)]
    fault = fault_from_outcome(core.Unknown(*first, more=tuple(more)), request)
    assert f"{lines} names are unknown: lines[0].sku" in fault.message
    assert lines == hashed


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_status_with_one_error_info(name: str) -> None:
    make, code = FAULTS[name]
    fault = make()
    status = fault.to_status()
    (info,), delays = details(status)
    assert grpc.StatusCode[code].value[0] == status.code
    assert (fault.message, fault.reason) == (status.message, info.reason)
    assert "inventory.holdfast" == info.domain
    assert dict(info.metadata) == fault.metadata
    assert delays == ([] if fault.retry_after_s is None else [fault.retry_after_s])


@pytest.mark.parametrize("name", FAULTS)
def test_reasons_and_keys_have_the_form_of_error_info(name: str) -> None:
    fault = FAULTS[name][0]()
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", fault.reason)
    for key in fault.metadata:
        assert re.fullmatch(r"[a-z][a-zA-Z0-9-_]+", key)


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_varies_in_a_message_is_in_the_metadata(name: str) -> None:
    """Numbers are what varies here; none may stand in the message alone."""
    fault = FAULTS[name][0]()
    in_metadata = " ".join(fault.metadata.values())
    for number in re.findall(r"\d+", fault.message):
        assert number in in_metadata
    for value in fault.metadata.values():
        assert value in fault.message


@pytest.mark.parametrize("name", FAULTS)
def test_a_retry_is_advised_where_it_can_help(name: str) -> None:
    make, code = FAULTS[name]
    _, delays = details(make().to_status())
    assert bool(delays) == (code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"))
    assert all(delay > 0 for delay in delays)


def test_a_journal_beyond_its_reserve_has_no_headroom() -> None:
    fault = faults.storage_full(-5, 100)
    assert {"headroom_bytes": "0", "reserve_bytes": "100"} == fault.metadata


@pytest.mark.parametrize("table", sorted({name for names in TABLES.values() for name in names}))
def test_each_table_that_can_be_full_has_a_fault(table: str) -> None:
    fault = faults.table_full(table, 2, 100)

    assert {"table": table, "shard": "2", "rows_max": "100"} == fault.metadata


def test_a_fault_is_logged_by_code_reason_and_message() -> None:
    fault = faults.invalid("sku", "", "1 to 128 bytes")
    assert "INVALID_ARGUMENT INVALID_VALUE: sku is '': expected 1 to 128 bytes" == str(fault)


# Values


def test_values_are_shown_whole_up_to_128_characters() -> None:
    text = "x" * 128
    assert (faults.shown(text), faults.shortened(text)) == (f"'{text}'", text)
    assert faults.shown(text + "y") == f"'{text}'... (129 characters)"
    assert faults.shortened(text + "y") == f"{text}... (129 characters)"
    assert faults.shown(-5) == faults.shortened(-5) == "-5"


def test_values_cannot_break_a_line_of_a_log() -> None:
    fault = faults.invalid("sku", "a\nb\x00", "text")
    assert "sku is 'a\\nb\\x00': expected text" == fault.message


@pytest.mark.parametrize("character", ["x", "é", "\U0001f4e6", "\U0010ffff", "\n", "'"])
def test_the_longest_values_fit_a_header(character: str) -> None:
    value = character * 128 if len(character.encode()) == 1 else character * 32
    many = character * 1_000_000
    field = "lines[1999].location"
    conflict = Conflict(field, value, value)
    for fault in (faults.invalid(field, many, "x" * 100), faults.already_exists(conflict)):
        status = fault.to_status()
        sent = quote(fault.message) + base64.b64encode(status.SerializeToString()).decode()
        assert len(sent) < HEADERS_BYTES_MAX


@pytest.mark.parametrize("character", ["x", "é", "\U0001f4e6"])
@pytest.mark.parametrize("count", [1, 3, 40, 4_000])
def test_as_many_unknown_names_are_reported_as_fit_a_header(character: str, count: int) -> None:
    """All three of three, however long; of thousands those that fit, and how many they are."""
    names = [f"{number:04}{character * 31}" for number in range(count)]
    first, *more = [(f"lines[{at}].sku", name) for at, name in enumerate(names)]
    fault = fault_from_outcome(core.Unknown(*first, more=tuple(more)))
    status = fault.to_status()
    sent = quote(fault.message) + base64.b64encode(status.SerializeToString()).decode()
    assert len(sent) < HEADERS_BYTES_MAX
    (request,) = unpacked(status, error_details_pb2.BadRequest)
    resources = unpacked(status, error_details_pb2.ResourceInfo)
    named = len(request.field_violations)
    assert min(count, 3) <= named == len(resources)
    assert names[:named] == [each.resource_name for each in resources]
    assert [f"lines[{at}].sku" for at in range(named)] == [
        each.field for each in request.field_violations
    ]
    if count > 1:
        assert str(count) == fault.metadata["count"]
    assert all(name in fault.message for name in names[:3])
    assert len(fault.blames) <= faults.NAMED_MAX  # the rest would be built to be thrown away


def test_no_more_names_fit_than_are_looked_at() -> None:
    """The shortest there are, so as many as a status and its message can name."""
    more = tuple(("sku", chr(at)) for at in range(33, 33 + 2 * faults.NAMED_MAX))
    fault = fault_from_outcome(core.Unknown("sku", " ", more=more))
    (request,) = unpacked(fault.to_status(), error_details_pb2.BadRequest)
    assert len(request.field_violations) < faults.NAMED_MAX
    assert 1 + len(more) == int(fault.metadata["count"])
    named = fault.message.count("sku ")
    assert named < faults.NAMED_MAX
    assert f" and {1 + len(more) - named} more" in fault.message


def test_a_name_that_stands_twice_is_one_resource() -> None:
    fault = faults.not_found("lines[0].sku", "A", ("lines[2].sku", "A"))
    assert 1 == len(unpacked(fault.to_status(), error_details_pb2.ResourceInfo))
    assert "2 names are unknown: lines[0].sku 'A', lines[2].sku 'A'; a SKU" in fault.message


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
    fault = fault_from_outcome(core.Unknown(field, "X"))
    assert (fault.code.name, fault.reason) == ("NOT_FOUND", reason)
    assert fault.metadata == {"field": field, "value": "X"}
    assert fault.message.startswith(f"{field} is 'X', which is unknown: ")


def test_an_id_that_is_used_again_names_what_differs() -> None:
    fault = fault_from_outcome(core.Conflict("hold_duration", "900000 ms", "1000 ms"))
    assert ("ALREADY_EXISTS", "ID_REUSED") == (fault.code.name, fault.reason)
    first_now = {"first": "900000 ms", "now": "1000 ms"}
    assert fault.metadata == {"field": "hold_duration", **first_now}
    assert "hold_duration was '900000 ms' and is now '1000 ms'" in fault.message


@pytest.mark.parametrize("field", ["reason", "actor", "lines", "stock_levels", "new_sku"])
def test_a_fingerprint_is_not_shown(field: str) -> None:
    """Of what a request with an id said, little more is remembered."""
    request = admin.ForceReleaseRequest(reservation_id="r", request_id="q")
    fault = fault_from_outcome(core.Conflict(field, "2e7c6ed", "22ef51ce"), request)
    assert ("ID_REUSED", {"field": field}) == (fault.reason, fault.metadata)
    assert f"{field} is another one" in fault.message
    assert "2e7c6ed" not in str(fault.to_status())
    kept = fault_from_outcome(core.Conflict("method", "REPAIR", "FORCE"), request)
    assert "method was 'REPAIR' and is now 'FORCE'" in kept.message


def test_a_stock_level_out_of_range_is_malformed() -> None:
    outcome = core.OutOfRange("events[3].quantity", 10**15, "on_hand after the event", 2 * 10**18)
    fault = fault_from_outcome(outcome)
    assert ("INVALID_ARGUMENT", "OUT_OF_RANGE") == (fault.code.name, fault.reason)
    assert "events[3].quantity" == fault.metadata["field"]
    assert fault.message.startswith("events[3].quantity is 1000000000000000: expected on_hand")


@pytest.mark.parametrize(("engine_index", "request_index"), [(0, 0), (1, 2), (2, 4), (3, 3)])
def test_a_path_has_the_index_of_the_request(engine_index: int, request_index: int) -> None:
    """The engine sees A, B and C; the request named A twice and then B twice before C."""
    lines = [{"sku": sku, "location": "L"} for sku in "AABBC"]
    request = reservation.ReserveRequest(lines=lines)
    for rest in (".sku", ".location"):
        unknown = core.Unknown(f"lines[{engine_index}]{rest}", "X")
        fault = fault_from_outcome(unknown, request)
        assert fault.metadata["field"] == f"lines[{request_index}]{rest}"


def test_the_path_of_a_move_leads_to_its_lines() -> None:
    lines = [{"sku": sku, "location": "L"} for sku in "AAB"]
    request = reservation.CommitRequest(lines={"lines": lines})
    fault = fault_from_outcome(core.Ambiguous("lines[1]", "B", "L", "", 2), request)
    assert ("INVALID_ARGUMENT", "AMBIGUOUS_LINE") == (fault.code.name, fault.reason)
    assert "lines.lines[2]" == fault.metadata["field"]
    assert "SKU 'B' at 'L', and the reservation has 2 such lines: expected line_id" in fault.message
    fault = fault_from_outcome(core.Ambiguous("lines[1]", "", "", "7", 3), request)
    assert "line id '7', and the reservation has 3 such lines: expected sku" in fault.message


def test_a_path_that_is_of_no_line_stays_as_it_is() -> None:
    unknown = core.Unknown("reservation_id", "X")
    for request in (reservation.ReserveRequest(lines=[{"sku": "A"}]), None):
        assert "reservation_id" == fault_from_outcome(unknown, request).metadata["field"]
