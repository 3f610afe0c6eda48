"""Batches at a real node: a code for each operation, and the guarantees of the single calls.

Requests are built with the public messages, as any client in any language would build them.
"""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import grpc
import grpc.aio
import pytest

from holdfast.core.audit import check_invariants
from holdfast.edge.client import Client, calls
from holdfast.edge.wire.batches import OPERATIONS_MAX
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.node_process import NodeProcess, replayed_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Answer,
    Wire,
    figures_of,
    put_stock,
    traces_of,
)
from tests.real_time import wait_until_so

RESERVATIONS: Final = "/holdfast.v1.ReservationService/"
AVAILABILITY: Final = "/holdfast.v1.AvailabilityService/"
LOW: Final = (1 << 64) - 1
HOLD_MS: Final = 3_600_000

ACCEPTED = reservation.BATCH_OUTCOME_ACCEPTED
REPEATED = reservation.BATCH_OUTCOME_REPEATED
ENDED = reservation.BATCH_OUTCOME_RESERVATION_ENDED
INSUFFICIENT = reservation.BATCH_OUTCOME_INSUFFICIENT_STOCK
WRONG_STATE = reservation.BATCH_OUTCOME_WRONG_STATE

MOVES: dict[str, Any] = {
    "commit": reservation.BatchCommitRequest,
    "fulfill": reservation.BatchFulfillRequest,
    "release": reservation.BatchReleaseRequest,
}


@pytest.fixture
def batches(wire: Wire) -> "Batches":
    """The batches."""
    return Batches(wire)


class Batches:
    """The batch methods, over one connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def send(self, method: str, request: Any) -> Answer:
        path = (
            AVAILABILITY if "StockLevels" in method or "Get" in method else RESERVATIONS
        ) + method
        return await self.wire.send_bytes(path, request.SerializeToString())

    async def handles(self, skus: Iterable[str]) -> list[int]:
        levels = [availability.StockLevelName(sku=sku, location=WAREHOUSE) for sku in skus]
        request = availability.ResolveStockLevelsRequest(stock_levels=levels)
        answer = await self.send("ResolveStockLevels", request)
        return list(answer.parsed(availability.ResolveStockLevelsResponse).handles)

    async def reserve(self, request: reservation.BatchReserveRequest) -> list[int]:
        answer = await self.send("BatchReserve", request)
        return list(answer.parsed(reservation.BatchReserveResponse).outcomes)

    async def move(self, verb: str, ids: Sequence[UUID]) -> list[int]:
        answer = await self.send(f"Batch{verb.capitalize()}", moves(verb, ids))
        return list(answer.parsed(reservation.BatchCommitResponse).outcomes)

    async def read(self, handles: Sequence[int]) -> list[tuple[int, int, int]]:
        request = availability.BatchGetAvailabilityRequest(stock_levels=handles)
        answer = await self.send("BatchGetAvailability", request)
        found = answer.parsed(availability.BatchGetAvailabilityResponse)
        return list(zip(found.on_hand, found.reserved, found.committed, strict=True))


def moves(verb: str, ids: Sequence[UUID]) -> Any:
    return MOVES[verb](
        id_high=[each.int >> 64 for each in ids], id_low=[each.int & LOW for each in ids]
    )


def reserves(
    ids: Sequence[UUID],
    handles: Sequence[int],
    quantities: Sequence[int] = (1,),
    hold_ms: Sequence[int] = (HOLD_MS,),
    linked: bytes = b"",
) -> reservation.BatchReserveRequest:
    """Spell reserves; a single quantity is meant for all."""
    return reservation.BatchReserveRequest(
        id_high=[each.int >> 64 for each in ids],
        id_low=[each.int & LOW for each in ids],
        stock_levels=handles,
        quantities=quantities if len(quantities) > 1 else list(quantities) * len(ids),
        hold_milliseconds=hold_ms,
        linked=linked,
    )


def new_ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


async def test_full_batches_go_the_whole_way(client: Client, batches: Batches) -> None:
    """8,190 holds over levels of every shard: committed, shipped, the others given back."""
    skus = await put_stock(client, *[10_000] * 20)
    handles = await batches.handles(skus)
    ids = new_ids(OPERATIONS_MAX)
    request = reserves(ids, [handles[index % 20] for index in range(OPERATIONS_MAX)], [2])
    kept, given_back = ids[:4_095], ids[4_095:]

    assert [ACCEPTED] * OPERATIONS_MAX == await batches.reserve(request)
    assert 2 * OPERATIONS_MAX == sum(held for _, held, _ in await batches.read(handles))
    assert [ACCEPTED] * 4_095 == await batches.move("commit", kept)
    assert [ACCEPTED] * 4_095 + [WRONG_STATE] * 4_095 == await batches.move("fulfill", ids)
    assert [WRONG_STATE] * 4_095 + [ACCEPTED] * 4_095 == await batches.move("release", ids)

    assert [ENDED] * OPERATIONS_MAX == await batches.reserve(request)
    assert [REPEATED] * 4_095 == await batches.move("commit", kept)
    assert [REPEATED] * 4_095 == await batches.move("release", given_back)
    levels = await batches.read(handles)
    assert (200_000 - 2 * 4_095, 0, 0) == tuple(map(sum, zip(*levels, strict=True)))


async def test_each_code_stands_at_the_place_of_its_operation(
    client: Client, batches: Batches
) -> None:
    """Everything that can be wrong with an operation, in one batch, and nothing spills over."""
    tea, mug, ended = await put_stock(client, 5, 5, 5)
    (closed,) = await put_stock(client, 5, location="closed")
    await client.update_location("closed", enabled=False, allow_missing=True)
    handles = dict(zip((tea, mug, ended), await batches.handles((tea, mug, ended)), strict=True))
    levels = [availability.StockLevelName(sku=closed, location="closed")]
    request = availability.ResolveStockLevelsRequest(stock_levels=levels)
    answer = await batches.send("ResolveStockLevels", request)
    (at_closed,) = answer.parsed(availability.ResolveStockLevelsResponse).handles
    await client.delete_sku(ended)
    known = uuid4()
    assert [ACCEPTED] == await batches.reserve(reserves([known], [handles[mug]]))

    # handle, quantity, hold in milliseconds, outcome
    table = [
        (handles[tea], 3, HOLD_MS, "ACCEPTED"),
        (handles[tea], 3, HOLD_MS, "INSUFFICIENT_STOCK"),
        (at_closed, 1, HOLD_MS, "LOCATION_DISABLED"),
        (handles[ended], 1, HOLD_MS, "UNKNOWN_STOCK_LEVEL"),
        (0, 1, HOLD_MS, "UNKNOWN_STOCK_LEVEL"),
        (handles[tea] + 10**6, 1, HOLD_MS, "UNKNOWN_STOCK_LEVEL"),
        (handles[tea], 0, HOLD_MS, "INVALID_QUANTITY"),
        (handles[tea], 10**15 + 1, HOLD_MS, "INVALID_QUANTITY"),
        (handles[tea], 2**64 - 1, HOLD_MS, "INVALID_QUANTITY"),
        (handles[tea], 1, 999, "INVALID_HOLD_DURATION"),
        (handles[tea], 1, 30 * 24 * HOLD_MS + 1, "INVALID_HOLD_DURATION"),
        (handles[tea], 2, 1_000, "ACCEPTED"),
    ]
    asked, quantities, hold_ms, outcomes = zip(*table, strict=True)
    ids = new_ids(len(table))
    codes = await batches.reserve(reserves(ids, asked, quantities, hold_ms))
    assert [f"BATCH_OUTCOME_{each}" for each in outcomes] == [
        reservation.BatchOutcome.Name(code) for code in codes
    ]
    reused = reserves([known, known], [handles[mug], handles[tea]], [2, 1])
    assert [reservation.BATCH_OUTCOME_ID_REUSED] * 2 == await batches.reserve(reused)
    unknown = reservation.BATCH_OUTCOME_UNKNOWN_RESERVATION
    assert [ACCEPTED, unknown] == await batches.move("commit", [known, uuid4()])


async def test_linked_operations_are_held_all_or_none(client: Client, batches: Batches) -> None:
    """A short one takes its group with it, and only that."""
    skus = await put_stock(client, 5, 5)
    tea, mug = await batches.handles(skus)
    handles, quantities = [tea, mug, tea, mug], [1, 6, 1, 1]
    request = reserves(new_ids(4), handles, quantities, linked=b"\1\0\1\0")
    refused = reservation.BATCH_OUTCOME_LINKED_REFUSED
    assert [refused, INSUFFICIENT, ACCEPTED, ACCEPTED] == await batches.reserve(request)
    assert [(5, 1, 0), (5, 1, 0)] == await batches.read([tea, mug])


async def test_the_single_calls_know_the_reservations_of_a_batch(
    client: Client, batches: Batches
) -> None:
    """By the UUID that the two halves make, with the same content."""
    (sku,) = await put_stock(client, 100)
    (handle,) = await batches.handles([sku])
    order = uuid4()
    answer = await batches.send("BatchReserve", reserves([order], [handle], [7]))
    response = answer.parsed(reservation.BatchReserveResponse)

    held = (await client.get_reservation(str(order))).reservation
    assert (str(order), reservation.RESERVATION_STATE_HELD) == (held.reservation_id, held.state)
    (line,) = held.lines
    assert (sku, WAREHOUSE, 7, 7) == (line.sku, line.location, line.quantity, line.held)
    assert held.create_time == response.accept_time
    ends_ns = response.accept_time.ToNanoseconds() + HOLD_MS * 1_000_000
    assert ends_ns == held.expire_time.ToNanoseconds()

    before = await traces_of(client)
    again = await client.reserve(str(order), [(sku, WAREHOUSE, 7)], hold=HOLD_MS / 1_000)
    assert common.OUTCOME_ACCEPTED == again.outcome
    assert held.expire_time == again.expire_time
    assert before.state_hash == (await traces_of(client)).state_hash
    other = await batches.wire.send_call(
        calls.reserve(str(order), [(sku, WAREHOUSE, 8)], hold=HOLD_MS / 1_000)
    )
    assert ("ALREADY_EXISTS", "ID_REUSED") == (other.code, other.reason)


async def test_batches_know_the_reservations_of_the_single_calls(
    client: Client, batches: Batches
) -> None:
    """Repeats and moves; also of a reservation of several lines, which no batch can make."""
    tea, mug = await put_stock(client, 100, 100)
    (handle,) = await batches.handles([tea])
    one, two = new_ids(2)
    await client.reserve(str(one), [(tea, WAREHOUSE, 2)], hold=HOLD_MS / 1_000)
    await client.reserve(str(two), [(tea, WAREHOUSE, 3), (mug, WAREHOUSE, 4)])
    assert [REPEATED] == await batches.reserve(reserves([one], [handle], [2]))
    assert [ACCEPTED, ACCEPTED] == await batches.move("commit", [one, two])
    assert [ACCEPTED, ACCEPTED] == await batches.move("fulfill", [one, two])
    assert [(95, 0, 0), (96, 0, 0)] == [await figures_of(client, sku) for sku in (tea, mug)]


async def test_holds_of_a_batch_end_by_time(client: Client, batches: Batches) -> None:
    """Nobody asks for it: the units are free again, and the reservation says so."""
    (sku,) = await put_stock(client, 2)
    (handle,) = await batches.handles([sku])
    short, long = new_ids(2)
    held = reserves([short, long], [handle, handle], hold_ms=[1_000, HOLD_MS])
    assert [ACCEPTED, ACCEPTED] == await batches.reserve(held)
    later = reserves([uuid4()], [handle])

    async def is_free() -> bool:
        return await batches.read([handle]) == [(2, 1, 0)]

    await wait_until_so(is_free)
    assert [reservation.BATCH_OUTCOME_EXPIRED, ACCEPTED] == await batches.move(
        "commit", [short, long]
    )
    assert [ACCEPTED] == await batches.reserve(later)
    assert [ENDED, REPEATED] == await batches.reserve(held)


async def test_reading_by_handle_equals_reading_by_sku(client: Client, batches: Batches) -> None:
    """The same figures of the same levels; zeros for what is no handle."""
    skus = await put_stock(client, 10, 20, 30, 40)
    handles = await batches.handles([*skus, "never heard of"])
    assert 0 == handles[-1]
    ids = new_ids(4)
    assert [ACCEPTED] * 4 == await batches.reserve(reserves(ids, handles[:4], [1, 2, 3, 4]))
    assert [ACCEPTED] * 2 == await batches.move("commit", ids[:2])
    by_sku = [
        (level.on_hand, level.reserved, level.committed)
        for each in (await client.batch_get_availability(skus)).availabilities
        for level in each.levels
    ]
    assert [(10, 0, 1), (20, 0, 2), (30, 3, 0), (40, 4, 0)] == by_sku
    assert [*by_sku, (0, 0, 0), by_sku[0]] == await batches.read([*handles, handles[0]])


async def test_a_malformed_column_does_nothing_and_is_named(
    client: Client, batches: Batches
) -> None:
    """The whole batch is refused, with all that was right in it."""
    (sku,) = await put_stock(client, 10)
    (handle,) = await batches.handles([sku])
    before = await traces_of(client)
    broken = reserves(new_ids(2), [handle])
    too_many = reserves(new_ids(OPERATIONS_MAX + 1), [handle] * (OPERATIONS_MAX + 1))
    for request, field in ((broken, "stock_levels"), (too_many, "id_high")):
        answer = await batches.send("BatchReserve", request)
        assert ("INVALID_ARGUMENT", "INVALID_VALUE") == (answer.code, answer.reason)
        assert field == answer.info.metadata["field"]
    assert before == await traces_of(client)


# The stream


def in_stream(batch_id: int = 0, **batch: Any) -> bytes:
    return reservation.ReserveStreamRequest(batch_id=batch_id, **batch).SerializeToString()


class Stream:
    """A ReserveStream."""

    def __init__(self, batches: Batches) -> None:
        self.call = batches.wire.channel.stream_stream(f"{RESERVATIONS}ReserveStream")(
            timeout=CALL_TIMEOUT_S, wait_for_ready=True
        )

    async def response(self) -> reservation.ReserveStreamResponse | None:
        """Read an answer; None at the end."""
        data = await self.call.read()
        if data is grpc.aio.EOF:
            return None
        return reservation.ReserveStreamResponse.FromString(data)

    async def answer(self) -> list[tuple[str, list[int]]]:
        """Read the outcomes of a batch; none at the end."""
        response = await self.response()
        if response is None:
            return []
        kind = response.WhichOneof("batch")
        assert kind not in (None, "status"), response
        return [(kind, list(getattr(response, kind).outcomes))]


async def test_a_stream_answers_in_the_order_of_its_batches(
    client: Client, batches: Batches
) -> None:
    """Thirty batches are written before one answer is read; each sees what those before did."""
    (sku,) = await put_stock(client, 1_000)
    (handle,) = await batches.handles([sku])
    stream = Stream(batches)
    expected = []
    for size in range(1, 11):
        ids = new_ids(size)
        await stream.call.write(in_stream(reserve=reserves(ids, [handle] * size)))
        await stream.call.write(in_stream(commit=moves("commit", ids)))
        last = ("fulfill", ACCEPTED) if size % 2 else ("release", WRONG_STATE)
        await stream.call.write(in_stream(**{last[0]: moves(last[0], ids)}))
        expected += [
            *(("reserve", [ACCEPTED] * size), ("commit", [ACCEPTED] * size)),
            (last[0], [last[1]] * size),
        ]
    await stream.call.done_writing()
    answers = []
    while answer := await stream.answer():
        answers += answer
    assert expected == answers
    shipped, promised = sum(range(1, 11, 2)), sum(range(2, 11, 2))
    assert [(1_000 - shipped, 0, promised)] == await batches.read([handle])


async def test_a_malformed_batch_is_answered_in_its_place_and_the_stream_goes_on(
    client: Client, batches: Batches
) -> None:
    """Each answer has the number of its batch; the status names the column, and what comes before
    and after it is done.
    """
    (sku,) = await put_stock(client, 10)
    (handle,) = await batches.handles([sku])
    first, bad, last = new_ids(3)
    stream = Stream(batches)
    for batch_id, batch in (
        (7, {"reserve": reserves([first], [handle])}),
        (5, {"reserve": reserves([bad], [handle], linked=b"\1")}),
        (2**64 - 1, {"commit": moves("commit", [first])}),
        (3, {}),
        (0, {"reserve": reserves([last], [handle])}),
    ):
        await stream.call.write(in_stream(batch_id, **batch))
    await stream.call.done_writing()

    answers = [response for _ in range(5) if (response := await stream.response())]
    assert [7, 5, 2**64 - 1, 3, 0] == [each.batch_id for each in answers]
    kinds = [each.WhichOneof("batch") for each in answers]
    assert ["reserve", "status", "commit", "status", "reserve"] == kinds
    assert [ACCEPTED] == list(answers[2].commit.outcomes)
    assert [ACCEPTED] == list(answers[4].reserve.outcomes)
    for at, column in ((1, "linked"), (3, "batch")):
        status = answers[at].status
        assert grpc.StatusCode.INVALID_ARGUMENT.value[0] == status.code
        assert status.message.startswith(f"{column} is ")
    assert await stream.response() is None
    assert [(10, 1, 1)] == await batches.read([handle])


async def test_bytes_that_are_no_message_are_answered_and_the_stream_goes_on(
    client: Client, batches: Batches
) -> None:
    """The node cannot know their number, and does not call it a failure of its own."""
    (sku,) = await put_stock(client, 10)
    (handle,) = await batches.handles([sku])
    stream = Stream(batches)
    await stream.call.write(b"\xff\xff\xff")
    await stream.call.write(in_stream(9, reserve=reserves(new_ids(1), [handle])))
    bad, good = await stream.response(), await stream.response()
    assert bad is not None
    assert good is not None
    assert (0, grpc.StatusCode.INVALID_ARGUMENT.value[0]) == (bad.batch_id, bad.status.code)
    assert (9, [ACCEPTED]) == (good.batch_id, list(good.reserve.outcomes))


# Loss of power; last in the file, but right in any order: the node and its ports come back


async def test_what_was_answered_survives_the_loss_of_power(
    node: NodeProcess, client: Client, batches: Batches
) -> None:
    """Handles mean the same after it, every acknowledged operation is a repeat, nothing is held
    twice, and the journal alone leads to the same books.
    """
    skus = await put_stock(client, *[10_000] * 8)
    handles = await batches.handles(skus)
    ids = new_ids(OPERATIONS_MAX)
    asked = list(itertools.islice(itertools.cycle(handles), OPERATIONS_MAX))
    request = reserves(ids, asked)
    committed, released = ids[:3_000], ids[3_000:5_000]
    assert [ACCEPTED] * OPERATIONS_MAX == await batches.reserve(request)
    assert [ACCEPTED] * 3_000 == await batches.move("commit", committed)
    assert [ACCEPTED] * 1_000 == await batches.move("fulfill", committed[:1_000])
    assert [ACCEPTED] * 2_000 == await batches.move("release", released)
    levels = await batches.read(handles)

    node.kill()
    replayed = replayed_node(node.data_dir)
    node.start()

    assert handles == await batches.handles(skus)
    assert levels == await batches.read(handles)
    ended = [ENDED] * 1_000 + [REPEATED] * 2_000 + [ENDED] * 2_000
    rest = [REPEATED] * (OPERATIONS_MAX - 5_000)
    assert ended + rest == await batches.reserve(request)
    assert [REPEATED] * 3_000 == await batches.move("commit", committed)
    assert [REPEATED] * 1_000 == await batches.move("fulfill", committed[:1_000])
    assert [REPEATED] * 2_000 == await batches.move("release", released)
    assert levels == await batches.read(handles)
    assert [] == list(check_invariants(replayed))
    by_sku = {
        each.sku: (each.levels[0].on_hand, each.levels[0].reserved, each.levels[0].committed)
        for each in (await client.batch_get_availability(skus)).availabilities
    }
    assert levels == [by_sku[sku] for sku in skus]


async def test_a_node_that_dies_in_the_middle_does_everything_once(
    node: NodeProcess, client: Client
) -> None:
    """It is killed while batches are in flight and comes back; callers notice nothing but time."""
    skus = await put_stock(client, *[10_000] * 10)
    power = asyncio.Event()
    answers = 0

    def count(code: int) -> int:
        nonlocal answers
        answers += 1
        if answers == 2_000:
            power.set()
        return code

    async def buy(number: int) -> set[int]:
        codes = set()
        for _ in range(3):
            order, sku = uuid4(), skus[number % 10]
            hold = holdfast.reserve(order, sku, WAREHOUSE, 2, hold_ms=HOLD_MS)
            codes.add(count(await hold))
            await holdfast.available(sku, WAREHOUSE)
            codes.add(count(await (holdfast.commit, holdfast.release)[number % 2](order)))
        return codes

    async def cut_the_power() -> None:
        await power.wait()
        await asyncio.to_thread(node.kill)
        await asyncio.to_thread(node.start)

    async with Client(node.target, timeout_s=60) as patient, patient.coalescer() as holdfast:
        cut = asyncio.create_task(cut_the_power())
        codes = await asyncio.gather(*map(buy, range(1_000)))
        await cut

    assert {ACCEPTED, REPEATED} >= set.union(*codes)
    # All callers of a SKU have the same parity: those of SKUs 0, 2, ... bought 100 * 3 * 2 units.
    figures = [(10_000, 0, 600), (10_000, 0, 0)] * 5
    assert figures == [await figures_of(client, sku) for sku in skus]
