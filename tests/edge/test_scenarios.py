"""Where other systems fail their users: scenarios of the regression list against a real node.

The numbers are those of the list. What needs only the rules of one caller stands in
tests/core/scripts; here callers meet each other, time and restarts.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.edge.client import Client, calls, methods
from holdfast.edge.client.calls import Call
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.judge import expiries_in_journal
from tests.edge.node_process import NodeProcess
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Answer,
    Wire,
    figures_of,
    level_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
)
from tests.real_time import wait_until_so

ACCEPTED = common.OUTCOME_ACCEPTED
APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED
REFUSED = common.OUTCOME_REFUSED
INSUFFICIENT = common.REFUSAL_CODE_INSUFFICIENT_STOCK
NS_PER_S = 1_000_000_000


# T1: one unit


async def test_t1_of_200_callers_who_want_the_last_unit_one_gets_it(
    node: NodeProcess, client: Client
) -> None:
    """One unit is promised once, and nobody ever reads less than none."""
    (sku,) = await put_stock(client, 1)
    is_over = asyncio.Event()

    async def watch() -> list[int]:
        seen = []
        async with Client(**node.targets, own_connection=True) as reader:
            while not is_over.is_set():
                seen.append((await level_of(reader, sku)).available)
        return seen

    watchers = [asyncio.create_task(watch()) for _ in range(4)]
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as second:
        answers = await asyncio.gather(
            *(
                caller.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
                for caller in (client, second)
                for _ in range(100)
            )
        )
    is_over.set()
    seen = await asyncio.gather(*watchers)

    assert 1 == sum(answer.outcome == ACCEPTED for answer in answers)
    refusals = [answer.refusal for answer in answers if answer.outcome == REFUSED]
    assert {(INSUFFICIENT, 0, 1)} == {
        (refusal.code, line.available, line.missing)
        for refusal in refusals
        for line in refusal.lines
    }
    for availabilities in seen:
        assert sorted(availabilities, reverse=True) == availabilities
        assert set(availabilities) <= {0, 1}
    assert (1, 1, 0) == await figures_of(client, sku)


# T2: the same SKU and location twice in one request


async def test_t2_lines_of_one_stock_level_are_summed_before_the_check(client: Client) -> None:
    """Two lines that fit one by one are refused when they do not fit together."""
    (sku,) = await put_stock(client, 5)
    before = await traces_of(client)
    answer = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 3), (sku, WAREHOUSE, 3)])
    assert REFUSED == answer.outcome
    (line,) = answer.refusal.lines
    assert (INSUFFICIENT, 6, 5, 1) == (
        answer.refusal.code,
        line.requested,
        line.available,
        line.missing,
    )
    assert before == await traces_of(client)


async def test_t2_a_refused_line_refuses_its_whole_order(client: Client) -> None:
    """Lines of other shards that would fit stay free, too."""
    skus = await put_stock(client, *[5] * 8, 0 + 1)
    lines = [(sku, WAREHOUSE, 2) for sku in skus]
    before = await traces_of(client)
    answer = await client.reserve(new_name("order"), lines)
    assert [(skus[-1], 1)] == [(line.sku, line.available) for line in answer.refusal.lines]
    assert before == await traces_of(client)


# T3: the same id again


def life_of_an_order(sku: str) -> list[Call[Any]]:
    """Make one call of every kind that has an id, in an order in which each is accepted."""
    order = new_name("order")
    return [
        calls.reserve(order, [(sku, WAREHOUSE, 9)], hold=3600),
        calls.extend(order, 7200, request_id="extend"),
        calls.commit(order, [(sku, WAREHOUSE, 6)], request_id="commit"),
        calls.release(order, request_id="release"),
        calls.cancel(order, [(sku, WAREHOUSE, 1)], request_id="cancel"),
        calls.fulfill(order, [(sku, WAREHOUSE, 3)], request_id="fulfill"),
    ]


async def send_often(wires: Sequence[Wire], call: Call[Any], times: int) -> set[bytes]:
    """Send a call many times at once and return the different answers."""
    answers = await asyncio.gather(
        *(wires[number % len(wires)].send_call(call) for number in range(times))
    )
    assert {OK} == {answer.code for answer in answers}
    return {answer.data for answer in answers}


async def the_answer(wires: Sequence[Wire], call: Call[Any]) -> Any:
    """Send a call many times at once and return their one answer, but for the revisions: a seal is
    an entry too.
    """
    (data,) = await send_often(wires, call, 50)
    response: Any = call.method.response.FromString(data)
    response.ClearField("revisions")
    return response


async def test_t3_an_id_sent_50_times_at_once_has_one_effect(
    node: NodeProcess, client: Client, wire: Wire
) -> None:
    """Repeats get the answer of the first, and later how things are now, also after
    restarts. A Reserve says which of them was the first.
    """
    (sku,) = await put_stock(client, 20)
    life = life_of_an_order(sku)
    async with Wire(node.target) as second, Wire(node.target) as third:
        wires = (wire, second, third)
        for call in life:
            answers = await send_often(wires, call, 50)
            if call.method is methods.RESERVE:
                new, again = map(call.method.response.FromString, sorted(answers, key=len))
                assert (False, True) == (new.repeated_request, again.repeated_request)
                new.repeated_request = True
                answers = {new.SerializeToString(), again.SerializeToString()}
            assert 1 == len(answers), call.method.name
        assert (17, 0, 2) == await figures_of(client, sku)

        before = await traces_of(client)
        now = [await the_answer(wires, call) for call in life]
        states = {each.state for each in now if hasattr(each, "state")}
        assert {reservation.RESERVATION_STATE_COMMITTED} == states
        for end in (node.terminate, node.kill):
            end()
            node.start()
            assert now == [await the_answer(wires, call) for call in life]
        after = await traces_of(client)
        assert before.state_hash == after.state_hash
        assert before.position + 1 == after.position, "one seal, by the end that was asked for"


async def test_t3_a_fact_sent_50_times_at_once_counts_once(client: Client) -> None:
    """One repeat is applied, the others are answered as repeats."""
    await client.update_location(WAREHOUSE, allow_missing=True)
    event = receipt(new_name("sku"), 7)
    answers = await asyncio.gather(
        *(client.record_stock_events("goods-in", [event]) for _ in range(50))
    )
    outcomes = [answer.results[0].outcome for answer in answers]
    assert 1 == outcomes.count(stock.STOCK_EVENT_OUTCOME_APPLIED)
    assert 49 == outcomes.count(stock.STOCK_EVENT_OUTCOME_DUPLICATE)
    assert {7} == {answer.results[0].on_hand for answer in answers}


# T4: the same id with other content


async def conflict_of(wire: Wire, call: Call[Any]) -> tuple[str, str, str, str, str]:
    """Send a call whose id was used, and return what the status says."""
    answer: Answer = await wire.send_call(call)
    metadata = answer.info.metadata
    for part in (metadata["field"], metadata["first"], metadata["now"]):
        assert part in answer.message
    return answer.code, answer.reason, metadata["field"], metadata["first"], metadata["now"]


async def test_t4_an_id_with_other_content_is_a_conflict_that_names_the_field(
    client: Client, wire: Wire
) -> None:
    """Nothing is done, and the caller learns what differs from the first time."""
    sku, other = await put_stock(client, 20, 20)
    order = new_name("order")
    # For longer than the node of this file lives: its end would change the state of other tests.
    first = calls.reserve(order, [(sku, WAREHOUSE, 2)], hold=3600)
    assert OK == (await wire.send_call(first)).code
    before = await traces_of(client)

    for call, field, was, now in (
        (calls.reserve(order, [(sku, WAREHOUSE, 3)], hold=3600), "lines[0].quantity", "2", "3"),
        (calls.reserve(order, [(other, WAREHOUSE, 2)], hold=3600), "lines[0].sku", sku, other),
        (calls.reserve(order, [(sku, "W9", 2)], hold=3600), "lines[0].location", WAREHOUSE, "W9"),
        (
            calls.reserve(order, [(sku, WAREHOUSE, 2), (other, WAREHOUSE, 1)], hold=3600),
            *("lines", "1", "2"),
        ),
        (
            calls.reserve(order, [(sku, WAREHOUSE, 2)], hold=3601),
            *("hold_duration", "3600000 ms", "3601000 ms"),
        ),
    ):
        expected = ("ALREADY_EXISTS", "ID_REUSED", field, was, now)
        assert expected == await conflict_of(wire, call)
    assert before == await traces_of(client)
    assert OK == (await wire.send_call(first)).code


async def test_t4_a_request_id_with_other_content_is_a_conflict_too(
    client: Client, wire: Wire
) -> None:
    """The id of a command belongs to its method, its lines and its remainder."""
    (sku,) = await put_stock(client, 20)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5)])
    await client.commit(order, [(sku, WAREHOUSE, 2)], request_id="once")
    before = await traces_of(client)
    for call, field in (
        (calls.commit(order, [(sku, WAREHOUSE, 3)], request_id="once"), "lines"),
        (calls.release(order, [(sku, WAREHOUSE, 2)], request_id="once"), "method"),
        (
            calls.commit(
                order,
                [(sku, WAREHOUSE, 2)],
                remainder=reservation.REMAINDER_GIVE_BACK,
                request_id="once",
            ),
            "remainder",
        ),
        (calls.extend(order, 3600, request_id="once"), "method"),
    ):
        code, reason, named, _, _ = await conflict_of(wire, call)
        assert ("ALREADY_EXISTS", "ID_REUSED", field) == (code, reason, named)
    assert before == await traces_of(client)


# T5: a hold ends


async def server_time_ns(client: Client, probe: str) -> int:
    """Ask for the node's own time: when a hold of a second that begins now would end. It is given
    back at once, since its end would be a trace in another test.
    """
    order = new_name("probe")
    answer = await client.reserve(order, [(probe, WAREHOUSE, 1)], hold=1)
    await client.release(order)
    return answer.expire_time.ToNanoseconds() - NS_PER_S


async def test_t5_at_its_end_a_hold_is_over_for_readers_and_reservers_alike(
    node: NodeProcess, client: Client
) -> None:
    """Not a millisecond before it and not one after, and the journal has it once."""
    sku, probe = await put_stock(client, 5, 1_000_000)
    order = new_name("order")
    held = await client.reserve(order, [(sku, WAREHOUSE, 5)], hold=1)
    expires_at_ns = held.expire_time.ToNanoseconds()

    reads_before_end = 0
    while True:
        earliest_ns = await server_time_ns(client, probe)
        available = (await level_of(client, sku)).available
        latest_ns = await server_time_ns(client, probe)
        if latest_ns < expires_at_ns:
            assert 0 == available
            reads_before_end += 1
        if earliest_ns >= expires_at_ns:
            assert 5 == available
            break
    assert reads_before_end > 0

    again = await client.reserve(new_name("order"), [(sku, WAREHOUSE, 5)])
    assert ACCEPTED == again.outcome
    ended = (await client.get_reservation(order)).reservation
    assert reservation.RESERVATION_STATE_EXPIRED == ended.state
    assert [(5, 0)] == [(line.expired, line.held) for line in ended.lines]
    ((ended_at_ns, units),) = expiries_in_journal(node.data_dir, order)
    assert 5 == units
    assert ended_at_ns >= expires_at_ns


async def test_t5_a_hold_ends_in_the_journal_though_nobody_asks(
    node: NodeProcess, client: Client
) -> None:
    """Expiry is an effect of its own: a reader of the journal learns of it without a command."""
    skus = await put_stock(client, 5, 5, 5, 5, 5)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5) for sku in skus], hold=1)

    async def is_in_journal() -> bool:
        return bool(expiries_in_journal(node.data_dir, order))

    await wait_until_so(is_in_journal)
    assert [5] * 5 == [units for _, units in expiries_in_journal(node.data_dir, order)]


async def test_t5_a_hold_that_ends_after_a_restart_ends_in_the_journal_too(
    node: NodeProcess, client: Client
) -> None:
    """The node that starts again knows when the next hold ends, and needs no command for it."""
    (sku,) = await put_stock(client, 5)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5)], hold=1)
    node.kill()
    node.start()

    async def is_in_journal() -> bool:
        return bool(expiries_in_journal(node.data_dir, order))

    async with asyncio.timeout(10):
        await wait_until_so(is_in_journal)
    assert [5] == [units for _, units in expiries_in_journal(node.data_dir, order)]


# T6: the payment comes back after the hold has ended


async def test_t6_a_commit_after_the_end_is_refused_and_never_silent(client: Client) -> None:
    """The late commit takes nothing from the one who holds the units now."""
    (sku,) = await put_stock(client, 1)
    order, next_order = new_name("order"), new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 1)], hold=1)
    while (await client.reserve(next_order, [(sku, WAREHOUSE, 1)])).outcome != ACCEPTED:
        pass
    late = await client.commit(order)
    assert (REFUSED, common.REFUSAL_CODE_EXPIRED, reservation.RESERVATION_STATE_EXPIRED) == (
        late.outcome,
        late.refusal.code,
        late.state,
    )
    assert (1, 1, 0) == await figures_of(client, sku)


# T7: all stock is held by one order


async def test_t7_an_order_that_holds_all_stock_can_be_placed_and_shipped(client: Client) -> None:
    """One's own hold does not stand in one's way."""
    (sku,) = await put_stock(client, 4)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 4)])
    assert ACCEPTED == (await client.commit(order)).outcome
    assert (4, 0, 4) == await figures_of(client, sku)
    assert ACCEPTED == (await client.fulfill(order)).outcome
    assert (0, 0, 0) == await figures_of(client, sku)


# T8: a snapshot that had not seen the latest sales


def fact(sku: str, kind: str, quantity: int, **more: Any) -> stock.StockEvent:
    return stock.StockEvent(
        event_id=new_name("event"),
        sku=sku,
        location=WAREHOUSE,
        kind=f"STOCK_EVENT_KIND_{kind}",
        quantity=quantity,
        **more,
    )


async def test_t8_a_snapshot_does_not_bring_back_what_was_sold_since(client: Client) -> None:
    """Ten were counted, four were sold, and then the snapshot arrives: six are there, not ten."""
    (sku,) = await put_stock(client, 12)
    counted_at = Timestamp()
    counted_at.FromNanoseconds(await server_time_ns(client, (await put_stock(client, 10**6))[0]))
    await client.record_stock_events("till", [fact(sku, "SALE", 4)])
    snapshot = fact(sku, "COUNT", 10, occur_time=counted_at)
    (result,) = (await client.record_stock_events("erp", [snapshot])).results
    assert (APPLIED, 6) == (result.outcome, result.available)
    (again,) = result.reapplied
    assert ("till", -4, 1) == (again.source, again.quantity, again.events)
    assert 6 == (await level_of(client, sku)).available


# T9: an older snapshot after a newer one; a number that is passed over


async def test_t9_an_older_snapshot_changes_nothing_and_a_gap_is_reported(client: Client) -> None:
    """The older one is reported; the source is listed with what is missing until it comes."""
    (sku,) = await put_stock(client, 10**6)
    older, newer = Timestamp(), Timestamp()
    older.FromNanoseconds(await server_time_ns(client, sku))
    newer.FromNanoseconds(await server_time_ns(client, sku))
    (sku,) = await put_stock(client, 12)
    source = new_name("erp")
    outcomes = []
    for units, at in ((7, newer), (9, older)):
        count = fact(sku, "COUNT", units, occur_time=at)
        (result,) = (await client.record_stock_events(source, [count])).results
        outcomes.append(result.outcome)
    assert [APPLIED, stock.STOCK_EVENT_OUTCOME_COUNT_OUTDATED] == outcomes
    assert 7 + 12 == (await level_of(client, sku)).on_hand, "the receipt is younger than both"

    feed = new_name("wms")
    for number, expected in ((1, []), (4, [(2, 3)]), (3, []), (2, [])):
        receipt = fact(sku, "RECEIPT", 1, sequence=number)
        answer = await client.record_stock_events(feed, [receipt])
        skipped = [(each.first_sequence, each.last_sequence) for each in answer.skipped_sequences]
        assert expected == skipped
        assert APPLIED == answer.results[0].outcome
        missing = (await client.get_source(feed)).source.missing_sequences
        assert {1: 0, 4: 2, 3: 1, 2: 0}[number] == missing
    assert 7 + 12 + 4 == (await level_of(client, sku)).on_hand
