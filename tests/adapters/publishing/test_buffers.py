"""Buffers against a direct sum of the probabilities that they are quantiles of."""

from math import exp, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.publishing.buffers import Age, Rate, buffer_of, buffer_units

means = st.floats(0.001, 200)
dispersions = st.just(0.0) | st.floats(0.001, 2)
chances = st.floats(0.0001, 0.5)
units = st.integers(0, 20)


def tails(mean: float, dispersion: float, count: int) -> list[float]:
    """P(demand > k) for k from 0: one less the sum of the probabilities from 0 to k."""
    probability = exp(-mean) if dispersion == 0 else exp(-log1p(dispersion * mean) / dispersion)
    odds = mean / (1 + dispersion * mean)
    left = 1 - probability
    found = [left]
    for k in range(count):
        probability *= odds * (1 + dispersion * k) / (k + 1)
        left -= probability
        found.append(left)
    return found


@given(means, dispersions, chances, units)
def test_a_buffer_is_the_least_that_keeps_the_chance(
    mean: float, dispersion: float, chance: float, units: int
) -> None:
    buffer = buffer_units(mean, 1.0, chance, units, dispersion)

    tail = tails(mean, dispersion, buffer + units)
    assert tail[buffer + units] <= chance * (1 + 1e-6)
    if buffer:
        assert tail[buffer + units - 1] > chance * (1 - 1e-6)


@given(means, dispersions, chances, units, st.floats(1, 2))
def test_a_buffer_grows_with_all_that_makes_overselling_likely(
    mean: float, dispersion: float, chance: float, units: int, factor: float
) -> None:
    buffer = buffer_units(mean, 1.0, chance, units, dispersion)

    assert buffer <= buffer_units(mean * factor, 1.0, chance, units, dispersion)
    assert buffer <= buffer_units(mean, factor, chance, units, dispersion)
    assert buffer <= buffer_units(mean, 1.0, chance / factor, units, dispersion)
    assert buffer >= buffer_units(mean, 1.0, chance, units + 1, dispersion)


@pytest.mark.parametrize(
    ("mean", "dispersion", "expected"),
    [(100_000.0, 0.0, 100_979), (100_000.0, 0.5, 461_674), (1e-13, 0.0, 0), (0.0, 1.0, 0)],
)
def test_the_largest_and_the_least_means_have_a_buffer(
    mean: float, dispersion: float, expected: int
) -> None:
    assert expected == buffer_units(mean, 1.0, 0.001, 0, dispersion)


def test_hardly_any_dispersion_is_as_good_as_none() -> None:
    assert buffer_units(50.0, 1.0, 0.001, 0) == buffer_units(50.0, 1.0, 0.001, 0, 1e-15)


@given(st.floats(0.001, 50), st.floats(0, 1), st.floats(1, 4), st.floats(0.1, 100), st.floats(0, 1))
def test_what_was_measured_is_rounded_up_by_a_percent(
    per_s: float, of_rate: float, order_units: float, mean_s: float, of_age: float
) -> None:
    mean = per_s * mean_s
    dispersion = (1 + of_rate) * (1 + of_age) - 1 + (order_units - 1) / mean

    buffer = buffer_of(Rate(per_s, of_rate, order_units), Age(mean_s, of_age), 0.01, 1)

    assert buffer_units(mean, 1.0, 0.01, 1, dispersion) <= buffer
    assert buffer <= buffer_units(mean * 1.011, 1.0, 0.01, 1, dispersion * 1.011 + 1e-6)


@pytest.mark.parametrize("order_units", [1.0, 2.0])
def test_nothing_is_kept_back_of_what_nobody_asks_for(order_units: float) -> None:
    assert 0 == buffer_of(Rate(0.0, 0.0, order_units), Age(10.0, 0.1), 0.01, 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1.0, 1.0, 0.0, 0), "chance is 0.0: expected a number between 0 and 1"),
        ((1.0, 1.0, 1.0, 0), "chance is 1.0: expected a number between 0 and 1"),
        ((-1.0, 1.0, 0.1, 0), "are -1.0, 1.0, 0 and 0.0: expected 0 or more"),
        ((1.0, -1.0, 0.1, 0), "are 1.0, -1.0, 0 and 0.0: expected 0 or more"),
        ((1.0, 1.0, 0.1, -1), "are 1.0, 1.0, -1 and 0.0: expected 0 or more"),
        ((1.0, 1.0, 0.1, 0, -1.0), "are 1.0, 1.0, 0 and -1.0: expected 0 or more"),
    ],
)
def test_numbers_without_a_meaning_are_refused(arguments: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        buffer_units(*arguments)  # type: ignore[arg-type]
