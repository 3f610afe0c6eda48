"""How a call that fails ends: what gRPC's status and its trailing metadata say, without a server.

Faults of the wire become one, and a front hands one on as it came.
"""

import asyncio
from typing import Self

import grpc
import structlog

from ..wire import faults
from ..wire.faults import Fault

log = structlog.get_logger()

#: Trailing metadata of a call.
Metadata = tuple[tuple[str, str | bytes], ...]


class CallStatus(Exception):  # noqa: N818 - a status is no error of ours
    """The status of a call, raised by an endpoint and sent by a transport."""

    def __init__(
        self, code: grpc.StatusCode, message: str, details: bytes, retry_after_ms: int | None
    ) -> None:
        """`details` is a google.rpc.Status or empty; `retry_after_ms` is None without a retry."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.retry_after_ms = retry_after_ms

    @classmethod
    def of(cls, fault: Fault) -> Self:
        """The status of a fault."""
        after_s = fault.retry_after_s
        after_ms = None if after_s is None else round(after_s * 1e3)
        return cls(fault.code, fault.message, fault.to_status().SerializeToString(), after_ms)

    @classmethod
    def of_end(cls, error: BaseException | None) -> Self | None:
        """The status of a call whose endpoint ended so; None of one that ended well."""
        if error is None or isinstance(error, cls):
            return error
        if isinstance(error, asyncio.CancelledError):
            return cls(grpc.StatusCode.CANCELLED, "the call was cancelled", b"", None)
        log.error("call failed outside its method", exc_info=error)
        return cls.of(faults.internal(None))

    def metadata(self, correlation: str | None) -> Metadata:
        """The trailing metadata of a call that ends so, and is known under this id."""
        metadata: list[tuple[str, str | bytes]] = []
        if self.details:
            metadata.append(("grpc-status-details-bin", self.details))
        if self.retry_after_ms is not None:
            # What gRPC's own retries read; they do not know RetryInfo (gRFC A6).
            metadata.append(("grpc-retry-pushback-ms", str(self.retry_after_ms)))
        if correlation is not None:
            metadata.append(("x-correlation-id", correlation))
        return tuple(metadata)
