"""Batch requests: a malformed column refuses the batch by name, a malformed value does not."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from holdfast.core import commands as core
from holdfast.core.handles import make_handle
from holdfast.core.model import BatchOutcome, Unresolved, Verb
from holdfast.edge.wire import batches
from holdfast.edge.wire.availability import (
    handles_from_request,
    handles_response,
    levels_from_request,
    levels_response,
)
from holdfast.edge.wire.batches import MOVE_REQUESTS, OPERATIONS_MAX
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.packed import column, twin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation

TOO_MANY = OPERATIONS_MAX + 1
VERBS = list(MOVE_REQUESTS)
TIMELINE = 0xFEDC_BA98_7654_3210

Change = dict[str, Any]


def columns(count: int = 3, **changes: Any) -> Change:
    """Columns of a BatchReserve in which nothing is wrong, but for the changes."""
    return {
        "id_high": [7] * count,
        "id_low": range(count),
        "stock_levels": [make_handle(TIMELINE, 2, 0)] * count,
        "quantities": [1] * count,
        "hold_milliseconds": [60_000] * count,
    } | changes


def reserve(fields: Change) -> core.ReserveBatch:
    public = reservation.BatchReserveRequest
    data = public(**fields).SerializeToString()
    return batches.reserve_batch_from_request(twin(public).FromString(data), TIMELINE)


def move(verb: Verb, fields: Change) -> core.MoveBatch:
    public: Any = MOVE_REQUESTS[verb]
    data = public(**fields).SerializeToString()
    return batches.move_batch_from_request(verb, twin(public).FromString(data))


def stream(**fields: Any) -> core.ReserveBatch | core.MoveBatch:
    public = reservation.ReserveStreamRequest
    data = public(**fields).SerializeToString()
    return batches.stream_batch_from_request(twin(public).FromString(data), TIMELINE)


def handles(*numbers: int) -> core.ReadLevels:
    public = availability.BatchGetAvailabilityRequest
    data = public(stock_levels=numbers).SerializeToString()
    return handles_from_request(twin(public).FromString(data), 0)


def names(*pairs: tuple[str, str]) -> core.ResolveLevels:
    public = availability.ResolveStockLevelsRequest
    levels = [availability.StockLevelName(sku=sku, location=place) for sku, place in pairs]
    return levels_from_request(public(stock_levels=levels))


def blamed(ask: Callable[[], object]) -> tuple[str, str, str]:
    """What a refused request is answered: field, value and what would be right."""
    with pytest.raises(Fault) as caught:
        ask()
    fault = caught.value
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_VALUE") == (fault.code, fault.reason)
    assert fault.message.startswith(f"{fault.metadata['field']} is ")
    return fault.metadata["field"], fault.metadata["value"], fault.metadata["expected"]


def test_a_reserve_batch_is_read_column_by_column() -> None:
    """Each value lands in the field of its operation; handles are split."""
    fields = columns(2, id_low=[1, 2**64 - 1], quantities=[5, 10**15], hold_milliseconds=[1, 2])
    fields["stock_levels"] = [make_handle(TIMELINE, *level) for level in ((0, 0), (3, 9))]
    operations = reserve(fields).operations
    assert [7, 7] == operations["key_hi"].tolist()
    assert [1, 2**64 - 1] == operations["key_lo"].tolist()
    assert [(0, 0), (3, 9)] == list(zip(operations["shard"], operations["row"], strict=True))
    assert [5, 10**15] == operations["quantity"].tolist()
    assert [1, 2] == operations["hold_ms"].tolist()


@pytest.mark.parametrize("count", [1, 2, OPERATIONS_MAX])
def test_one_hold_duration_may_stand_for_all(count: int) -> None:
    """The only column that may be shorter."""
    operations = reserve(columns(count, hold_milliseconds=[5_000])).operations
    assert [5_000] * count == operations["hold_ms"].tolist()


@pytest.mark.parametrize("verb", VERBS)
def test_a_batch_of_moves_is_read_column_by_column(verb: Verb) -> None:
    """The ids, and the verb of the method."""
    command = move(verb, {"id_high": [1, 2], "id_low": [3, 2**64 - 1]})
    assert verb is command.verb
    assert [1, 2] == command.operations["key_hi"].tolist()
    assert [3, 2**64 - 1] == command.operations["key_lo"].tolist()


@pytest.mark.parametrize("name", ["id_low", "stock_levels", "quantities", "hold_milliseconds"])
@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_column_of_another_length_is_refused_by_name(name: str, length: int) -> None:
    """Longer, shorter and absent."""
    blame = blamed(lambda: reserve(columns(3, **{name: [1] * length})))
    assert (name, f"{length} values", "3 values, as many as in id_high") == blame


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("length", [0, 2, 4])
def test_ids_of_two_lengths_are_refused(verb: Verb, length: int) -> None:
    """The same for commits, fulfills and releases."""
    blame = blamed(lambda: move(verb, {"id_high": [1] * 3, "id_low": [1] * length}))
    assert ("id_low", f"{length} values", "3 values, as many as in id_high") == blame


@pytest.mark.parametrize(("count", "value"), [(0, "0 items"), (TOO_MANY, "8,191 items")])
def test_a_batch_is_1_to_8190_operations(count: int, value: str) -> None:
    """Both sides of both limits, for every kind of batch."""
    expected = ("id_high", value, "1 to 8,190 items")
    assert expected == blamed(lambda: reserve(columns(count)))
    for verb in VERBS:
        ids: Change = {"id_high": [1] * count, "id_low": [1] * count}
        assert expected == blamed(lambda: move(verb, ids))  # noqa: B023 - called at once
    for most in (1, OPERATIONS_MAX):
        assert most == len(reserve(columns(most)).operations)
        ids = {"id_high": [1] * most, "id_low": [1] * most}
        assert [most] * 3 == [len(move(verb, ids).operations) for verb in VERBS]


@pytest.mark.parametrize("name", list(columns()))
def test_a_column_that_is_not_one_packed_piece_is_refused_by_name(name: str) -> None:
    """What packed.py finds becomes a status of its own column."""
    public = reservation.BatchReserveRequest
    only: Change = {name: [1]}
    extra = public(**only).SerializeToString()
    message = twin(public).FromString(public(**columns()).SerializeToString() + extra)
    blame = blamed(lambda: batches.reserve_batch_from_request(message, TIMELINE))
    assert (name, "split into 2", "a packed column in one piece") == blame


@pytest.mark.parametrize(
    ("linked", "value", "expected"),
    [
        (b"\0\0", "2 values", "3 values, as many as in id_high"),
        (b"\0\0\0\0", "4 values", "3 values, as many as in id_high"),
        (b"\1\2\0", "a byte of 2", "bytes of 0 or 1"),
        (b"\0\xff\1", "a byte of 255", "bytes of 0 or 1"),
        (b"\0\0\1", "1 at the last operation", "0 there: no operation follows"),
    ],
)
def test_links_that_make_no_sense_are_refused(linked: bytes, value: str, expected: str) -> None:
    """Another length, another byte, a link to nothing."""
    assert ("linked", value, expected) == blamed(lambda: reserve(columns(3, linked=linked)))


def test_links_are_read_and_no_links_are_none() -> None:
    """Left out and all 0 are the same."""
    linked = reserve(columns(3, linked=b"\1\0\0")).linked
    assert linked is not None
    assert [1, 0, 0] == linked.tolist()
    assert reserve(columns(3)).linked is None
    assert reserve(columns(3, linked=b"\0\0\0")).linked is None
    assert reserve(columns(1, linked=b"\0")).linked is None


def test_a_wrong_value_is_no_wrong_column() -> None:
    """It goes on to the engine, which answers it by a code, and stays as wrong as it was."""
    fields = columns(4, hold_milliseconds=[0, 2**32 - 1, 1, 1])
    fields["quantities"] = [0, 10**15 + 1, 2**63, 2**64 - 1]
    beyond = make_handle(TIMELINE, 4_095, 2**31 - 2)
    fields["stock_levels"] = [0, beyond, beyond, make_handle(TIMELINE, 1, 1)]
    operations = reserve(fields).operations
    assert [0, 10**15 + 1, -(2**63), -1] == operations["quantity"].tolist()
    assert [0, 2**32 - 1, 1, 1] == operations["hold_ms"].tolist()
    assert [-1, 2**31 - 2, 2**31 - 2, 1] == operations["row"].tolist()
    assert [0, 4_095, 4_095, 1] == operations["shard"].tolist()


def test_a_handle_of_another_timeline_is_named_with_its_column_and_position() -> None:
    """It may be anything there, so nothing of the batch is done."""
    here = make_handle(TIMELINE, 2, 0)
    for timeline in (TIMELINE + 2**43, 0):
        other = make_handle(timeline, 2, 0)
        fields = columns(3, stock_levels=[here, other, other])
        with pytest.raises(Fault) as caught:
            reserve(fields)
        assert ("FAILED_PRECONDITION", "OTHER_TIMELINE") == (
            caught.value.code.name,
            caught.value.reason,
        )
        assert {"field": "stock_levels[1]", "value": str(other)} == caught.value.metadata


def test_a_stream_message_is_the_batch_that_it_holds() -> None:
    """The four kinds, and faults inside them."""
    assert isinstance(
        stream(reserve=reservation.BatchReserveRequest(**columns())), core.ReserveBatch
    )
    for kind, verb in batches.STREAM_VERBS.items():
        public: Any = MOVE_REQUESTS[verb]
        command = stream(**{kind: public(id_high=[1], id_low=[2])})
        assert isinstance(command, core.MoveBatch)
        assert verb is command.verb
        wrong = public(id_high=[1])
        blame = blamed(lambda: stream(**{kind: wrong}))  # noqa: B023 - called at once
        assert ("id_low", "0 values") == blame[:2]


def test_a_stream_message_without_a_batch_is_refused() -> None:
    """Also one with an empty batch in it."""
    assert ("batch", "", "one of reserve, commit, fulfill or release") == blamed(stream)
    empty = reservation.BatchCommitRequest()
    assert ("id_high", "0 items") == blamed(lambda: stream(commit=empty))[:2]


def test_handles_to_read_are_1_to_8190() -> None:
    """What they stand for is not judged here."""
    assert [0, 2**43 - 1] == handles(0, 2**43 - 1).handles.tolist()
    assert OPERATIONS_MAX == len(handles(*range(OPERATIONS_MAX)).handles)
    many = blamed(lambda: handles(*range(TOO_MANY)))
    assert ("stock_levels", "8,191 items", "1 to 8,190 items") == many
    none = blamed(handles)
    assert ("skus", "0 items", "1 to 1,000 items, or stock_levels") == none


def test_names_to_resolve_are_1_to_8190_well_formed_ones() -> None:
    """A bad one is named by its index."""
    assert (("Tea", "W1"), ("Mug", "W2")) == names(("Tea", "W1"), ("Mug", "W2")).names
    assert OPERATIONS_MAX == len(names(*[("Tea", "W1")] * OPERATIONS_MAX).names)
    for count, value in ((0, "0 items"), (TOO_MANY, "8,191 items")):
        pairs = [("Tea", "W1")] * count
        assert ("stock_levels", value) == blamed(lambda: names(*pairs))[:2]  # noqa: B023 - at once
    assert "stock_levels[1].sku" == blamed(lambda: names(("Tea", "W1"), ("", "W1")))[0]
    assert "stock_levels[0].location" == blamed(lambda: names(("Tea", "W\n1")))[0]
    assert "stock_levels[0].sku" == blamed(lambda: names(("é" * 65, "W1")))[0]


def test_codes_are_answered_by_position() -> None:
    """For single calls and in a stream, with the time of acceptance where units are held."""
    codes = core.BatchCodes(
        np.array([1, 2, 12], np.uint8), 1_500_000_000, (core.Revision(3, 4, 0),)
    )
    reserved = batches.reserve_batch_response(codes)
    assert b"\1\2\x0c" == reserved.outcomes
    assert 1_500_000_000 == reserved.accept_time.ToNanoseconds()
    assert [(3, 4)] == [(each.shard, each.sequence) for each in reserved.revisions]
    held = reserve(columns())
    request = reservation.ReserveStreamRequest(batch_id=2**64 - 1)
    answer: Any = batches.stream_batch_response(request, held, codes)
    assert reservation.ReserveStreamResponse(batch_id=2**64 - 1, reserve=reserved) == answer
    for kind, verb in batches.STREAM_VERBS.items():
        command = move(verb, {"id_high": [1], "id_low": [2]})
        answer = batches.stream_batch_response(request, command, codes)
        assert 2**64 - 1 == answer.batch_id
        assert kind == answer.WhichOneof("batch")
        assert b"\1\2\x0c" == getattr(answer, kind).outcomes
        assert [(3, 4)] == [(each.shard, each.sequence) for each in getattr(answer, kind).revisions]


def test_levels_are_answered_as_columns() -> None:
    """Counts of a stock level may be negative; public clients read what the twin wrote."""
    on_hand, reserved, committed = np.array([[-5, 2**60], [1, 2], [3, 4]], np.int64)
    available, is_stale = on_hand - reserved - committed, np.zeros(2, np.bool_)
    revisions = (core.Revision(1, 9, 0),)
    unavailable, states = np.array([7, 0]), np.array([2, 0], np.uint8)
    levels = core.LevelColumns(
        on_hand, reserved, committed, available, unavailable, states, is_stale, revisions
    )
    data = handles_response(levels).SerializeToString()
    public = availability.BatchGetAvailabilityResponse
    answer = public.FromString(data)
    assert [[-5, 2**60], [1, 2], [3, 4], [-9, 2**60 - 6], [7, 0]] == [
        list(answer.on_hand),
        list(answer.reserved),
        list(answer.committed),
        list(answer.available),
        list(answer.unavailable),
    ]
    assert b"\2\0" == answer.source_states
    assert [9] == [each.sequence for each in answer.revisions]
    assert [-5, 2**60] == column(twin(public).FromString(data), public, "on_hand").tolist()


def test_handles_are_answered_by_position() -> None:
    """All 64 bits of them; those that are 0 are named, with what is missing."""
    command = core.ResolveLevels((("A", "L"), ("B", "L"), ("C", "M")))
    handles = np.array([0, 2**64 - 1, 0], np.uint64)
    missing = {0: Unresolved.UNKNOWN_SKU, 2: Unresolved.NO_STOCK_LEVEL}
    answer = levels_response(command, core.Handles(handles, missing))
    assert [0, 2**64 - 1, 0] == list(answer.handles)
    assert [
        (0, "A", "L", availability.UNRESOLVED_REASON_UNKNOWN_SKU),
        (2, "C", "M", availability.UNRESOLVED_REASON_NO_STOCK_LEVEL),
    ] == [
        (each.index, each.stock_level.sku, each.stock_level.location, each.reason)
        for each in answer.unresolved
    ]


def test_outcomes_have_the_numbers_of_the_engine() -> None:
    """They go out as bytes, so no name is looked up on the way."""
    numbers = {
        name.removeprefix("BATCH_OUTCOME_"): number
        for name, number in reservation.BatchOutcome.items()
    }

    assert {outcome.name: int(outcome) for outcome in BatchOutcome if outcome} == {
        name: number for name, number in numbers.items() if number
    }
