"""What is measured of lags, and the ages that follow."""

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.publishing.lags import KEPT, Ages, Lags


@given(st.lists(st.floats(0, 1e4), max_size=20))
def test_moments_are_those_of_the_lags(lags: list[float]) -> None:
    measured = Lags(2.0)
    for lag_s in lags:
        measured.add(lag_s)

    assert measured.mean_s == pytest.approx(fmean([2.0, *lags]))
    assert measured.variance == pytest.approx(pvariance([2.0, *lags]), rel=1e-6, abs=1e-3)
    assert measured.quantile(0.0) == min([2.0, *lags])
    assert measured.quantile(1.0) == max([2.0, *lags])


def test_the_oldest_lags_are_forgotten() -> None:
    measured = Lags(1_000.0)
    for _ in range(KEPT):
        measured.add(3.0)

    assert measured.mean_s == pytest.approx(3.0)
    assert measured.variance == pytest.approx(0.0, abs=1e-6)
    assert 3.0 == measured.quantile(1.0)


def test_nothing_is_known_of_a_channel_without_lags() -> None:
    assert (0.0, 0.0) == Ages(0.0).age()


def test_an_age_is_two_flights_a_wait_and_the_lag_of_orders() -> None:
    ages = Ages(5.0)
    for start_s in range(0, 100 * KEPT, 100):
        ages.acted(start_s, start_s + 7.0, start_s + 12.0)
    for _ in range(KEPT):
        ages.orders.add(20.0)

    age = ages.age()

    assert age.mean_s == pytest.approx(5 + 7 + 5 + 20)
    assert age.dispersion == pytest.approx(0.0, abs=1e-6)


def test_what_is_assumed_holds_until_it_was_measured() -> None:
    assert (80.0, 0.0) == Ages(30.0, 20.0).age()
