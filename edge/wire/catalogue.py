"""Locations, and commands on SKUs."""

from typing import Final

from holdfast.core import commands as core
from holdfast.core.ids import Key, location_request_key, sku_request_key
from holdfast.core.limits import BATCH_MAX
from holdfast.core.model import LocationKind
from holdfast.v1 import catalog_service_pb2 as catalog

from .faults import invalid
from .page_tokens import PAGE_SIZE_DEFAULT, page_token, start_of_page
from .shared import add_revisions, engine_members, revision_message, wire_members
from .validation import check_name, check_text, enum_member

KINDS: Final = wire_members(catalog, "LOCATION_KIND", LocationKind)
KINDS_READ: Final = engine_members(
    catalog, "LOCATION_KIND", LocationKind, unspecified=LocationKind.WAREHOUSE
)


def create_from_request(request: catalog.CreateLocationRequest) -> core.CreateLocation:
    """The command of a CreateLocation."""
    return core.CreateLocation(_location_from(request.location))


def create_response(outcome: core.LocationOutcome) -> catalog.CreateLocationResponse:
    """The answer to a CreateLocation."""
    response = catalog.CreateLocationResponse(location=_location(outcome.location))
    add_revisions(response, outcome.revisions)
    return response


def update_from_request(request: catalog.UpdateLocationRequest) -> core.UpdateLocation:
    """The command of an UpdateLocation."""
    location, key = _location_from(request.location), None
    if request.request_id:
        check_name("request_id", request.request_id)
        key = location_request_key(location.name, request.request_id)
    return core.UpdateLocation(location, _fields_of(request), request.allow_missing, key)


def _fields_of(request: catalog.UpdateLocationRequest) -> tuple[str, ...]:
    """The fields that an update changes: those that its mask names, or else those that are set."""
    paths = request.update_mask.paths
    for index, path in enumerate(paths):
        if path not in (*core.LOCATION_FIELDS, "*"):
            expected = f"{', '.join(core.LOCATION_FIELDS)}, or * for all of them"
            raise invalid(f"update_mask.paths[{index}]", path, expected)
    if "*" in paths:
        return core.LOCATION_FIELDS
    given = paths or [field.name for field, _ in request.location.ListFields()]
    return tuple(field for field in core.LOCATION_FIELDS if field in given)


def update_response(outcome: core.LocationOutcome) -> catalog.UpdateLocationResponse:
    """The answer to an UpdateLocation."""
    response = catalog.UpdateLocationResponse(
        location=_location(outcome.location), repeated_request=outcome.is_repeat
    )
    add_revisions(response, outcome.revisions)
    return response


def get_location_from_request(request: catalog.GetLocationRequest) -> core.GetLocation:
    """The command of a GetLocation."""
    check_name("location", request.location)
    return core.GetLocation(request.location)


def get_location_response(view: core.LocationView) -> catalog.GetLocationResponse:
    """The answer to a GetLocation."""
    return catalog.GetLocationResponse(location=_location(view.location))


def list_from_request(request: catalog.ListLocationsRequest, asked: int) -> core.ListLocations:
    """The command of a ListLocations."""
    if not 0 <= request.page_size <= BATCH_MAX:
        raise invalid("page_size", request.page_size, f"0 to {BATCH_MAX:,}")
    start = start_of_page(request.page_token, asked)
    return core.ListLocations(start, request.page_size or PAGE_SIZE_DEFAULT)


def list_response(view: core.LocationsView, asked: int) -> catalog.ListLocationsResponse:
    """The answer to a ListLocations."""
    token = "" if view.next_start is None else page_token(view.next_start, asked)
    locations = [_location(each) for each in view.locations]
    return catalog.ListLocationsResponse(locations=locations, next_page_token=token)


def delete_sku_from_request(request: catalog.DeleteSkuRequest) -> core.DeleteSku:
    """The command of a DeleteSku."""
    check_name("sku", request.sku)
    return core.DeleteSku(request.sku, _request_key(request))


def _request_key(
    request: catalog.DeleteSkuRequest | catalog.RenameSkuRequest | catalog.MergeSkuRequest,
) -> Key | None:
    if not request.request_id:
        return None
    check_name("request_id", request.request_id)
    return sku_request_key(request.sku, request.request_id)


def delete_sku_response(outcome: core.DeleteOutcome) -> catalog.DeleteSkuResponse:
    """The answer to a DeleteSku: what the SKU still had when it ended, in units."""
    return catalog.DeleteSkuResponse(
        stock_levels=outcome.stock_levels,
        on_hand=outcome.on_hand,
        promised=outcome.promised,
        revision=revision_message(outcome.revision),
        repeated_request=outcome.is_repeat,
    )


def rename_sku_from_request(request: catalog.RenameSkuRequest) -> core.RenameSku:
    """The command of a RenameSku."""
    check_name("sku", request.sku)
    check_name("new_sku", request.new_sku)
    if request.new_sku == request.sku:
        raise invalid("new_sku", request.new_sku, "another name than sku")
    return core.RenameSku(request.sku, request.new_sku, _request_key(request))


def rename_sku_response(outcome: core.RenameOutcome) -> catalog.RenameSkuResponse:
    """The answer to a RenameSku."""
    return catalog.RenameSkuResponse(
        sku=outcome.sku,
        names=outcome.names,
        revision=revision_message(outcome.revision),
        repeated_request=outcome.is_repeat,
    )


def merge_sku_from_request(request: catalog.MergeSkuRequest) -> core.MergeSku:
    """The command of a MergeSku."""
    check_name("sku", request.sku)
    check_name("into_sku", request.into_sku)
    if request.into_sku == request.sku:
        raise invalid("into_sku", request.into_sku, "another SKU than sku")
    return core.MergeSku(request.sku, request.into_sku, _request_key(request))


def merge_sku_response(outcome: core.MergeOutcome) -> catalog.MergeSkuResponse:
    """The answer to a MergeSku."""
    response = catalog.MergeSkuResponse(
        sku=outcome.sku,
        names=outcome.names,
        on_hand=outcome.on_hand,
        repeated_request=outcome.is_repeat,
    )
    add_revisions(response, outcome.revisions)
    return response


def _location_from(location: catalog.Location) -> core.Location:
    """A location; what is left out makes it an enabled warehouse."""
    check_name("location.location", location.location)
    kind = enum_member("location.kind", location.kind, KINDS_READ, catalog.LocationKind)
    check_text("location.display_name", location.display_name)
    enabled = location.enabled if location.HasField("enabled") else True
    return core.Location(location.location, kind, location.display_name, enabled)


def _location(location: core.Location) -> catalog.Location:
    return catalog.Location(
        location=location.name,
        kind=KINDS[location.kind],
        display_name=location.display_name,
        enabled=location.enabled,
    )
