"""GetShortfall on the wire, and shortfalls in answers to facts."""

from typing import Any

import pytest

from holdfast.core import commands as core
from holdfast.core.limits import ENDANGERED_LISTED_MAX, ENDANGERED_MAX
from holdfast.core.model import EventOutcome
from holdfast.edge.wire.shortfalls import shortfall_from_request, shortfall_response
from holdfast.edge.wire.stock_facts import events_response
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from tests.edge.wire.builders import assert_invalid, fault

SHORTFALL = core.Shortfall("A", "L", -1, -9, (core.Endangered("r", "1", 2, 3, 4),), 5)
SENT = common.Shortfall(
    sku="A",
    location="L",
    on_hand=-1,
    available=-9,
    shortfall=9,
    endangered=[
        {
            "reservation_id": "r",
            "line_id": "1",
            "held": 2,
            "committed": 3,
            "endangered_quantity": 4,
        }
    ],
    unlisted_quantity=5,
)


def asked(**fields: Any) -> core.GetShortfall:
    given = {"sku": "A", "location": "L", **fields}
    return shortfall_from_request(availability.GetShortfallRequest(**given))


@pytest.mark.parametrize(
    ("max_lines", "most"), [(0, ENDANGERED_LISTED_MAX), (1, 1), (ENDANGERED_MAX, ENDANGERED_MAX)]
)
def test_a_request_names_a_level_and_how_much_to_list(max_lines: int, most: int) -> None:
    assert core.GetShortfall("A", "L", most) == asked(max_lines=max_lines)


@pytest.mark.parametrize("max_lines", [-1, ENDANGERED_MAX + 1])
def test_more_than_the_limit_is_a_fault(max_lines: int) -> None:
    error = fault(asked, max_lines=max_lines)
    assert_invalid(error, "max_lines", max_lines, "0 to 1,000")


@pytest.mark.parametrize("field", ["sku", "location"])
def test_both_names_are_needed(field: str) -> None:
    assert field == fault(asked, **{field: ""}).metadata["field"]


def test_a_shortfall_is_returned_with_what_it_endangers() -> None:
    response = shortfall_response(core.ShortfallView(SHORTFALL, core.Revision(3, 7, 9)))
    assert SENT == response.shortfall
    assert (3, 7, 9) == (
        response.revision.shard,
        response.revision.sequence,
        response.revision.timeline,
    )


def test_enough_is_no_shortfall() -> None:
    view = core.ShortfallView(core.Shortfall("A", "L", 5, 4), core.Revision(0, 1, 9))
    sent = common.Shortfall(sku="A", location="L", on_hand=5, available=4)
    assert sent == shortfall_response(view).shortfall


def test_the_answer_to_facts_has_the_shortfalls() -> None:
    result = core.EventResult(EventOutcome.APPLIED, -1, 9, -9)
    outcome = core.EventsOutcome((result,), (), shortfalls=(SHORTFALL,))
    assert [SENT] == list(events_response(outcome).shortfalls)
