"""Messages of CatalogService to commands, outcomes to messages."""

from collections.abc import Iterable
from typing import Final

from holdfast.core import commands as core
from holdfast.core.model import LocationKind
from holdfast.v1 import catalog_service_pb2 as catalog

from .shared import revision_to_message, revisions_to_messages, wire_members
from .validation import check_name, enum_member

LOCATION_KINDS: Final = wire_members(catalog, "LOCATION_KIND", LocationKind)
LOCATION_KINDS_READ: Final[dict[int, LocationKind]] = {
    catalog.LOCATION_KIND_UNSPECIFIED: LocationKind.WAREHOUSE,
    **{value: kind for kind, value in LOCATION_KINDS.items()},
}


def location_from_request(request: catalog.PutLocationRequest) -> core.PutLocation:
    """Read a PutLocation."""
    location = request.location
    check_name("location.location", location.location)
    kind = enum_member("location.kind", location.kind, LOCATION_KINDS_READ, catalog.LocationKind)
    if location.display_name:
        check_name("location.display_name", location.display_name)
    enabled = location.enabled if location.HasField("enabled") else True
    return core.PutLocation(core.Location(location.location, kind, location.display_name, enabled))


def location_response(outcome: core.LocationOutcome) -> catalog.PutLocationResponse:
    """Answer a PutLocation."""
    return catalog.PutLocationResponse(
        location=_location(outcome.location), revisions=revisions_to_messages(outcome.revisions)
    )


def list_locations_response(locations: Iterable[core.Location]) -> catalog.ListLocationsResponse:
    """Answer a ListLocations."""
    return catalog.ListLocationsResponse(locations=[_location(each) for each in locations])


def delete_sku_from_request(request: catalog.DeleteSkuRequest) -> core.DeleteSku:
    """Read a DeleteSku."""
    check_name("sku", request.sku)
    return core.DeleteSku(request.sku)


def delete_sku_response(outcome: core.DeleteOutcome) -> catalog.DeleteSkuResponse:
    """Answer a DeleteSku."""
    return catalog.DeleteSkuResponse(
        stock_levels=outcome.stock_levels,
        on_hand=outcome.on_hand,
        promised=outcome.promised,
        revision=revision_to_message(outcome.revision),
    )


def _location(location: core.Location) -> catalog.Location:
    return catalog.Location(
        location=location.name,
        kind=LOCATION_KINDS[location.kind],
        display_name=location.display_name,
        enabled=location.enabled,
    )
