"""Many callers, few messages: single calls that travel together as packed batches.

    async with Client() as client, client.coalescer() as holdfast:
        outcome = await holdfast.reserve(uuid4(), "SKU-1", "STORE-9", 2, hold_ms=900_000)

Whatever is asked while the last batches are in flight goes with the next one, over one
ReserveStream; there is no timer, so a lone caller waits for nobody. A call costs a few microseconds
here instead of the hundred and more that a gRPC call of its own costs on both sides. Ids must be
UUIDs.

When the stream breaks, what was not answered is sent again with the same ids: an operation that had
taken effect is answered REPEATED, which is as good as ACCEPTED.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import grpc
import numpy as np

from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation

from .packed import column, fill, twin
from .retries import HoldfastError, NotFound, error_from_rpc

#: Operations of one batch; stated in the comments of holdfast.v1.
OPERATIONS_MAX: Final = 8_190

#: One batch at the server, one on its way: the server never waits for the wire.
IN_FLIGHT_MAX: Final = 2

_STREAM: Final = "/holdfast.v1.ReservationService/ReserveStream"
_RESOLVE: Final = "/holdfast.v1.AvailabilityService/ResolveStockLevels"
_READ: Final = "/holdfast.v1.AvailabilityService/BatchGetAvailability"
_LOW: Final = (1 << 64) - 1
_REQUEST: Final = twin(reservation.ReserveStreamRequest)

_Operation = tuple[Any, ...]
"""(future, high half of the id, low half, …): what a batch of its kind has columns for."""


class Coalescer:
    """Gathers single operations into batches."""

    def __init__(self, channel: grpc.aio.Channel, *, attempts: int = 5) -> None:
        self._channel = channel
        self._attempts = attempts
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, deque[_Operation]] = {
            kind: deque() for kind in ("reserve", "commit", "fulfill", "release")
        }
        self._in_flight: deque[tuple[str, list[_Operation]]] = deque()
        self._handles: dict[tuple[str, str], int] = {}
        self._resolving: dict[tuple[str, str], asyncio.Future[int]] = {}
        self._reads: list[tuple[asyncio.Future[tuple[int, int, int]], int]] = []
        self._wake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._runner = asyncio.create_task(self._run(), name="coalescer")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        for task in (self._runner, *self._tasks):
            task.cancel()
        await asyncio.gather(self._runner, *self._tasks, return_exceptions=True)

    # --- what callers ask ---

    async def reserve(
        self, reservation_id: UUID, sku: str, location: str, quantity: int, *, hold_ms: int
    ) -> int:
        """Hold units of one stock level; return a BatchOutcome."""
        handle = self._handles.get((sku, location)) or await self._resolve(sku, location)
        bits = reservation_id.int
        return await self._ask("reserve", bits >> 64, bits & _LOW, handle, quantity, hold_ms)

    async def commit(self, reservation_id: UUID) -> int:
        """Commit a reservation whole; return a BatchOutcome."""
        return await self._ask("commit", reservation_id.int >> 64, reservation_id.int & _LOW)

    async def fulfill(self, reservation_id: UUID) -> int:
        """Ship a reservation whole; return a BatchOutcome."""
        return await self._ask("fulfill", reservation_id.int >> 64, reservation_id.int & _LOW)

    async def release(self, reservation_id: UUID) -> int:
        """Give a reservation back whole; return a BatchOutcome."""
        return await self._ask("release", reservation_id.int >> 64, reservation_id.int & _LOW)

    async def available(self, sku: str, location: str) -> int:
        """Read how many units of one stock level can still be promised."""
        handle = self._handles.get((sku, location)) or await self._resolve(sku, location)
        future: asyncio.Future[tuple[int, int, int]] = self._loop.create_future()
        self._reads.append((future, handle))
        if len(self._reads) == 1:
            self._start(self._read())
        on_hand, reserved, committed = await future
        return on_hand - reserved - committed

    def _ask(self, kind: str, *columns: int) -> "asyncio.Future[int]":
        future: asyncio.Future[int] = self._loop.create_future()
        self._pending[kind].append((future, *columns))
        self._wake.set()
        return future

    # --- names ---

    async def _resolve(self, sku: str, location: str) -> int:
        name = (sku, location)
        if name not in self._resolving:
            self._resolving[name] = self._loop.create_future()
            if len(self._resolving) == 1:
                self._start(self._resolve_all())
        handle = await asyncio.shield(self._resolving[name])
        if not handle:
            raise NotFound(
                grpc.StatusCode.NOT_FOUND, f"there is no stock level of {sku} at {location}"
            )
        return handle

    async def _resolve_all(self) -> None:
        await asyncio.sleep(0)
        asked, self._resolving = self._resolving, {}
        names = list(asked)
        for start in range(0, len(names), OPERATIONS_MAX):
            part = names[start : start + OPERATIONS_MAX]
            request = availability.ResolveStockLevelsRequest(
                stock_levels=[
                    availability.StockLevelName(sku=sku, location=location)
                    for sku, location in part
                ]
            )
            try:
                data = await self._channel.unary_unary(_RESOLVE)(request.SerializeToString())
            except grpc.aio.AioRpcError as error:
                _fail([asked[name] for name in part], error_from_rpc(error))
                continue
            answer = availability.ResolveStockLevelsResponse.FromString(data)
            for name, handle in zip(part, answer.handles, strict=True):
                if handle:
                    self._handles[name] = handle
                if not asked[name].done():
                    asked[name].set_result(handle)

    async def _read(self) -> None:
        await asyncio.sleep(0)
        asked, self._reads = self._reads[:OPERATIONS_MAX], self._reads[OPERATIONS_MAX:]
        if self._reads:
            self._start(self._read())
        request = twin(availability.BatchGetAvailabilityRequest)()
        fill(request, "stock_levels", np.array([handle for _, handle in asked], "<u8"))
        try:
            data = await self._channel.unary_unary(_READ)(request.SerializeToString())
        except grpc.aio.AioRpcError as error:
            _fail([future for future, _ in asked], error_from_rpc(error))
            return
        public = availability.BatchGetAvailabilityResponse
        response = twin(public).FromString(data)
        columns = [
            column(response, public, name).tolist() for name in ("on_hand", "reserved", "committed")
        ]
        for (future, _), *figures in zip(asked, *columns, strict=True):
            if not future.done():
                future.set_result(tuple(figures))

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the stream ---

    async def _run(self) -> None:
        """Keep a stream open; send again what a broken one left unanswered."""
        failures = 0
        while True:
            await self._wake.wait()
            stream = self._channel.stream_stream(_STREAM)()
            writer = asyncio.create_task(self._write_all(stream))
            try:
                while (data := await stream.read()) is not grpc.aio.EOF:
                    failures = 0
                    self._answer(data)
                raise _ended()
            except grpc.aio.AioRpcError as error:
                failures += 1
                await self._recover(error_from_rpc(error), failures)
            finally:
                writer.cancel()
                stream.cancel()

    async def _recover(self, error: HoldfastError, failures: int) -> None:
        """Put unanswered operations back in front; give up on all of them after enough failures."""
        while self._in_flight:
            kind, operations = self._in_flight.pop()
            self._pending[kind].extendleft(reversed(operations))
        if failures >= self._attempts or error.code is grpc.StatusCode.INVALID_ARGUMENT:
            for waiting in self._pending.values():
                _fail([operation[0] for operation in waiting], error)
                waiting.clear()
            return
        await asyncio.sleep(min(1.0, 0.025 * 2**failures))

    async def _write_all(self, stream: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while len(self._in_flight) < IN_FLIGHT_MAX and (request := self._next_batch()):
                await stream.write(request)

    def _next_batch(self) -> bytes | None:
        """Take the longest queue, so that no kind of operation starves another."""
        kind = max(self._pending, key=lambda kind: len(self._pending[kind]))
        queue = self._pending[kind]
        operations: list[_Operation] = []
        while queue and len(operations) < OPERATIONS_MAX:
            operation = queue.popleft()
            if not operation[0].cancelled():
                operations.append(operation)
        if not operations:
            return None
        self._in_flight.append((kind, operations))
        return _BATCHES[kind](operations)

    def _answer(self, data: bytes) -> None:
        response = reservation.ReserveStreamResponse.FromString(data)
        kind, operations = self._in_flight.popleft()
        outcomes: bytes = getattr(response, kind).outcomes
        for operation, outcome in zip(operations, outcomes, strict=True):
            if not operation[0].done():
                operation[0].set_result(outcome)
        self._wake.set()


def _reserve_batch(operations: list[_Operation]) -> bytes:
    request = _REQUEST()
    _futures, high, low, handles, quantities, hold_ms = zip(*operations, strict=True)
    _fill_keys(request.reserve, high, low)
    fill(request.reserve, "stock_levels", np.array(handles, "<u8"))
    fill(request.reserve, "quantities", np.array(quantities, "<u8"))
    fill(request.reserve, "hold_milliseconds", np.array(hold_ms, "<u4"))
    data: bytes = request.SerializeToString()
    return data


def _move_batch(kind: str) -> Callable[[list[_Operation]], bytes]:
    def spell(operations: list[_Operation]) -> bytes:
        request = _REQUEST()
        _futures, high, low = zip(*operations, strict=True)
        _fill_keys(getattr(request, kind), high, low)
        data: bytes = request.SerializeToString()
        return data

    return spell


def _fill_keys(batch: Any, high: tuple[int, ...], low: tuple[int, ...]) -> None:
    fill(batch, "id_high", np.array(high, "<u8"))
    fill(batch, "id_low", np.array(low, "<u8"))


_BATCHES: Final[dict[str, Callable[[list[_Operation]], bytes]]] = {
    "reserve": _reserve_batch,
    "commit": _move_batch("commit"),
    "fulfill": _move_batch("fulfill"),
    "release": _move_batch("release"),
}


def _ended() -> grpc.aio.AioRpcError:
    """A stream that the server ended in peace is broken all the same: answers are missing."""
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, empty, empty, details="the server ended the stream"
    )


def _fail(futures: list[Any], error: HoldfastError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
