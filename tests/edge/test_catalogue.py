"""The catalogue of locations at a real node: created once, changed by field, listed by page."""

from itertools import count

import pytest

from holdfast.edge.client import AlreadyExists, Client, InvalidArgument, NotFound
from holdfast.v1.catalog_service_pb2 import LOCATION_KIND_STORE, LOCATION_KIND_SUPPLIER
from tests.edge.raw import new_name


async def test_a_location_is_created_once(client: Client) -> None:
    """The same again is harmless; other content is not, and names the first field."""
    place = new_name("store")
    first = await client.create_location(place, LOCATION_KIND_STORE, display_name="Corner")
    again = await client.create_location(place, LOCATION_KIND_STORE, display_name="Corner")
    assert first.location == again.location == (await client.get_location(place)).location
    with pytest.raises(AlreadyExists) as other:
        await client.create_location(place, LOCATION_KIND_STORE, display_name="Middle")
    assert ("location.display_name", "Corner", "Middle") == (
        *(other.value.metadata["field"], other.value.metadata["first"]),
        other.value.metadata["now"],
    )


async def test_an_update_changes_what_it_names(client: Client) -> None:
    place = new_name("store")
    await client.create_location(place, LOCATION_KIND_STORE, display_name="Corner")
    location = (await client.update_location(place, enabled=False)).location
    assert (LOCATION_KIND_STORE, "Corner", False) == (
        location.kind,
        location.display_name,
        location.enabled,
    )
    location = (await client.update_location(place, display_name="")).location
    assert (LOCATION_KIND_STORE, "", False) == (
        location.kind,
        location.display_name,
        location.enabled,
    )
    location = (await client.update_location(place, kind=LOCATION_KIND_SUPPLIER)).location
    assert (LOCATION_KIND_SUPPLIER, False) == (location.kind, location.enabled)
    assert location == (await client.update_location(place)).location


async def test_an_update_creates_where_it_may(client: Client) -> None:
    place = new_name("store")
    with pytest.raises(NotFound) as unknown:
        await client.update_location(place, enabled=False)
    assert "location.location" == unknown.value.metadata["field"]
    location = (await client.update_location(place, enabled=False, allow_missing=True)).location
    assert location == (await client.get_location(place)).location
    assert not location.enabled


async def test_a_repeat_does_not_take_back_what_others_have_changed(client: Client) -> None:
    """A shop that shuts its counter asks again, after somebody has opened it."""
    place = new_name("store")
    await client.create_location(place, LOCATION_KIND_STORE, display_name="Corner")
    shut = await client.update_location(place, enabled=False, request_id="q")
    assert (False, False) == (shut.repeated_request, shut.location.enabled)
    await client.update_location(place, enabled=True)
    again = await client.update_location(place, enabled=False, request_id="q")
    assert (True, True) == (again.repeated_request, again.location.enabled)
    with pytest.raises(AlreadyExists) as other:
        await client.update_location(place, display_name="Middle", request_id="q")
    assert "location" == other.value.metadata["field"]
    elsewhere = new_name("store")
    made = await client.update_location(elsewhere, allow_missing=True, request_id="q")
    assert not made.repeated_request, "the id is the location's"


async def test_pages_have_every_location_once(client: Client) -> None:
    """In the order in which they were created, also when some are created in between."""
    places = [new_name("store") for _ in range(6)]
    for place in places[:5]:
        await client.create_location(place)
    seen, token = [], ""
    for number in count():
        page = await client.list_locations(3, token)
        assert len(page.locations) <= 3
        seen += [each.location for each in page.locations]
        token = page.next_page_token
        if number == 0:
            await client.create_location(places[5])
        if not token:
            break
    assert places == [each for each in seen if each in places]
    assert len(set(seen)) == len(seen)


async def test_a_token_of_nobody_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await client.list_locations(page_token="AAAAAAAAAAAAAAAB")
    assert "page_token" == refused.value.metadata["field"]
