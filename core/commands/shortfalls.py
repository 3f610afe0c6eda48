"""Shortfalls: stock levels where promises exceed supply, and the promises that this endangers."""

from dataclasses import dataclass
from typing import NamedTuple

from .shared import Revision


class Endangered(NamedTuple):
    """A line of a reservation whose units at a stock level can't all be kept. A tuple: an answer
    may have a thousand.
    """

    reservation_id: str
    line_id: str
    held: int
    committed: int
    """Units of the line that are promised, by state."""
    quantity: int
    """How many of them are endangered."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A stock level where promises exceed supply, so that `available` is negative."""

    sku: str
    location: str
    on_hand: int
    available: int
    endangered: tuple[Endangered, ...] = ()
    """Where it was asked for: newest reservations first."""
    unlisted: int = 0
    """Promised units beside those listed that can't be kept."""


@dataclass(frozen=True, slots=True)
class GetShortfall:
    """Read the shortfall of a stock level, and up to `most` lines that it endangers."""

    sku: str
    location: str
    most: int


@dataclass(frozen=True, slots=True)
class ShortfallView:
    """The answer to GetShortfall; without one, `available` is not negative."""

    shortfall: Shortfall
    revision: Revision
