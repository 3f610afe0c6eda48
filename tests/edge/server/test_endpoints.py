"""Every kind of method, through gRPC: what it is told of its call, and how its end is counted.

The service is made up, so that there is one method of each kind, streams of the server included.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from holdfast.edge.server.context import CallContext
from holdfast.edge.server.endpoints import Endpoint, Endpoints
from holdfast.edge.server.log_writer import Sampler
from holdfast.edge.server.statistics import CallCounters
from holdfast.edge.server.transports.grpcio import GenericHandlers
from holdfast.edge.wire import faults
from tests.edge.raw import answer_of
from tests.edge.server.fronts.connected import connected_ends
from tests.real_time import wait_until_so

TRACE = "0af7651916cd43dd8448eb211c80319c"


def clock_service() -> Any:
    """The descriptor of a service that answers once, for each, and for ever."""
    file = descriptor_pb2.FileDescriptorProto(
        name="made_up/clock.proto", package="made.up", syntax="proto3"
    )
    file.message_type.add(name="Time")
    service = file.service.add(name="Clock")
    for name, from_client, from_server in (
        ("Get", False, False),
        ("Watch", False, True),
        ("Convert", True, True),
    ):
        service.method.add(
            name=name,
            input_type=".made.up.Time",
            output_type=".made.up.Time",
            client_streaming=from_client,
            server_streaming=from_server,
        )
    pool: Any = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("made.up.Clock")


SERVICE = clock_service()


class Clock:
    """Answers when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[CallContext] = []
        self.ticks: asyncio.Queue[Any] = asyncio.Queue()
        self.answers = asyncio.Event()
        self.answers.set()

    async def Get(self, request: Any, context: CallContext) -> Any:
        self.calls.append(context)
        await self.answers.wait()
        return request

    async def Watch(self, request: Any, context: CallContext) -> AsyncIterator[Any]:
        self.calls.append(context)
        while (tick := await self.ticks.get()) is not None:
            if isinstance(tick, Exception):
                raise tick
            yield request

    async def Convert(
        self, requests: AsyncIterator[Any], context: CallContext
    ) -> AsyncIterator[Any]:
        self.calls.append(context)
        async for request in requests:
            await self.answers.wait()
            yield request


class Served:
    """The service behind a port of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.counters = CallCounters()
        self.fault: faults.Fault | None = None
        self.now_s = 100.0
        self.endpoints = Endpoints(
            self.clock, SERVICE.methods, self.admit, self.counters, Sampler(100), lambda: self.now_s
        )

    def admit(self, _context: CallContext) -> None:
        if self.fault is not None:
            raise self.fault

    def codes(self) -> dict[tuple[str, str], int]:
        return dict(self.counters.statistics().counts)

    def answers(self, method: str) -> int:
        return sum(self.counters.statistics().buckets.get(method, ()))

    async def wait_for_codes(self) -> dict[tuple[str, str], int]:
        """The codes, once there is one: a caller who goes away is noticed a little later."""

        async def is_counted() -> bool:
            return bool(self.codes())

        await wait_until_so(is_counted)
        return self.codes()


@asynccontextmanager
async def directly(made: Served) -> AsyncIterator[Iterable[Endpoint]]:
    """The endpoints themselves."""
    yield made.endpoints.all


@asynccontextmanager
async def through_a_front(made: Served) -> AsyncIterator[Iterable[Endpoint]]:
    """Those of a front, whose connection to the engine leads to the endpoints."""
    async with connected_ends(made.endpoints.all) as (front, _engine):
        yield front.endpoints(SERVICE.methods)


@pytest.fixture(params=[directly, through_a_front])
async def served(request: Any) -> AsyncIterator[tuple[Served, Any]]:
    """The service, and a channel to it."""
    made = Served()
    server = grpc.aio.server()
    async with request.param(made) as endpoints:
        server.add_generic_rpc_handlers((GenericHandlers(endpoints),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield made, channel
        await server.stop(None)


async def test_a_method_is_told_of_its_call(served: tuple[Served, Any]) -> None:
    """How long the caller waits, and under which ids the call is known; nobody is authenticated."""
    made, channel = served
    metadata = (
        ("x-correlation-id", "checkout 17"),
        ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),
    )
    await channel.unary_unary("/made.up.Clock/Get")(b"", timeout=60, metadata=metadata)
    await channel.unary_unary("/made.up.Clock/Get")(b"")
    first, second = made.clock.calls
    assert ("", "checkout 17", TRACE) == (first.principal, first.correlation, first.trace)
    now_s = asyncio.get_running_loop().time()
    assert first.deadline_s is not None
    assert now_s < first.deadline_s <= now_s + 61
    assert not first.is_over(now_s)
    assert first.is_over(first.deadline_s)
    assert CallContext() == second


async def test_a_stream_of_the_server_goes_on_until_it_has_said_all(
    served: tuple[Served, Any],
) -> None:
    """It counts as one call, and its answers have no latency: nobody asked for each."""
    made, channel = served
    watch = channel.unary_stream("/made.up.Clock/Watch")(b"")
    for _ in range(3):
        made.clock.ticks.put_nowait(1)
        assert b"" == await watch.read()
    made.clock.ticks.put_nowait(None)
    assert grpc.aio.EOF is await watch.read()
    assert {("Watch", "OK"): 1} == await made.wait_for_codes()
    assert 0 == made.answers("Watch")


async def test_a_stream_of_the_server_may_end_with_a_fault(served: tuple[Served, Any]) -> None:
    made, channel = served
    made.clock.ticks.put_nowait(faults.invalid("field", 1, "2"))
    answer = await answer_of(channel.unary_unary("/made.up.Clock/Watch")(b""))
    assert ("INVALID_ARGUMENT", "INVALID_VALUE") == (answer.code, answer.reason)
    assert {("Watch", "INVALID_ARGUMENT"): 1} == await made.wait_for_codes()


@pytest.mark.parametrize("method", ["Get", "Watch"])
async def test_a_call_may_be_refused_unread(served: tuple[Served, Any], method: str) -> None:
    """With advice on when to come back, for our client and for gRPC's own retries."""
    made, channel = served
    made.fault = faults.overloaded(2, 4096)
    answer = await answer_of(channel.unary_unary(f"/made.up.Clock/{method}")(b"\xff not parsed"))
    assert ("UNAVAILABLE", "OVERLOADED", 0.05) == (answer.code, answer.reason, answer.retry_after_s)
    assert "50" == answer.trailing["grpc-retry-pushback-ms"]
    assert [] == made.clock.calls


async def test_a_stream_of_the_server_ends_when_the_node_drains(served: tuple[Served, Any]) -> None:
    made, channel = served
    watch = channel.unary_stream("/made.up.Clock/Watch")(b"")
    made.clock.ticks.put_nowait(1)
    await watch.read()
    made.endpoints.open_streams.end()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await watch.read()
    assert grpc.StatusCode.UNAVAILABLE == ended.value.code()
    assert {("Watch", "UNAVAILABLE"): 1} == await made.wait_for_codes()
    late = await answer_of(channel.unary_unary("/made.up.Clock/Watch")(b""))
    assert ("UNAVAILABLE", "DRAINING") == (late.code, late.reason)


@pytest.mark.parametrize("method", ["Get", "Watch", "Convert"])
async def test_a_caller_whose_time_is_over_is_distinguished_from_one_who_goes_away(
    served: tuple[Served, Any], method: str
) -> None:
    """Both cancel the call; the one says that the node is slow, the other says nothing."""
    made, channel = served
    made.clock.answers.clear()
    late = await answer_of(channel.unary_unary(f"/made.up.Clock/{method}")(b"", timeout=0.2))
    assert "DEADLINE_EXCEEDED" == late.code
    assert {(method, "DEADLINE_EXCEEDED"): 1} == await made.wait_for_codes()


@pytest.mark.parametrize("timeout_s", [None, 60])
@pytest.mark.parametrize("method", ["Get", "Watch", "Convert"])
async def test_a_caller_who_goes_away_is_counted(
    served: tuple[Served, Any], method: str, timeout_s: float | None
) -> None:
    """Streams, too."""
    made, channel = served
    made.clock.answers.clear()
    call = channel.stream_stream(f"/made.up.Clock/{method}")(timeout=timeout_s)
    await call.write(b"")

    async def has_begun() -> bool:
        return bool(made.clock.calls)

    await wait_until_so(has_begun)
    call.cancel()
    assert {(method, "CANCELLED"): 1} == await made.wait_for_codes()


async def test_what_a_sender_takes_between_two_messages_is_no_latency(
    served: tuple[Served, Any],
) -> None:
    """Each message counts from when it was read, however long the stream has been open."""
    made, channel = served
    stream = channel.stream_stream("/made.up.Clock/Convert")()
    for _ in range(3):
        await stream.write(b"")
        assert b"" == await stream.read()
        made.now_s += 3_600
    await stream.done_writing()
    assert grpc.aio.EOF is await stream.read()
    assert {"Convert": 0.0} == made.counters.statistics().seconds
    assert 3 == made.answers("Convert")
    assert {("Convert", "OK"): 1} == await made.wait_for_codes()


async def test_long_requests_that_come_together_are_read_apart() -> None:
    """Though their server hands them over in one round of the loop."""
    served = Served()
    get = next(each for each in served.endpoints.all if each.name.endswith("/Get"))
    unknown = b"\x7a\x80\x80\x01" + bytes(1 << 14)  # field 15, length-delimited
    calls = [asyncio.create_task(get.respond(unknown, CallContext())) for _ in range(8)]
    read = [0]
    for _ in range(20):
        await asyncio.sleep(0)
        read.append(len(served.clock.calls))
    assert 8 == read[-1]
    assert {0, 1} == {now - before for before, now in pairwise(read)}
    assert [unknown] * 8 == await asyncio.gather(*calls)
