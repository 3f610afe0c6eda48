"""What may be promised by date: what may be asked, and what is returned for each level."""

from typing import Any

import pytest

from holdfast.core import commands as core
from holdfast.core.limits import HORIZON_DAYS_MAX, NS_PER_DAY, PROMISE_LEVELS_MAX
from holdfast.core.model import SourceState
from holdfast.edge.wire.page_tokens import page_token
from holdfast.edge.wire.supply import promise_from_request, promise_response
from holdfast.v1 import availability_service_pb2 as availability
from tests.edge.wire.builders import assert_invalid, fault

TIMELINE = 77


def asked(**fields: Any) -> core.GetAvailableToPromise:
    request = availability.GetAvailableToPromiseRequest(**{"sku": "A", **fields})
    return promise_from_request(request, TIMELINE)


def test_a_horizon_is_thirty_days_unless_it_is_said() -> None:
    assert core.GetAvailableToPromise("A", (), 30, 0, 100) == asked()
    token = page_token(9, TIMELINE)
    assert core.GetAvailableToPromise("A", ("L", "M"), 180, 9, 250) == asked(
        locations=["L", "M"], horizon_days=180, page_size=250, page_token=token
    )
    stale = core.GetAvailableToPromise("A", (), 30, 0, 100, (SourceState.STALE,))
    assert stale == asked(source_states=[2, 2])


@pytest.mark.parametrize(
    ("field", "most"), [("horizon_days", HORIZON_DAYS_MAX), ("page_size", PROMISE_LEVELS_MAX)]
)
def test_horizon_and_page_are_bounded(field: str, most: int) -> None:
    asked(**{field: most})
    for wrong in (-1, most + 1):
        assert_invalid(fault(asked, **{field: wrong}), field, wrong, f"0 to {most}")


def test_names_and_tokens_are_judged() -> None:
    assert "sku" == fault(asked, sku="").metadata["field"]
    assert "locations[1]" == fault(asked, locations=["L", " M"]).metadata["field"]
    assert "source_states[1]" == fault(asked, source_states=[1, 0]).metadata["field"]
    assert "locations" == fault(asked, locations=["L"] * 1_001).metadata["field"]
    for token in ("x", page_token(9, TIMELINE + 1)):
        assert "page_token" == fault(asked, page_token=token).metadata["field"]


def test_a_transfer_is_returned_with_what_is_over_and_no_time_that_nobody_gave() -> None:
    transfer = core.SupplyView("t1", "", 0, 5, 7, 0, is_transfer=True, over=2)
    level = core.PromiseView("L", 4, 0, (), (transfer,))
    view = core.AvailableToPromiseView("A", (level,), NS_PER_DAY, core.Revision(1, 8, 9), None)
    (supply,) = promise_response(view, TIMELINE).levels[0].supplies
    expected = availability.Supply(document="t1", announced=5, received=7, over=2)
    expected.is_transfer = True
    assert expected == supply


def test_days_and_supplies_are_returned_with_the_next_page() -> None:
    supply = core.SupplyView("po1", "10", 5 * NS_PER_DAY + 1, 9, 2, 7)
    day = core.DayView(5 * NS_PER_DAY, 7, 11)
    level = core.PromiseView("L", 4, 3, (day,), (supply,))
    view = core.AvailableToPromiseView("A", (level,), NS_PER_DAY, core.Revision(1, 8, 9), 12)
    response = promise_response(view, TIMELINE)
    days = [{"day": {"seconds": 5 * 86_400}, "incoming": 7, "available": 11}]
    supplies = [
        {
            "document": "po1",
            "line": "10",
            "expected_time": {"seconds": 5 * 86_400, "nanos": 1},
            "announced": 9,
            "received": 2,
            "incoming": 7,
        }
    ]
    level_sent = {"location": "L", "available": 4, "overdue": 3, "source_state": 3}
    levels = [{**level_sent, "days": days, "supplies": supplies}]
    assert response == availability.GetAvailableToPromiseResponse(
        levels=levels,
        today={"seconds": 86_400},
        next_page_token=page_token(12, TIMELINE),
        revision={"shard": 1, "sequence": 8, "timeline": 9},
    )
