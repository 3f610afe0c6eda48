"""What can go wrong around a call, and what must hold all the same.

Deadlines, cancelled calls, full mailboxes, full storage, a drain, a second node, a journal that
fails: each against a real process. Where the moment decides, and no caller can choose it from
outside, the pump runs in this process over a journal that waits to be told.
"""

import asyncio
import re
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from holdfast.core.commands import (
    Command,
    EventsOutcome,
    GetAvailability,
    HoldOutcome,
    Line,
    Location,
    PutLocation,
    RecordStockEvents,
    Reserve,
    StockEvent,
)
from holdfast.core.effects import Entry, Section
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.edge import calls
from holdfast.edge.client import BlockingClient, Client, NotFound, StorageFull
from holdfast.edge.clock import node_clock
from holdfast.edge.errors import Fault
from holdfast.edge.handlers import SERVICE_NAMES, Handlers
from holdfast.edge.pump import Pump
from holdfast.edge.router import Router
from holdfast.edge.service import Service
from holdfast.edge.telemetry import CallCounters
from holdfast.persistence.journal import MemoryJournal
from holdfast.persistence.verify import verify
from holdfast.v1 import admin_service_pb2 as admin
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, read_journal, running_node, wait_until
from tests.edge.wire import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Answer,
    Wire,
    answer_of,
    figures_of,
    new_name,
    put_stock,
    receipt,
    traces_of,
    wait_until_so,
)

ACCEPTED = common.OUTCOME_ACCEPTED


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node for the tests that leave it as it was."""
    with running_node(tmp_path_factory.mktemp("hazards")) as running:
        yield running
        assert [] == running.complaints()


@pytest.fixture
async def client(node: NodeProcess) -> AsyncIterator[Client]:
    """A client that retries."""
    async with Client(node.target, timeout_s=CALL_TIMEOUT_S, own_connection=True) as connected:
        yield connected


@pytest.fixture
async def wire(node: NodeProcess) -> AsyncIterator[Wire]:
    """A connection for bytes."""
    async with Wire(node.target) as connected:
        yield connected


async def are_known(client: Client, orders: Sequence[str]) -> list[bool]:
    """Ask which of these reservations exist."""

    async def is_known(order: str) -> bool:
        try:
            await client.get_reservation(order)
        except NotFound:
            return False
        return True

    return await asyncio.gather(*(is_known(order) for order in orders))


# The pump in this process, over a journal that waits


class HeldJournal(MemoryJournal):
    """A journal whose appends wait until they are let go, and whose disk can fill up."""

    def __init__(self) -> None:
        super().__init__()
        self.may_append = threading.Event()
        self.may_append.set()
        self.is_appending = threading.Event()
        self.headroom = 1 << 30

    def append(self, entries: Sequence[Entry]) -> int:
        self.is_appending.set()
        assert self.may_append.wait(30), "never let go"
        self.is_appending.clear()
        return super().append(entries)

    def headroom_bytes(self) -> int:
        return self.headroom


class Inside:
    """Node, pump, router and handlers without a process around them."""

    def __init__(self) -> None:
        self.journal = HeldJournal()
        self.node = Node(2)
        self.failures: list[BaseException] = []
        self.pump = Pump(self.node, self.journal, node_clock(0), self.failures.append)
        self.router = Router(self.pump)
        service = Service(self.router, lambda _request: admin.GetStatusResponse())
        self.handlers = Handlers(service, CallCounters())

    async def ask(self, command: Command) -> Any:
        return await self.router.post(command)

    async def open(self) -> None:
        """Put 10 units on the shelf."""
        place = Location(WAREHOUSE, LocationKind.WAREHOUSE, "", enabled=True)
        await self.ask(PutLocation(place))
        event = StockEvent(None, 1, "Tea", WAREHOUSE, EventKind.RECEIPT, 10)
        assert isinstance(await self.ask(RecordStockEvents("source", (event,))), EventsOutcome)

    async def wait_appending(self) -> None:
        async def is_appending() -> bool:
            return self.journal.is_appending.is_set()

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
    made.journal.may_append.set()
    await made.pump.drain()
    assert [] == made.failures


class Aborted(Exception):  # noqa: N818 - what gRPC raises is no error of anyone
    """gRPC's abort raises, so that nothing runs behind it."""


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
async def test_a_call_behind_its_deadline_enters_no_mailbox(
    inside: Inside, remaining_s: float
) -> None:
    """Nobody waits for the answer, so no turn is spent on it."""

    class Details:
        method = calls.RESERVE.path

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


# Cancelled calls


async def test_a_call_that_is_cancelled_while_it_waits_in_the_mailbox_is_never_executed(
    inside: Inside,
) -> None:
    """Its place is simply passed over; those around it are served."""
    inside.journal.may_append.clear()
    first = inside.router.post(hold("first"))
    await inside.wait_appending()
    waiting = [inside.router.post(hold(f"waiting {number}")) for number in range(3)]
    waiting[1].cancel()
    inside.journal.may_append.set()
    outcomes = await asyncio.gather(first, waiting[0], waiting[2])
    assert all(isinstance(each, HoldOutcome) and each.refusal is None for each in outcomes)
    assert 7 == await inside.available()
    assert [] == inside.node.ledger.parts_of(key_from_text("waiting 1"))


async def test_a_call_that_is_cancelled_while_it_is_being_written_stays_done(
    inside: Inside,
) -> None:
    """The effect is in the journal; who asks again with the same id gets the first answer."""
    inside.journal.may_append.clear()
    gone = inside.router.post(hold("gone"))
    await inside.wait_appending()
    gone.cancel()
    inside.journal.may_append.set()
    again = await inside.ask(hold("gone"))
    assert again.refusal is None
    assert 9 == await inside.available()


async def test_answers_wait_for_their_entry_though_the_turn_is_over(inside: Inside) -> None:
    """A read that saw an undurable hold waits with it: nobody hears of what could still be lost."""
    inside.journal.may_append.clear()
    written = inside.router.post(hold("first", 4))
    await inside.wait_appending()
    # More than EARLY_TURN_MIN, so that their turn runs while the append is in flight.
    reads = [inside.router.post(GetAvailability(("Tea",))) for _ in range(200)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not written.done()
    assert not any(read.done() for read in reads)
    inside.journal.may_append.set()
    await written
    for read in await asyncio.gather(*reads):
        assert 6 == read.views[0].levels[0].available


async def test_calls_given_up_by_their_callers_are_done_wholly_or_not_at_all(
    node: NodeProcess, client: Client, wire: Wire
) -> None:
    """The node sleeps while they are sent and given up; then the books are in order."""
    (sku,) = await put_stock(client, 1_000)
    orders = [new_name("order") for _ in range(100)]
    node.signal(signal.SIGSTOP)
    begun = [wire.start_call(calls.reserve(order, [(sku, WAREHOUSE, 2)])) for order in orders]
    for _ in range(20):  # let gRPC send them
        await asyncio.sleep(0.005)
    for call in begun[::2]:
        call.cancel()
    node.signal(signal.SIGCONT)
    answers = await asyncio.gather(*(answer_of(call) for call in begun))
    assert {"CANCELLED"} == {answer.code for answer in answers[::2]}
    assert {OK} == {answer.code for answer in answers[1::2]}
    known = await are_known(client, orders)
    assert all(known[1::2])
    assert (1_000, 2 * sum(known), 0) == await figures_of(client, sku)


# Overload


async def test_a_full_mailbox_refuses_at_once_and_says_when_to_come_back(tmp_path: Path) -> None:
    """Who is refused has left no trace, and who retries gets through."""
    with running_node(tmp_path, mailbox_capacity=1) as node:
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
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
                assert ("RESOURCE_EXHAUSTED", "OVERLOADED") == (answer.code, answer.reason)
                assert "1" == answer.info.metadata["mailbox_capacity"]
                assert answer.retry_after_s is not None
                assert 0 < answer.retry_after_s <= 1
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
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
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
                client.put_location("W2"),
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
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            assert before.state_hash == (await traces_of(client)).state_hash
            assert ACCEPTED == (await client.commit(kept)).outcome
        assert [] == node.complaints()


async def test_when_an_operator_has_made_space_writes_go_on(inside: Inside) -> None:
    """A disk that was full for a while costs refusals for that while, and no restart."""
    inside.journal.headroom = 0
    await inside.ask(hold("the last one"))
    with pytest.raises(Fault) as refused:
        await inside.ask(hold("too late"))
    assert "STORAGE_FULL" == refused.value.reason
    inside.journal.headroom = 1 << 30

    async def is_taken() -> bool:
        try:
            await inside.ask(hold("after the space was made"))
        except Fault:
            return False
        return True

    async with asyncio.timeout(10):
        await wait_until_so(is_taken)


# A node that is told to stop


async def test_a_drain_answers_what_is_in_and_refuses_what_comes(tmp_path: Path) -> None:
    """Every call under load is answered or told to go elsewhere; no answer is lost at the end."""
    with running_node(tmp_path) as node:
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        acknowledged: dict[str, bytes] = {}
        ends = await asyncio.gather(
            *(press(node, sku, acknowledged) for _ in range(16)),
            stop_under_load(node, acknowledged),
        )
        # gRPC itself drops a call that it has read and not yet handed over when the server stops.
        assert set(ends) <= {"UNAVAILABLE", "CANCELLED", None}
        assert 0 == node.wait(), node.report()

        assert ["stopped"] == [event["event"] for event in node.events("stopped")]
        sections = [
            section
            for _, group in read_journal(node.data_dir)[-1:]
            for recorded in group
            for section in recorded.entry.sections
        ]
        assert [Section.SEAL] * 4 == sections
        report = verify(node.data_dir)
        assert report.is_good, report.findings
        assert 4 == report.operations[Section.SEAL]

        node.start()
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            assert (1_000_000, len(acknowledged), 0) == await figures_of(client, sku)
            for order, data in list(acknowledged.items())[-50:]:
                again = await wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)]))
                assert data == again.data
            assert report.state_hash == (await traces_of(client)).state_hash
        assert [] == node.complaints()


async def test_callers_ride_over_a_restart_without_an_error(tmp_path: Path) -> None:
    """Whatever a call meets (a drain, a dropped call, no node at all), the client's retries and the
    caller's ids turn it into one effect and one answer.
    """
    with running_node(tmp_path) as node:
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        is_over = asyncio.Event()
        bought: list[int] = []

        async def buy() -> None:
            async with Client(node.target, timeout_s=60, own_connection=True) as caller:
                while not is_over.is_set():
                    answer = await caller.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
                    assert ACCEPTED == answer.outcome
                    bought.append(1)

        async def has_bought(number: int) -> bool:
            return len(bought) >= number

        buying = asyncio.gather(*(buy() for _ in range(32)))
        await wait_until_so(lambda: has_bought(200))
        await asyncio.to_thread(node.terminate)
        await asyncio.to_thread(node.start)
        before = len(bought)
        await wait_until_so(lambda: has_bought(before + 200))
        is_over.set()
        await buying
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            assert (1_000_000, len(bought), 0) == await figures_of(client, sku)
        assert [] == node.complaints()


@pytest.mark.slow
def test_a_blocking_caller_finds_a_node_that_is_back_at_once(tmp_path: Path) -> None:
    """A call that began while there was no node is answered soon after there is one again."""
    with (
        running_node(tmp_path) as node,
        BlockingClient(node.target, timeout_s=60) as caller,
        ThreadPoolExecutor(1) as thread,
    ):
        assert not caller.list_locations().locations
        node.kill()
        begun = thread.submit(caller.list_locations)
        node.start()
        assert not begun.result(timeout=3).locations


async def press(node: NodeProcess, sku: str, acknowledged: dict[str, bytes]) -> str:
    """Reserve until the node takes no more; return what it said then."""
    async with Wire(node.target) as wire:
        while True:
            order = new_name("order")
            call = calls.reserve(order, [(sku, WAREHOUSE, 1)])
            answer = await wire.send_call(call, waits=False)
            if answer.code != OK:
                return answer.code
            acknowledged[order] = answer.data


async def stop_under_load(node: NodeProcess, acknowledged: dict[str, bytes]) -> None:
    """Ask for the end when so many calls were answered that others are under way."""

    async def is_under_load() -> bool:
        return len(acknowledged) > 200

    await wait_until_so(is_under_load)
    node.signal(signal.SIGTERM)


async def feed(messages: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
    """Send what is put into a queue."""
    while (message := await messages.get()) is not None:
        yield message


def facts_of(*events: stock.StockEvent) -> bytes:
    """Make one message of a stream."""
    return stock.ApplyStockEventsRequest(source="stream", events=events).SerializeToString()


async def test_a_node_that_drains_says_so_and_takes_nothing_new(tmp_path: Path) -> None:
    """A stream keeps the drain open, so that there is time to look at it from all sides."""
    with running_node(tmp_path, drain_timeout_s=60) as node:
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 10)
            messages: asyncio.Queue[bytes | None] = asyncio.Queue()
            stream = wire.channel.stream_stream(calls.APPLY_STOCK_EVENTS.path)(feed(messages))
            messages.put_nowait(facts_of(receipt(sku, 1)))
            assert (
                11
                == stock.ApplyStockEventsResponse.FromString(await stream.read()).results[0].on_hand
            )
            watch = health_pb2_grpc.HealthStub(wire.channel).Watch(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status

            node.signal(signal.SIGTERM)
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await watch.read()).status
            watch.cancel()
            async with httpx.AsyncClient() as browser:
                page = await browser.get(node.url("/healthz"))
            assert (503, "not serving: draining\n") == (page.status_code, page.text)
            new = await wire.send_call(calls.get_availability(sku), waits=False)
            assert "UNAVAILABLE" == new.code
            messages.put_nowait(facts_of(receipt(sku, 1)))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stream.read()
            assert grpc.StatusCode.UNAVAILABLE == refused.value.code()
            messages.put_nowait(None)
        assert 0 == await asyncio.to_thread(node.wait)
        assert [] == node.complaints()


async def test_a_stream_that_never_ends_does_not_hold_up_a_drain_for_ever(tmp_path: Path) -> None:
    """After drain_timeout_s it is cut; what it was told before is durable."""
    with running_node(tmp_path, drain_timeout_s=1) as node:
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 10)
            messages: asyncio.Queue[bytes | None] = asyncio.Queue()
            stream = wire.channel.stream_stream(calls.APPLY_STOCK_EVENTS.path)(feed(messages))
            messages.put_nowait(facts_of(receipt(sku, 1)))
            await stream.read()
            await asyncio.to_thread(node.terminate)
            node.start()
            assert (11, 0, 0) == await figures_of(client, sku)
            stream.cancel()
        assert [] == node.complaints()


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard_is_a_drain_too(tmp_path: Path) -> None:
    """Ctrl-C ends a node as cleanly as SIGTERM does."""
    with running_node(tmp_path) as node:
        node.signal(signal.SIGINT)
        assert 0 == node.wait(), node.report()
        assert ["stopped"] == [event["event"] for event in node.events("stopped")]


# A second node


def test_a_second_node_on_a_data_directory_is_refused(node: NodeProcess, tmp_path: Path) -> None:
    """It says whose directory it is, and the first one does not notice."""
    with NodeProcess(tmp_path) as second:
        second.data_dir = node.data_dir
        second.launch()
        assert second.wait() not in (0, 74)
        told = second.report()
        assert f"another node (process {node.pid}) serves this data directory" in told
        assert "Traceback" not in told
    assert "serving\n" == httpx.get(node.url("/healthz")).text


@pytest.mark.parametrize("port", ["grpc_port", "http_port"])
def test_a_second_node_on_a_port_is_refused(node: NodeProcess, tmp_path: Path, port: str) -> None:
    """It names the address, and the first one goes on serving all who come."""
    with NodeProcess(tmp_path) as second:
        setattr(second, port, getattr(node, port))
        second.launch()
        assert second.wait() not in (0, 74)
        told = second.report()
        assert f"cannot listen on 127.0.0.1:{getattr(node, port)}" in told
        assert "Traceback" not in told
    assert "serving\n" == httpx.get(node.url("/healthz")).text


# What ties a call to its caller's log


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ([("x-correlation-id", "checkout 17")], "checkout 17"),
        ([("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")], TRACE),
        (
            [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"), ("x-correlation-id", "mine")],
            "mine",
        ),
        ([("x-correlation-id", "x" * 129)], None),
        ([("traceparent", "00-0-0-01")], None),
        ([], None),
    ],
    ids=["an id", "a trace", "both", "too long", "no trace", "nothing"],
)
async def test_a_correlation_id_comes_back_and_is_logged(
    node: NodeProcess,
    client: Client,
    wire: Wire,
    metadata: list[tuple[str, str]],
    expected: str | None,
) -> None:
    """With good answers, refusals and faults alike; what is no id costs the caller nothing."""
    (sku,) = await put_stock(client, 1)
    logged_before = len(node.events("call"))
    codes = []
    for call in (
        calls.reserve(new_name("order"), [(sku, WAREHOUSE, 1)]),
        calls.reserve(new_name("order"), [(sku, WAREHOUSE, 1)]),
        calls.get_reservation("nobody's"),
    ):
        answer = await wire.send_call(call, metadata=metadata)
        codes.append(answer.code)
        assert expected == answer.trailing.get("x-correlation-id")
    assert [OK, OK, "NOT_FOUND"] == codes

    def logged() -> list[tuple[str, str, str]]:
        return [
            (event["method"], event["code"], event["correlation_id"])
            for event in node.events("call")[logged_before:]
        ]

    if expected is None:
        assert [] == logged()
        return
    # A fault is logged behind its answer.
    await asyncio.to_thread(wait_until, lambda: len(logged()) >= 3, "logged")
    assert [
        ("Reserve", "OK", expected),
        ("Reserve", "REFUSED", expected),
        ("GetReservation", "NOT_FOUND", expected),
    ] == logged()


# Health, reflection, metrics


async def test_every_service_says_that_it_is_healthy(wire: Wire) -> None:
    """The node as a whole, each service of ours, and no service that does not exist."""
    check = health_pb2_grpc.HealthStub(wire.channel).Check
    for name in ("", *SERVICE_NAMES):
        answer = await check(health_pb2.HealthCheckRequest(service=name))
        assert health_pb2.HealthCheckResponse.SERVING == answer.status
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await check(health_pb2.HealthCheckRequest(service="holdfast.v1.RefundService"))
    assert grpc.StatusCode.NOT_FOUND == unknown.value.code()


def test_reflection_tells_all_services_with_their_methods(node: NodeProcess) -> None:
    """So that grpcurl works without our files."""
    with grpc.insecure_channel(node.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert {
            *SERVICE_NAMES,
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        } == services
        for name in SERVICE_NAMES:
            file = database.FindFileContainingSymbol(name)
            assert name in {f"{file.package}.{service.name}" for service in file.service}


async def metrics_of(node: NodeProcess) -> str:
    """Read /metrics."""
    async with httpx.AsyncClient() as browser:
        return (await browser.get(node.url("/metrics"))).text


def figure(metrics: str, name: str) -> float:
    """Read one figure of /metrics."""
    match = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)
    assert match is not None, f"no {name} in:\n{metrics}"
    return float(match[1])


async def test_metrics_and_health_are_served_over_http(node: NodeProcess, client: Client) -> None:
    """What was asked over gRPC is counted there."""
    (sku,) = await put_stock(client, 5)
    async with httpx.AsyncClient() as browser:
        before = (await browser.get(node.url("/metrics"))).text
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 2)])
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 9)])
        page = await browser.get(node.url("/metrics"))
        assert page.headers["content-type"].startswith("text/plain")
        accepted = 'holdfast_calls_total{code="OK",method="Reserve"}'
        refused = 'holdfast_calls_total{code="REFUSED",method="Reserve"}'
        for name, more in ((accepted, 1), (refused, 1), ("holdfast_turns_total", 2)):
            was = figure(before, name) if name in before else 0
            assert was + more <= figure(page.text, name)
        status = await client.get_status()
        assert status.durable_position == figure(page.text, "holdfast_journal_durable_position")
        assert "serving\n" == (await browser.get(node.url("/healthz"))).text
        assert 404 == (await browser.get(node.url("/nothing"))).status_code


@pytest.mark.parametrize(
    "noise",
    [b"\0" * 4096, b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 512],
    ids=["zeros", "HTTP/1", "a broken HTTP/2"],
)
async def test_noise_on_the_port_disturbs_nobody(
    node: NodeProcess, client: Client, noise: bytes
) -> None:
    """The connection is closed, and the calls on others go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.grpc_port)
    writer.write(noise)
    async with asyncio.timeout(30):
        while await reader.read(1024):
            pass
    writer.close()
    assert (await client.get_status()).durable_position >= 0


# A journal that can't be written


@pytest.mark.parametrize(
    "room",
    [
        0,
        pytest.param(4_096, marks=pytest.mark.slow),
        20_001,
        pytest.param(65_536, marks=pytest.mark.slow),
    ],
)
async def test_a_journal_error_stops_the_process_and_loses_nothing_acknowledged(
    tmp_path: Path, room: int
) -> None:
    """Fail-stop: the call whose append failed is never answered, and no sync is tried again."""
    with running_node(tmp_path) as node:
        async with Client(node.target, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 1_000_000)
        journal = node.data_dir / "journal.mdb"
        node.limit_files_to(journal.stat().st_size + room)
        acknowledged: dict[str, bytes] = {}
        lost: list[str] = []
        await asyncio.gather(*(press_until_lost(node, sku, acknowledged, lost) for _ in range(8)))
        assert 74 == node.wait(), node.report()
        (stop,) = node.events("fail-stop")
        assert "journal.mdb: append" in stop["reason"]

        assert verify(node.data_dir).is_good
        node.start()
        async with (
            Client(node.target, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            for order, data in acknowledged.items():
                again = await wire.send_call(calls.reserve(order, [(sku, WAREHOUSE, 1)]))
                assert data == again.data
            # None of those can have been written: their append failed, or would have come later.
            assert not any(await are_known(client, lost))
            assert (1_000_000, len(acknowledged), 0) == await figures_of(client, sku)
            for order in lost:
                assert ACCEPTED == (await client.reserve(order, [(sku, WAREHOUSE, 1)])).outcome


async def press_until_lost(
    node: NodeProcess, sku: str, acknowledged: dict[str, bytes], lost: list[str]
) -> None:
    """Reserve until the connection breaks, and note what was answered and what was not."""
    async with Wire(node.target) as wire:
        while True:
            order = new_name("order")
            call = calls.reserve(order, [(sku, WAREHOUSE, 1)])
            answer = await wire.send_call(call, waits=False)
            if answer.code != OK:
                assert "UNAVAILABLE" == answer.code
                lost.append(order)
                return
            acknowledged[order] = answer.data
