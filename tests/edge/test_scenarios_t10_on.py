"""Scenarios T10 to T20 over a real node; T1 to T9 stand in test_scenarios.py."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from statistics import quantiles

import pytest

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    GetAvailability,
    Line,
    Location,
    Outcome,
    RecordStockEvents,
    Reserve,
    ReserveOutcome,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.limits import NS_PER_MS
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.edge.client import Client, NotFound, calls
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.judge import expiries_in_journal
from tests.edge.node_process import NodeProcess
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Wire,
    figures_of,
    new_name,
    put_stock,
    receipt,
)
from tests.real_time import let_pass, now_s, wait_until_so

ACCEPTED = common.OUTCOME_ACCEPTED
REFUSED = common.OUTCOME_REFUSED
INSUFFICIENT = common.REFUSAL_CODE_INSUFFICIENT_STOCK
NS_PER_S = 1_000_000_000


# T10: parts of an order


@pytest.mark.parametrize(
    ("remainder", "held"),
    [(reservation.REMAINDER_KEEP, 2), (reservation.REMAINDER_GIVE_BACK, 0)],
    ids=["kept", "given back"],
)
async def test_t10_a_partial_commit_leaves_what_its_policy_says(
    client: Client, remainder: reservation.Remainder, held: int
) -> None:
    """Commit 3 of 5, then release 9: counts are exact, and the excess is named."""
    (sku,) = await put_stock(client, 5)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 5)])
    await client.commit(order, [(sku, WAREHOUSE, 3)], remainder=remainder)
    assert (5, held, 3) == await figures_of(client, sku)
    too_much = await client.release(order, [(sku, WAREHOUSE, 9)])
    assert REFUSED == too_much.outcome
    if held:
        (line,) = too_much.refusal.lines
        assert (common.REFUSAL_CODE_EXCESS_QUANTITY, 9, 2, 7) == (
            too_much.refusal.code,
            line.requested,
            line.available,
            line.missing,
        )
    else:
        assert common.REFUSAL_CODE_WRONG_STATE == too_much.refusal.code
    assert (5, held, 3) == await figures_of(client, sku)


# T12: large orders in random order of their lines


async def test_t12_large_orders_in_any_order_of_lines_all_come_through(
    node: NodeProcess, client: Client
) -> None:
    """30 SKUs at 20 locations, from many callers: nobody waits for another, and each gets his."""
    places = [f"T12-{number}" for number in range(20)]
    skus = [new_name("sku") for _ in range(30)]
    for place in places:
        await client.update_location(place, allow_missing=True)
        await client.record_stock_events("goods-in", [receipt(sku, 3, place) for sku in skus])
    levels = [(sku, place, 1) for sku in skus for place in places]

    async def shop(number: int) -> int:
        chance = random.Random(number)
        async with Client(
            **node.targets,
            timeout_s=CALL_TIMEOUT_S,
            own_connection=True,
        ) as caller:
            for attempt in range(1_000):
                order = new_name("order")
                lines = chance.sample(levels, len(levels) if number % 2 else 60)
                if (await caller.reserve(order, lines)).outcome == ACCEPTED:
                    assert ACCEPTED == (await caller.release(order)).outcome
                    return attempt
        raise AssertionError("1,000 attempts, and never served")

    await asyncio.gather(*(shop(number) for number in range(16)))
    left = await client.batch_get_availability(skus)
    assert {(3, 0, 0)} == {
        (level.on_hand, level.reserved, level.committed)
        for each in left.availabilities
        for level in each.levels
    }


# T13: nearly all load on one SKU


async def buy(client: Client, sku: str) -> float:
    """Hold one unit and give it back; return how long the hold took."""
    order = new_name("order")
    started = now_s()
    answer = await client.reserve(order, [(sku, WAREHOUSE, 1)])
    seconds = now_s() - started
    assert ACCEPTED == answer.outcome
    assert ACCEPTED == (await client.release(order)).outcome
    return seconds


async def buy_beside(
    node: NodeProcess, crowd: Sequence[str], others: Sequence[str], purchases: int
) -> tuple[list[float], int]:
    """Let 19 callers buy from `crowd` while one buys from `others`; his times, their purchases."""
    is_over = asyncio.Event()

    async def press(number: int) -> int:
        chance, bought = random.Random(number), 0
        async with Client(
            **node.targets,
            timeout_s=CALL_TIMEOUT_S,
            own_connection=True,
        ) as caller:
            while not is_over.is_set():
                await buy(caller, chance.choice(crowd))
                bought += 1
        return bought

    pressing = [asyncio.create_task(press(number)) for number in range(19)]
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as caller:
        seconds = [await buy(caller, others[n % len(others)]) for n in range(purchases)]
    is_over.set()
    return seconds, sum(await asyncio.gather(*pressing))


async def test_t13_a_hot_sku_starves_nobody(node: NodeProcess, client: Client) -> None:
    """With 95 of 100 calls on one SKU the other five are served, and so are the 95."""
    hot, *others = await put_stock(client, *[1_000_000] * 9)
    seconds, bought = await buy_beside(node, [hot], others, 40)
    assert 40 == len(seconds)
    assert bought >= 19
    assert (1_000_000, 0, 0) == await figures_of(client, hot)


@pytest.mark.slow
async def test_t13_other_skus_keep_their_latency_beside_a_hot_one(
    node: NodeProcess, client: Client
) -> None:
    """Beside a crowd on one SKU a call takes as long as beside the same crowd on a thousand."""
    hot, *others = await put_stock(client, *[1_000_000] * 51)
    spread = [sku for _ in range(5) for sku in await put_stock(client, *[1_000_000] * 200)]
    rounds = []
    for _ in range(3):
        beside_hot, _ = await buy_beside(node, [hot], others, 300)
        beside_even, _ = await buy_beside(node, spread, others, 300)
        rounds.append((quantiles(beside_hot, n=100)[98], quantiles(beside_even, n=100)[98]))
    # The best of three rounds: a noisy neighbour of the machine hits one of them, a fault all.
    assert min(hot_p99 / even_p99 for hot_p99, even_p99 in rounds) < 1.5, rounds


# T15: a SKU is deleted and created again while reservations on it are open


async def test_t15_old_reservations_never_touch_a_sku_created_anew(
    node: NodeProcess, client: Client
) -> None:
    """They run on against the ended SKU, also over a restart, and the new one counts from 0."""
    (sku,) = await put_stock(client, 20)
    held, committed, shipped, brief = (new_name("order") for _ in range(4))

    async def has_expired() -> bool:
        state = (await client.get_reservation(brief)).reservation.state
        return state == reservation.RESERVATION_STATE_EXPIRED

    for order, hold in ((held, 3600), (committed, 3600), (shipped, 3600), (brief, 1)):
        await client.reserve(order, [(sku, WAREHOUSE, 4)], hold=hold)
    for order in (committed, shipped):
        await client.commit(order)
    ended = await client.delete_sku(sku)
    assert (1, 20, 16) == (ended.stock_levels, ended.on_hand, ended.promised)
    with pytest.raises(NotFound):
        await client.get_availability(sku)
    with pytest.raises(NotFound):
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])

    await client.record_stock_events("goods-in", [receipt(sku, 5)])
    assert (5, 0, 0) == await figures_of(client, sku)
    node.kill()
    node.start()
    assert (5, 0, 0) == await figures_of(client, sku)
    assert ACCEPTED == (await client.commit(held)).outcome
    assert ACCEPTED == (await client.cancel(committed)).outcome
    assert ACCEPTED == (await client.fulfill(shipped)).outcome
    await wait_until_so(has_expired)
    assert (5, 0, 0) == await figures_of(client, sku)
    assert ACCEPTED == (await client.reserve(new_name("order"), [(sku, WAREHOUSE, 5)])).outcome
    assert (5, 5, 0) == await figures_of(client, sku)
    assert [(sku, 4)] == [
        (line.sku, line.fulfilled)
        for line in (await client.get_reservation(shipped)).reservation.lines
    ]


# T16: facts in the order in which their source numbers them


async def test_t16_numbered_facts_of_a_stream_are_applied_in_the_order_sent(
    client: Client,
) -> None:
    """Messages are in flight together and their SKUs in all shards, and still none overtakes."""
    await client.update_location(WAREHOUSE, allow_missing=True)
    skus = [new_name("sku") for _ in range(12)]
    source = new_name("source")
    numbers = iter(range(1, 1_000_000))

    def batch(chance: random.Random) -> list[stock.StockEvent]:
        return [
            stock.StockEvent(
                sequence=next(numbers),
                sku=sku,
                location=WAREHOUSE,
                kind=stock.STOCK_EVENT_KIND_RECEIPT,
                quantity=1,
            )
            for sku in chance.choices(skus, k=chance.randint(1, 4))
        ]

    async def batches() -> AsyncIterator[tuple[str, list[stock.StockEvent]]]:
        chance = random.Random(16)
        for _ in range(300):
            yield source, batch(chance)

    outcomes = [
        result.outcome
        async for answer in client.record_stock_events_stream(batches())
        for result in answer.results
    ]
    sent = next(numbers) - 1
    assert [stock.STOCK_EVENT_OUTCOME_APPLIED] * sent == outcomes
    read = await client.batch_get_availability(skus)
    assert sent == sum(each.network_available for each in read.availabilities)


async def test_t16_webhooks_that_come_twice_and_out_of_order_count_once(client: Client) -> None:
    """Each channel's messages arrive shuffled, some of them twice: one effect each, none lost."""
    (sku,) = await put_stock(client, 1_000)
    chance = random.Random(16)
    applied = sold = 0
    for channel in (new_name("shop"), new_name("market")):
        quantities = [chance.randint(1, 5) for _ in range(30)]
        sold += sum(quantities)
        webhooks = [
            stock.StockEvent(
                event_id=f"webhook-{number}",
                sequence=number,
                sku=sku,
                location=WAREHOUSE,
                kind=stock.STOCK_EVENT_KIND_SALE,
                quantity=quantity,
            )
            for number, quantity in enumerate(quantities, 1)
        ]
        sent = [*webhooks, *chance.sample(webhooks, 15)]
        chance.shuffle(sent)
        for webhook in sent:
            (result,) = (await client.record_stock_events(channel, [webhook])).results
            applied += result.outcome == stock.STOCK_EVENT_OUTCOME_APPLIED
            assert result.outcome in (
                stock.STOCK_EVENT_OUTCOME_APPLIED,
                stock.STOCK_EVENT_OUTCOME_DUPLICATE,
            )
        assert 0 == (await client.get_source(channel)).source.missing_sequences
    assert 60 == applied
    assert 1_000 - sold == (await figures_of(client, sku))[0]


# T19: a count below what is promised


async def test_t19_a_count_below_the_promises_names_whom_it_endangers(
    node: NodeProcess, client: Client
) -> None:
    """The newest orders first, as many as make up the shortfall, for a fact and for a read; also
    where the count comes as columns, and after a kill.
    """
    (sku,) = await put_stock(client, 10)
    orders = [new_name("order") for _ in range(5)]
    for order in orders:
        await client.reserve(order, [(sku, WAREHOUSE, 2)])
        await client.commit(order)
    count = stock.StockEvent(
        event_id=new_name("event"),
        sku=sku,
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_COUNT,
        quantity=5,
    )
    (shortfall,) = (await client.record_stock_events("wms", [count])).shortfalls
    assert (5, -5, 5) == (shortfall.on_hand, shortfall.available, shortfall.shortfall)
    expected = [(orders[4], 2), (orders[3], 2), (orders[2], 1)]
    endangered = [(each.reservation_id, each.endangered_quantity) for each in shortfall.endangered]
    assert expected == endangered
    assert 0 == shortfall.unlisted_quantity
    assert shortfall == (await client.get_shortfall(sku, WAREHOUSE)).shortfall

    fewer = (await client.get_shortfall(sku, WAREHOUSE, max_lines=1)).shortfall
    assert [(orders[4], 2)] == [
        (each.reservation_id, each.endangered_quantity) for each in fewer.endangered
    ]
    assert 3 == fewer.unlisted_quantity
    await client.cancel(orders[4])
    node.kill()
    node.start()
    left = (await client.get_shortfall(sku, WAREHOUSE)).shortfall
    assert [orders[3], orders[2]] == [each.reservation_id for each in left.endangered]


# T20: nobody sweeps


class Nobody:
    """A caller who waits for ever."""

    def cancelled(self) -> bool:
        """Never."""
        return False


def ask(node: Node, now_ns: int, *commands: Command) -> list[Outcome]:
    """Run one turn."""
    for command in commands:
        assert node.post(command, Nobody())
    return [outcome for _, outcome in node.turn(now_ns).answers]


@pytest.mark.parametrize("early_ns", [0, 1], ids=["at its end", "a nanosecond before"])
def test_t20_the_first_turn_after_an_end_sees_it(early_ns: int) -> None:
    """No turn ran since the hold began, and still a read and a reserve are exact."""
    node = Node(4)
    place = Location(WAREHOUSE, LocationKind.WAREHOUSE, "", enabled=True)
    facts = [
        StockEvent(None, number + 1, f"S{number}", WAREHOUSE, EventKind.RECEIPT, 3)
        for number in range(8)
    ]
    lines = tuple(Line(fact.sku, WAREHOUSE, 3) for fact in facts)
    ask(node, 1, UpdateLocation(place))
    ask(node, 2, RecordStockEvents("source", tuple(facts)))
    ask(node, 3, Reserve(key_from_text("first"), lines, 1_000))

    read, reserve = ask(
        node,
        3 + 1_000 * NS_PER_MS - early_ns,
        GetAvailability(tuple(fact.sku for fact in facts)),
        Reserve(key_from_text("second"), lines, 1_000),
    )
    assert isinstance(read, AvailabilitiesView)
    assert isinstance(reserve, ReserveOutcome)
    free = {level.available for view in read.views if view for level in view.levels}
    assert ({0} if early_ns else {3}) == free
    assert (reserve.refusal is None) == (not early_ns)


async def test_t20_a_node_that_slept_through_an_end_does_not_show_the_hold(
    node: NodeProcess, client: Client, wire: Wire
) -> None:
    """The process is stopped when its alarm should ring; the first read afterwards is right."""
    (sku,) = await put_stock(client, 3)
    order = new_name("order")
    await client.reserve(order, [(sku, WAREHOUSE, 3)], hold=1)
    node.signal(signal.SIGSTOP)
    read = calls.get_availability(sku)
    reads = [asyncio.create_task(wire.send_call(read)) for _ in range(5)]
    await let_pass(1)
    node.signal(signal.SIGCONT)
    for answer in await asyncio.gather(*reads):
        seen = answer.parsed(availability.GetAvailabilityResponse)
        assert 3 == seen.availability.network_available
    assert [3] == [units for _, units in expiries_in_journal(node.data_dir, order)]
