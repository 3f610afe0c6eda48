"""What a failed call raises: a class for each kind of failure, made from gRPC's status.

A refusal is not one of them: it is an answer, and comes in the response.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# No class here but the first ends in Error: `except NotFound` says the status as gRPC does.
# ruff: noqa: N818

DETAILS_KEY: Final = "grpc-status-details-bin"
#: Milliseconds to wait before a retry; what is no number of 0 or more asks for none (gRFC A6).
PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
#: As gRPC reads it: a 32-bit number.
PUSHBACK_DIGITS_MAX: Final = 10


class HoldfastError(Exception):
    """A call failed. A refusal is not a failure: it comes in the response.

    except NotFound as error:
        if error.reason == "UNKNOWN_SKU":
            print(error.metadata["field"], error.metadata["value"])
    """

    code: grpc.StatusCode
    """The status, as gRPC names it."""
    message: str
    """A sentence or two for people."""
    reason: str
    """What exactly went wrong, as a name in capitals; empty if the status is gRPC's own."""
    metadata: Mapping[str, str]
    """What varies in the message, for programs: field, value, expected and the like."""
    retry_after_s: float | None
    """Seconds that the server asks to wait; infinite when it asks not to try again, None when it
    asks for nothing. With a `reason`, a number also says that nothing was done.
    """
    attempts: int
    """How often the call was tried."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message, reason, metadata, retry_after_s)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.retry_after_s = retry_after_s
        self.attempts = 1

    def __str__(self) -> str:
        title = f"{self.code.name} {self.reason}".rstrip()
        tried = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{title}: {self.message}{tried}"


class InvalidArgument(HoldfastError):
    """The request is malformed. `metadata` has the `field`, its `value` and what was `expected`."""


class NotFound(HoldfastError):
    """A SKU, location or reservation is unknown; `reason` says which."""


class AlreadyExists(HoldfastError):
    """The id was used before with other content. `metadata` names the first `field` that differs,
    with its value `first` and `now` where the node remembers it.
    """


class Overloaded(HoldfastError):
    """The node or a proxy has too much to do; nothing was done."""


class StorageFull(HoldfastError):
    """The server takes no writes until an operator makes room, on its disk or, with the reason
    TABLE_FULL, in a table that `metadata` names; nothing was done.
    """


class Unavailable(HoldfastError):
    """The server cannot be reached, or is not serving. If `retry_after_s` is None, it may have
    acted.
    """


class DeadlineExceeded(HoldfastError):
    """No answer came in time. If `reason` is empty, the server may have acted."""


class Closed(HoldfastError):
    """The client or the coalescer was closed. `message` says whether something may have been done.

    Its `code` is CANCELLED, and its `reason` is "CLOSED".
    """


_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}

_CLASS_OF_CODE: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    # A stopping server drops what has just come in with this code. A caller who cancels a call
    # gets no status.
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def error_from_status(status: status_pb2.Status) -> HoldfastError:
    """The error for a status that came as an answer in a stream."""
    return _error(_CODES[status.code], status.message, *_details_of(status))


def error_from_rpc(rpc_error: Any) -> HoldfastError:
    """The error for one that gRPC raised, with the details that Holdfast put into its trailer."""
    trailer = rpc_error.trailing_metadata() or ()
    info, delay_s = _details(trailer)
    asked_s = [each for each in (delay_s, _pushback_s(trailer)) if each is not None]
    retry_after_s = max(asked_s, default=None)
    return _error(rpc_error.code(), rpc_error.details() or "", info, retry_after_s)


def _error(
    code: grpc.StatusCode,
    message: str,
    info: error_details_pb2.ErrorInfo,
    retry_after_s: float | None,
) -> HoldfastError:
    made_of = (code, message, info.reason, dict(info.metadata), retry_after_s)
    if info.reason == "OVERLOADED":
        return Overloaded(*made_of)
    if code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _CLASS_OF_CODE.get(code, HoldfastError)(*made_of)
    if info.reason in ("STORAGE_FULL", "TABLE_FULL"):
        return StorageFull(*made_of)
    # gRPC says the same of a message that is too large, and waiting would not make it smaller. With
    # a RetryInfo it is a matter of time (OTLP reads the code in this way, too).
    return HoldfastError(*made_of) if retry_after_s is None else Overloaded(*made_of)


def closed_before(what: str) -> Closed:
    """The error of a call that is made when `what` is closed already."""
    return Closed(grpc.StatusCode.CANCELLED, f"{what} is closed; nothing was sent", "CLOSED")


def closed_meanwhile(what: str) -> Closed:
    """The error of a call that waits when `what` is closed."""
    text = f"{what} was closed before the answer came; the call may have taken effect"
    return Closed(grpc.StatusCode.CANCELLED, text, "CLOSED")


def _details(trailer: Any) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    status = status_pb2.Status()
    try:
        for value in (value for key, value in trailer if key == DETAILS_KEY):
            status.MergeFromString(value)
        return _details_of(status)
    except DecodeError:  # a proxy's, or cut short: code and message are still right
        return error_details_pb2.ErrorInfo(), None


def _details_of(status: status_pb2.Status) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    retry_after_s = None
    for detail in status.details:
        if detail.Unpack(retry):
            delay = retry.retry_delay
            retry_after_s = max(0.0, delay.seconds + delay.nanos / 1e9)
        else:
            detail.Unpack(info)  # leaves it as it is when the detail is something else
    return info, retry_after_s


def _pushback_s(trailer: Any) -> float | None:
    """Seconds that the trailer asks to wait; infinite for "do not", None when it says nothing."""
    values = [value for key, value in trailer if key == PUSHBACK_KEY]
    if not values:
        return None
    (value, *others) = values
    is_a_wait = not others and isinstance(value, str) and value.isascii() and value.isdigit()
    return int(value) / 1e3 if is_a_wait and len(value) <= PUSHBACK_DIGITS_MAX else math.inf
