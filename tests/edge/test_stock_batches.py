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
    HoldfastError,
    InvalidArgument,
    NotFound,
    StockColumns,
)
from holdfast.edge.client.methods import APPLY_STOCK_EVENTS
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


@pytest.fixture
async def feed(wire: Wire) -> "Feed":
    """A stream of its own."""
    return Feed(wire)


class Feed:
    """An ApplyStockEvents over which public messages go."""

    def __init__(self, wire: Wire) -> None:
        self.call = wire.channel.stream_stream(APPLY_STOCK_EVENTS.path)(
            timeout=CALL_TIMEOUT_S, wait_for_ready=True
        )

    async def write(self, source: str, **form: Any) -> None:
        request = stock.ApplyStockEventsRequest(source=source, **form)
        await self.call.write(request.SerializeToString())

    async def read(self) -> stock.ApplyStockEventsResponse:
        data = await self.call.read()
        assert data is not grpc.aio.EOF
        return stock.ApplyStockEventsResponse.FromString(data)

    async def send(self, source: str, **columns: Any) -> stock.ApplyStockEventsResponse:
        await self.write(source, columns=columns)
        return await self.read()


async def levels_of(client: Client, *quantities: int) -> tuple[list[str], list[int]]:
    """Put new SKUs in stock; return them and their handles."""
    skus = await put_stock(client, *quantities)
    answer = await client.resolve_stock_levels((sku, WAREHOUSE) for sku in skus)
    return skus, list(answer.handles)


async def fed(client: Client, *messages: Any) -> tuple[list[bytes], HoldfastError | None]:
    """Send messages over one stream; return the outcomes of each, and how it ended."""

    async def one_by_one() -> AsyncIterator[Any]:
        for message in messages:
            yield message

    outcomes = []
    try:
        async for answer in client.apply_stock_events(one_by_one()):
            outcomes.append(answer.columns.outcomes)  # noqa: PERF401 - kept when it ends badly
    except HoldfastError as error:
        return outcomes, error
    return outcomes, None


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
        (handles[0], SALE, 1, None, 5, "DUPLICATE", 2, 2),
        (handles[0], SALE, 1, two, 4, "OUT_OF_ORDER", 2, 2),
        (handles[2], SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
        (0, SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
        (LOW, SALE, 1, None, 6, "UNKNOWN_STOCK_LEVEL", 0, 0),
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
    answer = await feed.send(source, **sales([handle], 2), **ids(uuids))
    assert bytes([DUPLICATE, APPLIED]) == answer.columns.outcomes

    event.event_id = str(uuids[1])
    (result,) = (await client.record_stock_events(source, [event])).results
    assert DUPLICATE == result.outcome
    assert (7, 0, 0) == await figures_of(client, sku)


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


async def test_a_malformed_message_does_nothing_and_nor_does_what_is_behind_it(
    client: Client,
) -> None:
    """It is named by column and position; a source that only numbers may go on where it was."""
    (sku,), (handle,) = await levels_of(client, 10)
    source = new_name("source")

    def message(first: int, *quantities: int) -> StockColumns:
        numbers = range(first, first + len(quantities))
        return StockColumns(source, [handle] * len(quantities), SALE, quantities, sequences=numbers)

    outcomes, error = await fed(client, message(1, 1, 1), message(3, 1, 0), message(5, 1, 1))
    assert isinstance(error, InvalidArgument)
    assert "columns.quantities[1] is 0: expected 1 to " in str(error)
    assert [bytes([APPLIED] * 2)] == outcomes
    assert (8, 0, 0) == await figures_of(client, sku)

    mended = await fed(client, message(3, 1, 1), message(5, 1, 1))
    assert ([bytes([APPLIED] * 2)] * 2, None) == mended


async def test_a_single_event_at_fault_stops_columns_behind_it(client: Client) -> None:
    """Only the engine can tell that its location is unknown; columns behind it wait for that. All
    are there before the first is durable, since that is a long one.
    """
    (sku,), (handle,) = await levels_of(client, 10_000)
    source, size = new_name("source"), 8_000
    event = stock.StockEvent(sequence=9_000, sku=sku, location="nowhere", kind=SALE, quantity=1)
    long, behind = (
        StockColumns(source, [handle] * count, SALE, [1] * count, sequences=range(first, last))
        for count, first, last in ((size, 1, size + 1), (1, 9_001, 9_002))
    )
    outcomes, error = await fed(client, long, (source, [event]), behind)
    assert isinstance(error, NotFound)
    assert [bytes([APPLIED]) * size] == outcomes
    assert (10_000 - size, 0, 0) == await figures_of(client, sku)


async def test_a_refused_message_leaves_no_trace(client: Client) -> None:
    (_,), (handle,) = await levels_of(client, 10)
    before = await traces_of(client)
    broken = StockColumns("till", [handle] * 3, SALE, [1] * 3, sequences=[1, 2])
    outcomes, error = await fed(client, broken)
    assert isinstance(error, InvalidArgument)
    assert ("columns.sequences", []) == (error.metadata["field"], outcomes)
    assert before == await traces_of(client)


async def test_both_clients_send_columns(node: NodeProcess, client: Client) -> None:
    """And tell what is malformed."""
    (sku,), (handle,) = await levels_of(client, 10)
    source = new_name("source")
    message = StockColumns(source, [handle] * 2, SALE, [1, 2], sequences=[1, 2])
    with BlockingClient(node.target, timeout_s=CALL_TIMEOUT_S) as blocking:
        (first,) = blocking.apply_stock_events([message])
        assert [9, 7] == list(first.columns.on_hand)
        broken = StockColumns(source, [handle], SALE, [1, 2], sequences=[3])
        with pytest.raises(InvalidArgument, match=r"columns\.quantities is '2 values'"):
            list(blocking.apply_stock_events([broken]))

    assert ([bytes([DUPLICATE] * 2)], None) == await fed(client, message)
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
