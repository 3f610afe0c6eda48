"""Failures as gRPC raises them, made of the server's faults."""

from typing import Any

import grpc

from holdfast.edge.client import HoldfastError
from holdfast.edge.client.errors import error_from_rpc
from holdfast.edge.wire import faults

OVERLOADED = faults.overloaded(2, 4096)
STORAGE_FULL = faults.storage_full(10, 20)
TABLE_FULL = faults.table_full("levels", 2, 100)
#: Said by gRPC or by a proxy, without details.
GONE = faults.Fault(grpc.StatusCode.UNAVAILABLE, "", "gone")
DROPPED = faults.Fault(grpc.StatusCode.CANCELLED, "", "CANCELLED")
LATE = faults.Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "", "late")
TOO_LARGE = faults.Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "message larger than max")


class RpcError(grpc.RpcError):  # type: ignore[misc]  # grpc ships no types
    """What gRPC raises for a fault of the server."""

    def __init__(self, fault: faults.Fault, *trailer: tuple[str, str | bytes]) -> None:
        details = (("grpc-status-details-bin", fault.to_status().SerializeToString()),)
        self.fault = fault
        has_details = fault.reason or fault.retry_after_s is not None
        self.trailer = trailer or (details if has_details else ())

    def code(self) -> grpc.StatusCode:
        return self.fault.code

    def details(self) -> str:
        return self.fault.message

    def trailing_metadata(self) -> Any:
        return (("x-correlation-id", "c1"), *self.trailer)


def failed(fault: faults.Fault) -> HoldfastError:
    return error_from_rpc(RpcError(fault))
