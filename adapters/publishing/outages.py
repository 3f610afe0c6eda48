"""What a channel that cannot be reached may still sell, and what that leaves for the others.

Nothing can be taken back from a channel that is away: it goes on with what it shows, and its orders
may come in all at once at the end. No buffer of its own helps, so the others leave it what it may
claim: what it shows, or what is asked for in the longest outage that is reckoned with, if that is
less. It oversells at most what others are given beyond that.

A channel that answers again has sold, and its orders are not here yet: its claim stands until they
are, by what its orders take at other times.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Final, TypeAlias

from .buffers import Age, Rate, buffer_of
from .lags import Lags

#: Seconds for which a claim stands after the end of an outage at least.
ORDERS_LEAST_S: Final = 10.0

#: Share of a channel's orders that are here after the time for which its claim stands.
ORDERS_HERE: Final = 0.99

Claim: TypeAlias = Callable[[str, Sequence[str], float], int]
"""Units that a channel may sell of a SKU at some locations, as of a time in seconds."""


class Outage:
    """An outage of one channel, and what it showed in it. Clocks are handed in, in seconds."""

    def __init__(self) -> None:
        self._until_s = -inf
        self._showed: dict[int, int] = {}

    def note_away(self, orders: Lags, now_s: float) -> None:
        """The channel is away now; its orders take so long."""
        if not self.is_claiming(now_s):
            self._showed.clear()
        self._until_s = now_s + max(ORDERS_LEAST_S, orders.quantile(ORDERS_HERE))

    def is_claiming(self, now_s: float) -> bool:
        """Whether it is away, or its orders of that time are not here yet."""
        return now_s < self._until_s

    def note_shown(self, row: int, most: int, now_s: float) -> None:
        """A pair showed so much at most until now."""
        if self.is_claiming(now_s):
            self._showed[row] = max(most, self._showed.get(row, most))

    def most(self, row: int, most: int) -> int:
        """The most that a pair has shown since it began, which is so much now."""
        return max(most, self._showed.get(row, most))


class Claims:
    """What those channels of a process may claim that are away."""

    def __init__(self) -> None:
        self._away: dict[str, Claim] = {}

    def note(self, channel: str, claim: Claim, *, is_away: bool) -> None:
        """A channel is away, or is not."""
        if is_away:
            self._away[channel] = claim
        else:
            self._away.pop(channel, None)

    def away_beside(self, channel: str) -> frozenset[str]:
        """The channels that are away, but for this one."""
        return frozenset(self._away) - {channel}

    def beside(self, channel: str, sku: str, locations: Sequence[str], now_s: float) -> int:
        """Units that they may claim, all but this one."""
        return sum(
            claim(sku, locations, now_s) for name, claim in self._away.items() if name != channel
        )


def claim_units(shown: int, rate: Rate, outage_s: float, chance: float) -> int:
    """The units that a channel which shows `shown` may still sell: with a probability of at most
    `chance` it sells more in an outage of `outage_s`.
    """
    return min(shown, buffer_of(rate, Age(outage_s, 0.0), chance, 0))


def spare_units(available: int, claims: int) -> int:
    """What channels that can be reached are offered of what is there, before their own buffers."""
    return max(0, available - claims)
