"""What people who run shops sent in, and the right answers, over real gRPC: reservations.

Each case stands for its kind, so a test goes through the neighbours of its case as well.
"""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from holdfast.edge.client import Client, InvalidArgument, NotFound, methods
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.raw import WAREHOUSE, Wire, figures_of, level_of, new_name, put_stock
from tests.edge.test_batches import Batches, reserves
from tests.real_time import wait_until_so

ACCEPTED, REFUSED = common.OUTCOME_ACCEPTED, common.OUTCOME_REFUSED
EXPIRED = common.REFUSAL_CODE_EXPIRED
WRONG_STATE = common.REFUSAL_CODE_WRONG_STATE
ENDED = common.REFUSAL_CODE_RESERVATION_ENDED
DONE = reservation.BATCH_OUTCOME_ACCEPTED


@pytest.fixture
def batches(wire: Wire) -> Batches:
    """The packed methods over a connection of its own."""
    return Batches(wire)


async def wait_for_expiry(client: Client, order: str) -> None:
    """Wait until nothing is held any more."""

    async def is_over() -> bool:
        found = (await client.get_reservation(order)).reservation
        return not any(line.held for line in found.lines)

    await wait_until_so(is_over)


async def count_of(client: Client, sku: str, quantity: int) -> None:
    """Record a count."""
    fact = stock.StockEvent(
        event_id=new_name("count"),
        sku=sku,
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_COUNT,
        quantity=quantity,
    )
    await client.record_stock_events("count", [fact])


@pytest.mark.parametrize("end", ["expires", "is released"])
async def test_a_batch_commit_of_a_reservation_in_parts_is_answered_like_a_single_one(
    end: str, client: Client, batches: Batches
) -> None:
    """REPEATED is as good as accepted, and three of five units are not committed."""
    (sku,) = await put_stock(client, 5)
    order = uuid4()
    hold = 1 if end == "expires" else 3600
    await client.reserve(str(order), [(sku, WAREHOUSE, 5)], hold=hold)
    await client.commit(str(order), [(sku, WAREHOUSE, 2)])
    if end == "expires":
        await wait_for_expiry(client, str(order))
    else:
        await client.release(str(order))
    single = (await client.commit(str(order))).refusal.code
    assert (EXPIRED if end == "expires" else WRONG_STATE) == single
    name = common.RefusalCode.Name(single).removeprefix("REFUSAL_CODE_")
    outcome = reservation.BatchOutcome.Value(f"BATCH_OUTCOME_{name}")
    assert [outcome] == await batches.move("commit", [order])
    assert [outcome] == await batches.move("release", [order])
    assert [DONE, reservation.BATCH_OUTCOME_REPEATED] == [
        *await batches.move("fulfill", [order]),
        *await batches.move("fulfill", [order]),
    ]


async def test_a_linked_group_with_a_released_id_holds_none_and_says_so(
    client: Client, batches: Batches
) -> None:
    """All or none, and what the answer says is true."""
    skus = await put_stock(client, 5, 5)
    handles = await batches.handles(skus)
    ids = [uuid4(), uuid4()]
    assert [DONE] == await batches.reserve(reserves(ids[:1], handles[:1]))
    assert [DONE] == await batches.move("release", ids[:1])
    outcomes = await batches.reserve(reserves(ids, handles, linked=b"\1\0"))
    ended, linked = "RESERVATION_ENDED", "LINKED_REFUSED"
    assert [f"BATCH_OUTCOME_{name}" for name in (ended, linked)] == [
        reservation.BatchOutcome.Name(each) for each in outcomes
    ]
    assert [(5, 0, 0)] * 2 == await batches.read(handles)
    with pytest.raises(NotFound):
        await client.get_reservation(str(ids[1]))


async def test_what_expired_is_reported_as_expired_though_a_part_was_committed(
    client: Client,
) -> None:
    """A caller who hears WRONG_STATE looks for a defect of his own."""
    (sku,) = await put_stock(client, 5)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5)], hold=1)
    await client.commit(order, [(sku, WAREHOUSE, 2)])
    await wait_for_expiry(client, order)
    for answer in (
        await client.commit(order),
        await client.commit(order, [(sku, WAREHOUSE, 1)]),
        await client.release(order),
        await client.extend(order, 60),
    ):
        assert (REFUSED, EXPIRED) == (answer.outcome, answer.refusal.code)
    assert ACCEPTED == (await client.fulfill(order)).outcome
    assert WRONG_STATE == (await client.fulfill(order)).refusal.code


@pytest.mark.parametrize(
    ("ways", "state"),
    [
        (["release"], "RELEASED"),
        (["commit", "cancel"], "CANCELLED"),
        (["commit", "fulfill"], "FULFILLED"),
        ([], "EXPIRED"),
    ],
)
async def test_an_ended_reservation_is_not_held_again_by_its_id(
    ways: list[str], state: str, client: Client, batches: Batches
) -> None:
    """A clear no with the state, from the single call and from the batch, with one line or two."""
    skus = await put_stock(client, 9, 9)
    (handle,) = await batches.handles(skus[:1])
    one, two = uuid4(), new_name("order")
    asked = (
        (str(one), [(skus[0], WAREHOUSE, 1)]),
        (two, [(sku, WAREHOUSE, 1) for sku in skus]),
    )
    for order, lines in asked:
        await client.reserve(order, lines, hold=3600 if ways else 1)
        for way in ways:
            await getattr(client, way)(order)
        if not ways:
            await wait_for_expiry(client, order)
        before = [await figures_of(client, sku) for sku in skus]
        answer = await client.reserve(order, lines, hold=3600 if ways else 1)
        assert (REFUSED, ENDED) == (answer.outcome, answer.refusal.code)
        assert reservation.ReservationState.Value(f"RESERVATION_STATE_{state}") == answer.state
        assert answer.repeated_request
        assert not answer.HasField("expire_time")
        assert not answer.lines
        assert before == [await figures_of(client, sku) for sku in skus]
    again = reserves([one], [handle], hold_ms=[3_600_000 if ways else 1_000])
    assert [reservation.BATCH_OUTCOME_RESERVATION_ENDED] == await batches.reserve(again)


async def test_a_uuid_in_capitals_is_the_same_reservation(client: Client) -> None:
    """Wherever an id is read; and it is returned in lower case."""
    (sku,) = await put_stock(client, 9)
    order = "6f1b24cd-3a0e-4c4e-9d57-0d6a1f6d7aff"
    assert not (await client.reserve(order, [(sku, WAREHOUSE, 2)])).repeated_request
    for spelt in (order.upper(), order[:18].upper() + order[18:]):
        assert (await client.reserve(spelt, [(sku, WAREHOUSE, 2)])).repeated_request
        assert order == (await client.get_reservation(spelt)).reservation.reservation_id
    request_id = str(uuid4())
    line = [(sku, WAREHOUSE, 1)]
    await client.commit(order, line, request_id=request_id)
    await client.commit(order.upper(), line, request_id=request_id.upper())
    assert (9, 1, 1) == await figures_of(client, sku)


async def test_ids_that_were_never_set_are_refused(client: Client, batches: Batches) -> None:
    """Every method of the batches, and the same id in a single call."""
    (sku,) = await put_stock(client, 9)
    (handle,) = await batches.handles([sku])
    no_id = UUID(int=0)
    good = uuid4()
    outcomes = await batches.reserve(reserves([no_id, good], [handle] * 2))
    assert [reservation.BATCH_OUTCOME_INVALID_ID, DONE] == outcomes
    for verb in ("commit", "fulfill", "release"):
        assert reservation.BATCH_OUTCOME_INVALID_ID == (await batches.move(verb, [no_id]))[0]
    with pytest.raises(InvalidArgument, match="a UUID of zeros is not one"):
        await client.reserve(str(no_id), [(sku, WAREHOUSE, 1)])
    assert (9, 1, 0) == await figures_of(client, sku)


async def test_lines_in_another_order_are_the_same_reserve(client: Client) -> None:
    """And other content is still other content."""
    skus = await put_stock(client, 9, 9, 9)
    order = new_name("order")
    lines = [(sku, WAREHOUSE, number) for number, sku in enumerate(skus, 1)]
    first = await client.reserve(order, lines)
    again = await client.reserve(order, [*reversed(lines)])
    assert again.repeated_request
    again.repeated_request = False
    assert first == again
    partial = [(skus[0], WAREHOUSE, 1), (skus[1], WAREHOUSE, 1)]
    for each in (partial, [*reversed(partial)]):
        await client.commit(order, each, request_id="q")
    assert [(1, 0), (1, 1), (0, 3)] == [
        (line.committed, line.held)
        for line in (await client.get_reservation(order)).reservation.lines
    ]


async def test_a_repeated_reserve_tells_the_end_as_it_is_now(client: Client) -> None:
    """And what else has come of it; a repeated Extend returns the same end."""
    (sku,) = await put_stock(client, 9)
    order, lines = new_name("order"), [(sku, WAREHOUSE, 2)]
    first = await client.reserve(order, lines, hold=60)
    await client.extend(order, 600, request_id="x1")
    longer = await client.extend(order, 3600, request_id="x2")
    again = await client.reserve(order, lines, hold=60)
    assert first.expire_time.ToNanoseconds() < longer.expire_time.ToNanoseconds()
    assert longer.expire_time == again.expire_time
    assert longer.expire_time == (await client.extend(order, 600, request_id="x1")).expire_time
    await client.commit(order)
    again = await client.reserve(order, lines, hold=60)
    committed = reservation.RESERVATION_STATE_COMMITTED
    assert (ACCEPTED, committed) == (again.outcome, again.state)


@pytest.mark.parametrize("name", ["Commit", "Fulfill", "Release", "Cancel"])
async def test_a_filter_that_leaves_no_lines_moves_nothing(
    name: str, client: Client, wire: Wire
) -> None:
    """All is said explicitly."""
    (sku,) = await put_stock(client, 9)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5)])
    await client.commit(order, [(sku, WAREHOUSE, 2)])
    request = getattr(reservation, f"{name}Request")
    method = getattr(methods, name.upper())
    for asked, field in (
        (request(reservation_id=order), "units"),
        (request(reservation_id=order, lines=reservation.Lines()), "lines.lines"),
    ):
        answer = await wire.send(method, asked)
        assert ("INVALID_ARGUMENT", field) == (answer.code, answer.info.metadata["field"])
        assert "all" in answer.message
    assert (9, 3, 2) == await figures_of(client, sku)
    asked = request(reservation_id=order, all=reservation.All())
    assert "OK" == (await wire.send(method, asked)).code


async def test_a_fulfill_tells_what_it_leaves_short(client: Client) -> None:
    """A count below the promise drives the stock on hand negative; a repeat says so too."""
    short, plenty = await put_stock(client, 9, 9)
    order = new_name("order")
    await client.reserve(order, [(short, WAREHOUSE, 5), (plenty, WAREHOUSE, 5)])
    await client.commit(order)
    await count_of(client, short, 2)
    for _ in range(2):
        answer = await client.fulfill(order, request_id="ship")
        assert [(short, WAREHOUSE, -3, -3, 3)] == [
            (each.sku, each.location, each.on_hand, each.available, each.shortfall)
            for each in answer.shortfalls
        ]
    assert 3 == (await level_of(client, short)).shortfall


async def test_lines_of_an_order_keep_their_ids(client: Client) -> None:
    """The same SKU at the same location in two lines, of which one is called off."""
    (sku,) = await put_stock(client, 5)
    order = new_name("order")
    short = await client.reserve(order, [(sku, WAREHOUSE, 3, "1"), (sku, WAREHOUSE, 3, "2")])
    assert [("2", 3, 2, 1)] == [
        (each.line_id, each.requested, each.available, each.missing) for each in short.refusal.lines
    ]
    held = await client.reserve(order, [(sku, WAREHOUSE, 3, "1"), (sku, WAREHOUSE, 2, "2")])
    assert [("1", 3), ("2", 2)] == [(each.line_id, each.quantity) for each in held.lines]
    await client.commit(order, [("", "", 3, "1"), (sku, WAREHOUSE, 1, "2")])
    with pytest.raises(InvalidArgument) as caught:
        await client.cancel(order, [(sku, WAREHOUSE, 1)])
    assert ("AMBIGUOUS_LINE", "lines.lines[0]") == (
        caught.value.reason,
        caught.value.metadata["field"],
    )
    await client.cancel(order, [("", "", 1, "1")])
    lines = (await client.get_reservation(order)).reservation.lines
    assert [("1", 0, 2, 1), ("2", 1, 1, 0)] == [
        (each.line_id, each.held, each.committed, each.cancelled) for each in lines
    ]


async def test_a_reserve_sent_twice_at_once_is_new_once(client: Client) -> None:
    """Exactly one of the answers says that it is not a repeat."""
    (sku,) = await put_stock(client, 5)
    order = new_name("order")
    answers = await asyncio.gather(
        *(client.reserve(order, [(sku, WAREHOUSE, 1)]) for _ in range(20))
    )
    assert 1 == [each.repeated_request for each in answers].count(False)
    assert {ACCEPTED} == {each.outcome for each in answers}
    assert (5, 1, 0) == await figures_of(client, sku)


async def test_a_handle_of_another_timeline_holds_nothing(client: Client, batches: Batches) -> None:
    """With another data directory at the same address, a handle may stand for anything."""
    (sku,) = await put_stock(client, 5)
    (handle,) = await batches.handles([sku])
    other = handle ^ 1 << 63
    answer = await batches.send("BatchReserve", reserves([uuid4(), uuid4()], [handle, other]))
    assert ("FAILED_PRECONDITION", "OTHER_TIMELINE") == (answer.code, answer.reason)
    assert "stock_levels[1]" == answer.info.metadata["field"]
    assert [(5, 0, 0)] == await batches.read([handle])


async def test_every_revision_says_in_which_timeline_it_counts(client: Client) -> None:
    """The same for all shards, methods and clients of a data directory."""
    skus = await put_stock(client, 5, 5, 5)
    order = new_name("order")
    lines = [(sku, WAREHOUSE, 1) for sku in skus]
    read = await client.get_availability(skus[0])
    answers: list[Any] = [
        await client.reserve(order, lines),
        await client.reserve(order, [*reversed(lines)]),
        await client.reserve(new_name("order"), [(skus[0], WAREHOUSE, 9)]),
        await client.extend(order, 3600),
        await client.commit(order),
        await client.get_reservation(order),
    ]
    timelines = {each.timeline for answer in answers for each in answer.revisions}
    assert {read.availability.revision.timeline} == timelines != {0}
