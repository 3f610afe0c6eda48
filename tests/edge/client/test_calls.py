"""Arguments to calls: every method of the clients, and the message that it sends."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message_factory import GetMessageClass

from holdfast.admin.v1 import admin_service_pb2
from holdfast.edge.client import calls, ledger_calls, methods, operator_calls, sku_calls
from holdfast.edge.client.lines import Line
from holdfast.v1 import (
    availability_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
)
from holdfast.v1.common_pb2 import Revision
from holdfast.v1.reservation_service_pb2 import REMAINDER_GIVE_BACK
from holdfast.v1.stock_service_pb2 import StockEvent

FILES = (
    reservation_service_pb2,
    availability_service_pb2,
    stock_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    admin_service_pb2,
)
#: Rows of packed columns, not calls of one thing: a fast lane underneath, without methods here.
PACKED = set("BatchReserve BatchCommit BatchFulfill BatchRelease ReserveStream".split())
RPCS = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.name not in PACKED
}
MODULES = calls, ledger_calls, operator_calls, sku_calls
CALLS = {name: call for module in MODULES for name, call in vars(module).items()}
PARTIAL = ("commit", "fulfill", "release", "cancel")

NOON, NOON_S = datetime(2026, 11, 27, 12, tzinfo=UTC), 1_795_780_800
LINES: list[Line] = [("S1", "W1", 2), ("S2", "W1", 1, "line-2")]
LINE_FIELDS = [
    {"sku": "S1", "location": "W1", "quantity": 2},
    {"sku": "S2", "location": "W1", "quantity": 1, "line_id": "line-2"},
]
ALL: dict[str, Any] = {"all": {}}
R1_Q = {"reservation_id": "r1", "request_id": "q"}
ERP_Q = {"source": "erp", "request_id": "q"}
BECAUSE = {"reason": "r", "actor": "a", "request_id": "q"}
SALE = StockEvent(event_id="e1", sku="S1", location="W1", kind="STOCK_EVENT_KIND_SALE", quantity=1)
W1 = {"location": "W1", "kind": 1, "enabled": True}

# Method, arguments, fields.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "reserve",
        {"reservation_id": "r1", "lines": iter(LINES), "owner": "ann"},
        {"reservation_id": "r1", "lines": LINE_FIELDS, "owner": "ann"},
    ),
    (
        "extend",
        {**R1_Q, "hold": 60},
        {**R1_Q, "hold_duration": {"seconds": 60}},
    ),
    *((name, R1_Q, {**R1_Q, **ALL}) for name in PARTIAL),
    *(
        (name, {**R1_Q, "lines": LINES}, {**R1_Q, "lines": {"lines": LINE_FIELDS}})
        for name in PARTIAL
    ),
    ("commit", {**R1_Q, "remainder": REMAINDER_GIVE_BACK}, {**R1_Q, **ALL, "remainder": 2}),
    ("fulfill", {**R1_Q, "remainder": "REMAINDER_GIVE_BACK"}, {**R1_Q, **ALL, "remainder": 2}),
    ("get_reservation", {"reservation_id": "r1"}, {"reservation_id": "r1"}),
    ("get_availability", {"sku": "S1"}, {"sku": "S1"}),
    ("batch_get_availability", {"skus": iter(["S1", "S2"])}, {"skus": ["S1", "S2"]}),
    (
        "get_availability",
        {"sku": "S1", "source_states": ["SOURCE_STATE_STALE"]},
        {"sku": "S1", "source_states": [2]},
    ),
    ("get_available_to_promise", {"sku": "S1"}, {"sku": "S1"}),
    (
        "get_available_to_promise",
        {"sku": "S1", "source_states": ["SOURCE_STATE_STALE"]},
        {"sku": "S1", "source_states": [2]},
    ),
    (
        "get_available_to_promise",
        {"sku": "S1", "locations": iter(["W1"]), "horizon_days": 9, "page_size": 5},
        {"sku": "S1", "locations": ["W1"], "horizon_days": 9, "page_size": 5},
    ),
    (
        "batch_get_availability",
        {"skus": ["S1"], "source_states": iter(["SOURCE_STATE_GAP", 2])},
        {"skus": ["S1"], "source_states": [1, 2]},
    ),
    (
        "resolve_stock_levels",
        {"levels": iter([("S1", "W1")])},
        {"stock_levels": [{"sku": "S1", "location": "W1"}]},
    ),
    (
        "get_shortfall",
        {"sku": "S1", "location": "W1", "max_lines": 7},
        {"sku": "S1", "location": "W1", "max_lines": 7},
    ),
    (
        "record_stock_events",
        {"source": "erp", "events": iter([SALE])},
        {"source": "erp", "events": [SALE]},
    ),
    ("create_location", {"location": "W1"}, {"location": W1}),
    (
        "create_location",
        {"location": "W1", "kind": "LOCATION_KIND_STORE", "display_name": "One", "enabled": False},
        {"location": {"location": "W1", "kind": 2, "display_name": "One", "enabled": False}},
    ),
    (
        "update_location",
        {"location": "W1", "request_id": "q"},
        {"location": {"location": "W1"}, "update_mask": {}, "request_id": "q"},
    ),
    (
        "update_location",
        {
            "location": "W1",
            "display_name": "",
            "enabled": False,
            "allow_missing": True,
            "request_id": "q",
        },
        {
            "location": {"location": "W1", "enabled": False},
            "update_mask": {"paths": ["display_name", "enabled"]},
            "allow_missing": True,
            "request_id": "q",
        },
    ),
    ("get_location", {"location": "W1"}, {"location": "W1"}),
    (
        "list_locations",
        {"page_size": 7, "page_token": "t"},
        {"page_size": 7, "page_token": "t"},
    ),
    ("list_locations", {}, {}),
    ("delete_sku", {"sku": "S1", "request_id": "q"}, {"sku": "S1", "request_id": "q"}),
    (
        "merge_sku",
        {"sku": "S1", "into_sku": "S2", "request_id": "q"},
        {"sku": "S1", "into_sku": "S2", "request_id": "q"},
    ),
    (
        "rename_sku",
        {"sku": "S1", "new_sku": "S2", "request_id": "q"},
        {"sku": "S1", "new_sku": "S2", "request_id": "q"},
    ),
    ("list_reservations", {}, {}),
    (
        "list_reservations",
        {
            "sku": "S1",
            "location": "W1",
            "state": "RESERVATION_STATE_HELD",
            "page_size": 7,
            "create_time_before": NOON,
            "owner": "ann",
            "page_token": "t",
        },
        {
            "sku": "S1",
            "location": "W1",
            "state": 1,
            "page_size": 7,
            "owner": "ann",
            "page_token": "t",
            "create_time_before": {"seconds": NOON_S},
        },
    ),
    ("list_movements", {}, {}),
    (
        "list_movements",
        {"sku": "S1", "location": "W1", "until_time": NOON, "page_size": 7, "page_token": "t"},
        {
            "sku": "S1",
            "location": "W1",
            "page_size": 7,
            "page_token": "t",
            "until_time": {"seconds": NOON_S},
        },
    ),
    (
        "list_movements",
        {"reservation_id": "r1", "source": "erp", "reference_id": "D1", "from_time": NOON},
        {
            "reservation_id": "r1",
            "source": "erp",
            "reference_id": "D1",
            "from_time": {"seconds": NOON_S},
        },
    ),
    ("explain_availability", {"sku": "S1", "location": "W1"}, {"sku": "S1", "location": "W1"}),
    (
        "explain_availability",
        {"sku": "S1", "location": "W1", "at": NOON},
        {"sku": "S1", "location": "W1", "time": {"seconds": NOON_S}},
    ),
    (
        "explain_availability",
        {"sku": "S1", "location": "W1", "at": Revision(shard=1, sequence=2)},
        {"sku": "S1", "location": "W1", "revision": {"shard": 1, "sequence": 2}},
    ),
    ("get_status", {}, {}),
    ("get_status", {"include_state_hash": True}, {"include_state_hash": True}),
    ("create_snapshot", {}, {}),
    ("drain", {}, {}),
    ("run_audit", {}, {}),
    (
        "repair_stock_levels",
        {
            "levels": [("mug", "W")],
            "reason": "r",
            "actor": "a",
            "validate_only": True,
            "request_id": "q",
        },
        {
            "stock_levels": [{"sku": "mug", "location": "W"}],
            "reason": "r",
            "actor": "a",
            "validate_only": True,
            "request_id": "q",
        },
    ),
    (
        "repair_stock_levels",
        BECAUSE,
        BECAUSE,
    ),
    (
        "force_release",
        {"reservation_id": "r1", **BECAUSE},
        {"reservation_id": "r1", **BECAUSE},
    ),
    ("list_sources", {}, {}),
    ("list_pending_reversals", {}, {}),
    ("list_pending_reversals", {"page_size": 7}, {"page_size": 7}),
    ("list_quarantined_skus", {}, {}),
    ("list_quarantined_skus", {"page_size": 7}, {"page_size": 7}),
    (
        "settle_quarantined_sku",
        {"sku": "S1", "decision": "SKU_DECISION_ADMIT", **BECAUSE},
        {"sku": "S1", "decision": "SKU_DECISION_ADMIT", **BECAUSE},
    ),
    ("list_sources", {"page_size": 7, "page_token": "t"}, {"page_size": 7, "page_token": "t"}),
    ("get_source", {"source": "erp"}, {"source": "erp"}),
    (
        "update_source",
        {"source": "erp", "request_id": "q"},
        {"source": {"source": "erp"}, "update_mask": {}, "request_id": "q"},
    ),
    (
        "update_source",
        {
            "source": "erp",
            "expected_interval": 90,
            "fallback": "FALLBACK_CAP",
            "cap": 5,
            "unknown_skus": "UNKNOWN_SKUS_REFUSE",
            "allow_missing": True,
            "request_id": "q1",
        },
        {
            "source": {
                "source": "erp",
                "expected_interval": {"seconds": 90},
                "fallback": "FALLBACK_CAP",
                "cap": 5,
                "unknown_skus": "UNKNOWN_SKUS_REFUSE",
            },
            "update_mask": {"paths": ["expected_interval", "unknown_skus", "fallback", "cap"]},
            "allow_missing": True,
            "request_id": "q1",
        },
    ),
    ("reset_source", {**ERP_Q, "reason": "new"}, {**ERP_Q, "reason": "new"}),
    (
        "reset_source",
        {**ERP_Q, "reason": "new", "last_sequence": 7},
        {**ERP_Q, "reason": "new", "last_sequence": 7},
    ),
]


def method_name(rpc_name: str) -> str:
    """Turn GetStatus into get_status."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc_name).lower()


def test_every_rpc_has_a_call_with_the_response_of_the_contract() -> None:
    table = {
        method.path: method
        for method in (*methods.UNARY_METHODS, methods.RECORD_STOCK_EVENTS_STREAM)
    }
    assert RPCS.keys() == table.keys()
    for path, rpc in RPCS.items():
        assert GetMessageClass(rpc.output_type) is table[path].response


def test_every_unary_rpc_has_a_case() -> None:
    names = {method_name(rpc.name) for rpc in RPCS.values() if not rpc.client_streaming}
    assert names == {name for name, _, _ in CASES}


@pytest.mark.parametrize(("name", "arguments", "fields"), CASES)
def test_arguments_become_fields(
    name: str, arguments: dict[str, Any], fields: dict[str, Any]
) -> None:
    call = CALLS[name](**arguments, timeout_s=2.0, correlation_id="c1")
    rpc = RPCS[call.method.path]
    assert name == method_name(rpc.name)
    assert GetMessageClass(rpc.input_type)(**fields) == call.request
    assert (2.0, "c1") == (call.timeout_s, call.correlation_id)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("extend", {"reservation_id": "r1", "hold": 60}),
        *((name, {"reservation_id": "r1"}) for name in PARTIAL),
        ("delete_sku", {"sku": "S1"}),
        ("update_location", {"location": "W1"}),
        ("settle_quarantined_sku", {"sku": "S1", "decision": 1, "reason": "r", "actor": "a"}),
        ("update_source", {"source": "erp"}),
        ("reset_source", {"source": "erp", "reason": "r"}),
        ("repair_stock_levels", {"reason": "r", "actor": "a"}),
        ("force_release", {"reservation_id": "r1", "reason": "r", "actor": "a"}),
    ],
)
@pytest.mark.parametrize("given", [None, ""])
def test_a_command_without_an_id_is_given_one(
    name: str, arguments: dict[str, Any], given: str | None
) -> None:
    """A repeat without one would be a second command."""
    made = [CALLS[name](request_id=given, **arguments) for _ in range(2)]
    one, other = (call.request.request_id for call in made)
    assert one != other
    assert one == str(UUID(one))


@pytest.mark.parametrize(
    ("hold", "seconds", "nanos"),
    [
        (900, 900, 0),
        (1.5, 1, 500_000_000),
        (0.1 + 0.2, 0, 300_000_000),
        (timedelta(minutes=15, milliseconds=1), 900, 1_000_000),
        # Not valid, and not made valid: the server says so.
        (1.0005, 1, 500_000),
        (timedelta(microseconds=1), 0, 1_000),
        (-1.5, -1, -500_000_000),
    ],
)
def test_a_hold_is_sent_as_it_is_given(hold: calls.Hold, seconds: int, nanos: int) -> None:
    for call in (calls.reserve("r1", LINES, hold), calls.extend("r1", hold)):
        request: Any = call.request
        duration = request.hold_duration
        assert (seconds, nanos) == (duration.seconds, duration.nanos)


def test_a_hold_that_is_not_given_is_not_sent() -> None:
    """The default is the server's."""
    assert not calls.reserve("r1", LINES).request.HasField("hold_duration")


@pytest.mark.parametrize("name", PARTIAL)
def test_no_lines_left_are_not_all_lines(name: str) -> None:
    with pytest.raises(ValueError, match="lines is empty"):
        getattr(calls, name)("r1", [])


@pytest.mark.parametrize("quantity", [1.5, 2.0, "2", Decimal(2)])
def test_a_quantity_is_a_whole_number_or_refused(quantity: Any) -> None:
    with pytest.raises(TypeError):
        calls.reserve("r1", [("S1", "W1", quantity)])


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="timeout"):
        calls.get_availability("S1", timeout=3)  # type: ignore[call-arg]
