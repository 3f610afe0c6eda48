"""Availability by name: what may be asked, and what is told of each level."""

from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from holdfast.core import commands as core
from holdfast.core.limits import BATCH_MAX, ON_HAND_MAX
from holdfast.edge.wire.availability import (
    availability_response,
    batch_availability_response,
    is_by_handle,
)
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from tests.edge.wire.builders import (
    SENT_REVISIONS,
    assert_invalid,
    availability_of,
    availability_of_all,
    fault,
)

Response = TypeVar("Response")


def test_a_batch_is_read_by_sku_or_by_handle() -> None:
    request = availability.BatchGetAvailabilityRequest
    assert is_by_handle(request(stock_levels=[1]))
    assert is_by_handle(request())
    assert not is_by_handle(request(skus=["A"]))
    told = fault(is_by_handle, request(skus=["A"], stock_levels=[1]))
    assert_invalid(told, "stock_levels", "set together with skus", "either skus or stock_levels")


def test_a_batch_reads_1_to_1000_skus_in_their_order() -> None:
    skus = [str(n) for n in range(BATCH_MAX + 1)]
    assert availability_of_all(skus[:BATCH_MAX]).skus == tuple(skus[:BATCH_MAX])
    assert ("B", "A", "B") == availability_of_all(["B", "A", "B"]).skus
    assert ("A",) == availability_of("A").skus
    for count, value in ((0, "0 items"), (BATCH_MAX + 1, "1,001 items")):
        told = fault(availability_of_all, skus[:count])
        assert_invalid(told, "skus", value, "1 to 1,000 items")


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
    response, _ = finished(availability_response(command, core.AvailabilitiesView((VIEW,))))
    assert response == availability.GetAvailabilityResponse(availability=SENT)


def test_a_network_beyond_int64_is_told_as_the_most_there_can_be() -> None:
    level = core.LevelView(
        "L", on_hand=ON_HAND_MAX, reserved=0, committed=0, available=ON_HAND_MAX, enabled=True
    )
    view = core.AvailabilityView("A", (level,) * 5, core.Revision(0, 1, 0))
    outcome = core.AvailabilitiesView((view,))
    response, _ = finished(availability_response(core.GetAvailability(("A",)), outcome))
    assert response.availability.network_available == 2**63 - 1


def test_an_unknown_sku_is_not_found_when_asked_alone() -> None:
    command = core.GetAvailability(("A",))
    with pytest.raises(Fault) as caught:
        finished(availability_response(command, core.AvailabilitiesView((None,))))
    assert "UNKNOWN_SKU" == caught.value.reason
    assert {"field": "sku", "value": "A"} == caught.value.metadata


def test_unknown_skus_of_a_batch_are_named_in_order() -> None:
    command = core.GetAvailability(("X", "A", "Y"))
    outcome = core.AvailabilitiesView((None, VIEW, None))
    response, _ = finished(batch_availability_response(command, outcome))
    assert response == availability.BatchGetAvailabilityResponse(
        availabilities=[SENT], unknown_skus=["X", "Y"]
    )


def finished(pieces: Generator[None, None, Response]) -> tuple[Response, int]:
    """An answer, and how often it was paused over."""
    pauses = 0
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, pauses
        pauses += 1


@pytest.mark.parametrize("shape", [(1, 4_500), (9, 500), (3, 1_500)])
def test_a_long_answer_is_written_in_pieces(shape: tuple[int, int]) -> None:
    """Whether one SKU is at many locations, or many are at some; nothing is lost at the seams."""
    skus, places = shape
    level = core.LevelView("L", on_hand=1, reserved=0, committed=0, available=1, enabled=True)
    view = core.AvailabilityView("A", (level,) * places, core.Revision(0, 1, 0))
    command = core.GetAvailability(("A",) * skus)
    outcome = core.AvailabilitiesView((view,) * skus)
    response, pauses = finished(batch_availability_response(command, outcome))
    assert [places] * skus == [len(each.levels) for each in response.availabilities]
    assert [places] * skus == [each.network_available for each in response.availabilities]
    assert 4 <= pauses
