"""What fails beside the visitors is known before it starts, one thing at a time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.demo.day import SKUS
from bench.rehearsal.profiles import PROFILES, Run
from bench.rehearsal.trials import HOT_SHARE, ONLINE, ORDER_UNITS, outage, trading_day, trials

SECONDS_MIN = PROFILES["channels"].seconds_min


def run(seconds: float) -> Run:
    return Run("r", "channels", users=10, rate=10.0, seconds=seconds)


@given(st.floats(SECONDS_MIN, 3_600))
def test_trials_follow_each_other_and_leave_time_to_catch_up(seconds: float) -> None:
    every = trials(run(seconds))
    for one, other in pairwise(every):
        assert one.end + 0.09 * seconds < other.begin
    assert 0 < every[0].begin
    assert every[-1].end + 0.2 * seconds < seconds


def test_the_shortest_outage_is_long_enough_for_a_breaker_and_its_trial() -> None:
    failing = outage(run(SECONDS_MIN))
    assert failing.end - failing.begin > 10
    assert failing.is_on(failing.begin)
    assert not failing.is_on(failing.end)


def test_the_hot_sku_is_sold_out_during_the_outage() -> None:
    day, failing = trading_day(run(180.0)), outage(run(180.0))
    hot_units_a_second = ONLINE * ORDER_UNITS * (HOT_SHARE + (1 - HOT_SHARE) / len(SKUS))
    sold_out_at = day.warehouse_units / hot_units_a_second

    assert failing.begin < sold_out_at < failing.end
    assert (failing.begin, failing.end) == day.outage
    assert pytest.approx(180.0) == day.seconds
