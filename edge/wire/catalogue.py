"""PutLocation, ListLocations and DeleteSku."""

from collections.abc import Iterable
from typing import Final

from holdfast.core import commands as core
from holdfast.core.model import LocationKind
from holdfast.v1 import catalog_service_pb2 as catalog

from .shared import add_revisions, engine_members, revision_message, wire_members
from .validation import check_name, check_text, enum_member

KINDS: Final = wire_members(catalog, "LOCATION_KIND", LocationKind)
KINDS_READ: Final = engine_members(
    catalog, "LOCATION_KIND", LocationKind, unspecified=LocationKind.WAREHOUSE
)


def location_from_request(request: catalog.PutLocationRequest) -> core.PutLocation:
    """The command of a PutLocation; what the request leaves out is an enabled warehouse."""
    location = request.location
    check_name("location.location", location.location)
    kind = enum_member("location.kind", location.kind, KINDS_READ, catalog.LocationKind)
    check_text("location.display_name", location.display_name)
    enabled = location.enabled if location.HasField("enabled") else True
    return core.PutLocation(core.Location(location.location, kind, location.display_name, enabled))


def location_response(outcome: core.LocationOutcome) -> catalog.PutLocationResponse:
    """The answer to a PutLocation: the location as it is now."""
    response = catalog.PutLocationResponse(location=_location(outcome.location))
    add_revisions(response, outcome.revisions)
    return response


def list_locations_response(locations: Iterable[core.Location]) -> catalog.ListLocationsResponse:
    """The answer to a ListLocations."""
    return catalog.ListLocationsResponse(locations=[_location(each) for each in locations])


def delete_sku_from_request(request: catalog.DeleteSkuRequest) -> core.DeleteSku:
    """The command of a DeleteSku."""
    check_name("sku", request.sku)
    return core.DeleteSku(request.sku)


def delete_sku_response(outcome: core.DeleteOutcome) -> catalog.DeleteSkuResponse:
    """The answer to a DeleteSku: what the SKU still had when it ended, in units."""
    return catalog.DeleteSkuResponse(
        stock_levels=outcome.stock_levels,
        on_hand=outcome.on_hand,
        promised=outcome.promised,
        revision=revision_message(outcome.revision),
    )


def _location(location: core.Location) -> catalog.Location:
    return catalog.Location(
        location=location.name,
        kind=KINDS[location.kind],
        display_name=location.display_name,
        enabled=location.enabled,
    )
