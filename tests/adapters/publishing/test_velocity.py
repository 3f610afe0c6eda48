"""What is measured of demand: slow sellers, promotions, and what is neither."""

import random
from math import exp

import pytest

from holdfast.adapters.publishing.velocity import MEMORIES_S, PRIOR_ORDERS, Velocity


def sold(velocity: Velocity, rng: random.Random, per_s: float, from_s: float, to_s: float) -> None:
    """Units one by one, at random times."""
    while (from_s := from_s + rng.expovariate(per_s)) < to_s:
        velocity.add(1, from_s)


def test_a_new_item_has_the_rate_of_the_prior() -> None:
    rate = Velocity(0.0).rate(100.0)

    assert rate == (PRIOR_ORDERS / MEMORIES_S[0], 1 / PRIOR_ORDERS, 1.0)


@pytest.mark.parametrize("per_s", [0.002, 0.02, 0.1])
def test_a_steady_rate_is_found_within_its_own_dispersion(per_s: float) -> None:
    velocity = Velocity(0.0)
    sold(velocity, random.Random(1), per_s, 0.0, 200_000.0)

    rate = velocity.rate(200_000.0)

    assert abs(rate.per_s / per_s - 1) < 4 * rate.dispersion**0.5
    assert 1.0 == rate.order_units


def test_a_promotion_is_noticed_by_its_first_orders() -> None:
    velocity = Velocity(0.0)
    rng = random.Random(2)
    sold(velocity, rng, 0.01, 0.0, 50_000.0)
    before = velocity.rate(50_000.0).per_s
    sold(velocity, rng, 2.0, 50_000.0, 50_003.0)

    assert before < 0.02
    assert velocity.rate(50_003.0).per_s > 0.1

    sold(velocity, rng, 2.0, 50_003.0, 50_060.0)
    assert velocity.rate(50_060.0).per_s == pytest.approx(2.0, rel=0.4)


def test_two_orders_of_a_slow_seller_are_no_promotion() -> None:
    velocity = Velocity(0.0)
    sold(velocity, random.Random(3), 0.001, 0.0, 50_000.0)
    before = velocity.rate(50_000.0).per_s

    velocity.add(1, 50_000.0)
    velocity.add(1, 50_001.0)

    assert velocity.rate(50_001.0).per_s < 1.2 * before + 2 / MEMORIES_S[0]


def test_what_was_sold_is_forgotten() -> None:
    velocity = Velocity(0.0)
    velocity.add(1, 0.0)

    orders = exp(-1) + PRIOR_ORDERS
    rate = velocity.rate(MEMORIES_S[0])

    assert rate.per_s == pytest.approx(orders / MEMORIES_S[0])
    assert rate.dispersion == pytest.approx(1 / orders)


def test_orders_of_several_units_are_as_many_orders_less() -> None:
    single, triple = Velocity(0.0), Velocity(0.0)
    for at_s in range(0, 100_000, 100):
        single.add(1, float(at_s))
        triple.add(3, float(at_s))

    one, three = single.rate(100_000.0), triple.rate(100_000.0)

    assert three.per_s == pytest.approx(3 * one.per_s)
    assert three.dispersion == pytest.approx(one.dispersion)
    assert three.order_units == pytest.approx(3.0)
