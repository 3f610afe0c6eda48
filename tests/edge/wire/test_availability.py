"""Availability by name: what may be asked, and what is returned for each level."""

import tracemalloc
from collections.abc import Generator
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX, ON_HAND_MAX
from holdfast.core.model import SourceState
from holdfast.core.warm import warm_up
from holdfast.edge.wire import batch_availability
from holdfast.edge.wire.availability import (
    availability_response,
    is_by_handle,
)
from holdfast.edge.wire.batch_availability import batch_availability_response
from holdfast.edge.wire.encoding import Encoded
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from tests.edge.wire.builders import (
    SENT_REVISIONS,
    assert_invalid,
    availabilities,
    availability_of,
    availability_of_all,
    fault,
)

Response = TypeVar("Response")


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """What is loaded with a kernel would count as an answer's."""
    warm_up()


def test_a_batch_is_read_by_sku_or_by_handle() -> None:
    request = availability.BatchGetAvailabilityRequest
    assert is_by_handle(request(stock_levels=[1]))
    assert is_by_handle(request())
    assert not is_by_handle(request(skus=["A"]))
    error = fault(is_by_handle, request(skus=["A"], stock_levels=[1]))
    assert_invalid(error, "stock_levels", "set together with skus", "either skus or stock_levels")


def test_a_batch_reads_1_to_1000_skus_in_their_order() -> None:
    skus = [str(n) for n in range(BATCH_MAX + 1)]
    assert availability_of_all(skus[:BATCH_MAX]).skus == tuple(skus[:BATCH_MAX])
    assert ("B", "A", "B") == availability_of_all(["B", "A", "B"]).skus
    assert ("A",) == availability_of("A").skus
    for count, value in ((0, "0 items"), (BATCH_MAX + 1, "1,001 items")):
        error = fault(availability_of_all, skus[:count])
        assert_invalid(error, "skus", value, "1 to 1,000 items")


LEVELS = (
    core.LevelView("L", on_hand=10, reserved=3, committed=2, available=5, enabled=True),
    core.LevelView("M", on_hand=1, reserved=0, committed=4, available=-3, enabled=True),
    core.LevelView("N", on_hand=7, reserved=0, committed=0, available=0, enabled=False),
    core.LevelView("O", on_hand=6, reserved=0, committed=0, available=6, enabled=True),
)


VIEW = core.AvailabilityView("A", LEVELS, core.Revision(1, 77, 2**64 - 1))


SENT_LEVELS: list[dict[str, Any]] = [
    {"location": "L", "on_hand": 10, "reserved": 3, "committed": 2, "available": 5},
    {"location": "M", "on_hand": 1, "committed": 4, "available": -3, "shortfall": 3},
    {"location": "N", "on_hand": 7},
    {"location": "O", "on_hand": 6, "available": 6},
]


SENT = availability.Availability(
    sku="A",
    levels=[
        availability.StockLevel(**each, source_state=common.SOURCE_STATE_CURRENT)
        for each in SENT_LEVELS
    ],
    network_available=11,
    revision=SENT_REVISIONS[0],
)


for level in SENT.levels:
    level.enabled = level.location != "N"


def test_the_network_promises_what_enabled_locations_have() -> None:
    """A shortfall of one location is not made up by another, nor hidden."""
    command = core.GetAvailability(("A",))
    response, _ = finished(availability_response(command, availabilities(VIEW)))
    assert response == availability.GetAvailabilityResponse(availability=SENT)


def test_a_network_beyond_int64_is_returned_as_the_most_there_can_be() -> None:
    level = core.LevelView(
        "L", on_hand=ON_HAND_MAX, reserved=0, committed=0, available=ON_HAND_MAX, enabled=True
    )
    view = core.AvailabilityView("A", (level,) * 5, core.Revision(0, 1, 0))
    outcome = availabilities(view)
    response, _ = finished(availability_response(core.GetAvailability(("A",)), outcome))
    assert response.availability.network_available == 2**63 - 1


def test_an_unknown_sku_is_not_found_when_asked_alone() -> None:
    command = core.GetAvailability(("A",))
    with pytest.raises(Fault) as caught:
        finished(availability_response(command, availabilities(None)))
    assert "UNKNOWN_SKU" == caught.value.reason
    assert {"field": "sku", "value": "A"} == caught.value.metadata


def test_unknown_skus_of_a_batch_are_named_in_order() -> None:
    command = core.GetAvailability(("X", "A", "Y"))
    outcome = availabilities(None, VIEW, None)
    sent, _ = finished(batch_availability_response(command, outcome))
    assert read(sent) == availability.BatchGetAvailabilityResponse(
        availabilities=[SENT], unknown_skus=["X", "Y"]
    )


def read(sent: Encoded) -> availability.BatchGetAvailabilityResponse:
    """A batch's answer as its caller reads it."""
    return availability.BatchGetAvailabilityResponse.FromString(sent.SerializeToString())


def finished(pieces: Generator[None, None, Response]) -> tuple[Response, int]:
    """An answer, and how many pauses were made on the way to it."""
    pauses = 0
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, pauses
        pauses += 1


@pytest.mark.parametrize("shape", [(1, 45_000), (9, 5_000), (3, 15_000)])
def test_a_long_answer_is_written_in_pieces(shape: tuple[int, int]) -> None:
    """Whether one SKU is at many locations, or many are at some; nothing is lost at the seams."""
    skus, places = shape
    view = core.AvailabilityView("A", (LEVELS[0],) * places, core.Revision(0, 1, 0))
    command = core.GetAvailability(("A",) * skus)
    sent, pauses = finished(batch_availability_response(command, availabilities(*[view] * skus)))
    assert [places] * skus == [len(each.levels) for each in read(sent).availabilities]
    assert [5 * places] * skus == [each.network_available for each in read(sent).availabilities]
    assert 4 <= pauses


@pytest.mark.parametrize("shape", [(1, 75_000), (500, 150)])
def test_no_piece_of_a_long_answer_copies_those_before_it(shape: tuple[int, int]) -> None:
    """But for the last, which puts them together once."""
    skus, places = shape
    view = core.AvailabilityView("A", (LEVELS[0],) * places, core.Revision(0, 1, 0))
    outcome = availabilities(*[view] * skus)
    pieces = batch_availability_response(core.GetAvailability(("A",) * skus), outcome)
    sent, allocated = allocating(pieces)
    assert max(allocated[:-1]) <= 4 << 20
    assert allocated[-1] <= 1.5 * len(sent.SerializeToString())


def test_names_of_locations_are_copied_once_and_not_for_each_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are 1.2 MB, and what is unavailable stands beside them; a piece has 140 kB."""
    monkeypatch.setattr(batch_availability, "ENCODED_AT_ONCE", 1_000)
    names = [f"{number:0120}" for number in range(10_000)]
    levels = [LEVELS[0]._replace(location=name, unavailable={"damaged": 1}) for name in names]
    views = [
        core.AvailabilityView("A", tuple(levels[at : at + 100]), core.Revision(0, 1, 0))
        for at in range(0, len(levels), 100)
    ]
    command = core.GetAvailability(("A",) * len(views))
    pieces = batch_availability_response(command, availabilities(*views))
    sent, allocated = allocating(pieces)
    assert 1 == sum(size > 1 << 20 for size in allocated), "the names together"
    found = [level.location for each in read(sent).availabilities for level in each.levels]
    assert names == found


def test_what_is_unavailable_counts_among_what_is_spelled_at_once() -> None:
    units = {f"status {number}": 1 for number in range(20)}
    level = LEVELS[0]._replace(unavailable=units)
    view = core.AvailabilityView("A", (level,) * 1_000, core.Revision(0, 1, 0))
    sent, pauses = finished(
        batch_availability_response(core.GetAvailability(("A",) * 3), availabilities(*[view] * 3))
    )
    answered = read(sent).availabilities
    assert [20 * 1_000] * 3 == [
        sum(len(each.unavailable) for each in sku.levels) for sku in answered
    ]
    assert 5 <= pauses


def allocating(pieces: Generator[None, None, Response]) -> tuple[Response, list[int]]:
    """An answer, and how many bytes each of its pieces took at the most."""
    allocated: list[int] = []
    tracemalloc.start()
    try:
        while True:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            try:
                next(pieces)
            finally:
                allocated.append(tracemalloc.get_traced_memory()[1] - before)
    except StopIteration as end:
        return end.value, allocated
    finally:
        tracemalloc.stop()


def test_a_long_answer_about_one_sku_is_written_in_pieces() -> None:
    view = core.AvailabilityView("A", (LEVELS[0],) * 4_500, core.Revision(0, 1, 0))
    command = core.GetAvailability(("A",))
    response, pauses = finished(availability_response(command, availabilities(view)))
    assert 4_500 == len(response.availability.levels)
    assert 5 * 4_500 == response.availability.network_available
    assert 4 == pauses


def in_order(units: dict[str, int]) -> dict[str, int]:
    return dict(sorted(units.items()))


UNITS = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-300, 300)
NAMES = st.text(min_size=1, max_size=40)
VIEWS = st.builds(
    core.AvailabilityView,
    NAMES,
    st.lists(
        st.builds(
            core.LevelView,
            *(NAMES, UNITS, UNITS, UNITS, UNITS, st.booleans()),
            st.dictionaries(NAMES, UNITS, max_size=3).map(in_order),
            *(UNITS, st.booleans(), st.sampled_from(SourceState), UNITS),
        ),
        max_size=4,
    ).map(tuple),
    st.builds(
        core.Revision,
        *(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    ),
)


@given(st.lists(st.none() | VIEWS, min_size=1, max_size=4))
def test_many_skus_are_returned_as_each_is_alone(views: list[core.AvailabilityView | None]) -> None:
    """A kernel spells the answer for many, protobuf itself that for one."""
    command = core.GetAvailability(tuple(f"no {place}" for place in range(len(views))))
    sent, _ = finished(batch_availability_response(command, availabilities(*views)))
    expected = availability.BatchGetAvailabilityResponse()
    for sku, view in zip(command.skus, views, strict=True):
        if view is None:
            expected.unknown_skus.append(sku)
        else:
            alone, _ = finished(availability_response(command, availabilities(view)))
            expected.availabilities.append(alone.availability)
    assert expected == read(sent)
    assert expected.SerializeToString() == sent.SerializeToString()
