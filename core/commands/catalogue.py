"""Commands on locations and SKUs, and their outcomes."""

from dataclasses import dataclass

from ..ids import Key
from ..model import LocationKind
from .shared import Revision


@dataclass(frozen=True, slots=True)
class Location:
    """A place that has stock."""

    name: str
    kind: LocationKind
    display_name: str
    enabled: bool


#: What may change of a location.
LOCATION_FIELDS = ("kind", "display_name", "enabled")


@dataclass(frozen=True, slots=True)
class CreateLocation:
    """Create a location, or find that there is one that is just so."""

    location: Location


@dataclass(frozen=True, slots=True)
class UpdateLocation:
    """Change these fields of a location, or create it as it stands here where that is allowed."""

    location: Location
    fields: tuple[str, ...] = LOCATION_FIELDS
    allow_missing: bool = True
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class LocationOutcome:
    """The answer to CreateLocation and UpdateLocation: the location as it is now."""

    location: Location
    revisions: tuple[Revision, ...]
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class GetLocation:
    """Read one location."""

    name: str


@dataclass(frozen=True, slots=True)
class LocationView:
    """The answer to GetLocation."""

    location: Location


@dataclass(frozen=True, slots=True)
class ListLocations:
    """Read a page of locations: at most `count` after the first `start`."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class LocationsView:
    """The answer to ListLocations, in the order in which they were created."""

    locations: tuple[Location, ...]
    next_start: int | None
    """Where the next page starts; None after the last."""


@dataclass(frozen=True, slots=True)
class DeleteSku:
    """End a SKU; its name may begin anew."""

    sku: str
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """The answer to DeleteSku: what ended with it, as it is now."""

    stock_levels: int
    on_hand: int
    promised: int
    revision: Revision
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class RenameSku:
    """Call a SKU by another name from now on."""

    sku: str
    new_sku: str
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class RenameOutcome:
    """The answer to RenameSku."""

    sku: str
    """What it is called now."""
    names: tuple[str, ...]
    """All names that stand for it, the one that it began with first."""
    revision: Revision
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class MergeSku:
    """Give all stock and all names of a SKU to another: the two are one article."""

    sku: str
    into_sku: str
    request: Key | None = None


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The answer to MergeSku."""

    sku: str
    """What both are called now."""
    names: tuple[str, ...]
    """All names that stand for it, the one that it began with first."""
    on_hand: int
    """Units that went from the one to the other."""
    revisions: tuple[Revision, ...]
    is_repeat: bool = False
