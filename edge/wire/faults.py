"""What is said when the answer is no: faults, which become a gRPC status, and refusals.

Rules of this file: every fault has one reason, a name in capitals that never changes, and a message
of one sentence or two that says what was given and what would be right. Whatever varies in the
message also stands in the metadata, so that no program has to read the sentence (AIP-193). Values
are shortened, because a status travels in a header of 8 KiB. A refusal is a business "no" in a
normal answer; only its sentence is made here.
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
from holdfast.core.commands import Conflict
from holdfast.core.limits import ON_HAND_MAX

FaultOutcome: TypeAlias = core.Unknown | core.Conflict | core.OutOfRange

DOMAIN: Final = "holdfast"

#: Characters of a value that are shown. An id has at most 128 bytes: a legal one is shown whole.
SHOWN_MAX: Final = 128

#: A full mailbox is drained within a few turns; much longer would leave the node idle.
OVERLOAD_RETRY_S: Final = 0.05

#: Space comes back when somebody makes some: no use in asking every moment.
STORAGE_RETRY_S: Final = 30.0

#: A restart serves again within seconds; another node takes over at once.
NOT_SERVING_RETRY_S: Final = 1.0


@dataclass(eq=False)
class Fault(Exception):  # noqa: N818 - "error" says less: a refusal is the other kind of no
    """A gRPC status to be."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.code.name} {self.reason}: {self.message}"

    def to_status(self) -> status_pb2.Status:
        """Spell it with one ErrorInfo, and a RetryInfo where a retry makes sense."""
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
    """Tell that a field of the request is not well formed. `field` is its path, with indexes."""
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_VALUE",
        f"{field} is {shown(value)}: expected {expected}",
        {"field": field, "value": shortened(value), "expected": expected},
    )


def out_of_range(field: str, value: int) -> Fault:
    """Tell that a stock fact would take a stock level beyond what it can hold."""
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "OUT_OF_RANGE",
        f"{field} is {value}: expected on_hand to stay within +-{ON_HAND_MAX} after the event",
        {"field": field, "value": str(value), "limit": str(ON_HAND_MAX)},
    )


def malformed(detail: str) -> Fault:
    """Tell that the bytes are not the message that the method takes."""
    detail = shortened(detail)
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_MESSAGE",
        f"the request cannot be read: {detail}",
        {"detail": detail},
    )


#: Last part of a field's path -> the noun, and what would make its value known.
_WHAT_WOULD_HELP: Final = {
    "sku": ("SKU", "a SKU exists from its first stock event on"),
    "location": ("LOCATION", "create it with PutLocation first"),
    "reservation_id": ("RESERVATION", "expected the id of an accepted Reserve"),
}


def not_found(field: str, value: str) -> Fault:
    """Tell that the request names something that does not exist."""
    name = field.rpartition(".")[2].partition("[")[0]
    noun, help_text = _WHAT_WOULD_HELP[name.removesuffix("s")]  # skus[3] is a SKU as well
    return Fault(
        grpc.StatusCode.NOT_FOUND,
        f"UNKNOWN_{noun}",
        f"{field} is {shown(value)}, which is not known: {help_text}",
        {"field": field, "value": shortened(value)},
    )


def already_exists(conflict: Conflict) -> Fault:
    """Tell that an id was used before with other content, and what differs first."""
    return Fault(
        grpc.StatusCode.ALREADY_EXISTS,
        "ID_REUSED",
        f"the id was used before with other content: {conflict.field} was "
        f"{shown(conflict.first)} and is {shown(conflict.now)} now; "
        "repeat the first content, or take a new id",
        {
            "field": conflict.field,
            "first": shortened(conflict.first),
            "now": shortened(conflict.now),
        },
    )


def overloaded(shard: int, mailbox_capacity: int) -> Fault:
    """Tell that a shard has as much to do as it may have waiting."""
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        f"shard {shard} has {mailbox_capacity} commands waiting, which is all that it takes; "
        "nothing was done, try again",
        {"shard": str(shard), "mailbox_capacity": str(mailbox_capacity)},
        OVERLOAD_RETRY_S,
    )


def storage_full(headroom_bytes: int, reserve_bytes: int) -> Fault:
    """Tell that the journal would grow into its reserve. Reads are still answered."""
    headroom_bytes = max(0, headroom_bytes)
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "STORAGE_FULL",
        f"the journal can grow by {headroom_bytes} bytes above its reserve of {reserve_bytes}; "
        "nothing was done, an operator has to make space",
        {"headroom_bytes": str(headroom_bytes), "reserve_bytes": str(reserve_bytes)},
        STORAGE_RETRY_S,
    )


def draining() -> Fault:
    """Tell that the node finishes what it has and takes nothing new."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "DRAINING",
        "the node is shutting down and takes no new commands; nothing was done, try again",
        retry_after_s=NOT_SERVING_RETRY_S,
    )


def starting() -> Fault:
    """Tell that the node has not recovered its state yet."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "STARTING",
        "the node is recovering and does not serve yet; nothing was done, try again",
        retry_after_s=NOT_SERVING_RETRY_S,
    )


def deadline_exceeded() -> Fault:
    """Tell that the deadline passed before the command was queued."""
    return Fault(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        "the deadline had passed before the command was queued; nothing was done",
    )


def internal(correlation_id: str | None = None) -> Fault:
    """Tell that the server is at fault, without telling how; the log knows."""
    if correlation_id is None:
        return Fault(grpc.StatusCode.INTERNAL, "INTERNAL", "internal error; see the server's log")
    return Fault(
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        f"internal error; see the server's log at correlation id {correlation_id}",
        {"correlation_id": correlation_id},
    )


def fault_from_outcome(outcome: FaultOutcome, request: object = None) -> Fault:
    """Turn a fault that the engine found into its status.

    The engine counts lines as they are after summing; `request` lets the path name its own line.
    """
    lines = [(line.sku, line.location) for line in getattr(request, "lines", ())]
    field = path_before_sums(outcome.field, lines)
    match outcome:
        case core.Unknown():
            return not_found(field, outcome.value)
        case core.Conflict():
            return already_exists(replace(outcome, field=field))
        case core.OutOfRange():
            return out_of_range(field, outcome.value)


def path_before_sums(path: str, lines: Iterable[tuple[str, str]]) -> str:
    """Turn the engine's index of a line, counted after summing, into the request's.

    `lines` are the request's, as SKU and location. A line that was summed is where it first stood.
    """
    match = re.fullmatch(r"lines\[(\d+)\](.*)", path)
    if match is None:
        return path
    first_index: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        first_index.setdefault(line, index)
    for index in islice(first_index.values(), int(match[1]), None):
        return f"lines[{index}]{match[2]}"
    return path


def shortened(value: object) -> str:
    """Give a value as text, with its middle and end left out when it is long."""
    text = str(value)
    if len(text) <= SHOWN_MAX:
        return text
    return f"{text[:SHOWN_MAX]}... ({len(text)} characters)"


def shown(value: object) -> str:
    """Give a value for a sentence: text in quotes and escaped, numbers and names bare."""
    if not isinstance(value, str):
        return shortened(value)
    if len(value) <= SHOWN_MAX:
        return repr(value)
    return f"{value[:SHOWN_MAX]!r}... ({len(value)} characters)"


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
