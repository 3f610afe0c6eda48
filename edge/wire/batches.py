"""BatchReserve, BatchCommit, BatchFulfill, BatchRelease and ReserveStream.

Requests and responses are twins (packed.py), so no object is made per operation. Form is judged per
column: a malformed column refuses the whole batch, by name; a bad value in a column goes on to the
engine, which answers that operation with a code.
"""

from typing import Any, Final

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from holdfast.core import commands as core
from holdfast.core import kernels
from holdfast.core.handles import timeline_bits
from holdfast.core.model import Verb
from holdfast.core.tables.layouts import OPERATION
from holdfast.v1 import reservation_service_pb2 as reservation

from .faults import Fault, invalid, other_timeline
from .packed import ColumnError, column
from .shared import add_revisions
from .validation import check_count

#: Operations of one batch; stated in the comments of protos/holdfast/v1.
OPERATIONS_MAX: Final = 8_190

MOVE_REQUESTS: Final[dict[Verb, type[Message]]] = {
    Verb.COMMIT: reservation.BatchCommitRequest,
    Verb.FULFILL: reservation.BatchFulfillRequest,
    Verb.RELEASE: reservation.BatchReleaseRequest,
}

#: A member of ReserveStreamRequest.batch, but for `reserve` -> its verb.
STREAM_VERBS: Final = {"commit": Verb.COMMIT, "fulfill": Verb.FULFILL, "release": Verb.RELEASE}


def reserve_batch_from_request(request: Any, timeline: int) -> core.ReserveBatch:
    """The command of a BatchReserve. One hold duration may stand for all operations."""
    public = reservation.BatchReserveRequest
    high, low = _ids(request, public)
    count = len(high)
    handles = _same_length(_column(request, public, "stock_levels"), "stock_levels", count)
    quantities = _same_length(_column(request, public, "quantities"), "quantities", count)
    hold_ms = _column(request, public, "hold_milliseconds")
    if len(hold_ms) != 1:  # one value stands for all
        hold_ms = _same_length(hold_ms, "hold_milliseconds", count)
    operations = np.empty(count, OPERATION)
    # Above int64 a quantity turns negative, and is answered like any other below 1.
    columns = high, low, handles, quantities.view("<i8"), hold_ms
    other = kernels.read_operations(*columns, timeline_bits(timeline), operations)
    if other >= 0:
        raise other_timeline(f"stock_levels[{other}]", int(handles[other]))
    return core.ReserveBatch(operations, _linked(request.linked, count))


def _column(request: Any, public: type[Message], name: str) -> NDArray[Any]:
    try:
        return column(request, public, name)
    except ColumnError as error:
        raise invalid(error.name, error.found, error.expected) from error


def _ids(request: Any, public: type[Message]) -> tuple[NDArray[Any], NDArray[Any]]:
    # They come first on the wire, so every other column is measured against them.
    high = _column(request, public, "id_high")
    check_count("id_high", len(high), 1, OPERATIONS_MAX)
    return high, _same_length(_column(request, public, "id_low"), "id_low", len(high))


def _same_length(values: NDArray[Any], name: str, count: int) -> NDArray[Any]:
    if len(values) != count:
        raise invalid(name, f"{len(values)} values", f"{count} values, as many as in id_high")
    return values


def _linked(data: bytes, count: int) -> NDArray[np.uint8] | None:
    if not data:
        return None
    linked = _same_length(np.frombuffer(data, np.uint8), "linked", count)
    if linked.max() > 1:
        raise invalid("linked", f"a byte of {linked.max()}", "bytes of 0 or 1")
    if linked[-1]:
        raise invalid("linked", "1 at the last operation", "0 there: no operation follows")
    return linked if linked.any() else None  # all 0: no groups to look for


def reserve_batch_response(outcome: core.BatchCodes) -> reservation.BatchReserveResponse:
    """The answer to a BatchReserve: one code per operation, and when the holds began."""
    response = reservation.BatchReserveResponse(outcomes=outcome.codes.tobytes())
    response.accept_time.FromNanoseconds(outcome.accepted_at_ns)
    add_revisions(response, outcome.revisions)
    return response


def move_batch_from_request(verb: Verb, request: Any) -> core.MoveBatch:
    """The command of a BatchCommit, BatchFulfill or BatchRelease."""
    high, low = _ids(request, MOVE_REQUESTS[verb])
    operations = np.zeros(len(high), OPERATION)
    operations["key_hi"], operations["key_lo"] = high, low
    return core.MoveBatch(verb, operations)


def move_batch_response(response_class: type[Message], outcome: core.BatchCodes) -> Message:
    """The answer to a BatchCommit, BatchFulfill or BatchRelease: one code per operation."""
    response = response_class(outcomes=outcome.codes.tobytes())
    add_revisions(response, outcome.revisions)
    return response


def stream_batch_from_request(request: Any, timeline: int) -> core.ReserveBatch | core.MoveBatch:
    """The command of one message of a ReserveStream."""
    kind = request.WhichOneof("batch")
    if kind is None:
        raise invalid("batch", "", "one of reserve, commit, fulfill or release")
    if kind == "reserve":
        return reserve_batch_from_request(request.reserve, timeline)
    return move_batch_from_request(STREAM_VERBS[kind], getattr(request, kind))


def stream_batch_response(
    request: Any, command: core.ReserveBatch | core.MoveBatch, outcome: core.BatchCodes
) -> Message:
    """The answer to one message of a ReserveStream, of the same kind as the command."""
    response = reservation.ReserveStreamResponse(batch_id=request.batch_id)
    if isinstance(command, core.ReserveBatch):
        response.reserve.CopyFrom(reserve_batch_response(outcome))
        return response
    answer = getattr(response, command.verb.name.lower())
    answer.outcomes = outcome.codes.tobytes()
    add_revisions(answer, outcome.revisions)
    return response


def stream_batch_refused(request: Any, fault: Fault) -> reservation.ReserveStreamResponse:
    """The answer to a message of a ReserveStream that failed as a whole. One that could not be
    parsed is its own fault and has no id.
    """
    batch_id = getattr(request, "batch_id", 0)
    return reservation.ReserveStreamResponse(batch_id=batch_id, status=fault.to_status())
