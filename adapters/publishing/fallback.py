"""What a channel shows of stock whose figures are not current: because the core has not been heard
for a while, or because the source that counts it is silent or has gaps.

Rules of this file: pure functions. A rule says less than the last figures did, or the same.
"""

from enum import StrEnum


class Fallback(StrEnum):
    """What to do with figures that are not current."""

    LAST_KNOWN = "last_known"
    """Show them all the same."""
    FREEZE = "freeze"
    """Show no more than is shown."""
    CAP = "cap"
    """Show no more than so many units of each level."""
    ZERO = "zero"
    """Show nothing of them."""


def of_level(rule: Fallback, cap: int, units: int) -> int:
    """How many units of a level that is not current count."""
    if rule is Fallback.ZERO:
        return 0
    return min(units, cap) if rule is Fallback.CAP else units


def of_pair(rule: Fallback, shown: int, quantity: int) -> int:
    """What a pair is to show when one of its levels is not current, in place of `quantity`. `shown`
    below 0 is not known: what may be a raise is none then.
    """
    return min(quantity, max(0, shown)) if rule is Fallback.FREEZE else quantity
