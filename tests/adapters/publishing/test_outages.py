"""What is left to a channel that cannot be reached."""

import pytest

from holdfast.adapters.publishing.buffers import Rate, buffer_units
from holdfast.adapters.publishing.outages import claim_units, spare_units

RATE = Rate(0.1, 0.0, 1.0)


def test_a_channel_that_is_away_claims_what_it_sells_meanwhile() -> None:
    claim = claim_units(1_000, RATE, 600.0, 0.01)

    assert buffer_units(0.1, 600.0, 0.01, 0) <= claim <= buffer_units(0.1, 606.0, 0.01, 0)


def test_a_channel_cannot_claim_more_than_it_shows() -> None:
    assert 5 == claim_units(5, RATE, 600.0, 0.01)


@pytest.mark.parametrize(("available", "claims", "spare"), [(10, 4, 6), (10, 10, 0), (3, 10, 0)])
def test_others_are_offered_what_is_beyond_the_claims(
    available: int, claims: int, spare: int
) -> None:
    assert spare == spare_units(available, claims)
