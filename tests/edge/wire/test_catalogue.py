"""Locations and SKUs of the catalogue, asked and answered."""

import pytest

from holdfast.core import commands as core
from holdfast.core.model import LocationKind
from holdfast.edge.wire.catalogue import (
    delete_sku_response,
    list_locations_response,
    location_from_request,
    location_response,
)
from holdfast.v1 import catalog_service_pb2 as catalog
from tests.edge.wire.builders import REVISIONS, SENT_REVISIONS, assert_invalid, fault, put_location


def test_a_location_is_an_enabled_warehouse_unless_it_says_otherwise() -> None:
    assert put_location() == core.Location("BRISTOL", LocationKind.WAREHOUSE, "", True)
    assert put_location(enabled=True).enabled
    assert not put_location(enabled=False).enabled


@pytest.mark.parametrize("kind", LocationKind)
def test_every_kind_of_location_is_taken(kind: LocationKind) -> None:
    assert put_location(kind=f"LOCATION_KIND_{kind.name}").kind is kind


def test_other_kinds_of_location_are_refused() -> None:
    expected = "LOCATION_KIND_WAREHOUSE or LOCATION_KIND_STORE or LOCATION_KIND_SUPPLIER"
    assert_invalid(fault(put_location, kind=4), "location.kind", 4, expected)


def test_a_put_location_without_location_names_the_field_that_is_missing() -> None:
    told = fault(location_from_request, catalog.PutLocationRequest())
    assert "location.location" == told.metadata["field"]


# Responses


@pytest.mark.parametrize("kind", LocationKind)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_location_is_told_as_it_is(kind: LocationKind, enabled: bool) -> None:
    location = core.Location("L", kind, "Leeds", enabled)
    sent = catalog.Location(
        location="L",
        kind=f"LOCATION_KIND_{kind.name}",
        display_name="Leeds",
        enabled=enabled,
    )
    outcome = core.LocationOutcome(location, REVISIONS)
    assert location_response(outcome) == catalog.PutLocationResponse(
        location=sent, revisions=SENT_REVISIONS
    )
    assert list_locations_response(iter([location])) == catalog.ListLocationsResponse(
        locations=[sent]
    )


def test_an_ended_sku_is_told_with_what_ended() -> None:
    outcome = core.DeleteOutcome(3, -4, 5, REVISIONS[0])
    assert delete_sku_response(outcome) == catalog.DeleteSkuResponse(
        stock_levels=3, on_hand=-4, promised=5, revision=SENT_REVISIONS[0]
    )
