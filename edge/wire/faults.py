"""Faults: mistakes of a caller and states of the node, answered as a gRPC status.

Rules of this file: a fault has one reason, a name in capitals that programs may rely on, and a
message of one sentence or two that says what was given and what would be right. Whatever varies in
the message also stands in the metadata, so that no program has to read the sentence (AIP-193).
Values are shortened, because a status travels in headers of 8 KiB. A business "no" is not a fault:
see refusals.py.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeAlias

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from holdfast.core import commands as core
from holdfast.core.limits import ON_HAND_MAX

FaultOutcome: TypeAlias = core.Unknown | core.Conflict | core.OutOfRange

DOMAIN: Final = "holdfast"

#: Characters of a value that are shown. An id has at most 128 bytes, so a legal one is shown whole.
SHOWN_MAX: Final = 128

#: A full mailbox is drained within a few turns; with a longer wait the node would go idle.
OVERLOAD_RETRY_S: Final = 0.05

#: Space comes back when an operator frees some, which takes longer than a caller should wait.
STORAGE_RETRY_S: Final = 30.0

#: A restarted node serves again within seconds.
NOT_SERVING_RETRY_S: Final = 1.0


@dataclass(eq=False)  # compared by identity, as tracebacks expect of an exception
class Fault(Exception):  # noqa: N818 - "error" says less: a refusal is the other kind of no
    """Raised for a malformed request or a node that cannot take it; handlers.py sends `to_status`.

    `metadata` repeats what varies in `message`; `retry_after_s` is set where a retry can help.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.code.name} {self.reason}: {self.message}"

    def to_status(self) -> status_pb2.Status:
        """The status with one ErrorInfo, and a RetryInfo where a retry can help."""
        details: list[Message] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        ]
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromNanoseconds(round(self.retry_after_s * 1_000_000_000))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        code: int = self.code.value[0]
        return status_pb2.Status(
            code=code, message=self.message, details=[_packed(detail) for detail in details]
        )


def invalid(field: str, value: object, expected: str) -> Fault:
    """A field of the request is malformed. `field` is its path, with indexes."""
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_VALUE",
        f"{field} is {shown(value)}: expected {expected}",
        {"field": field, "value": shortened(value), "expected": expected},
    )


def out_of_range(field: str, value: int) -> Fault:
    """A stock fact would take a stock level beyond what it can hold."""
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "OUT_OF_RANGE",
        f"{field} is {value}: expected on_hand within +-{ON_HAND_MAX} after the event",
        {"field": field, "value": str(value), "limit": str(ON_HAND_MAX)},
    )


def malformed(detail: str) -> Fault:
    """The bytes are not the message that the method takes."""
    detail = shortened(detail)
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_MESSAGE",
        f"the request cannot be parsed: {detail}",
        {"detail": detail},
    )


#: Last part of a field's path -> the noun in the reason, and how its value becomes known.
_WHAT_WOULD_HELP: Final = {
    "sku": ("SKU", "a SKU is created by its first stock event"),
    "location": ("LOCATION", "create it with PutLocation"),
    "reservation_id": ("RESERVATION", "expected the id of an accepted Reserve"),
}


def not_found(field: str, value: str) -> Fault:
    """The request names a SKU, location or reservation that does not exist."""
    name = field.rpartition(".")[2].partition("[")[0]
    noun, help_text = _WHAT_WOULD_HELP[name.removesuffix("s")]  # skus[3] is a SKU too
    return Fault(
        grpc.StatusCode.NOT_FOUND,
        f"UNKNOWN_{noun}",
        f"{field} is {shown(value)}, which is unknown: {help_text}",
        {"field": field, "value": shortened(value)},
    )


def already_exists(conflict: core.Conflict) -> Fault:
    """An id was already used with other content. Names the first field that differs."""
    return Fault(
        grpc.StatusCode.ALREADY_EXISTS,
        "ID_REUSED",
        f"the id was already used with other content: {conflict.field} was "
        f"{shown(conflict.first)} and is now {shown(conflict.now)}; "
        "repeat the first request unchanged, or use a new id",
        {
            "field": conflict.field,
            "first": shortened(conflict.first),
            "now": shortened(conflict.now),
        },
    )


def overloaded(shard: int, mailbox_capacity: int) -> Fault:
    """The shard's mailbox is full."""
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        f"the mailbox of shard {shard} is full (capacity {mailbox_capacity}); "
        "nothing was done, try again",
        {"shard": str(shard), "mailbox_capacity": str(mailbox_capacity)},
        OVERLOAD_RETRY_S,
    )


def storage_full(headroom_bytes: int, reserve_bytes: int) -> Fault:
    """The journal would grow into its reserve. Reads are still answered."""
    # An append that was under way may have gone below the reserve; "-5 bytes left" says no more.
    headroom_bytes = max(0, headroom_bytes)
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "STORAGE_FULL",
        f"the journal has {headroom_bytes} bytes left above its reserve of {reserve_bytes}; "
        "nothing was done, an operator has to free space",
        {"headroom_bytes": str(headroom_bytes), "reserve_bytes": str(reserve_bytes)},
        STORAGE_RETRY_S,
    )


def draining() -> Fault:
    """The node is shutting down: it finishes what it has and takes nothing new."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "DRAINING",
        "the node is shutting down; nothing was done, try again",
        retry_after_s=NOT_SERVING_RETRY_S,
    )


def starting() -> Fault:
    """The node has not recovered its state yet."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "STARTING",
        "the node is still recovering; nothing was done, try again",
        retry_after_s=NOT_SERVING_RETRY_S,
    )


def deadline_exceeded() -> Fault:
    """The deadline passed before the command was queued."""
    return Fault(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        "the deadline passed before the command was queued; nothing was done",
    )


def internal(correlation_id: str | None = None) -> Fault:
    """The server is at fault. The log has the traceback, which may hold other callers' orders."""
    if correlation_id is None:
        return Fault(grpc.StatusCode.INTERNAL, "INTERNAL", "internal error; see the server's log")
    return Fault(
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        f"internal error; see the server's log at correlation id {correlation_id}",
        {"correlation_id": correlation_id},
    )


def fault_from_outcome(outcome: FaultOutcome, request: object = None) -> Fault:
    """The status of a fault that the engine found.

    The engine counts lines after summing; with `request`, the path has the index that it has there.
    """
    lines = [(line.sku, line.location) for line in getattr(request, "lines", ())]
    field = _path_before_sums(outcome.field, lines)
    match outcome:
        case core.Unknown():
            return not_found(field, outcome.value)
        case core.Conflict():
            return already_exists(replace(outcome, field=field))
        case core.OutOfRange():
            return out_of_range(field, outcome.value)


def _path_before_sums(path: str, lines: Iterable[tuple[str, str]]) -> str:
    """A path with the engine's index of a line, counted after summing, turned into the request's.

    `lines` are the request's, as SKU and location. Summed lines stand where the first of them did.
    """
    match = re.fullmatch(r"lines\[(\d+)\](.*)", path)
    if match is None:
        return path
    # The engine numbers distinct lines in the order in which the request first names them.
    first_index: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        first_index.setdefault(line, index)
    for index in islice(first_index.values(), int(match[1]), None):
        return f"lines[{index}]{match[2]}"
    return path


def shortened(value: object) -> str:
    """A value as text, cut off after SHOWN_MAX characters."""
    text = str(value)
    if len(text) <= SHOWN_MAX:
        return text
    return f"{text[:SHOWN_MAX]}... ({len(text)} characters)"


def shown(value: object) -> str:
    """A value for a sentence: text quoted and escaped, so that it breaks no line; numbers bare."""
    if not isinstance(value, str):
        return shortened(value)
    if len(value) <= SHOWN_MAX:
        return repr(value)
    return f"{value[:SHOWN_MAX]!r}... ({len(value)} characters)"


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
