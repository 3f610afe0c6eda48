"""A clock that is ahead too far stops a start, before anything is journaled by it."""

import pytest

from holdfast.edge.server.clock import ClockAheadError, check_clock

DAY_NS = 24 * 3_600 * 10**9
LAST_NS = 1_795_000_000 * 10**9


@pytest.mark.parametrize("now_ns", [0, LAST_NS - DAY_NS, LAST_NS, LAST_NS + 90 * DAY_NS])
def test_a_clock_that_is_behind_or_within_the_bound_is_believed(now_ns: int) -> None:
    """Behind, the journal's time is the one that counts (node_clock)."""
    check_clock(LAST_NS, now_ns, 90)


def test_a_new_directory_has_nothing_to_compare_with() -> None:
    check_clock(0, LAST_NS, 1)


def test_a_clock_beyond_the_bound_is_reported_with_both_times_and_the_way_out() -> None:
    now_ns = LAST_NS + 90 * DAY_NS + 1
    with pytest.raises(ClockAheadError) as caught:
        check_clock(LAST_NS, now_ns, 90)
    message = str(caught.value)
    assert "2026-11-18T" in message
    assert "2027-02-16T" in message
    assert "more than 90 days ahead" in message
    assert message.endswith("HOLDFAST_CLOCK_AHEAD_MAX_DAYS=91")
    check_clock(LAST_NS, now_ns, 91)
