"""How old a value of a channel becomes before the next one acts and its last order is known.

A value is sent and acts after its flight. Where sales go on it is wrong as soon as it was read, the
next is sent when the first has acted and the budget allows, and acts after a flight of its own. The
last order under it is known after the channel's order lag. So an age is

    flight + wait + flight + order lag

Each part is measured, of all items of a channel alike. An item that sold nothing meanwhile would
have had the same: its age is not how long its value stood, since it was right.
"""

from collections import deque
from typing import Final

from .buffers import Age

#: Lags that are remembered: some hundred fix the spread to a few percent.
KEPT: Final = 500


class Lags:
    """The newest lags of one kind in seconds. They begin with one that is assumed."""

    __slots__ = ("_lags", "_squares", "_sum")

    def __init__(self, assumed_s: float = 0.0) -> None:
        self._lags: deque[float] = deque()
        self._sum = self._squares = 0.0
        self.add(assumed_s)

    def add(self, lag_s: float) -> None:
        """One more was so long."""
        if len(self._lags) == KEPT:
            self._count(self._lags.popleft(), -1)
        self._lags.append(lag_s)
        self._count(lag_s, 1)

    @property
    def mean_s(self) -> float:
        """Their mean."""
        return self._sum / len(self._lags)

    @property
    def variance(self) -> float:
        """Their variance, in square seconds."""
        return max(0.0, self._squares / len(self._lags) - self.mean_s**2)

    def quantile(self, share: float) -> float:
        """What this share of them does not exceed."""
        return sorted(self._lags)[min(len(self._lags) - 1, int(share * len(self._lags)))]

    def _count(self, lag_s: float, times: int) -> None:
        self._sum += times * lag_s
        self._squares += times * lag_s * lag_s


class Ages:
    """The lags of one channel. What is assumed holds until it was measured."""

    def __init__(self, flight_s: float, order_s: float = 0.0) -> None:
        self.offers = Lags(2 * flight_s)
        """Flight, wait and flight."""
        self.orders = Lags(order_s)
        """From a sale until it is known here."""
        self._flight_s = flight_s

    def acted(self, wanted_s: float, sent_s: float, acted_s: float) -> None:
        """A value acts that was wrong, and could have been sent, since `wanted_s`."""
        flight_s = acted_s - sent_s
        self.offers.add(self._flight_s + (sent_s - wanted_s) + flight_s)
        self._flight_s = flight_s

    def age(self) -> Age:
        """What a value of this channel is to be reckoned with."""
        mean_s = self.offers.mean_s + self.orders.mean_s
        variance = self.offers.variance + self.orders.variance
        return Age(mean_s, variance / mean_s**2 if mean_s else 0.0)
