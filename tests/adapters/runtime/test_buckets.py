"""Buckets follow what a partner says of them, as far as it can know."""

import pytest

from holdfast.adapters.contract import Granted
from holdfast.adapters.runtime.buckets import RATE_LEAST, TokenBucket


def test_a_bucket_follows_the_partner_to_another_rate_and_to_what_it_charged() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(9.0)
    bucket.answered(9.0, Granted(rate=5.0, burst=20.0, tokens=4.0))
    assert (4.0, 14.0) == (bucket.within(0), bucket.within(2))
    bucket.reserve(4.0)
    bucket.answered(4.0, Granted(tokens=19.0))  # it charged one of the four
    assert 19.0 == bucket.within(0)


def test_a_partner_does_not_know_yet_of_what_is_on_its_way() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(2.0)
    bucket.reserve(3.0)
    bucket.answered(2.0, Granted(tokens=9.0))
    assert 6.0 == bucket.within(0)
    bucket.answered(3.0, Granted())  # no answer: nobody knows what it charged
    assert 6.0 == bucket.within(0)


def test_what_is_not_stated_or_cannot_be_changes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(1.0)
    bucket.answered(1.0, Granted(rate=0.0, burst=0.0))
    assert (1.0, 10.0, 9.0) == (bucket.rate, bucket.burst, bucket.within(0))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_changes_nothing(number: float) -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(1.0)
    bucket.answered(1.0, Granted(number, number, number))
    assert (1.0, 10.0, 9.0) == (bucket.rate, bucket.burst, bucket.within(0))


def test_a_partner_that_grants_next_to_nothing_is_asked_again_all_the_same() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(1.0)
    bucket.answered(1.0, Granted(rate=1e-300, tokens=-1e300))
    assert 11 / RATE_LEAST == pytest.approx(bucket.reserve(1.0))


@pytest.mark.parametrize("rate", [1e18, 1e308])
def test_a_partner_that_grants_more_than_can_be_is_asked_as_if_without_a_bound(rate: float) -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.reserve(1.0)
    bucket.answered(1.0, Granted(rate, rate, rate))
    assert 0.0 == bucket.reserve(1_000_000)
    assert int(bucket.within(3_600)) < 10**13


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0, 3.0])
def test_what_costs_more_than_a_bucket_holds_is_taken_when_it_is_full(rate: float) -> None:
    """Such as a request of a second where less than one is allowed."""
    now = [0.0]
    bucket = TokenBucket(rate, rate, lambda: now[0])
    taken = 0
    for _ in range(100):
        wait_s = bucket.take()
        taken += wait_s == 0.0
        now[0] += wait_s + 1e-6
    assert rate * now[0] - 1 <= taken <= rate * now[0] + max(1.0, rate)
    assert taken >= 40
