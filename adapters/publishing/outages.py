"""What a channel that cannot be reached may still sell, and what that leaves for the others.

Nothing can be taken back from a channel that is away: it goes on with what it shows, and its orders
may come in all at once at the end. No buffer of its own helps, so the others leave it what it may
claim: what it shows, or what is asked for in the longest outage that is reckoned with, if that is
less. It oversells at most what others are given beyond that.
"""

from .buffers import Age, Rate, buffer_of


def claim_units(shown: int, rate: Rate, outage_s: float, chance: float) -> int:
    """The units that a channel which shows `shown` may still sell: with a probability of at most
    `chance` it sells more in an outage of `outage_s`.
    """
    return min(shown, buffer_of(rate, Age(outage_s, 0.0), chance, 0))


def spare_units(available: int, claims: int) -> int:
    """What channels that can be reached are offered of what is there, before their own buffers."""
    return max(0, available - claims)
