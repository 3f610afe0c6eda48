"""Figures: percentiles that some caller really had, medians of rounds, and bars on both sides."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.harness.figures import at_least, at_most, figure, latencies, percentile, ratios


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1.0), (50, 3.0), (60, 3.0), (61, 4.0), (99, 5.0), (100, 5.0)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert expected == percentile([5.0, 1.0, 4.0, 2.0, 3.0], percent)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_one_of_the_values_and_enough_do_not_exceed_it(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= math.floor(len(values) * percent / 100)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_or_beyond_all_is_refused(
    values: list[float], percent: float
) -> None:
    with pytest.raises(ValueError, match="expected 0 < percent <= 100"):
        percentile(values, percent)


def test_one_disturbed_round_does_not_move_a_figure() -> None:
    assert 3.0 == figure("a.b", "name", "s", [3, 2.9, 3.1, 3, 90]).value


@pytest.mark.parametrize(
    ("bar", "value", "is_missed"),
    [
        (at_least(0.9), 0.9, False),
        (at_least(0.9), 0.89, True),
        (at_most(2), 2.0, False),
        (at_most(2), 2.01, True),
        (None, 1e9, False),
    ],
)
def test_a_bar_is_kept_on_its_side(bar: object, value: float, is_missed: bool) -> None:
    assert is_missed == figure("a.b", "name", "s", [value], bar).is_missed  # type: ignore[arg-type]


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf]])
def test_a_figure_without_a_number_is_refused(samples: list[float]) -> None:
    """JSON has no word for them, and a table would show them as if measured."""
    with pytest.raises(ValueError, match=r"a\.b has samples"):
        figure("a.b", "name", "s", samples)


def test_ratios_are_taken_round_by_round() -> None:
    assert [0.5, 2.0] == ratios([1, 4], [2, 2])


def test_ratios_of_runs_with_other_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


def test_latencies_are_reported_in_milliseconds_percentile_by_percentile() -> None:
    """Round by round, each with its bar."""
    p50, p99 = latencies("key", "Reads", [[0.001, 0.002, 0.003], [0.004]], bars={99: at_most(5)})

    assert ("key_p50", "Reads: p50", (2.0, 4.0), None) == (p50.key, p50.name, p50.samples, p50.bar)
    assert ("key_p99", (3.0, 4.0), at_most(5)) == (p99.key, p99.samples, p99.bar)
    (only,) = latencies("key", "Reads", [[0.001]], of="a message", percents=(99,))
    assert "Reads: p99 of a message" == only.name
