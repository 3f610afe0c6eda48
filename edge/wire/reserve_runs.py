"""Reserves of one line of many callers: their requests as columns, and their answers.

Kernels read the form of nearly all requests, and encode the form of nearly all answers; anything
else is left to reservations.py.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.core import commands as core
from holdfast.core import kernels
from holdfast.core.kernels.codes import ACCEPTED, INSUFFICIENT_STOCK
from holdfast.core.kernels.reserve_requests import HOLD_BYTES_MAX, SPANS_END
from holdfast.core.model import RefusalCode, State
from holdfast.core.tables.layouts import OPERATION
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED, OUTCOME_REFUSED, Revision

from .reservations import STATES, reserve_response
from .shared import add_revisions

_VARINT, _FIXED64, _LENGTH_DELIMITED = 0, 1, 2


def _tag(message: Any, field: str, wire_type: int = _LENGTH_DELIMITED) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number << 3 | wire_type)


def _line_tags(message: Any) -> list[int]:
    return [_tag(message, "sku"), _tag(message, "location"), _tag(message, "quantity", _VARINT)]


#: As core/kernels/reserve_requests.py has them.
_TAGS: Final = np.array(
    [
        *(_tag(reservation.ReserveRequest, name) for name in ("reservation_id", "lines")),
        _tag(reservation.ReserveRequest, "hold_duration"),
        *_line_tags(reservation.ReserveLine),
        *(1 << 3 | _VARINT, 2 << 3 | _VARINT),  # seconds, nanos
        *(_tag(reservation.ReserveResponse, "outcome", _VARINT), OUTCOME_ACCEPTED),
        *(_tag(reservation.ReserveResponse, name) for name in ("expire_time", "revisions")),
        *(_tag(reservation.ReserveResponse, "state", _VARINT), STATES[State.HELD]),
        _tag(reservation.ReserveResponse, "lines"),
        *(_tag(Revision, name, _VARINT) for name in ("shard", "sequence")),
        _tag(Revision, "timeline", _FIXED64),
        *_line_tags(reservation.AllocatedLine),
    ],
    np.uint8,
)


class Encoded(NamedTuple):
    """A ReserveResponse that is encoded."""

    data: bytes
    outcome: int

    def SerializeToString(self) -> bytes:
        """Its bytes, as a message gives them."""
        return self.data


class Run(NamedTuple):
    """Requests that were read together."""

    command: core.ReserveRun
    places: Sequence[int]
    """Of each operation, which of the requests it is. The others could not be read."""
    data: NDArray[np.uint8]
    spans: NDArray[np.int32]
    """Where in `data` each part of each operation is (int32[n, SPANS_END])."""


def read_run(requests: Sequence[bytes], correlations: Sequence[str]) -> Run:
    """The requests that a kernel can read, as one command. `correlations` has the caller's id of
    each request, or nothing where no one has any.
    """
    count = len(requests)
    together = b"".join(requests)
    data = np.frombuffer(bytearray(together), np.uint8)
    ends = np.fromiter(accumulate(map(len, requests)), np.int64, count)
    operations = np.zeros(count, OPERATION)
    spans = np.zeros((count, SPANS_END), np.int32)
    places: Sequence[int] = range(count)
    if kernels.read_reserves(data, ends, _TAGS, operations, spans) < count:
        places = np.flatnonzero(spans[:, 0]).tolist()
        operations, spans = operations[places], spans[places]
        correlations = [correlations[at] for at in places] if correlations else ()
    # A character for each byte: the names are of ASCII, whatever else there is.
    text = together.decode("latin-1")
    names = [
        (text[sku:sku_end], text[location:location_end])
        for _, _, _, sku, sku_end, location, location_end in spans.tolist()
    ]
    return Run(core.ReserveRun(operations, names, correlations), places, data, spans)


def run_answers(run: Run, outcome: core.RunCodes) -> Iterator[Encoded | None]:
    """The answer to each operation; None of one that the engine left alone."""
    codes = outcome.codes
    out = np.empty(len(codes) * HOLD_BYTES_MAX, np.uint8)
    ends = np.empty(len(codes), np.int64)
    revisions = np.array([each[1:] for each in outcome.revisions], np.uint64)
    kernels.write_holds(
        run.command.operations,
        codes,
        revisions,
        outcome.accepted_at_ns,
        _TAGS,
        run.data,
        run.spans,
        out,
        ends,
    )
    encoded, start = out[: ends[-1]].tobytes(), 0
    for at, (code, end) in enumerate(zip(codes.tolist(), ends.tolist(), strict=True)):
        if code == ACCEPTED:
            yield Encoded(encoded[start:end], OUTCOME_ACCEPTED)
        else:
            yield _refused(run, outcome, at) if code == INSUFFICIENT_STOCK else None
        start = end


def _refused(run: Run, outcome: core.RunCodes, at: int) -> Encoded:
    operations = run.command.operations
    requested, shard = int(operations["quantity"][at]), operations["shard"][at]
    refusal = _refusal(*run.command.names[at], requested, int(outcome.available[at]))
    return Encoded(refusal + _revision(outcome.revisions[shard]), OUTCOME_REFUSED)


@lru_cache(maxsize=1_024)
def _refusal(sku: str, location: str, requested: int, available: int) -> bytes:
    """A refusal but for its revision. Callers of what is sold out are refused alike, and to put it
    into words takes 8 µs.
    """
    short = core.RefusedLine(sku, location, requested, available)
    refusal = core.Refusal(RefusalCode.INSUFFICIENT_STOCK, (short,))
    return reserve_response(core.ReserveOutcome(refusal, None, 0, (), ())).SerializeToString()


@lru_cache(maxsize=64)
def _revision(revision: core.Revision) -> bytes:
    """A revision as part of an answer. Fields of a message may be encoded one after another."""
    response = reservation.ReserveResponse()
    add_revisions(response, (revision,))
    return response.SerializeToString()
