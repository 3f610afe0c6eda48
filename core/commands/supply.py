"""The command on future supply, and its outcome."""

from dataclasses import dataclass
from typing import NamedTuple

from ..model import SourceState
from .shared import Revision


@dataclass(frozen=True, slots=True)
class GetAvailableToPromise:
    """Read what may be promised of a SKU by date: today and the `horizon_days` after it, in UTC.
    No locations means all of them.
    """

    sku: str
    locations: tuple[str, ...]
    horizon_days: int
    start: int
    """The first row of the shard that the page may list."""
    levels_max: int
    states: tuple[SourceState, ...] = ()
    """Levels in one of these alone; none means in any."""


class SupplyView(NamedTuple):
    """Supply, or a transfer, that is open: units are still to come, or too many came."""

    document: str
    line: str
    expected_ns: int
    announced: int
    """Units in all, as the source last said."""
    received: int
    """Units of them that have come."""
    incoming: int
    """Units that are still to come."""
    is_transfer: bool = False
    """Whether they come from another location: announced are those dispatched, less the lost."""
    over: int = 0
    """Of a transfer: units that came or were lost beyond those dispatched."""


class DayView(NamedTuple):
    """A day on which supply is expected."""

    begins_ns: int
    """Its start, in UTC."""
    incoming: int
    """Units expected on it."""
    available: int
    """Units that may be promised by its end, when all that is due until then has come."""


class PromiseView(NamedTuple):
    """What may be promised of one stock level, now and later."""

    location: str
    available: int
    overdue: int
    """Units that were expected on an earlier day. They promise nothing."""
    days: tuple[DayView, ...]
    supplies: tuple[SupplyView, ...]
    """Overdue or within the horizon, by date."""
    state: SourceState = SourceState.CURRENT
    """See LevelView."""


@dataclass(frozen=True, slots=True)
class AvailableToPromiseView:
    """The answer to GetAvailableToPromise: a page of stock levels."""

    sku: str
    levels: tuple[PromiseView, ...]
    begins_ns: int
    """The start of today, in UTC."""
    revision: Revision
    next_start: int | None
