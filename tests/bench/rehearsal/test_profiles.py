"""A run is known before it starts: how many come when, and how much there is for them."""

import pytest

from bench.rehearsal.profiles import PROFILES, Run


def run(profile: str = "promotion", seconds: float = 100.0) -> Run:
    return Run("r", profile, users=50, rate=100.0, seconds=seconds)


@pytest.mark.parametrize("name", PROFILES)
def test_phases_and_kinds_of_visits_are_a_whole(name: str) -> None:
    profile = PROFILES[name]
    assert pytest.approx(1) == sum(phase.share for phase in profile.phases)
    assert pytest.approx(1) == sum(profile.visits.values())


def test_visitors_ramp_up_to_the_sale_and_leave_after_it() -> None:
    at = run().users_at
    assert [10, 10, 30, 50, 50, 15, None] == [at(t) for t in (0, 14.9, 20, 25, 84, 86, 100)]


@pytest.mark.parametrize("name", PROFILES)
def test_planned_visits_are_those_of_the_users_there(name: str) -> None:
    each = run(name)
    ticks = [each.users_at(tick / 10) or 0 for tick in range(1_000)]
    assert pytest.approx(sum(ticks) / 10 / each.interval_s, rel=0.01) == each.visits


def test_a_flash_sale_has_units_for_half_of_the_buyers() -> None:
    buyers = run().visits * 0.8 * 0.3
    assert pytest.approx(buyers / 2, abs=10) == run().hot_stock * 20


def test_only_a_flash_sale_sells_out() -> None:
    assert run("steady").hot_stock > run("steady").visits


@pytest.mark.parametrize(("seconds", "hold_s"), [(3, 1), (60, 6), (86_400, 900)])
def test_a_hold_is_a_part_of_the_run_within_what_a_node_takes(
    seconds: float, hold_s: float
) -> None:
    assert hold_s == run(seconds=seconds).hold_s


def test_two_runs_share_no_sku() -> None:
    other = Run("s", "promotion", 50, 100.0, 100.0)
    assert not run().stock.keys() & other.stock.keys()


def test_feeds_send_in_the_middle_of_a_run() -> None:
    assert [False, True, True, False] == [run().is_storm_at(t) for t in (24, 25, 84, 85)]
