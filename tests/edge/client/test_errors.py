"""What a failure is: every fault of the server has its class, with all that the fault says."""

import pickle

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from holdfast.core.commands import Conflict
from holdfast.edge.client import (
    AlreadyExists,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
)
from holdfast.edge.client.errors import error_from_rpc
from holdfast.edge.wire import faults
from tests.edge.client.failures import (
    DROPPED,
    GONE,
    LATE,
    OVERLOADED,
    STORAGE_FULL,
    TABLE_FULL,
    TOO_LARGE,
    RpcError,
    failed,
)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.invalid("lines[0].quantity", 0, "1 or more"), InvalidArgument),
        (faults.not_found("sku", "S1"), NotFound),
        (faults.already_exists(Conflict("hold_duration", "1", "2")), AlreadyExists),
        (OVERLOADED, Overloaded),
        (STORAGE_FULL, StorageFull),
        (TABLE_FULL, StorageFull),
        (TOO_LARGE, HoldfastError),
        (faults.draining(), Unavailable),
        (GONE, Unavailable),
        (DROPPED, Unavailable),
        (faults.deadline_exceeded(), DeadlineExceeded),
        (LATE, DeadlineExceeded),
        (faults.internal("c1"), HoldfastError),
    ],
)
def test_a_fault_of_the_server_is_an_error_of_the_client(
    fault: faults.Fault, kind: type[HoldfastError]
) -> None:
    error = failed(fault)
    assert kind is type(error)
    assert (fault.code, fault.reason, fault.message) == (error.code, error.reason, error.message)
    assert (fault.metadata, fault.retry_after_s) == (error.metadata, error.retry_after_s)


def test_details_that_cannot_be_read_leave_code_and_message() -> None:
    error = error_from_rpc(RpcError(GONE, ("grpc-status-details-bin", b"\xff")))
    assert ("UNAVAILABLE: gone", "", None) == (str(error), error.reason, error.retry_after_s)


def test_details_of_other_kinds_are_passed_over() -> None:
    status = faults.not_found("sku", "S1").to_status()
    other = AnyMessage()
    other.Pack(error_details_pb2.LocalizedMessage(message="nein"))
    details = [other, *status.details, other]
    data = status_pb2.Status(details=details).SerializeToString()
    assert "UNKNOWN_SKU" == error_from_rpc(RpcError(GONE, ("grpc-status-details-bin", data))).reason


def test_an_error_survives_the_way_to_another_process() -> None:
    error = failed(OVERLOADED)
    error.attempts = 3
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(error), vars(error), str(error)) == (type(copy), vars(copy), str(copy))
    assert str(copy).startswith("UNAVAILABLE OVERLOADED: the mailbox of shard 2 is full")
    assert str(copy).endswith("(after 3 attempts)")
