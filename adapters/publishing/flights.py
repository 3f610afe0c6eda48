"""An offer on its way, and what it says of an offer that a channel shows something.

Rules of this file: values.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..contract import Offer


@dataclass(frozen=True, slots=True)
class Flight:
    """An offer on its way."""

    row: int
    offer: Offer
    since_s: float
    """Since when the channel shows something else."""
    sent_s: float
    most: int
    """The most that the channel may have shown before."""
    in_doubt: bool
    """Whether an offer before it may have arrived."""


class Heard(StrEnum):
    """What something that a channel shows says."""

    ECHO = "echo"
    """It shows what it was told."""
    PASSING = "passing"
    """An offer is on its way: it is too early to tell."""
    OUTDATED = "outdated"
    """It was so before an offer that the channel has taken."""
    DIFFERS = "differs"
    DIFFERS_AGAIN = "differs_again"
    """It was told before to show what it was to."""
    UNKNOWN = "unknown"
    """Nothing is published there."""
