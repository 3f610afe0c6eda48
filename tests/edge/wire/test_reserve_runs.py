"""Requests that a kernel reads say what they say one by one, and so do its answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.core import commands as core
from holdfast.core.ids import Key
from holdfast.core.kernels import codes
from holdfast.core.kernels.reserve_requests import REQUEST_BYTES_MAX
from holdfast.core.limits import HOLD_MS_MAX, QUANTITY_MAX
from holdfast.core.model import RefusalCode, State
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.reservations import reserve_from_request, reserve_response
from holdfast.edge.wire.reserve_runs import Run, read_run, run_answers
from holdfast.v1 import reservation_service_pb2 as reservation

UUID = "6f2d3a10-0c7e-4b6e-9a57-1f0d2c3b4a59"

#: The message of a line whose size takes one byte.
LINE_BYTES_MAX = 127

NOW_NS = 1_700_000_000_123_456_789

NAMES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=140),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=130),
)
QUANTITIES = st.one_of(
    st.integers(1, 300), st.sampled_from((0, -1, QUANTITY_MAX, QUANTITY_MAX + 1, 2**63 - 1))
)
LINES = st.builds(
    reservation.ReserveLine,
    sku=NAMES,
    location=NAMES,
    quantity=QUANTITIES,
    line_id=st.sampled_from(("", "", "", "1")),
)
HOLDS: Any = st.one_of(
    st.none(),
    st.builds(
        lambda seconds, nanos: {"seconds": seconds, "nanos": nanos},
        st.sampled_from((0, 1, 60, HOLD_MS_MAX // 1_000, HOLD_MS_MAX // 1_000 + 1, -1, 2**40)),
        st.sampled_from((0, 0, 0, 1, 500_000_000)),
    ),
)
REQUESTS = st.builds(
    lambda lines, **fields: reservation.ReserveRequest(lines=lines, **fields),
    lines=st.lists(LINES, max_size=2),
    reservation_id=st.one_of(st.uuids().map(str), st.sampled_from((UUID.upper(), "order 7", ""))),
    hold_duration=HOLDS,
    owner=st.sampled_from(("", "", "", "Ann")),
    already_sold=st.sampled_from((False, False, False, True)),
)


def one(**fields: Any) -> reservation.ReserveRequest:
    """A request as nearly all are, but for these fields."""
    line = {"sku": "Tea", "location": "W1", "quantity": 2}
    return reservation.ReserveRequest(**({"reservation_id": UUID, "lines": [line]} | fields))


def commands_of(run: Run) -> list[core.Reserve]:
    """The command of each operation, as if it had come alone."""
    operations = zip(run.command.operations.tolist(), run.command.names, strict=True)
    return [
        core.Reserve(Key(hi, lo, None), (core.Line(*name, quantity),), hold_ms)
        for (hi, lo, quantity, _, hold_ms, *_), name in operations
    ]


def is_common(request: reservation.ReserveRequest) -> bool:
    """Whether a request is one of those that a kernel is there for."""
    is_short = len(request.lines) == 1 and len(request.lines[0].SerializeToString()) < 128
    is_ascii = is_short and (request.lines[0].sku + request.lines[0].location).isascii()
    is_named = len(request.reservation_id) == 36 and not request.owner
    in_seconds = not request.hold_duration.nanos and not request.already_sold
    return is_ascii and is_named and in_seconds and not request.lines[0].line_id


@given(st.lists(REQUESTS, min_size=1, max_size=5))
@example([one(), one(hold_duration={"seconds": 1})])
@example([one(reservation_id="0" * 8 + "-0000-0000-0000-" + "0" * 12)])
@example([one(lines=[{"sku": "Tea ", "location": "W1", "quantity": 1}])])
@example([one(lines=[{"sku": "T", "location": "\x7f", "quantity": 1}])])
@example([one(lines=[{"sku": "S" * 100, "location": "W1" * 10, "quantity": QUANTITY_MAX}])])
def test_what_is_read_together_is_what_is_read_alone(
    requests: list[reservation.ReserveRequest],
) -> None:
    """All that the kernel reads is well formed, and it reads all that is and looks common."""
    run = read_run([each.SerializeToString() for each in requests], ())
    assert [reserve_from_request(requests[at]) for at in run.places] == commands_of(run)
    for at in set(range(len(requests))) - set(run.places):
        if is_common(requests[at]):
            with pytest.raises(Fault, match="INVALID"):
                reserve_from_request(requests[at])


@given(
    st.data(), st.binary(max_size=3), st.sampled_from((one(), one(hold_duration={"seconds": 9})))
)
def test_bytes_that_are_not_quite_a_request(
    data: st.DataObject, cut_in: bytes, request: reservation.ReserveRequest
) -> None:
    """Whatever is done to its bytes, and whatever stands beside it."""
    sent = request.SerializeToString()
    start = data.draw(st.integers(0, len(sent)))
    end = data.draw(st.integers(start, min(start + 3, len(sent))))
    changed = sent[:start] + cut_in + sent[end:]
    run = read_run([sent, changed, sent], ())
    assert [0, 2] == [at for at in run.places if at != 1]
    if 1 in run.places:
        parsed = reservation.ReserveRequest.FromString(changed)
        assert reserve_from_request(parsed) == commands_of(run)[1]


@pytest.mark.parametrize("extra", range(2))
@pytest.mark.parametrize("quantity", [1, 127, 300, QUANTITY_MAX])
def test_a_quantity_of_more_bytes_than_it_takes_is_left_alone(quantity: int, extra: int) -> None:
    """Protocol buffers read it; its answer would have them too, and that of a single call not."""
    line = reservation.ReserveLine(sku="Tea", location="W1", quantity=quantity)
    plain = line.SerializeToString()
    padded = plain[:-1] + bytes([plain[-1] | 128]) + b"\x80" * extra + b"\0"
    sent = one(lines=[]).SerializeToString() + b"\x12" + bytes([len(padded)]) + padded
    assert one(lines=[line]) == reservation.ReserveRequest.FromString(sent)
    assert [] == read_run([sent], ()).places


def test_no_request_that_is_read_is_longer_than_is_said() -> None:
    """So that whoever has a longer one need not ask."""
    line = reservation.ReserveLine(location="W" * 50, quantity=QUANTITY_MAX)
    line.sku = "S" * (LINE_BYTES_MAX - 2 - line.ByteSize())
    longest = one(lines=[line], hold_duration={"seconds": HOLD_MS_MAX // 1_000})
    sent = longest.SerializeToString()
    assert REQUEST_BYTES_MAX == len(sent)
    assert reserve_from_request(longest) == commands_of(read_run([sent], ()))[0]


def test_ids_of_callers_stay_with_their_requests() -> None:
    """Also where some of them could not be read."""
    requests = [one(), one(owner="Ann"), one()]
    run = read_run([each.SerializeToString() for each in requests], ("a", "b", "c"))
    assert ([0, 2], ["a", "c"]) == (list(run.places), run.command.correlations)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=9),
    st.integers(0, 2**64 - 1),
    st.sampled_from((1, 127, 128, 2**40)),
    st.sampled_from((0, 1, NOW_NS)),
    st.sampled_from((-3, 0, 7, 2**40)),
)
def test_answers_are_those_of_single_calls(
    shards: list[int], timeline: int, sequence: int, now_ns: int, available: int
) -> None:
    """Byte for byte, with a code that only the rules can put into words among them."""
    quantities = [1 + 200 * at for at in range(len(shards))]
    lines = [core.Line("Tea", "W1", quantity) for quantity in quantities]
    asked = [
        one(lines=[{"sku": "Tea", "location": "W1", "quantity": each}], hold_duration=None)
        for each in quantities
    ]
    run = read_run([each.SerializeToString() for each in asked], ())
    run.command.operations["shard"] = shards
    outcomes = np.array([codes.ACCEPTED] * len(shards), np.uint8)
    outcomes[len(shards) // 2] = codes.INSUFFICIENT_STOCK
    outcomes[len(shards) // 3 + 1 :: 5] = codes.ASK
    revisions = tuple(core.Revision(shard, sequence + shard, timeline) for shard in range(4))
    outcome = core.RunCodes(outcomes, np.full(len(shards), available, np.int64), now_ns, revisions)
    for at, answer in enumerate(run_answers(run, outcome)):
        revision = (revisions[shards[at]],)
        if outcomes[at] == codes.ACCEPTED:
            ends_ns = now_ns + 900_000 * 1_000_000
            expected = core.ReserveOutcome(None, State.HELD, ends_ns, (lines[at],), revision)
        elif outcomes[at] == codes.INSUFFICIENT_STOCK:
            short = core.RefusedLine("Tea", "W1", quantities[at], available)
            refusal = core.Refusal(RefusalCode.INSUFFICIENT_STOCK, (short,))
            expected = core.ReserveOutcome(refusal, None, 0, (), revision)
        else:
            assert answer is None
            continue
        assert answer is not None
        alone = reserve_response(expected)
        assert (alone.SerializeToString(deterministic=True), alone.outcome) == (
            answer.SerializeToString(),
            answer.outcome,
        )
