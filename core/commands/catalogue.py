"""Commands on locations and SKUs, and their outcomes."""

from dataclasses import dataclass

from ..model import LocationKind
from .shared import Revision


@dataclass(frozen=True, slots=True)
class Location:
    """A place that has stock."""

    name: str
    kind: LocationKind
    display_name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class PutLocation:
    """Create or change a location."""

    location: Location


@dataclass(frozen=True, slots=True)
class LocationOutcome:
    """The answer to PutLocation."""

    location: Location
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class ListLocations:
    """Read the catalogue of locations."""


@dataclass(frozen=True, slots=True)
class LocationsView:
    """The answer to ListLocations, in the order in which they were created."""

    locations: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class DeleteSku:
    """End a SKU; its name may begin anew."""

    sku: str


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """The answer to DeleteSku: what ended with it."""

    stock_levels: int
    on_hand: int
    promised: int
    revision: Revision
