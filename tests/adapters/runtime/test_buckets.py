"""Buckets follow what a partner says of them, as far as it can know."""

from holdfast.adapters.contract import Granted
from holdfast.adapters.runtime.buckets import TokenBucket


def test_a_bucket_follows_the_partner_to_another_rate_and_to_fewer_tokens() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.follow(Granted(rate=5.0, burst=20.0, tokens=4.0))
    assert (4.0, 14.0) == (bucket.within(0), bucket.within(2))
    bucket.follow(Granted(tokens=18.0))
    assert 4.0 == bucket.within(0)


def test_what_is_not_told_or_cannot_be_changes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0, lambda: 0.0)

    bucket.follow(Granted(rate=0.0, burst=0.0))
    assert (1.0, 10.0) == (bucket.rate, bucket.burst)
