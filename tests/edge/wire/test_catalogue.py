"""Locations and SKUs of the catalogue, asked and answered."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.core import commands as core
from holdfast.core.model import LocationKind
from holdfast.edge.wire.catalogue import (
    create_from_request,
    create_response,
    delete_sku_response,
    get_location_response,
    list_from_request,
    list_response,
    update_from_request,
    update_response,
)
from holdfast.v1 import catalog_service_pb2 as catalog
from tests.edge.wire.builders import REVISIONS, SENT_REVISIONS, assert_invalid, created, fault


def test_a_location_is_an_enabled_warehouse_unless_it_says_otherwise() -> None:
    assert created() == core.Location("BRISTOL", LocationKind.WAREHOUSE, "", True)
    assert created(enabled=True).enabled
    assert not created(enabled=False).enabled


@pytest.mark.parametrize("kind", LocationKind)
def test_every_kind_of_location_is_taken(kind: LocationKind) -> None:
    assert created(kind=f"LOCATION_KIND_{kind.name}").kind is kind


def test_other_kinds_of_location_are_refused() -> None:
    expected = "LOCATION_KIND_WAREHOUSE or LOCATION_KIND_STORE or LOCATION_KIND_SUPPLIER"
    assert_invalid(fault(created, kind=4), "location.kind", 4, expected)


def test_a_location_without_name_names_the_field_that_is_missing() -> None:
    error = fault(create_from_request, catalog.CreateLocationRequest())
    assert "location.location" == error.metadata["field"]


# Responses


@pytest.mark.parametrize("kind", LocationKind)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_location_is_returned_as_it_is(kind: LocationKind, enabled: bool) -> None:
    location = core.Location("L", kind, "Leeds", enabled)
    sent = catalog.Location(
        location="L",
        kind=f"LOCATION_KIND_{kind.name}",
        display_name="Leeds",
        enabled=enabled,
    )
    outcome = core.LocationOutcome(location, REVISIONS)
    assert create_response(outcome) == catalog.CreateLocationResponse(
        location=sent, revisions=SENT_REVISIONS
    )
    again = replace(outcome, is_repeat=True)
    assert update_response(again) == catalog.UpdateLocationResponse(
        location=sent, revisions=SENT_REVISIONS, repeated_request=True
    )
    response = get_location_response(core.LocationView(location))
    assert response == catalog.GetLocationResponse(location=sent)
    last = core.LocationsView((location,), None)
    assert list_response(last, 7) == catalog.ListLocationsResponse(locations=[sent])


ALL = core.LOCATION_FIELDS


@pytest.mark.parametrize(
    ("location", "paths", "fields"),
    [
        ({}, [], ()),
        ({"enabled": False}, [], ("enabled",)),
        ({"kind": 2, "display_name": "x"}, [], ("kind", "display_name")),
        ({"enabled": False}, ["display_name"], ("display_name",)),
        ({}, ["*"], ALL),
        ({}, ["enabled", "kind"], ("kind", "enabled")),
    ],
)
def test_an_update_changes_what_is_masked_or_set(
    location: Any, paths: list[str], fields: tuple[str, ...]
) -> None:
    request = catalog.UpdateLocationRequest(
        location={"location": "W", **location}, update_mask={"paths": paths}
    )
    assert fields == update_from_request(request).fields


def test_a_page_goes_on_where_the_one_before_it_ended() -> None:
    """In its own timeline; a token of another, or of nobody, is refused."""
    token = list_response(core.LocationsView((), 300), 7).next_page_token
    request = catalog.ListLocationsRequest(page_token=token)
    assert core.ListLocations(300, 100) == list_from_request(request, 7)
    request.page_size = 9
    assert core.ListLocations(300, 9) == list_from_request(request, 7)
    expected = "the next_page_token of the page before, with the same other fields"
    assert_invalid(fault(list_from_request, request, 8), "page_token", token, expected)
    for garbage in (token[:-1], token + "A", "x", "é"):
        request.page_token = garbage
        assert_invalid(fault(list_from_request, request, 7), "page_token", garbage, expected)


def test_an_ended_sku_is_returned_with_what_ended() -> None:
    outcome = core.DeleteOutcome(3, -4, 5, REVISIONS[0])
    assert delete_sku_response(outcome) == catalog.DeleteSkuResponse(
        stock_levels=3, on_hand=-4, promised=5, revision=SENT_REVISIONS[0]
    )
