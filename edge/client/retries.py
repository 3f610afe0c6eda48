"""What comes back when a call fails, and whether it is tried again: the client's half of errors.

Rules of this file: it decides and never waits, so that both clients share it and a test needs no
clock of its own. It knows statuses, not methods: whether a call may be repeated is told to it.

gRPC can retry by itself, by a service config. Not used, for it looks at nothing but the code:
OVERLOADED and STORAGE_FULL are the same to it, RetryInfo is not read (only a trailer named
grpc-retry-pushback-ms is), an attempt that hangs takes the time of all others, five attempts are
the most, and no test can hold its clock. Its transparent retries, of calls that never left the
process, stay on. General libraries take their waits from their own schedule, not from the server.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# No class here but the first ends in Error: `except NotFound` says the status as gRPC does.
# ruff: noqa: N818

DETAILS_KEY: Final = "grpc-status-details-bin"

#: 2 ** 30 times any base is beyond any cap; more would overflow after a day of attempts.
DOUBLINGS_MAX: Final = 30


class HoldfastError(Exception):
    """A call failed. A refusal is not a failure: it stands in the response."""

    code: grpc.StatusCode
    """The status, as gRPC names it."""
    message: str
    """A sentence or two for people."""
    reason: str
    """What exactly, as a name in capitals that never changes; empty when not Holdfast said it."""
    metadata: Mapping[str, str]
    """What varies in the message, for programs: field, value, expected and the like."""
    retry_after_s: float | None
    """How long the server asks to wait; given only when it has done nothing."""
    attempts: int
    """How many times the call was tried."""

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
    """The request is malformed; `metadata` names the field."""


class NotFound(HoldfastError):
    """The SKU, location or reservation is not known; `reason` tells which of them."""


class AlreadyExists(HoldfastError):
    """The id was used before with other content; `metadata` names the first field that differs."""


class Overloaded(HoldfastError):
    """The server has as much to do as it takes; nothing was done."""


class StorageFull(HoldfastError):
    """The server takes no writes until an operator makes space; nothing was done."""


class Unavailable(HoldfastError):
    """The server cannot be reached or does not serve. Without `retry_after_s` it may have acted."""


class DeadlineExceeded(HoldfastError):
    """No answer came in time. Unless `reason` is given, the server may have acted."""


_CLASS_OF_CODE: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    # A server that is stopping drops with this code what has just come in. A caller who cancels a
    # call himself gets no status.
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def error_from_rpc(rpc_error: Any) -> HoldfastError:
    """Read gRPC's error, of either stack, with the details that Holdfast puts into its trailer."""
    code = rpc_error.code()
    info, retry_after_s = _details(rpc_error.trailing_metadata() or ())
    made_of = (code, rpc_error.details() or "", info.reason, dict(info.metadata), retry_after_s)
    if code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _CLASS_OF_CODE.get(code, HoldfastError)(*made_of)
    if info.reason == "STORAGE_FULL":
        return StorageFull(*made_of)
    # gRPC says the same of a message that is too large, and waiting would not make it smaller: only
    # with a RetryInfo is it a matter of time (OTLP reads the code in this way, too).
    return HoldfastError(*made_of) if retry_after_s is None else Overloaded(*made_of)


def _details(trailer: Any) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    retry_after_s = None
    try:
        for value in (value for key, value in trailer if key == DETAILS_KEY):
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(retry):
                    delay = retry.retry_delay
                    retry_after_s = max(0.0, delay.seconds + delay.nanos / 1e9)
                else:
                    detail.Unpack(info)  # leaves it as it is when the detail is something else
    except DecodeError:
        pass  # a proxy's, or cut short: code and message are still right
    return info, retry_after_s


@dataclass(frozen=True, slots=True)
class Retries:
    """How a call is tried again.

    Waits double from `base_s` up to `cap_s`, and each is drawn evenly from 0 to that: full jitter,
    which spreads callers that failed together (Marc Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog). A delay that the server asks for is waited in full before the drawn one. The
    time of the call bounds it all: a wait that would reach its end is not begun.
    """

    base_s: float = 0.025
    """Some ten times as long as an answer takes, and not yet noticed by a person."""
    cap_s: float = 1.0
    """A node that restarts serves again within seconds, and should be found soon after."""
    attempt_share: float = 0.5
    """Part of the call's time that one attempt may take: a lost connection leaves time for two."""
    chance: Callable[[], float] = random.random
    """Draws from 0 to 1."""

    def backoff_s(self, failures: int) -> float:
        """Draw the wait after the n-th failure."""
        ceiling_s = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX))
        return ceiling_s * self.chance()


def may_retry(error: HoldfastError, *, is_repeatable: bool) -> bool:
    """Whether trying again can help and cannot do the same thing twice."""
    match error:
        case Overloaded():
            return True
        case Unavailable():
            return is_repeatable or error.retry_after_s is not None
        case DeadlineExceeded():
            return is_repeatable
        case _:
            return False


class Attempts:
    """The attempts of one call: how long each may take, and how long to wait between them."""

    __slots__ = ("_attempt_max_s", "_clock", "_deadline_s", "_failures", "_repeatable", "_retries")

    def __init__(
        self,
        retries: Retries | None,
        timeout_s: float,
        clock: Callable[[], float],
        *,
        is_repeatable: bool,
    ) -> None:
        self._retries = retries
        self._repeatable = is_repeatable
        self._clock = clock
        self._failures = 0
        self._deadline_s = clock() + timeout_s
        # Time that is kept for another attempt is lost where there will be none.
        share = retries.attempt_share if retries is not None and is_repeatable else 1.0
        self._attempt_max_s = timeout_s * share

    def timeout_s(self) -> float:
        """How long the next attempt may take."""
        if not self._failures:
            return self._attempt_max_s
        return min(self._attempt_max_s, self._deadline_s - self._clock())

    def wait_s(self, error: HoldfastError) -> float:
        """How long to wait before the next attempt. Raises the error when there is none."""
        self._failures += 1
        error.attempts = self._failures
        try:
            if self._retries is None or not may_retry(error, is_repeatable=self._repeatable):
                raise error from None
            wait_s = (error.retry_after_s or 0.0) + self._retries.backoff_s(self._failures)
            if self._clock() + wait_s >= self._deadline_s:
                raise error from None
            return wait_s
        finally:
            del error  # its traceback holds this frame: a circle would wait for the collector
