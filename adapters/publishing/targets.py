"""What a channel is to show: what the core has, less a buffer, and less where it is not current.

Rules of this file: it decides and does not wait. The clock is handed in.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final, NamedTuple

from .buffers import Age, Rate, buffer_of
from .fallback import of_level, of_pair
from .items import Items
from .known_levels import KnownLevels
from .outages import Claim, claim_units, spare_units
from .pairs import NONE, Pairs
from .publish_options import PublishOptions
from .ranking import Rank

#: Seconds after which an offer acts, until the first was measured.
FLIGHT_FIRST_S: Final = 0.5


class Target(NamedTuple):
    """What a pair is to show. All three count whole ones of what the channel sells: packs of six,
    where six base units are sold as one.
    """

    there: int
    """What the core has for it."""
    buffer: int
    """What it is not shown for the sake of the bound."""
    quantity: int
    """What it is to show."""


#: What is shown of a pair that settings do not have any more.
WITHDRAWN: Final = Target(0, 0, 0)


class Targets:
    """The rules of one channel."""

    def __init__(
        self, options: PublishOptions, items: Items, levels: KnownLevels, claimed: Claim
    ) -> None:
        """`claimed` are the units that channels may claim which are away."""
        self.is_core_silent = False
        """Whether no figure is current, since the core has not been heard for too long."""
        self.age = Age(FLIGHT_FIRST_S, 0.0)
        """How old the channel's values become."""
        self._options = options
        self._items = items
        self._levels = levels
        self._claimed = claimed
        self._unset: set[str] = set()
        self._nodes_at: dict[str, list[str]] = {}
        for node, locations in options.nodes.items():
            for location in locations:
                self._nodes_at.setdefault(location, []).append(node)

    def nodes_at(self, location: str) -> Sequence[str]:
        """The nodes that show units of a location."""
        return self._nodes_at.get(location, ())

    def note_shown(self, node: str) -> None:
        """The channel shows something at a node, which settings may not have any more."""
        if node not in self._options.nodes:
            self._unset.add(node)

    def selling(self, locations: Sequence[str]) -> set[str]:
        """The nodes that may sell units of some locations: nobody knows any more which those were
        of a node that is not set.
        """
        return self._unset.union(node for each in locations for node in self.nodes_at(each))

    def of(self, item: str, node: str, shown: int, now_s: float) -> Target | None:
        """What a channel that shows so many units of an item at a node is to show; None when the
        core has reported no level of it so far, and WITHDRAWN when settings do not have the pair.
        """
        if node not in self._options.nodes or item not in self._items:
            return WITHDRAWN
        sku, fallback = self._items.sku(item), self._options.fallback
        there = units = 0
        rates: list[Rate] = []
        is_current, is_known = True, False
        for location in self._options.nodes[node]:
            level = self._levels.level(sku, location, now_s)
            if level is None:
                continue
            is_known = True
            counts = level.units
            if self.is_core_silent or not level.is_current:
                is_current = False
                counts = of_level(fallback.rule, fallback.cap, counts)
            there += level.units
            units += counts
            if level.rate is not None:
                rates.append(level.rate)
        if not is_known and not self._levels.is_whole:
            return None
        units = spare_units(units, self._claimed(sku, self._options.nodes[node], now_s))
        factor = self._items.factor(item)
        most, quantity = int(units // factor), int(max(0, units - self._buffer(rates)) // factor)
        buffer = most - quantity
        if not is_current:  # after the buffer: what is shown has lost it already
            quantity = of_pair(fallback.rule, shown, quantity)
        return Target(int(there // factor), buffer, quantity)

    def claim(
        self, item: str, node: str, shown: int, locations: Sequence[str], now_s: float
    ) -> int:
        """Base units that the channel may sell while it is away, if it shows so many of an item: of
        a node that is not set, those at some locations.
        """
        sku, units = self._items.sku(item), ceil(shown * self._items.factor(item))
        places = self._options.nodes.get(node, locations)
        levels = (self._levels.level(sku, at, now_s) for at in places)
        rates = [level.rate for level in levels if level is not None and level.rate is not None]
        if not rates:
            return 0
        chance = self._options.max_oversell.chance
        return claim_units(units, _together(rates), self._options.outage_s, chance)

    def _buffer(self, rates: Sequence[Rate]) -> int:
        if not rates:
            return 0
        bound = self._options.max_oversell
        wanted = buffer_of(_together(rates), self.age, bound.chance, bound.units)
        return min(wanted, self._options.buffer_max)


def _together(rates: Sequence[Rate]) -> Rate:
    """The demand at several levels, which is independent: variances add."""
    per_s = sum(rate.per_s for rate in rates)
    if len(rates) == 1 or not per_s:
        return rates[0]
    variance = sum(rate.per_s**2 * rate.dispersion for rate in rates)
    order_units = sum(rate.per_s * rate.order_units for rate in rates) / per_s
    return Rate(per_s, variance / per_s**2, order_units)


def risk(pairs: Pairs, row: int, since_s: float) -> Rank:
    """The rank of a pair: first what would sell units that are not there, then what crosses its
    buffer, then what hides stock, then the rest; in each the most wrong first, then the oldest.
    """
    target, most = pairs.target[row], pairs.most[row]
    if most == NONE:
        return (1 if target else 0), 0, since_s
    if most > pairs.there[row] or (most and not target):
        kind = 0
    elif most > target:
        kind = 1
    else:
        kind = 3 if pairs.shown[row] else 2
    return kind, -abs(target - most), since_s
