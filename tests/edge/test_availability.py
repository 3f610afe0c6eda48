"""What can be promised, read from a real node: by name and by handle, at some locations or all."""

from collections.abc import Sequence

import pytest

from holdfast.edge.client import Client, InvalidArgument, NotFound
from holdfast.edge.client.methods import BATCH_GET_AVAILABILITY
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1.stock_service_pb2 import STOCK_EVENT_KIND_SALE
from tests.edge.raw import WAREHOUSE, Wire, level_of, new_name, put_stock, receipt


async def read(wire: Wire, handles: Sequence[int]) -> availability.BatchGetAvailabilityResponse:
    request = availability.BatchGetAvailabilityRequest(stock_levels=handles)
    answer = await wire.send(BATCH_GET_AVAILABILITY, request)
    found: availability.BatchGetAvailabilityResponse = answer.parsed(
        availability.BatchGetAvailabilityResponse
    )
    return found


async def put_oversold(client: Client, location: str) -> tuple[str, str]:
    """A SKU with 7 units on hand and 3 held, and one of which a till sold 2 held units."""
    sku, oversold = await put_stock(client, 7, 2, location=location)
    await client.reserve(new_name("order"), [(sku, location, 3), (oversold, location, 2)])
    sale = receipt(oversold, 2, location)
    sale.kind = STOCK_EVENT_KIND_SALE
    await client.record_stock_events("till", [sale])
    return sku, oversold


async def test_available_is_a_column_beside_what_it_comes_from(client: Client, wire: Wire) -> None:
    names = [(sku, WAREHOUSE) for sku in await put_oversold(client, WAREHOUSE)]
    found = await read(wire, (await client.resolve_stock_levels(names)).handles)
    assert [7, 0] == list(found.on_hand)
    assert [3, 2] == list(found.reserved)
    assert [4, -2] == list(found.available)


async def test_nothing_can_be_promised_at_a_disabled_location(client: Client, wire: Wire) -> None:
    """By name, over the network, by handle and through a coalescer alike; a shortfall stays one."""
    shut = new_name("store")
    skus = await put_oversold(client, shut)
    await client.update_location(shut, enabled=False, allow_missing=True)
    await client.update_location(WAREHOUSE, allow_missing=True)
    await client.record_stock_events("goods-in", [receipt(skus[1], 5)])

    levels = [await level_of(client, sku, shut) for sku in skus]
    assert [(7, 0, 0), (0, -2, 2)] == [
        (level.on_hand, level.available, level.shortfall) for level in levels
    ]
    network = (await client.batch_get_availability(skus)).availabilities
    assert [0, 5] == [each.network_available for each in network]
    handles = (await client.resolve_stock_levels((sku, shut) for sku in skus)).handles
    assert [0, -2] == list((await read(wire, handles)).available)
    async with client.coalescer() as holdfast:
        assert [0, -2] == [await holdfast.available(sku, shut) for sku in skus]


async def test_a_handle_of_an_ended_sku_reads_nothing(client: Client, wire: Wire) -> None:
    sku, other = await put_stock(client, 7, 2)
    await client.reserve(new_name("order"), [(sku, WAREHOUSE, 3)])
    handles = (await client.resolve_stock_levels([(sku, WAREHOUSE), (other, WAREHOUSE)])).handles
    await client.delete_sku(sku)
    found = await read(wire, [*handles, 0, handles[0] | 2**31 - 1])
    for column in (found.on_hand, found.reserved, found.committed, found.available):
        assert [0, 0, 0] == [column[0], column[2], column[3]]
    assert 2 == found.available[1]


async def test_a_batch_may_be_of_some_locations(client: Client) -> None:
    """Sums are over these; a location that nobody made is named, and nothing is read."""
    places = [new_name("store") for _ in range(3)]
    (sku,) = await put_stock(client, 1, location=places[0])
    for units, place in ((2, places[1]), (4, places[2])):
        await client.update_location(place, allow_missing=True)
        await client.record_stock_events("goods-in", [receipt(sku, units, place)])

    found = await client.batch_get_availability([sku, "nobody's"], [places[2], places[0]])
    (only,) = found.availabilities
    assert [places[0], places[2]] == [level.location for level in only.levels]
    assert (5, ["nobody's"]) == (only.network_available, list(found.unknown_skus))
    await client.update_location(WAREHOUSE, allow_missing=True)
    empty = await client.batch_get_availability([sku], [WAREHOUSE])
    assert ([], 0) == (
        list(empty.availabilities[0].levels),
        empty.availabilities[0].network_available,
    )
    with pytest.raises(NotFound) as unknown:
        await client.batch_get_availability([sku], [places[0], "W9"])
    assert ("UNKNOWN_LOCATION", "locations[1]", "W9") == (
        unknown.value.reason,
        unknown.value.metadata["field"],
        unknown.value.metadata["value"],
    )


async def test_a_batch_of_nothing_names_what_is_missing(client: Client) -> None:
    with pytest.raises(InvalidArgument) as none:
        await client.batch_get_availability([])
    assert ("skus", "1 to 1,000 items, or stock_levels") == (
        none.value.metadata["field"],
        none.value.metadata["expected"],
    )


async def test_locations_go_with_skus(wire: Wire) -> None:
    request = availability.BatchGetAvailabilityRequest(stock_levels=[1], locations=[WAREHOUSE])
    answer = await wire.send(BATCH_GET_AVAILABILITY, request)
    assert ("INVALID_ARGUMENT", "locations") == (answer.code, answer.info.metadata["field"])


async def test_names_without_a_handle_are_distinguished(client: Client) -> None:
    (sku,) = await put_stock(client, 1)
    empty = new_name("store")
    await client.update_location(empty, allow_missing=True)
    names = [("nobody's", "W9"), (sku, WAREHOUSE), (sku, "W9"), (sku, empty)]
    answer = await client.resolve_stock_levels(names)
    assert [True, False, True, True] == [handle == 0 for handle in answer.handles]
    reasons = ["UNKNOWN_SKU", "UNKNOWN_LOCATION", "NO_STOCK_LEVEL"]
    assert list(zip([0, 2, 3], reasons, strict=True)) == [
        (each.index, availability.UnresolvedReason.Name(each.reason)[len("UNRESOLVED_REASON_") :])
        for each in answer.unresolved
    ]
    assert [names[0], names[2], names[3]] == [
        (each.stock_level.sku, each.stock_level.location) for each in answer.unresolved
    ]


async def test_a_handle_of_another_timeline_is_refused(client: Client, wire: Wire) -> None:
    """It may stand for another SKU here; a read and a feed name it."""
    (sku,) = await put_stock(client, 7)
    (handle,) = (await client.resolve_stock_levels([(sku, WAREHOUSE)])).handles
    other = handle ^ 1 << 63
    request = availability.BatchGetAvailabilityRequest(stock_levels=[handle, other])
    answer = await wire.send(BATCH_GET_AVAILABILITY, request)
    assert ("FAILED_PRECONDITION", "OTHER_TIMELINE") == (answer.code, answer.reason)
    assert ("stock_levels[1]", str(other)) == (
        answer.info.metadata["field"],
        answer.info.metadata["value"],
    )
