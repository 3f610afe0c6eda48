"""Streams whose caller writes and does not read, or reads nothing of what he asked for."""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import grpc.aio
import pytest

from holdfast.edge.client import Client, methods
from holdfast.edge.client.methods import Method
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.node_process import NodeProcess
from tests.edge.raw import CALL_TIMEOUT_S, Wire, figure, metrics_of, put_stock, receipt
from tests.edge.transports.neighbours import memory_mib, neighbours
from tests.real_time import wait_until_so

SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(900))

#: What a writer sends in one message, as a field that nobody knows (15, length-delimited), and how
#: many messages he writes at most when nothing holds him up.
PADDING: Final = b"\x7a\x80\x80\x04" + bytes(1 << 16)
MESSAGES_MAX: Final = 2_000

#: A write that takes longer is held up.
HELD_UP_S: Final = 1.0

#: What a process may grow by, for each stream that is not read: 16 messages of a writer, read and
#: being answered, and what gRPC takes in ahead; and beside these, for neighbours and whatever is
#: made once.
GROWTH_A_STREAM_MIB: Final = 1.5
GROWTH_BESIDE_MIB: Final = 16.0

#: A connection with windows that few answers fill, and that stay so, however fast it is.
SMALL_WINDOW: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1 << 10),
)


def expect_bounded(node: NodeProcess, before: dict[int, float], streams: int) -> None:
    """No process has grown by more since than so many streams may take."""
    now = memory_mib(node)
    grown = {pid: round(now[pid] - before[pid], 1) for pid in before}
    most = GROWTH_BESIDE_MIB + streams * GROWTH_A_STREAM_MIB
    assert max(grown.values()) < most, f"{grown} of {most} MiB; the engine is {node.pid}"


class Writer:
    """Writes messages that fail one by one, each answered under its number."""

    def __init__(self, channel: Any, method: Method[Any], request: type[Any]) -> None:
        self._stream = channel.stream_stream(method.path)()
        self._method = method
        self._request = request
        self._pending: asyncio.Task[None] | None = None
        self.written = 0

    def _write(self) -> asyncio.Task[None]:
        self.written += 1
        data = self._request(batch_id=self.written).SerializeToString() + PADDING
        return asyncio.create_task(self._stream.write(data))

    async def write_until_held_up(self) -> None:
        """Write as fast as it is taken, until it is taken no more."""
        while self.written < MESSAGES_MAX:
            self._pending = self._write()
            await asyncio.wait((self._pending,), timeout=HELD_UP_S)
            if not self._pending.done():
                return
            await self._pending

    async def write(self, count: int) -> None:
        """Write so many more, and say that this is all."""
        assert self._pending is not None
        await self._pending
        for _ in range(count):
            await self._write()
        await self._stream.done_writing()

    async def drop(self) -> None:
        """Take the end of what is still being written: the connection is gone."""
        assert self._pending is not None
        with suppress(grpc.aio.AioRpcError, asyncio.CancelledError, asyncio.InvalidStateError):
            await self._pending

    async def numbers(self) -> list[int]:
        """Read to the end."""
        return [self._method.response.FromString(data).batch_id async for data in self._stream]


@pytest.mark.parametrize(
    ("method", "request_class"),
    [
        (methods.RESERVE_STREAM, reservation.ReserveStreamRequest),
        (methods.RECORD_STOCK_EVENTS_STREAM, stock.RecordStockEventsStreamRequest),
    ],
    ids=["Reserve", "RecordStockEvents"],
)
@pytest.mark.parametrize("count", [4, pytest.param(32, marks=SLOW)])
async def test_a_writer_who_does_not_read_is_held_up_and_loses_no_answer(
    node: NodeProcess, method: Method[Any], request_class: type[Any], count: int
) -> None:
    """He fills no memory; when he reads, he has all answers in order, while he writes on."""
    async with (
        neighbours(node),
        grpc.aio.insecure_channel(node.target, options=SMALL_WINDOW) as channel,
    ):
        before = memory_mib(node)
        writers = [Writer(channel, method, request_class) for _ in range(count)]
        await asyncio.gather(*(writer.write_until_held_up() for writer in writers))
        assert max(writer.written for writer in writers) < MESSAGES_MAX, "nobody was held up"
        expect_bounded(node, before, count)
        results = await asyncio.gather(
            *(writer.numbers() for writer in writers), *(writer.write(50) for writer in writers)
        )
        for writer, numbers in zip(writers, results, strict=False):
            assert [*range(1, writer.written + 1)] == numbers


async def test_a_writer_who_leaves_while_he_is_held_up_is_no_error_of_the_node(
    node: NodeProcess,
) -> None:
    """He is counted as one who left, and the log says nothing of him."""
    line = 'holdfast_calls_total{code="CANCELLED",method="ReserveStream"}'

    async def have_left() -> int:
        metrics = await metrics_of(node)
        return int(figure(metrics, line)) if line in metrics else 0

    before = await have_left()
    request = reservation.ReserveStreamRequest
    async with grpc.aio.insecure_channel(node.target, options=SMALL_WINDOW) as channel:
        writer = Writer(channel, methods.RESERVE_STREAM, request)
        await writer.write_until_held_up()

    async def is_counted() -> bool:
        return await have_left() > before

    await wait_until_so(is_counted)
    await writer.drop()
    assert [] == node.complaints()


@pytest.mark.parametrize(("count", "rounds"), [(10, 30), pytest.param(200, 300, marks=SLOW)])
async def test_watchers_who_do_not_read_fill_no_memory_and_miss_nothing(
    node: NodeProcess, count: int, rounds: int
) -> None:
    """What they were not sent piles up nowhere; when they read, they come to what is so now."""
    async with (
        Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client,
        grpc.aio.insecure_channel(node.target, options=SMALL_WINDOW) as channel,
        neighbours(node),
    ):
        skus = await put_stock(client, *(1 for _ in range(200)))
        wanted = watch.WatchAvailabilityRequest(skus=skus).SerializeToString()
        before = memory_mib(node)
        watchers = [
            channel.unary_stream(methods.WATCH_AVAILABILITY.path)(wanted) for _ in range(count)
        ]
        for _ in range(rounds):
            await client.record_stock_events("goods-in", [receipt(sku, 1) for sku in skus])
        expect_bounded(node, before, count)
        for watcher in watchers:
            await read_until(watcher, dict.fromkeys(skus, rounds + 1))
            watcher.cancel()


async def read_until(watcher: Any, expected: dict[str, int]) -> None:
    """Read until each SKU has had this on hand."""
    on_hand: dict[str, int] = {}
    while on_hand != expected:
        response = watch.WatchAvailabilityResponse.FromString(await watcher.read())
        on_hand |= {each.sku: each.level.on_hand for each in response.levels}


async def test_streams_go_both_ways_at_once(node: NodeProcess) -> None:
    """An answer comes while its caller has more to say, and what he says is heard meanwhile."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(Wire(node.target)) for _ in range(4)]
        talks = (
            talk(wire, method, request)
            for wire in wires
            for method, request in (
                (methods.RESERVE_STREAM, reservation.ReserveStreamRequest),
                (methods.RECORD_STOCK_EVENTS_STREAM, stock.RecordStockEventsStreamRequest),
            )
        )
        await asyncio.gather(*talks)


async def talk(wire: Wire, method: Method[Any], request_class: type[Any]) -> None:
    """Ask, and go on when that is answered."""
    stream = wire.channel.stream_stream(method.path)()
    for number in range(1, 101):
        await stream.write(request_class(batch_id=number).SerializeToString())
        assert number == method.response.FromString(await stream.read()).batch_id
    await stream.done_writing()
    assert grpc.aio.EOF == await stream.read()
