"""How fast units of a level are asked for, as it was measured.

Counts of several memories, each forgetting exponentially. The longest says the rate, unless a
shorter one has counted more than that rate explains: then demand has changed, and the shorter one
says it. So a slow seller rests on hours, and a promotion is noticed by its first few sales.
"""

from math import exp, sqrt
from typing import Final

from .buffers import Rate

#: Seconds in which what was counted falls to 1/e, the longest first. Each is a tenth of the one
#: before: what has changed in between is known with ten times fewer orders.
MEMORIES_S: Final = (30_000.0, 3_000.0, 300.0, 30.0)

#: A count is a change, and not chance, if it is this many standard deviations above what the longer
#: memory's rate explains, and two orders more. With less, noise of slow sellers is taken for a
#: change, and the lull after it for another.
SURPRISE: Final = 2.5
SURPRISE_ORDERS: Final = 2

#: Orders that the longest memory begins with (Jeffreys' prior of a Poisson rate).
PRIOR_ORDERS: Final = 0.5


class Velocity:
    """The demand at one level. Clocks are handed in, in seconds, and do not go back."""

    __slots__ = ("_at_s", "_counts", "_squares")

    def __init__(self, now_s: float) -> None:
        self._at_s = now_s
        self._counts = [0.0] * len(MEMORIES_S)
        self._squares = 0.0

    def add(self, units: int, now_s: float) -> None:
        """So many units were promised at once."""
        self._counts = [count + units for count in self._faded(now_s)]
        self._squares = self._squares * exp((self._at_s - now_s) / MEMORIES_S[0]) + units * units
        self._at_s = now_s

    def rate(self, now_s: float) -> Rate:
        """The demand as of a time."""
        order_units = self._squares / self._counts[0] if self._counts[0] else 1.0
        orders, *shorter = (count / order_units for count in self._faded(now_s))
        orders += PRIOR_ORDERS
        per_s = orders / MEMORIES_S[0]
        for count, memory_s in zip(shorter, MEMORIES_S[1:], strict=True):
            if _is_beyond(count, per_s * memory_s, 1 / orders):
                orders, per_s = count, count / memory_s
        return Rate(per_s * order_units, 1 / orders, order_units)

    def _faded(self, now_s: float) -> list[float]:
        past_s = self._at_s - now_s
        return [
            count * exp(past_s / memory_s)
            for count, memory_s in zip(self._counts, MEMORIES_S, strict=True)
        ]


def _is_beyond(count: float, mean: float, dispersion: float) -> bool:
    """Whether a count is more than chance, where so many orders are explained."""
    return count > mean + SURPRISE * sqrt(mean * (1 + dispersion * mean)) + SURPRISE_ORDERS
