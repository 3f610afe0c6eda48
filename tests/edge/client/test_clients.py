"""The client against a server that answers as a test tells it to; every story on both clients."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from holdfast.admin.v1.admin_service_pb2 import GetStatusResponse as Answer
from holdfast.edge.client import (
    BlockingClient,
    Client,
    ClientStatistics,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Retries,
    StorageFull,
    Unavailable,
    calls,
    methods,
)
from holdfast.edge.client.stock_events import SourceEvents
from holdfast.edge.wire import faults
from holdfast.v1.common_pb2 import OUTCOME_REFUSED, REFUSAL_CODE_EXPIRED, Refusal
from holdfast.v1.reservation_service_pb2 import CommitResponse
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.client.conftest import Connect
from tests.edge.scripted import ScriptedServer, Time

OVERLOADED = faults.overloaded(0, 4096)
#: Said by gRPC or by a proxy, without details.
GONE = faults.Fault(grpc.StatusCode.UNAVAILABLE, "", "gone")
LATE = faults.Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "", "late")

LINES = [("S1", "W1", 2)]
SALE = StockEvent(event_id="e1", sku="S1", location="W1", kind="STOCK_EVENT_KIND_SALE", quantity=1)

# A method with an id in its request, or one that needs none.
REPEATABLE: list[tuple[str, tuple[Any, ...]]] = [
    ("reserve", ("r1", LINES)),
    ("extend", ("r1", 60)),
    ("commit", ("r1",)),
    ("fulfill", ("r1",)),
    ("release", ("r1",)),
    ("cancel", ("r1",)),
    ("get_reservation", ("r1",)),
    ("get_availability", ("S1",)),
    ("batch_get_availability", (["S1", "S2"],)),
    ("get_available_to_promise", ("S1",)),
    ("resolve_stock_levels", ([("S1", "W1")],)),
    ("get_shortfall", ("S1", "W1")),
    ("record_stock_events", ("erp", [SALE])),
    ("create_location", ("W1",)),
    ("update_location", ("W1",)),
    ("get_location", ("W1",)),
    ("list_locations", ()),
    ("rename_sku", ("S1", "S2")),
    ("merge_sku", ("S1", "S2")),
    ("list_movements", ("S1",)),
    ("list_reservations", ("S1",)),
    ("explain_availability", ("S1", "W1")),
    ("get_status", ()),
    ("list_sources", ()),
    ("list_pending_reversals", ()),
    ("list_quarantined_skus", ()),
    ("settle_quarantined_sku", ("S1", "SKU_DECISION_ADMIT", "a new mug", "zoe")),
    ("get_source", ("erp",)),
    ("update_source", ("erp",)),
    ("reset_source", ("erp", "a new till")),
    ("create_snapshot", ()),
    ("run_audit", ()),
    ("repair_stock_levels", ("a bad module", "zoe")),
    ("force_release", ("r1", "a lost cart", "zoe")),
]


# Attempts


@pytest.mark.parametrize(("name", "arguments"), REPEATABLE)
async def test_every_attempt_sends_the_same_ids(
    name: str, arguments: tuple[Any, ...], server: ScriptedServer, connect: Connect, time: Time
) -> None:
    """Whether an id was given or generated, and whatever may have become of the attempt before."""
    server.replies.extend([OVERLOADED, GONE, LATE])
    await getattr(connect(), name)(*arguments)
    assert 4 == len(server.requests)
    assert 1 == len({(request.path, request.data) for request in server.requests})
    assert [0.05 + 0.1, 0.2, 0.4] == pytest.approx(time.sleeps)


@pytest.mark.parametrize("fault", [GONE, LATE])
async def test_what_may_have_stopped_a_node_is_not_tried_again(
    fault: faults.Fault, server: ScriptedServer, connect: Connect
) -> None:
    server.replies.append(fault)
    with pytest.raises(HoldfastError, match=fault.message):
        await connect().drain()
    assert 1 == len(server.requests)


async def test_what_has_not_stopped_a_node_is_tried_again(
    server: ScriptedServer, connect: Connect
) -> None:
    server.replies.extend([OVERLOADED, faults.draining()])
    await connect().drain()
    assert 3 == len(server.requests)


async def test_a_full_storage_is_reported_at_once(server: ScriptedServer, connect: Connect) -> None:
    server.replies.append(faults.storage_full(1, 2))
    with pytest.raises(StorageFull) as raised:
        await connect().reserve("r1", LINES)
    assert {"headroom_bytes": "1", "reserve_bytes": "2"} == raised.value.metadata
    assert 1 == len(server.requests)


async def test_the_timeout_bounds_all_attempts(
    server: ScriptedServer, connect: Connect, time: Time
) -> None:
    server.replies.extend([GONE] * 100)
    with pytest.raises(Unavailable, match=r"UNAVAILABLE: gone \(after 5 attempts\)"):
        await connect(timeout_s=2.0).reserve("r1", LINES)
    assert [0.1, 0.2, 0.4, 0.8] == pytest.approx(time.sleeps)
    # Each may take half of the whole, but not more than what is left.
    for allowed_s, each in zip([1.0, 1.0, 1.0, 1.0, 0.5], server.requests, strict=True):
        assert each.timeout_s < allowed_s + 0.05


async def test_a_call_can_have_a_timeout_of_its_own(
    server: ScriptedServer, connect: Connect, time: Time
) -> None:
    server.replies.append(faults.draining())
    with pytest.raises(Unavailable, match="DRAINING"):
        await connect(timeout_s=60.0).reserve("r1", LINES, timeout_s=0.9)
    assert [] == time.sleeps


async def test_an_attempt_that_hangs_leaves_time_for_another(
    server: ScriptedServer, connect: Connect
) -> None:
    server.replies.append(asyncio.Event().wait)
    await connect(retries=Retries(attempt_share=0.02)).reserve("r1", LINES)
    assert len(server.requests) > 1


async def test_without_retries_there_is_one_attempt(
    server: ScriptedServer, connect: Connect
) -> None:
    server.replies.append(OVERLOADED)
    with pytest.raises(HoldfastError, match="OVERLOADED"):
        await connect(retries=None).reserve("r1", LINES)
    assert 1 == len(server.requests)


async def test_nobody_there_is_unavailable(connect: Connect) -> None:
    with pytest.raises(Unavailable, match="UNAVAILABLE: failed to connect"):
        await connect("unix:/nobody/there", timeout_s=0.15).list_locations()


async def test_a_slow_node_is_not_asked_twice_for_long(
    server: ScriptedServer, connect: Connect
) -> None:
    """What times out is tried again until the budget is used up, and then no more."""
    server.replies.extend([LATE] * 1_000)
    made = connect(retries=Retries(base_s=0.0, tokens_max=50), timeout_s=60.0)
    for _ in range(20):
        with pytest.raises(DeadlineExceeded):
            await made.get_status()
    assert 20 + 5 == len(server.requests)


async def test_successes_pay_for_retries(server: ScriptedServer, connect: Connect) -> None:
    made = connect(retries=Retries(base_s=0.0, tokens_max=2, token_ratio=0.5), timeout_s=60.0)
    server.replies.extend([GONE] * 3)
    with pytest.raises(Unavailable, match="after 3 attempts"):
        await made.get_status()
    server.replies.extend([Answer(), Answer(), GONE])
    for _ in range(3):
        await made.get_status()
    assert 3 == made.inner.statistics().retries


async def test_statistics_count_retries_and_errors(
    server: ScriptedServer, connect: Connect
) -> None:
    server.replies.extend([GONE, OVERLOADED, faults.not_found("sku", "S1")])
    made = connect()
    with pytest.raises(NotFound, match=r"\(after 3 attempts\)"):
        await made.get_availability("S1")
    await made.get_availability("S2")
    assert ClientStatistics(retries=2, errors=1) == made.inner.statistics()
    name = type(made.inner).__name__
    assert f"<{name} to {server.target}, 2 retries, 1 errors>" == repr(made.inner)


async def test_a_cancelled_call_is_not_tried_again(server: ScriptedServer, time: Time) -> None:
    arrived = asyncio.Event()

    async def hang() -> bytes:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    server.replies.append(hang)
    async with Client(server.target, clock=time.clock, sleep=time.sleep_async) as made:
        task = asyncio.create_task(made.reserve("r1", LINES))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (1, []) == (len(server.requests), time.sleeps)


# Calls


async def test_a_refusal_is_a_response(server: ScriptedServer, connect: Connect) -> None:
    refused = CommitResponse(outcome=OUTCOME_REFUSED, refusal=Refusal(code=REFUSAL_CODE_EXPIRED))
    server.replies.append(refused)
    made = connect()
    assert refused == await made.commit("r1")
    assert ClientStatistics(retries=0, errors=0) == made.inner.statistics()


@pytest.mark.parametrize(
    ("of_client", "of_call", "sent"),
    [(None, None, None), ("c1", None, "c1"), (None, "c2", "c2"), ("c1", "c2", "c2")],
)
async def test_a_correlation_id_goes_along(
    of_client: str | None,
    of_call: str | None,
    sent: str | None,
    server: ScriptedServer,
    connect: Connect,
) -> None:
    made = connect(correlation_id=of_client)
    await made.list_locations(correlation_id=of_call)
    assert [1] == [
        each async for each in made.acknowledged([("erp", [SALE])], correlation_id=of_call)
    ]
    assert [sent, sent] == [each.metadata.get("x-correlation-id") for each in server.requests]


@pytest.mark.parametrize(("own", "count"), [(False, 1), (True, 2)])
async def test_clients_share_a_connection_unless_they_ask_for_their_own(
    own: bool, count: int, server: ScriptedServer, connect: Connect
) -> None:
    for made in [connect(own_connection=own), connect(own_connection=own)]:
        await made.list_locations()
    assert count == len({request.peer for request in server.requests})


def test_an_asyncio_client_needs_a_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Client()


# Streams


async def test_a_stream_is_acknowledged_in_order(connect: Connect) -> None:
    batches = (("erp", iter([SALE])) for _ in range(100))
    assert list(range(1, 101)) == [each async for each in connect().acknowledged(batches)]


async def until_error(acknowledged: AsyncIterator[int]) -> tuple[list[int], Exception]:
    """What is acknowledged before a stream fails, and how it fails."""
    seen = []
    try:
        async for each in acknowledged:
            seen.append(each)  # noqa: PERF401 - a list comprehension would lose them
    except Exception as error:  # noqa: BLE001 - for the test to judge
        return seen, error
    raise AssertionError("the stream ended well")


async def test_a_fault_ends_a_stream_after_what_was_acknowledged(
    server: ScriptedServer, connect: Connect
) -> None:
    made = connect()
    batches = [("erp", [SALE]), ("erp", []), ("erp", [SALE])]
    acknowledged, error = await until_error(made.acknowledged(batches))
    assert [1] == acknowledged
    assert isinstance(error, InvalidArgument)
    assert "events" == error.metadata["field"]
    assert 1 == len(server.requests)
    assert ClientStatistics(retries=0, errors=1) == made.inner.statistics()


async def test_a_fault_is_raised_as_it_is_while_more_is_being_sent(connect: Connect) -> None:
    """The asyncio stack of gRPC would say INTERNAL half of the time."""
    made = connect()
    for _ in range(20):
        batches = (("erp", [] if n == 2 else [SALE] * 100) for n in range(1_000))
        acknowledged, error = await until_error(made.acknowledged(batches))
        assert ([1, 2], InvalidArgument) == (acknowledged, type(error))


async def test_an_error_of_the_source_comes_after_what_was_acknowledged(connect: Connect) -> None:
    """gRPC by itself would swallow it."""

    def batches() -> Iterator[SourceEvents]:
        yield "erp", [SALE]
        yield "erp", [SALE]
        raise LookupError("no such file")

    acknowledged, error = await until_error(connect().acknowledged(batches()))
    assert ([1, 2], "no such file") == (acknowledged, str(error))


async def test_a_server_that_ends_a_stream_early_is_not_taken_for_success(
    server: ScriptedServer, connect: Connect
) -> None:
    server.stream_messages_max = 2
    batches = (("erp", [SALE]) for _ in range(10_000))
    made = connect()
    acknowledged, error = await until_error(made.acknowledged(batches))
    assert ([1, 2], Unavailable) == (acknowledged, type(error))
    assert 1 == made.inner.statistics().errors
    assert "ended the stream before all was sent" in str(error)


async def test_a_stream_can_be_left(connect: Connect) -> None:
    stream = connect().acknowledged(("erp", [SALE]) for _ in range(10_000))
    async with aclosing(stream):
        async for each in stream:
            if each == 3:
                break


async def test_a_stream_can_have_a_deadline(connect: Connect) -> None:
    endless = (("erp", [SALE]) for _ in iter(int, 1))
    _, error = await until_error(connect().acknowledged(endless, timeout_s=0.1))
    assert isinstance(error, DeadlineExceeded)


async def test_an_unknown_option_is_refused(connect: Connect) -> None:
    made = connect()
    with pytest.raises(TypeError, match="timeout"):
        await made.list_locations(timeout=3)
    _, error = await until_error(made.acknowledged([], timeout=3))
    assert isinstance(error, TypeError)


# Parity


def public(class_: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(class_, callable)
        if not name.startswith("_") or name == "__init__"
    }


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    """What differs is what asyncio demands: the kinds of iterators, and of the sleep function."""
    one, other = public(Client), public(BlockingClient)
    one.pop("coalescer")  # threads have nothing to gather: each waits for its own answer
    special = {"__init__", "record_stock_events_stream", "watch_availability", "watch_reservations"}
    assert {
        *(name for name, _ in REPEATABLE),
        "delete_sku",
        "drain",
        "close",
        "statistics",
    } == {*one.keys() - special}
    assert one.keys() == other.keys()
    for name in one:
        if name in special:
            assert list(one[name].parameters) == list(other[name].parameters)
        else:
            assert one[name] == other[name]


def test_a_method_shows_its_arguments_and_its_response() -> None:
    shown = inspect.signature(Client.get_availability)
    assert ["self", "sku", "source_states", "options"] == list(shown.parameters)
    assert shown.return_annotation is methods.GET_AVAILABILITY.response
    assert inspect.getdoc(calls.get_availability) == inspect.getdoc(Client.get_availability)
