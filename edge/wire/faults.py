"""Faults: mistakes of a caller and states of the node, answered as a gRPC status.

Rules of this file: a fault has one reason, a name in capitals that programs may rely on, and a
message of one sentence or two that says what was given and what would be right. Whatever varies in
the message also stands in the metadata, so that no program has to read the sentence (AIP-193).
A fault that names fields repeats them as BadRequest, one that names something that exists or does
not as ResourceInfo. Values are shortened and long lists cut off: a status travels in headers of
8 KiB. What the engine finds is worded in engine_faults.py; a business "no" is not a fault
(refusals.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from holdfast.core import commands as core
from holdfast.core.limits import NS_PER_S

#: Of every ErrorInfo. It has a dot, as AIP-193 asks: a name that is registered or looks so.
DOMAIN: Final = "inventory.holdfast"

#: Characters of a value that are shown. An id has at most 128 bytes, so a legal one is shown whole.
SHOWN_MAX: Final = 128

#: gRPC sends a status twice: the message with %XX for what is not ASCII, and all of it in base64.
#: Together with its own headers they have 8 KiB.
STATUS_BYTES_MAX: Final = 4_096
MESSAGE_BYTES_MAX: Final = 1_600

#: Unknown names of which a status can have room: the shortest takes more than 32 bytes of it.
NAMED_MAX: Final = STATUS_BYTES_MAX // 32

#: What a message costs inside another: its tag and its length.
_OVERHEAD_BYTES: Final = 4

#: A full mailbox is drained within a few turns; with a longer wait the node would go idle.
OVERLOAD_RETRY_S: Final = 0.05

#: Space comes back when an operator frees some, which takes longer than a caller should wait.
STORAGE_RETRY_S: Final = 30.0

#: A restarted node serves again within seconds.
NOT_SERVING_RETRY_S: Final = 1.0

#: The ledger's process starts within seconds.
LEDGER_RETRY_S: Final = 1.0


class Blame(NamedTuple):
    """A field of the request, what is wrong with it, and the resource that it names, if any."""

    field: str
    description: str
    resource_type: str = ""
    resource_name: str = ""


@dataclass(eq=False)  # compared by identity, as tracebacks expect of an exception
class Fault(Exception):  # noqa: N818 - "error" says less: a refusal is the other kind of no
    """Raised for a malformed request or a node that cannot take it; a transport sends `to_status`.

    `metadata` repeats what varies in `message`; `retry_after_s` is set where a retry can help.
    `blames` are the fields at fault, most important first.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    blames: Sequence[Blame] = ()

    def __str__(self) -> str:
        return f"{self.code.name} {self.reason}: {self.message}"

    def to_status(self) -> status_pb2.Status:
        """The status with one ErrorInfo; a RetryInfo where a retry can help; a BadRequest and
        ResourceInfos for as many of the blames as fit.
        """
        details: list[Message] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        ]
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromNanoseconds(round(self.retry_after_s * NS_PER_S))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        code: int = self.code.value[0]
        status = status_pb2.Status(
            code=code, message=self.message, details=[_packed(detail) for detail in details]
        )
        status.details.extend(_details_of(self.blames, STATUS_BYTES_MAX - status.ByteSize()))
        return status


def invalid(field: str, value: object, expected: str) -> Fault:
    """A field of the request is malformed. `field` is its path, with indexes."""
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_VALUE",
        f"{field} is {shown(value)}: expected {expected}",
        {"field": field, "value": shortened(value), "expected": expected},
        blames=[Blame(field, f"expected {expected}")],
    )


def out_of_range(outcome: core.OutOfRange) -> Fault:
    """The request would lead to a number beyond a limit."""
    field, value = outcome.field, outcome.value
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "OUT_OF_RANGE",
        f"{field} is {shown(value)}: expected {outcome.what} within +-{outcome.limit}",
        {"field": field, "value": shortened(value), "limit": str(outcome.limit)},
        blames=[Blame(field, f"expected {outcome.what} within +-{outcome.limit}")],
    )


def ambiguous(field: str, outcome: core.Ambiguous) -> Fault:
    """A line of a reservation is named too vaguely to tell it from others."""
    if outcome.sku:
        what, missing = f"SKU {shown(outcome.sku)} at {shown(outcome.location)}", "line_id"
    else:
        what, missing = f"line id {shown(outcome.line_id)}", "sku and location"
    expected = f"{missing} as well, to tell them apart"
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        "AMBIGUOUS_LINE",
        f"{field} is {what}, and the reservation has {outcome.count} such lines: "
        f"expected {expected}",
        {
            "field": field,
            "sku": outcome.sku,
            "location": outcome.location,
            "line_id": outcome.line_id,
            "count": str(outcome.count),
        },
        blames=[Blame(field, f"expected {expected}")],
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
    "into_sku": ("SKU", "a SKU is created by its first stock event"),
    "location": ("LOCATION", "create it with CreateLocation"),
    "to_location": ("LOCATION", "create it with CreateLocation"),
    "reservation_id": ("RESERVATION", "expected the id of an accepted Reserve"),
    "stock_level": ("STOCK_LEVEL", "a stock level is created by its first stock event"),
    "source": ("SOURCE", "a source is known from its first recorded event on"),
}


def not_found(field: str, value: str, *more: tuple[str, str], unnamed: int = 0) -> Fault:
    """The request names a SKU, location or reservation that does not exist, `more` of them, and
    `unnamed` others for which a status has no room.
    """
    unknown = [(field, value), *more]
    count = len(unknown) + unnamed
    noun, help_text = _kind_of(field)
    metadata = {"field": field, "value": shortened(value)}
    message = f"{field} is {shown(value)}, which is unknown: {help_text}"
    if count > 1:
        metadata["count"] = str(count)
        message = f"{count} names are unknown: {_listed(unknown, count)}; {help_text}"
    return Fault(
        grpc.StatusCode.NOT_FOUND,
        f"UNKNOWN_{noun}",
        message,
        metadata,
        blames=[
            Blame(path, "unknown", f"{DOMAIN}/{_kind_of(path)[0].capitalize()}", name)
            for path, name in unknown
        ],
    )


def _kind_of(field: str) -> tuple[str, str]:
    name = field.rpartition(".")[2].partition("[")[0]
    return _WHAT_WOULD_HELP[name.removesuffix("s")]  # skus[3] is a SKU too


def _listed(unknown: Sequence[tuple[str, str]], count: int) -> str:
    """Fields with their values; of the `count` there are, those that fit, and how many do not."""
    texts: list[str] = []
    left = MESSAGE_BYTES_MAX
    for path, value in unknown:
        text = f"{path} {shown(value)}"
        left -= len(quote(text))
        if left < 0:
            break
        texts.append(text)
    left_out = count - len(texts)
    return ", ".join(texts) + (f" and {left_out} more" if left_out else "")


def already_exists(conflict: core.Conflict, resource: tuple[str, str] = ("", "")) -> Fault:
    """An id was already used with other content. Names the first field that differs, with its
    values where they are known; `resource` is the kind of thing that has the id, and the id.
    """
    values = {"first": shortened(conflict.first), "now": shortened(conflict.now)}
    was_and_is = f"was {shown(conflict.first)} and is now {shown(conflict.now)}"
    if conflict.first == conflict.now:
        values, was_and_is = {}, "is another one"
    return Fault(
        grpc.StatusCode.ALREADY_EXISTS,
        "ID_REUSED",
        f"the id was already used with other content: {conflict.field} {was_and_is}; "
        "repeat the first request unchanged, or use a new id",
        {"field": conflict.field, **values},
        blames=[Blame(conflict.field, was_and_is, *resource)],
    )


def other_timeline(field: str, handle: int) -> Fault:
    """A handle was given out in another timeline, where it may stand for another stock level."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "OTHER_TIMELINE",
        f"{field} is {handle}, a handle of another data directory, or of this one before a "
        "restore: resolve it anew with ResolveStockLevels",
        {"field": field, "value": str(handle)},
        blames=[Blame(field, "a handle of another timeline")],
    )


def revision_of_other_timeline(field: str, timeline: int) -> Fault:
    """A revision counts in another timeline, whose changes this node does not have."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "OTHER_TIMELINE",
        f"{field} is of timeline {timeline}, of another data directory, or of this one before a "
        "restore: ask anew, without it",
        {"field": field, "value": str(timeline)},
        blames=[Blame(field, "a revision of another timeline")],
    )


def too_many_watchers(method: str, watchers_max: int) -> Fault:
    """The node has as many watchers as it allows."""
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_WATCHERS",
        f"{watchers_max} calls of {method} are open, the most that a node takes: end one",
        {"watchers_max": str(watchers_max)},
    )


def overloaded(shard: int, mailbox_capacity: int) -> Fault:
    """The shard's mailbox is full."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "OVERLOADED",
        f"the mailbox of shard {shard} is full (capacity {mailbox_capacity}); "
        "nothing was done, try again",
        {"shard": str(shard), "mailbox_capacity": str(mailbox_capacity)},
        OVERLOAD_RETRY_S,
    )


def overloaded_by(held: str) -> Fault:
    """So much is held for callers already, as `held` says, that no more is taken."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "OVERLOADED",
        f"there are {held}; nothing was done with this message, try again",
        {"held": held},
        OVERLOAD_RETRY_S,
    )


def is_overload(fault: Fault) -> bool:
    """Whether a fault is that of a full mailbox, which empties by itself."""
    return fault.reason == "OVERLOADED"


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


_MORE_SHARDS: Final = "a data directory with more shards holds more"
_FORGOTTEN: Final = "ids are forgotten after 7 days"

#: Table of a shard (core/capacity.py) -> what it holds, and how there will be room again.
_TABLES: Final = {
    "reservations": ("reservations", _MORE_SHARDS),
    "lines": ("lines of reservations", _MORE_SHARDS),
    "id_texts": ("ids of reservations and lines that are texts", _MORE_SHARDS),
    "splits": ("lines with units in several states", _MORE_SHARDS),
    "requests": ("request ids", _FORGOTTEN),
    "events": ("event ids", _FORGOTTEN),
    "levels": ("stock levels", _MORE_SHARDS),
    "unavailable": ("units that are not for sale, by stock level and status", _MORE_SHARDS),
    "backorders": ("lines that wait for supply", "they leave when they are covered or cancelled"),
    "reversed": ("reversals", _FORGOTTEN),
    "sources": ("sources of stock events", _MORE_SHARDS),
    "gaps": ("gaps in the numbers of sources", "a gap leaves when it is healed or reset"),
    "principals": ("principals", _MORE_SHARDS),
    "locations": ("locations", "a node takes no more"),
    "display_names": ("display names of locations", "a node takes no more"),
}


def table_full(table: str, shard: int, rows_max: int) -> Fault:
    """A table has no room for what the command may add to it. Reads and commands that add nothing
    are still answered.
    """
    noun, help_text = _TABLES[table]
    return Fault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TABLE_FULL",
        f"shard {shard} holds at most {rows_max:,} {noun}, and the command may add more than are "
        f"left; nothing was done. Make the command smaller, or see docs/operators.md: {help_text}",
        {"table": table, "shard": str(shard), "rows_max": str(rows_max)},
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


def state_changing(tries: int) -> Fault:
    """The state hash is that of one instant, and the node did not leave it time for one."""
    return Fault(
        grpc.StatusCode.ABORTED,
        "STATE_CHANGING",
        f"the state changed while it was hashed, {tries} times over; ask when the node is quiet, "
        "or let `holdfast verify` hash its journal",
        {"tries": str(tries)},
    )


def ledger_off() -> Fault:
    """The node keeps no ledger."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "LEDGER_OFF",
        'the node keeps no ledger: start it with the setting ledger = "on"',
    )


def ledger_unavailable(why: str) -> Fault:
    """The process that keeps the ledger does not answer now."""
    return Fault(
        grpc.StatusCode.UNAVAILABLE,
        "LEDGER_UNAVAILABLE",
        f"the ledger does not answer now: {why}; try again",
        {"why": why},
        LEDGER_RETRY_S,
    )


def before_ledger(begin: str) -> Fault:
    """The question is of an instant before the ledger begins."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "BEFORE_LEDGER",
        f"the ledger begins at {begin}: what was before is not kept any more, ask for a later time",
        {"begin_time": begin},
    )


def no_level_then(sku: str, location: str) -> Fault:
    """There was no such stock level at the instant, or its SKU had ended."""
    return Fault(
        grpc.StatusCode.NOT_FOUND,
        "NO_STOCK_LEVEL",
        f"SKU {shown(sku)} had no stock level at {shown(location)} then: nothing had moved there, "
        "or the SKU had ended",
        {"sku": shortened(sku), "location": shortened(location)},
        blames=[
            Blame("sku", "no stock level", f"{DOMAIN}/Sku", sku),
            Blame("location", "no stock level", f"{DOMAIN}/Location", location),
        ],
    )


def snapshot_under_way() -> Fault:
    """Snapshots are written one at a time."""
    return Fault(
        grpc.StatusCode.ABORTED,
        "SNAPSHOT_UNDER_WAY",
        "a snapshot is being written; ask again when it is done, which `holdfast status` shows",
    )


def snapshot_failed(why: str) -> Fault:
    """No snapshot was written. Nothing is lost: the journal is whole without it."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "SNAPSHOT_FAILED",
        f"no snapshot was written: {shortened(why)}",
        {"why": shortened(why)},
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


def _details_of(blames: Sequence[Blame], room_bytes: int) -> list[Any]:
    """A BadRequest with the fields, and a ResourceInfo for each thing that they name, once: all, or
    those that fit into this many bytes.
    """
    request = error_details_pb2.BadRequest()
    room_bytes -= _packed(request).ByteSize() + 2 * _OVERHEAD_BYTES
    resources: dict[tuple[str, str], Any] = {}
    for blame in blames:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=blame.field, description=blame.description
        )
        room_bytes -= violation.ByteSize() + _OVERHEAD_BYTES
        resource = blame.resource_type, blame.resource_name
        is_new = bool(blame.resource_type) and resource not in resources
        info = _packed(
            error_details_pb2.ResourceInfo(resource_type=resource[0], resource_name=resource[1])
        )
        room_bytes -= info.ByteSize() + _OVERHEAD_BYTES if is_new else 0
        if room_bytes < 0:
            break
        request.field_violations.append(violation)
        if is_new:
            resources[resource] = info
    return [_packed(request), *resources.values()] if request.field_violations else []


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
