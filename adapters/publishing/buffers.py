"""How many units a channel is not shown, so that what others sell meanwhile seldom oversells it.

A channel shows an old value and cannot sell more than it shows. Say the value is `available - b`.
While it acts, the channel sells at most that many units. What else the core learns of until the
last order under this value has come in (orders of others, and those that the channel sold before
the value acted) takes from the same units. So the orders of the channel that find nothing left are
at most

    max(0, demand at the level in the age of the value - b)

where the age runs from the change that made the value wrong until the last order under it is known:
see `lags`. `b` is the least number that makes this more than `units` with a probability of at most
`chance`.

Demand in an age is a Poisson count whose mean is itself uncertain, since rate and age are measured.
With a gamma distribution for the mean that is a negative binomial count (Greenwood and Yule, 1920),
whose variance is mean + dispersion * mean ** 2.
"""

from functools import lru_cache
from math import ceil, exp, lgamma, log, log1p, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple


class Rate(NamedTuple):
    """The demand at a level, of all channels, as it was measured."""

    per_s: float
    """Units a second."""
    dispersion: float
    """Squared coefficient of variation of what was measured: 1 / orders that it rests on."""
    order_units: float
    """Mean square of the units of an order over their mean: 1 where each is for one unit."""


class Age(NamedTuple):
    """How old the values of a channel become."""

    mean_s: float
    dispersion: float
    """Squared coefficient of variation of one age."""


def buffer_of(rate: Rate, age: Age, chance: float, units: int) -> int:
    """`buffer_units` of what was measured. Rate and age are independent, so the second moments of
    their means multiply; orders of several units add what they would to a Poisson count. Mean and
    dispersion are rounded up by at most 1 %, so that few are worked out.
    """
    mean = rate.per_s * age.mean_s
    if mean < _MEAN_LEAST:
        return 0
    dispersion = (1 + rate.dispersion) * (1 + age.dispersion) - 1 + (rate.order_units - 1) / mean
    return max(0, _remembered(_step(mean), _step(dispersion), chance) - units)


def _step(number: float) -> int:
    return ceil(log(max(number, _MEAN_LEAST)) / _STEP)


@lru_cache(maxsize=65_536)
def _remembered(mean_step: int, dispersion_step: int, chance: float) -> int:
    return buffer_units(exp(mean_step * _STEP), 1.0, chance, 0, exp(dispersion_step * _STEP))


def buffer_units(
    rate_per_s: float, age_s: float, chance: float, units: int, dispersion: float = 0.0
) -> int:
    """The least b, 0 or more, with P(demand in `age_s` > b + units) <= chance.

    `rate_per_s` is the demand at the level in units a second, of all channels. `dispersion` is the
    squared coefficient of variation of the mean `rate_per_s * age_s`. Raises ValueError for a
    chance that is not between 0 and 1, and for any other number below 0.
    """
    if not 0 < chance < 1:
        raise ValueError(f"chance is {chance}: expected a number between 0 and 1")
    if min(rate_per_s, age_s, units, dispersion) < 0:
        raise ValueError(
            f"rate_per_s, age_s, units and dispersion are {rate_per_s}, {age_s}, {units} and "
            f"{dispersion}: expected 0 or more"
        )
    mean = rate_per_s * age_s
    if mean < _MEAN_LEAST:
        return 0
    if 0 < dispersion < _DISPERSION_LEAST:
        dispersion = _DISPERSION_LEAST
    return max(0, _least(mean, dispersion, chance) - units)


def _least(mean: float, dispersion: float, chance: float) -> int:
    """The least b with P(demand > b) <= chance.

    A walk over the probabilities p(k) of the count, each from its neighbour:
    p(k + 1) = p(k) * mean * (1 + dispersion * k) / ((k + 1) * (1 + dispersion * mean)). It begins
    where a Cornish-Fisher expansion of the quantile says, and takes a few steps.
    """
    odds = mean / (1 + dispersion * mean)
    b = _guess(mean, dispersion, chance)
    here = _probability(b, mean, dispersion)
    tail = _tail(b, here, dispersion, odds)
    while tail > chance:
        here *= odds * (1 + dispersion * b) / (b + 1)
        tail -= here
        b += 1
    while b > 0 and tail + here <= chance:
        tail += here
        b -= 1
        here *= (b + 1) / (odds * (1 + dispersion * b))
    return b


def _guess(mean: float, dispersion: float, chance: float) -> int:
    z = -NormalDist().inv_cdf(chance)
    skewed = (z * z - 1) * (1 + 2 * dispersion * mean) / 6
    return max(0, int(mean + z * sqrt(mean * (1 + dispersion * mean)) + skewed))


def _probability(k: int, mean: float, dispersion: float) -> float:
    """P(demand = k)."""
    if dispersion == 0:
        return exp(k * log(mean) - mean - lgamma(k + 1))
    shape = 1 / dispersion
    ways = lgamma(k + shape) - lgamma(shape) - lgamma(k + 1)
    return exp(ways + k * log(dispersion * mean) - (k + shape) * log1p(dispersion * mean))


def _tail(k: int, here: float, dispersion: float, odds: float) -> float:
    """P(demand > k), where P(demand = k) is `here`: p(k + 1) times a hypergeometric series, summed
    by Gauss's continued fraction (NIST DLMF 15.7.5) as Lentz evaluates it, in some dozens of terms.
    """
    whole = over = 1.0
    under = change = 0.0
    n = 0
    while abs(change - 1) > _PRECISION:
        n += 1
        term = _term(n, k + 2, dispersion, odds)
        under = 1 / (1 - term * under)
        over = 1 - term / over
        change = over * under
        whole *= change
    return here * odds * (1 + dispersion * k) / (k + 1) / whole


def _term(n: int, c: int, dispersion: float, odds: float) -> float:
    """The n-th partial numerator of the continued fraction of 2F1(c - 1 + 1 / dispersion, 1; c; z),
    z = odds * dispersion, multiplied out so that it holds for a dispersion of 0 as well.
    """
    half = n // 2
    if n % 2 == 0:
        return half * (dispersion * half - 1) * odds / ((c + n - 2) * (c + n - 1))
    return (1 + dispersion * (c - 1 + half)) * (c + half - 1) * odds / ((c + n - 2) * (c + n - 1))


#: Step of the logarithm of what is rounded up.
_STEP: Final = 0.01

#: Relative error of a tail.
_PRECISION: Final = 1e-12

#: Below this mean one unit is asked for with a probability of less than any chance worth setting.
_MEAN_LEAST: Final = 1e-12

#: A smaller dispersion counts as this one: lgamma of its inverse has too few digits.
_DISPERSION_LEAST: Final = 1e-6
