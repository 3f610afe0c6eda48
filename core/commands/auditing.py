"""Commands of the audit and on what it finds, and their outcomes."""

from dataclasses import dataclass
from typing import NamedTuple

from ..ids import Key
from ..model import RepairVerdict


class Disagreement(NamedTuple):
    """Two figures that should be the same and are not."""

    shard: int
    sku: str
    """Of the stock level; empty when it is a figure of the shard."""
    location: str
    figure: str
    """Name of the figure, such as "reserved"."""
    found: int
    expected: int


class LevelName(NamedTuple):
    """A stock level by name."""

    sku: str
    location: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Read how the audit stands, or begin a pass anew that no pause holds up."""

    begins: bool = False


@dataclass(frozen=True, slots=True)
class AuditView:
    """The answer to Audit."""

    passes: int
    """Passes that have ended since the node started."""
    ended_ns: int | None
    """When the last of them ended."""
    stock_levels: int
    """How many it compared."""
    reservations: int
    """How many it added up; parts are counted in each shard."""
    disagreements: int
    """What it found."""
    listed: tuple[Disagreement, ...]
    """The first of that."""
    quarantined: int
    """Stock levels in quarantine now."""
    quarantined_levels: tuple[LevelName, ...]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class RepairLevels:
    """Give stock levels in quarantine what they should have, and take them out of it. No levels
    means the first of all.
    """

    levels: tuple[LevelName, ...]
    reason: str
    actor: str
    is_dry_run: bool = False
    request: Key | None = None
    """Of one that is not a dry run."""


class Repair(NamedTuple):
    """What a repair does to a stock level, or would do."""

    sku: str
    location: str
    verdict: RepairVerdict
    reserved: int
    """As it is before; the next two as well."""
    committed: int
    unavailable: int
    reserved_after: int
    committed_after: int
    unavailable_after: int


@dataclass(frozen=True, slots=True)
class RepairsOutcome:
    """The answer to RepairLevels."""

    repairs: tuple[Repair, ...]
    has_more: bool
    """Whether more levels are in quarantine than were looked at."""
    is_repeat: bool = False
    """Whether it was carried out before: then it says how the levels are now."""
