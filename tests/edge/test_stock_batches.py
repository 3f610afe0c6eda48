"""Stock events in columns at a real node: an outcome for each, and the guarantees of single events.

Requests are built with the public messages, as any client in any language would build them, but for
those that the Python client spells.
"""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import grpc
import grpc.aio
import pytest

from holdfast.core.audit import check_invariants
from holdfast.edge.client import (
    BlockingClient,
    Client,
    StockColumns,
)
from holdfast.edge.client.methods import RECORD_STOCK_EVENTS_STREAM
from holdfast.edge.wire.batches import OPERATIONS_MAX
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, replayed_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Wire,
    figures_of,
    new_name,
    put_stock,
    traces_of,
)

LOW: Final = (1 << 64) - 1
SALE, COUNT = stock.STOCK_EVENT_KIND_SALE, stock.STOCK_EVENT_KIND_COUNT

APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED
DUPLICATE = stock.STOCK_EVENT_OUTCOME_DUPLICATE
OUT_OF_ORDER = stock.STOCK_EVENT_OUTCOME_OUT_OF_ORDER
UNKNOWN = stock.STOCK_EVENT_OUTCOME_UNKNOWN_STOCK_LEVEL
ID_REUSED = stock.STOCK_EVENT_OUTCOME_ID_REUSED


@pytest.fixture
async def feed(wire: Wire) -> "Feed":
    """A stream of its own."""
    return Feed(wire)


class Feed:
    """A RecordStockEventsStream over which public messages go."""

    def __init__(self, wire: Wire) -> None:
        self.call = wire.channel.stream_stream(RECORD_STOCK_EVENTS_STREAM.path)(
            timeout=CALL_TIMEOUT_S, wait_for_ready=True
        )

    async def write(self, source: str, **form: Any) -> None:
        request = stock.RecordStockEventsStreamRequest(source=source, **form)
        await self.call.write(request.SerializeToString())

    async def read(self) -> stock.RecordStockEventsStreamResponse:
        data = await self.call.read()
        assert data is not grpc.aio.EOF
        return stock.RecordStockEventsStreamResponse.FromString(data)

    async def send(self, source: str, **columns: Any) -> stock.RecordStockEventsStreamResponse:
        await self.write(source, columns=columns)
        return await self.read()


async def levels_of(client: Client, *quantities: int) -> tuple[list[str], list[int]]:
    """Put new SKUs in stock; return them and their handles."""
    skus = await put_stock(client, *quantities)
    answer = await client.resolve_stock_levels((sku, WAREHOUSE) for sku in skus)
    return skus, list(answer.handles)


async def fed(client: Client, *messages: Any) -> list[bytes | str]:
    """Send messages over one stream; return the outcomes of each, or why it failed as a whole."""

    async def one_by_one() -> AsyncIterator[Any]:
        for message in messages:
            yield message

    results: list[bytes | str] = []
    async for answer in client.record_stock_events_stream(one_by_one()):
        assert len(results) + 1 == answer.batch_id
        results.append(answer.status.message or answer.columns.outcomes)
    return results


def ids(uuids: Sequence[UUID]) -> dict[str, list[int]]:
    return {
        "id_high": [each.int >> 64 for each in uuids],
        "id_low": [each.int & LOW for each in uuids],
    }


def sales(handles: Sequence[int], count: int) -> dict[str, Any]:
    """One unit each, over all the levels."""
    picked = [handles[index % len(handles)] for index in range(count)]
    return {"stock_levels": picked, "kinds": bytes([SALE]), "quantities": [1] * count}


async def test_a_full_message_goes_the_whole_way(client: Client, feed: Feed) -> None:
    """8,190 events over levels of every shard, then once more."""
    skus, handles = await levels_of(client, *[1_000] * 20)
    columns = sales(handles, OPERATIONS_MAX) | ids([uuid4() for _ in range(OPERATIONS_MAX)])

    first = await feed.send("till", **columns)
    assert bytes([APPLIED]) * OPERATIONS_MAX == first.columns.outcomes
    assert [999] * 20 == list(first.columns.on_hand[:20])
    assert {0} == set(first.columns.shortfalls)
    assert list(range(4)) == sorted(revision.shard for revision in first.revisions)
    assert ("till", 0, []) == (first.source, first.acknowledged_sequence, list(first.results))

    again = await feed.send("till", **columns)
    assert bytes([DUPLICATE]) * OPERATIONS_MAX == again.columns.outcomes
    read = await client.batch_get_availability(skus)
    assert 20_000 - OPERATIONS_MAX == sum(each.network_available for each in read.availabilities)


async def test_each_outcome_stands_at_the_place_of_its_event(client: Client, feed: Feed) -> None:
    """Everything that can become of an event, in one message, and nothing spills over."""
    (tea, mug, ended), handles = await levels_of(client, 5, 5, 5)
    await client.reserve(new_name("order"), [(tea, WAREHOUSE, 4)])
    await client.delete_sku(ended)
    source, one, two = new_name("source"), uuid4(), uuid4()

    # handle, kind, quantity, id, sequence, outcome, on hand, shortfall
    table = [
        (handles[0], SALE, 3, one, 0, "APPLIED", 2, 2),
        (handles[0], SALE, 3, one, 9, "DUPLICATE", 2, 2),
        (handles[1], COUNT, 7, None, 5, "APPLIED", 7, 0),
        (handles[0], SALE, 1, None, 5, "ID_REUSED", 2, 2),
        (handles[0], SALE, 1, two, 5, "OUT_OF_ORDER", 2, 2),
        (handles[2], SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
        (0, SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
        (handles[0] | 2**31 - 1, SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
        (handles[0], COUNT, 5, two, 6, "APPLIED", 5, 0),
    ]
    levels, kinds, quantities, given, sequences, outcomes, on_hand, shortfalls = zip(
        *table, strict=True
    )
    answer = await feed.send(
        source,
        stock_levels=levels,
        kinds=bytes(kinds),
        quantities=quantities,
        sequences=sequences,
        **ids([each or UUID(int=0) for each in given]),
    )
    names = [stock.StockEventOutcome.Name(each) for each in answer.columns.outcomes]
    assert [f"STOCK_EVENT_OUTCOME_{each}" for each in outcomes] == names
    assert list(on_hand) == list(answer.columns.on_hand)
    assert list(shortfalls) == list(answer.columns.shortfalls)
    assert 9 == answer.acknowledged_sequence
    assert [(5, 4, 0), (7, 0, 0)] == [await figures_of(client, sku) for sku in (tea, mug)]


async def test_an_event_is_known_in_either_form(client: Client, feed: Feed) -> None:
    """What a handle could not say is sent again by name, under the UUID that it had."""
    (sku,), (handle,) = await levels_of(client, 10)
    source, uuids = new_name("source"), [uuid4(), uuid4()]
    event = stock.StockEvent(
        event_id=str(uuids[0]), sku=sku, location=WAREHOUSE, kind=SALE, quantity=2
    )
    await client.record_stock_events(source, [event])
    columns = sales([handle], 2) | {"quantities": [2, 1]}
    answer = await feed.send(source, **columns, **ids(uuids))
    assert bytes([DUPLICATE, APPLIED]) == answer.columns.outcomes

    event.event_id = str(uuids[1])
    (result,) = (await client.record_stock_events(source, [event])).results
    assert (ID_REUSED, "quantity", "1", "2") == (
        result.outcome,
        *(result.difference.field, result.difference.recorded, result.difference.now),
    )
    event.quantity = 1
    (result,) = (await client.record_stock_events(source, [event])).results
    assert DUPLICATE == result.outcome
    assert (7, 0, 0) == await figures_of(client, sku)


async def test_a_sku_that_an_event_creates_is_reported(client: Client) -> None:
    """So that a mistyped one is noticed; it is reported once."""
    event = stock.StockEvent(
        event_id=new_name("event"), sku=new_name("mistyped"), location=WAREHOUSE, kind=SALE
    )
    event.quantity = 1
    await client.update_location(WAREHOUSE, allow_missing=True)
    results = [(await client.record_stock_events("till", [event])).results[0] for _ in range(2)]
    assert [(APPLIED, -1, -1, True), (DUPLICATE, -1, -1, False)] == [
        (each.outcome, each.on_hand, each.available, each.sku_created) for each in results
    ]


async def test_a_number_that_was_never_recorded_is_not_reported_as_a_duplicate(
    client: Client, feed: Feed
) -> None:
    """A stale handle at 10, then 11, then 10 again, which is missing; and one that came before the
    first.
    """
    (ended, sku), handles = await levels_of(client, 10, 10)
    await client.delete_sku(ended)
    source = new_name("till")
    first = await feed.send(source, **sales(handles, 2), sequences=[10, 11])
    assert bytes([UNKNOWN, APPLIED]) == first.columns.outcomes
    again = await feed.send(source, **sales(handles[1:], 3), sequences=[10, 1, 11])
    assert bytes([APPLIED, APPLIED, DUPLICATE]) == again.columns.outcomes
    reused = await feed.send(source, **sales(handles[1:], 1) | {"quantities": [2]}, sequences=[11])
    assert bytes([ID_REUSED]) == reused.columns.outcomes
    assert ("quantity", "1", "2") == (
        *(reused.columns.differences[0].field, reused.columns.differences[0].recorded),
        reused.columns.differences[0].now,
    )
    assert (7, 0, 0) == await figures_of(client, sku)
    till = new_name("till")
    high = await feed.send(till, **sales(handles[1:], 3), sequences=[9_999, 1, 9_999])
    assert bytes([APPLIED, OUT_OF_ORDER, DUPLICATE]) == high.columns.outcomes


async def test_messages_of_both_forms_follow_one_another(client: Client, feed: Feed) -> None:
    """Sixty are written before one answer is read; each sees what those before did."""
    (sku,), (handle,) = await levels_of(client, 1_000)
    source, last = new_name("source"), 0
    rng = random.Random(1)
    sizes = [rng.choice((-3, -1, 1, 5, 40)) for _ in range(60)]
    for size in sizes:
        numbers = range(last + 1, last + abs(size) + 1)
        last = numbers[-1]
        if size > 0:
            await feed.write(source, columns={**sales([handle], size), "sequences": numbers})
        else:
            fields = {"sku": sku, "location": WAREHOUSE, "kind": SALE, "quantity": 1}
            await feed.write(source, events=[{**fields, "sequence": each} for each in numbers])
    await feed.call.done_writing()

    sold = 0
    for size in sizes:
        answer = await feed.read()
        sold += abs(size)
        assert sold == answer.acknowledged_sequence
        if size > 0:
            assert bytes([APPLIED]) * size == answer.columns.outcomes
            assert 1_000 - sold == answer.columns.on_hand[-1]
        else:
            assert [APPLIED] * -size == [each.outcome for each in answer.results]
    assert (1_000 - sold, 0, 0) == await figures_of(client, sku)


async def test_a_malformed_message_does_nothing_and_the_stream_goes_on(client: Client) -> None:
    """It is named by column and position, and answered in its place."""
    (sku,), (handle,) = await levels_of(client, 10)
    source = new_name("source")

    def message(*quantities: int) -> StockColumns:
        uuids: dict[str, Any] = dict(ids([uuid4() for _ in quantities]))
        return StockColumns(source, [handle] * len(quantities), SALE, quantities, **uuids)

    results = await fed(client, message(1, 1), message(1, 0), message(1, 1))
    assert [bytes([APPLIED] * 2)] * 2 == results[::2]
    assert str(results[1]).startswith("columns.quantities[1] is 0: expected 1 to ")
    assert (6, 0, 0) == await figures_of(client, sku)


async def test_an_unknown_location_does_not_end_the_stream(client: Client) -> None:
    """Only the engine can tell; columns after it wait for that, and count."""
    (sku,), (handle,) = await levels_of(client, 10)
    source = new_name("source")
    event = stock.StockEvent(event_id="x", sku=sku, location="nowhere", kind=SALE, quantity=1)
    good = (StockColumns(source, [handle], SALE, [1], sequences=[number]) for number in (1, 2))
    first, bad, last = await fed(client, next(good), (source, [event]), next(good))
    assert (bytes([APPLIED]), bytes([APPLIED])) == (first, last)
    assert str(bad).startswith("events[0].location is 'nowhere', which is unknown")
    assert (8, 0, 0) == await figures_of(client, sku)


async def test_a_refused_message_leaves_no_trace(client: Client) -> None:
    (_,), (handle,) = await levels_of(client, 10)
    before = await traces_of(client)
    broken = StockColumns("till", [handle] * 3, SALE, [1] * 3, sequences=[1, 2])
    (result,) = await fed(client, broken)
    assert str(result).startswith("columns.sequences is '2 values'")
    assert before == await traces_of(client)


async def test_both_clients_send_columns(node: NodeProcess, client: Client) -> None:
    """And report what is malformed."""
    (sku,), (handle,) = await levels_of(client, 10)
    source = new_name("source")
    message = StockColumns(source, [handle] * 2, SALE, [1, 2], sequences=[1, 2])
    with BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S) as blocking:
        (first,) = blocking.record_stock_events_stream([message])
        assert [9, 7] == list(first.columns.on_hand)
        broken = StockColumns(source, [handle], SALE, [1, 2], sequences=[3])
        (refused,) = blocking.record_stock_events_stream([broken])
        assert (grpc.StatusCode.INVALID_ARGUMENT.value[0], 1) == (
            refused.status.code,
            refused.batch_id,
        )
        assert refused.status.message.startswith("columns.quantities is '2 values'")

    assert [bytes([DUPLICATE] * 2)] == await fed(client, message)
    assert (7, 0, 0) == await figures_of(client, sku)


# Loss of power; last in the file, but right in any order: the node and its ports come back


async def test_what_was_acknowledged_survives_the_loss_of_power(
    node: NodeProcess, client: Client
) -> None:
    """Handles mean the same after it, every acknowledged event is a duplicate, nothing counts
    twice, and the journal alone leads to the same books.
    """
    skus, handles = await levels_of(client, *[1_000] * 8)
    source, count = new_name("source"), 3_000
    named = sales(handles, count) | ids([uuid4() for _ in range(count)])
    numbered = sales(handles, count) | {"sequences": range(1, count + 1)}

    async def outcomes() -> list[bytes]:
        async with Wire(node.target) as wire:
            fresh = Feed(wire)
            answers = [await fresh.send(source, **each) for each in (named, numbered)]
        return [answer.columns.outcomes for answer in answers]

    assert [bytes([APPLIED]) * count] * 2 == await outcomes()
    before = await traces_of(client)

    node.kill()
    replayed = replayed_node(node.data_dir)
    node.start()

    assert before.state_hash == (await traces_of(client)).state_hash == replayed.state_hash()
    assert [] == list(check_invariants(replayed))
    assert [bytes([DUPLICATE]) * count] * 2 == await outcomes()
    answer = await client.resolve_stock_levels((sku, WAREHOUSE) for sku in skus)
    assert handles == list(answer.handles)
    read = await client.batch_get_availability(skus)
    assert 8_000 - 2 * count == sum(each.network_available for each in read.availabilities)
    node.restart()  # in good order: replay has to come to what was sealed
    assert [bytes([DUPLICATE]) * count] * 2 == await outcomes()


async def test_a_node_that_dies_in_the_middle_counts_everything_once(
    node: NodeProcess, client: Client
) -> None:
    """It is killed while messages are in flight; the source sends all of them again."""
    (sku,), (handle,) = await levels_of(client, 10_000)
    source, size = new_name("source"), 100
    messages = [sales([handle], size) | ids([uuid4() for _ in range(size)]) for _ in range(40)]
    async with Wire(node.target) as wire:
        feed = Feed(wire)
        for columns in messages:
            await feed.write(source, columns=columns)
        acknowledged = [(await feed.read()).columns.outcomes for _ in range(5)]
        node.kill()
    node.start()

    async with Wire(node.target) as wire:
        feed = Feed(wire)
        answers = [(await feed.send(source, **columns)).columns.outcomes for columns in messages]
    assert [bytes([APPLIED]) * size] * 5 == acknowledged
    assert [bytes([DUPLICATE]) * size] * 5 == answers[:5]
    # A message is recorded whole or not at all, and none before one that was not.
    assert sorted(answers, reverse=True) == answers
    assert {bytes([outcome]) * size for outcome in (DUPLICATE, APPLIED)} >= {*answers}
    assert (10_000 - 40 * size, 0, 0) == await figures_of(client, sku)
