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


class Uncovered(NamedTuple):
    """A line with units that are promised from supply, which does not bring them in time."""

    reservation_id: str
    line_id: str
    backordered: int
    """Units of the line that are promised from supply and not on hand yet."""
    quantity: int
    """How many of them are not covered."""
    latest_ns: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A stock level where promises exceed supply: `available` is negative, or backorders are not
    covered.
    """

    sku: str
    location: str
    on_hand: int
    available: int
    endangered: tuple[Endangered, ...] = ()
    """Where it was asked for: newest reservations first."""
    unlisted: int = 0
    """Promised units besides those listed that can't be kept."""
    uncovered: int = 0
    """Units promised from supply that does not bring them in time."""
    waiting: tuple[Uncovered, ...] = ()
    """Where it was asked for: the lines that have them, the newest first."""


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
