"""What can go wrong around a call, and what must hold all the same.

Deadlines, cancelled calls, full mailboxes, full storage, a drain, a second node, a journal that
fails: each against a real process. Where the moment decides, and no caller can choose it from
outside, the pump runs in this process over a journal that waits to be told.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    EventsOutcome,
    GetAvailability,
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    ReserveOutcome,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.edge.client import Client, Retries, StorageFull, calls
from holdfast.edge.client.methods import RESERVE
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.clock import node_clock
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoints
from holdfast.edge.server.log_writer import Sampler
from holdfast.edge.server.methods import PUBLIC, methods_of
from holdfast.edge.server.pump import Pump
from holdfast.edge.server.service import Service
from holdfast.edge.server.statistics import CallCounters
from holdfast.edge.server.transports.grpcio import GenericHandlers
from holdfast.edge.wire.faults import Fault
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.node_process import NodeProcess, running_node, standing_still
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Answer,
    Wire,
    answer_of,
    are_known,
    figure,
    figures_of,
    metrics_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
)
from tests.persistence.journals import MemoryAppender
from tests.real_time import wait_until_so

ACCEPTED = common.OUTCOME_ACCEPTED

#: Of a caller who waits as long as it takes.
ANYONE = CallContext()


# The pump in this process, over appends that can be held


class Inside:
    """Node, pump, admission and handlers without a process around them."""

    def __init__(self) -> None:
        self.appender = MemoryAppender()
        self.node = Node(2)
        self.failures: list[BaseException] = []
        self.pump = Pump(self.node, self.appender, node_clock(0), self.failures.append)
        self.admission = Admission(self.pump)
        self.counters = CallCounters()
        service = Service(self.admission)
        endpoints = Endpoints(
            service, methods_of(PUBLIC), self.admission.admit, self.counters, Sampler(100),
            lanes=service.lanes,
        )  # fmt: skip
        self.handlers = GenericHandlers(endpoints.all)

    async def ask(self, command: Command) -> Any:
        return await self.admission.post(command, ANYONE)

    async def open(self) -> None:
        """Put 10 units on the shelf."""
        place = Location(WAREHOUSE, LocationKind.WAREHOUSE, "", enabled=True)
        await self.ask(UpdateLocation(place))
        event = StockEvent(None, 1, "Tea", WAREHOUSE, EventKind.RECEIPT, 10)
        assert isinstance(await self.ask(RecordStockEvents("source", (event,))), EventsOutcome)

    async def wait_appending(self) -> None:
        async def is_appending() -> bool:
            return bool(self.appender.appending)

        await wait_until_so(is_appending)

    async def available(self) -> int:
        outcome = await self.ask(GetAvailability(("Tea",)))
        return int(outcome.views[0].levels[0].available)


def hold(order: str, quantity: int = 1) -> Reserve:
    return Reserve(key_from_text(order), (Line("Tea", WAREHOUSE, quantity),), 60_000)


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    """A node with 10 units of tea."""
    made = Inside()
    await made.open()
    yield made
    made.appender.let_go()
    await made.pump.drain()
    assert [] == made.failures


class Aborted(Exception):  # noqa: N818 - what gRPC raises is no error of anyone
    """gRPC's abort raises, so that nothing runs after it."""


class LateContext:
    """The context of a call whose deadline was some time ago."""

    def __init__(self, remaining_s: float) -> None:
        self._remaining_s = remaining_s
        self.code: grpc.StatusCode | None = None

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    def time_remaining(self) -> float:
        return self._remaining_s

    async def abort(self, code: grpc.StatusCode, _message: str, _trailing: object) -> None:
        self.code = code
        raise Aborted


# Deadlines


@pytest.mark.parametrize("remaining_s", [0.0, -0.001, -60.0])
async def test_a_call_after_its_deadline_enters_no_mailbox(
    inside: Inside, remaining_s: float
) -> None:
    """Nobody waits for the answer, so no turn is spent on it."""

    class Details:
        method = RESERVE.path

    request = reservation.ReserveRequest(
        reservation_id="late",
        lines=[reservation.ReserveLine(sku="Tea", location=WAREHOUSE, quantity=1)],
    )
    handler = inside.handlers.service(Details())
    assert handler is not None
    context = LateContext(remaining_s)
    turns_before = inside.pump.statistics().turns
    with pytest.raises(Aborted):
        await handler.unary_unary(request.SerializeToString(), context)
    assert grpc.StatusCode.DEADLINE_EXCEEDED == context.code
    assert [0, 0] == [len(actor.mailbox) for actor in inside.node.actors]
    assert turns_before == inside.pump.statistics().turns
    assert 10 == await inside.available()


async def test_what_the_server_calls_too_late_had_no_effect(client: Client, wire: Wire) -> None:
    """Deadlines of a microsecond: some calls are answered, some not; none lies about it."""
    (sku,) = await put_stock(client, 1_000)
    orders = [new_name("order") for _ in range(100)]
    answers = await asyncio.gather(
        *(
            # gRPC's own timeout would end the call before it is sent.
            wire.send_call(
                calls.reserve(order, [(sku, WAREHOUSE, 1)]), metadata=[("grpc-timeout", "1u")]
            )
            for order in orders
        )
    )
    too_late = [
        order
        for order, answer in zip(orders, answers, strict=True)
        if answer.reason == "DEADLINE_EXCEEDED"
    ]
    assert not any(await are_known(client, too_late))
    known = await are_known(client, orders)
    assert (1_000, sum(known), 0) == await figures_of(client, sku)


# Refused unread


async def test_when_all_mailboxes_are_full_a_request_is_not_even_parsed(inside: Inside) -> None:
    """A long one costs milliseconds to read, and its refusal costs none of that."""

    class Details:
        method = RESERVE.path

    inside.appender.is_held = True
    first = inside.admission.post(hold("first"), ANYONE)
    await inside.wait_appending()
    for actor in inside.node.actors:
        actor.weight += actor.capacity
    handler = inside.handlers.service(Details())
    assert handler is not None
    context = LateContext(60.0)
    with pytest.raises(Aborted):
        await handler.unary_unary(b"\xff no message at all", context)
    assert grpc.StatusCode.UNAVAILABLE == context.code
    assert 1 == inside.admission.refused_overload
    for actor in inside.node.actors:
        actor.weight -= actor.capacity
    inside.appender.let_go()
    await first


# Cancelled calls


async def test_a_call_that_is_cancelled_while_it_waits_in_the_mailbox_is_never_executed(
    inside: Inside,
) -> None:
    """Its place is simply passed over; those around it are served."""
    inside.appender.is_held = True
    first = inside.admission.post(hold("first"), ANYONE)
    await inside.wait_appending()
    waiting = [inside.admission.post(hold(f"waiting {number}"), ANYONE) for number in range(3)]
    waiting[1].cancel()
    inside.appender.let_go()
    outcomes = await asyncio.gather(first, waiting[0], waiting[2])
    assert all(isinstance(each, ReserveOutcome) and each.refusal is None for each in outcomes)
    assert 7 == await inside.available()
    assert [] == inside.node.reservations.find(key_from_text("waiting 1"))


async def test_a_call_that_is_cancelled_while_it_is_being_written_stays_done(
    inside: Inside,
) -> None:
    """The effect is in the journal; whoever asks again with the same id gets the first answer."""
    inside.appender.is_held = True
    gone = inside.admission.post(hold("gone"), ANYONE)
    await inside.wait_appending()
    gone.cancel()
    inside.appender.let_go()
    again = await inside.ask(hold("gone"))
    assert again.refusal is None
    assert 9 == await inside.available()


async def test_answers_wait_for_their_entry_though_the_turn_is_over(inside: Inside) -> None:
    """A read that saw an undurable hold waits with it: nobody hears of what could still be lost."""
    inside.appender.is_held = True
    written = inside.admission.post(hold("first", 4), ANYONE)
    await inside.wait_appending()
    # More than EARLY_TURN_MIN, so that their turn runs while the append is in flight.
    reads = [inside.admission.post(GetAvailability(("Tea",)), ANYONE) for _ in range(200)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not written.done()
    assert not any(read.done() for read in reads)
    inside.appender.let_go()
    await written
    for outcome in await asyncio.gather(*reads):
        assert isinstance(outcome, AvailabilitiesView)
        assert [6] == [level.available for view in outcome.views if view for level in view.levels]


def unread_bytes(node: NodeProcess) -> int:
    """What callers have sent and the node has not read, by proc(5), /proc/net/tcp."""
    port = f":{node.grpc_port:04X}"
    tables = (Path("/proc/net", name).read_text("ascii") for name in ("tcp", "tcp6"))
    sockets = [line.split() for table in tables for line in table.splitlines()]
    return sum(int(each[4].partition(":")[2], 16) for each in sockets if each[1].endswith(port))


async def test_calls_given_up_by_their_callers_are_done_wholly_or_not_at_all(
    node: NodeProcess, client: Client, wire: Wire
) -> None:
    """The node sleeps while they are sent and given up; then the books are in order."""
    (sku,) = await put_stock(client, 1_000)
    orders = [new_name("order") for _ in range(100)]
    asked = [calls.reserve(order, [(sku, WAREHOUSE, 2)]) for order in orders]
    await wire.send_call(calls.get_availability(sku))  # a node that sleeps accepts no connection
    with ExitStack() as asleep:
        for pid in (node.pid, *node.front_pids):
            asleep.enter_context(standing_still(pid))
        begun = [wire.start_call(each) for each in asked]

        async def are_sent() -> bool:
            return unread_bytes(node) > sum(each.request.ByteSize() for each in asked)

        await wait_until_so(are_sent)
        for call in begun[::2]:
            call.cancel()
    answers = await asyncio.gather(*(answer_of(call) for call in begun))
    assert {"CANCELLED"} == {answer.code for answer in answers[::2]}
    assert {OK} == {answer.code for answer in answers[1::2]}
    known = await are_known(client, orders)
    assert all(known[1::2])
    assert (1_000, 2 * sum(known), 0) == await figures_of(client, sku)


# Overload


#: Of 100 callers at once, a mailbox of one refuses each some three times: on a bad day more often
#: than a client tries again by default.
PATIENT = Retries(tokens_max=10_000)


async def test_a_full_mailbox_refuses_at_once_and_says_when_to_come_back(tmp_path: Path) -> None:
    """Whoever is refused has left no trace, and whoever retries gets through."""
    with running_node(tmp_path, mailbox_capacity=1) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S, retries=PATIENT) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 1_000)
            orders = [new_name("order") for _ in range(100)]
            answers: list[Answer] = await asyncio.gather(
                *(wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)])) for order in orders)
            )
            refused = [answer for answer in answers if answer.code != OK]
            assert refused, "100 calls at once fitted into a mailbox of one"
            for answer in refused:
                assert ("UNAVAILABLE", "OVERLOADED") == (answer.code, answer.reason)
                assert {"mailbox_capacity", "held"} & answer.info.metadata.keys()
                assert answer.retry_after_s is not None
                assert 0 < answer.retry_after_s <= 1
                assert answer.retry_after_s * 1e3 == int(answer.trailing["grpc-retry-pushback-ms"])
            assert [answer.code == OK for answer in answers] == await are_known(client, orders)

            more = await asyncio.gather(
                *(client.reserve(order, [(sku, WAREHOUSE, 1)]) for order in orders)
            )
            assert {ACCEPTED} == {answer.outcome for answer in more}
            assert (1_000, 100, 0) == await figures_of(client, sku)
            assert len(refused) <= figure(
                await metrics_of(node), "holdfast_overload_refusals_total"
            )
        assert [] == node.complaints()


# Storage


#: Leaves a journal a MiB to grow.
SMALL = {"map_size_gib": 1, "storage_reserve_mib": 1_023}


async def fill(client: Client, until_left: int = 0) -> None:
    """Record facts of ever new SKUs until the journal can grow by no more than this."""
    while (await client.get_status()).journal_headroom_bytes > until_left:
        facts = [receipt(f"{new_name('filler')}-{'x' * 100}", 1) for _ in range(500)]
        await client.record_stock_events("filler", facts)


async def test_before_storage_is_full_writes_are_refused_and_reads_go_on(tmp_path: Path) -> None:
    """The reserve is kept for what must still be written: the end of holds, the seal."""
    with running_node(tmp_path, **SMALL) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            sku, other = await put_stock(client, 10, 10)
            kept, brief = new_name("order"), new_name("order")
            await client.reserve(kept, [(sku, WAREHOUSE, 3)])
            await fill(client, until_left=150_000)
            await client.reserve(brief, [(other, WAREHOUSE, 4)], hold=3)
            await fill(client)
            held = await client.get_status()
            assert 7 == sum(shard.reserved for shard in held.shards)
            assert 0 == held.journal_headroom_bytes
            assert held.journal_size_bytes < 2 << 20

            for write in (
                client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)]),
                client.commit(kept),
                client.release(kept),
                client.extend(kept, 3_600),
                client.record_stock_events("goods-in", [receipt(sku, 1)]),
                client.update_location("W2", allow_missing=True),
                client.delete_sku(other),
            ):
                with pytest.raises(StorageFull) as refused:
                    await write
                error = refused.value
                assert ("RESOURCE_EXHAUSTED", "STORAGE_FULL") == (error.code.name, error.reason)
                assert str(1_023 << 20) == error.metadata["reserve_bytes"]
                assert error.retry_after_s is not None
                assert error.retry_after_s >= 1
            assert (10, 3, 0) == await figures_of(client, sku)
            assert 3 == (await client.get_reservation(kept)).reservation.lines[0].held
            places = await client.list_locations()
            assert [WAREHOUSE] == [each.location for each in places.locations]

            async def is_free() -> bool:
                return await figures_of(client, other) == (10, 0, 0)

            await wait_until_so(is_free)
            before = await traces_of(client)
            assert held.durable_position + 1 == before.position, "the end of the brief hold"

        node.terminate()
        node.settings = {"map_size_gib": 2, "storage_reserve_mib": 1_023}
        node.start()
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert before.state_hash == (await traces_of(client)).state_hash
            assert ACCEPTED == (await client.commit(kept)).outcome
        assert [] == node.complaints()


async def test_when_an_operator_has_made_space_writes_go_on(inside: Inside) -> None:
    """A disk that was full for a while costs refusals for that while, and no restart."""
    inside.appender.headroom = 0
    await inside.ask(hold("the last one"))
    with pytest.raises(Fault) as refused:
        await inside.ask(hold("too late"))
    assert "STORAGE_FULL" == refused.value.reason
    inside.appender.headroom = 1 << 30

    async def is_taken() -> bool:
        try:
            await inside.ask(hold("after the space was made"))
        except Fault:
            return False
        return True

    async with asyncio.timeout(10):
        await wait_until_so(is_taken)
