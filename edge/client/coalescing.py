"""Many callers, few messages: single calls that travel together as packed batches.

    async with Client() as client, client.coalescer() as holdfast:
        outcome = await holdfast.reserve(uuid4(), "SKU-1", "STORE-9", 2, hold_ms=900_000)

Whatever is asked while the last batches are in flight goes with the next one, over one
ReserveStream; there is no timer, so a lone caller waits for nobody. A call costs a few microseconds
here instead of the hundred and more that a gRPC call of its own costs on both sides. Ids must be
UUIDs. A caller may go away at any time, and what he asked may then still take effect.

When the stream breaks, what was not answered is sent again with the same ids: an operation that had
taken effect is answered REPEATED, which is as good as ACCEPTED. Errors are those of the client.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from operator import index
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar
from uuid import UUID

import grpc
import grpc.aio
import numpy as np

from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation

from ..wire.packed import column, fill, twin
from .errors import HoldfastError, InvalidArgument, NotFound, Unavailable, error_from_rpc
from .retries import RETRIES, TIMEOUT_S, Attempts, Retries
from .streams import Ending, ended_early

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

_Name = tuple[str, str]
"""SKU and location."""

Key = TypeVar("Key")
Found = TypeVar("Found")


class Coalescer:
    """Gathers single operations into batches.

    `timeout_s` is how long a broken stream may stay without an answer, over all attempts to mend
    it, before everybody who waits is told. A server that is silent but alive is waited for.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = RETRIES,
    ) -> None:
        self._channel = channel
        self._timeout_s = timeout_s
        self._retries = retries
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, deque[_Operation]] = {kind: deque() for kind in _BATCHES}
        self._turns = deque(_BATCHES)
        self._in_flight: deque[tuple[str, list[_Operation]]] = deque()
        self._handles: dict[_Name, int] = {}
        self._names = _Lookups(self._resolve)
        self._levels = _Lookups(self._read)
        self._wake = asyncio.Event()
        self._mending: Attempts | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._runner = asyncio.create_task(self._run(), name="coalescer")
        # Whatever ends it, and be it before its first step, ends the waiting of all callers.
        self._runner.add_done_callback(lambda _: self._give_up(_closed()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close. Callers who still wait get an `Unavailable`: what they asked may take effect."""
        assert self._runner is not None
        self._runner.cancel()
        await asyncio.gather(self._runner, return_exceptions=True)
        await self._names.close()
        await self._levels.close()

    # --- what callers ask ---

    async def reserve(
        self, reservation_id: UUID, sku: str, location: str, quantity: int, *, hold_ms: int
    ) -> int:
        """Hold units of one stock level; return a BatchOutcome."""
        bits, handle = reservation_id.int, await self._handle(sku, location)
        units, ms = _fitting(quantity, 64), _fitting(hold_ms, 32)
        outcome = await self._ask("reserve", bits >> 64, bits & _LOW, handle, units, ms)
        if outcome == reservation.BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL:
            self._handles.pop((sku, location), None)  # the SKU has ended, and may come again
        return outcome

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
        return await self._levels.find(await self._handle(sku, location))

    def _ask(self, kind: str, *columns: int) -> "asyncio.Future[int]":
        assert self._runner is not None, "enter it first: async with client.coalescer() as ..."
        if self._runner.done():
            raise _closed()
        future: asyncio.Future[int] = self._loop.create_future()
        self._pending[kind].append((future, *columns))
        self._wake.set()
        return future

    # --- names and reads ---

    async def _handle(self, sku: str, location: str) -> int:
        name = (sku, location)
        handle = self._handles.get(name)
        if handle is None:
            availability.StockLevelName(sku=sku, location=location)  # what is no text, fails alone
            answer = await self._names.find(name)
            if isinstance(answer, HoldfastError):
                raise answer
            if not answer:
                what = f"there is no stock level of {sku!r} at {location!r}"
                where = {"sku": sku, "location": location}
                raise NotFound(grpc.StatusCode.NOT_FOUND, what, "UNKNOWN_STOCK_LEVEL", where)
            handle = self._handles[name] = answer
        return handle

    async def _resolve(self, names: Sequence[_Name]) -> Sequence[int | HoldfastError]:
        request = availability.ResolveStockLevelsRequest(
            stock_levels=[
                availability.StockLevelName(sku=sku, location=location) for sku, location in names
            ]
        )
        try:
            data = await self._call(_RESOLVE, request.SerializeToString())
        except InvalidArgument as error:
            if len(names) == 1:
                return [error]
            # A malformed name must not touch the others.
            middle = len(names) // 2
            return [*await self._resolve(names[:middle]), *await self._resolve(names[middle:])]
        return availability.ResolveStockLevelsResponse.FromString(data).handles

    async def _read(self, handles: Sequence[int]) -> Sequence[int]:
        request = twin(availability.BatchGetAvailabilityRequest)()
        fill(request, "stock_levels", np.array(handles, "<u8"))
        data = await self._call(_READ, request.SerializeToString())
        public = availability.BatchGetAvailabilityResponse
        response = twin(public).FromString(data)
        on_hand, reserved, committed = (
            column(response, public, name) for name in ("on_hand", "reserved", "committed")
        )
        available: list[int] = (on_hand - reserved - committed).tolist()
        return available

    async def _call(self, path: str, data: bytes) -> bytes:
        attempts = Attempts(self._retries, self._timeout_s, time.monotonic, is_repeatable=True)
        while True:
            try:
                call = self._channel.unary_unary(path)
                answer: bytes = await call(data, timeout=attempts.timeout_s())
                return answer
            except grpc.aio.AioRpcError as rpc_error:
                wait_s = attempts.wait_s(error_from_rpc(rpc_error))
            await asyncio.sleep(wait_s)

    # --- the stream ---

    async def _run(self) -> None:
        """Keep a stream open while there is anything to send; mend it when it breaks."""
        while True:
            await self._wake.wait()
            try:
                error = await self._serve()
            except (Exception, asyncio.CancelledError) as cause:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                error = _broken(cause)
            await self._mend(error)

    async def _serve(self) -> HoldfastError:
        """Send batches and hand out their answers until the stream ends; return how it did."""
        stream = self._channel.stream_stream(_STREAM)()
        ending = Ending(stream)
        writer = asyncio.create_task(self._write_all(stream))
        try:
            while (data := await stream.read()) is not grpc.aio.EOF:
                self._answer(data)
            return ended_early()
        except grpc.aio.AioRpcError as rpc_error:
            return await ending.error(rpc_error)
        finally:
            stream.cancel()
            writer.cancel()
            # It must not take another operation for a stream that is gone.
            await asyncio.gather(writer, return_exceptions=True)

    async def _mend(self, error: HoldfastError) -> None:
        """Put back what was not answered, and wait before the next stream, if there may be one."""
        while self._in_flight:
            kind, operations = self._in_flight.pop()
            self._pending[kind].extendleft(reversed(operations))
        if not any(self._pending.values()):
            self._mending = None
            self._wake.clear()
            return
        self._wake.set()
        if self._mending is None:
            self._mending = Attempts(
                self._retries, self._timeout_s, time.monotonic, is_repeatable=True
            )
        try:
            wait_s = self._mending.wait_s(error)
        except HoldfastError:
            self._give_up(error)
            return
        await asyncio.sleep(wait_s)

    def _give_up(self, error: HoldfastError) -> None:
        """Tell everybody who waits for the stream."""
        for operations in (*self._pending.values(), *(batch for _, batch in self._in_flight)):
            _fail([operation[0] for operation in operations], error)
            operations.clear()
        self._in_flight.clear()
        self._mending = None
        self._wake.clear()

    async def _write_all(self, stream: Any) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while len(self._in_flight) < IN_FLIGHT_MAX and (request := self._next_batch()):
                    await stream.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the stream is over, and its reader is told why
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            self._give_up(_broken(error))
        stream.cancel()  # so that nobody waits for the answers; does nothing to one that is over

    def _next_batch(self) -> bytes | None:
        """Take the kinds in turn, so that none starves another."""
        for _ in self._pending:
            kind = self._turns[0]
            self._turns.rotate(-1)
            queue = self._pending[kind]
            operations: list[_Operation] = []
            while queue and len(operations) < OPERATIONS_MAX:
                operation = queue.popleft()
                if not operation[0].done():  # its caller is still there
                    operations.append(operation)
            if operations:
                self._in_flight.append((kind, operations))
                return _BATCHES[kind](operations)
        return None

    def _answer(self, data: bytes) -> None:
        response = reservation.ReserveStreamResponse.FromString(data)
        kind, operations = self._in_flight[0]
        outcomes: bytes = getattr(response, kind).outcomes
        assert len(outcomes) == len(operations), "an answer that is not to this batch"
        self._in_flight.popleft()
        for operation, outcome in zip(operations, outcomes, strict=True):
            if not operation[0].done():
                operation[0].set_result(outcome)
        self._mending = None
        self._wake.set()


class _Lookups(Generic[Key, Found]):
    """Reads that travel together: one request at a time, with all that was asked meanwhile."""

    def __init__(self, fetch: Callable[[Sequence[Key]], Awaitable[Iterable[Found]]]) -> None:
        self._fetch = fetch
        self._asked: dict[Key, asyncio.Future[Found]] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    async def find(self, key: Key) -> Found:
        """Wait for what the next request finds."""
        if self._is_closed:
            raise _closed()
        if key not in self._asked:
            self._asked[key] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(self._asked[key])

    async def close(self) -> None:
        """Tell everybody who waits."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        _fail(self._asked.values(), _closed())

    async def _run(self) -> None:
        await asyncio.sleep(0)  # whoever asks in the same round of the loop comes along
        while self._asked:
            keys = list(islice(self._asked, OPERATIONS_MAX))
            futures = [self._asked.pop(key) for key in keys]
            try:
                found = await self._fetch(keys)
                for future, value in zip(futures, found, strict=True):
                    future.set_result(value)
            except HoldfastError as error:
                _fail(futures, error)
            except asyncio.CancelledError:  # this is closed, or the connection
                _fail((*futures, *self._asked.values()), _closed())
                self._asked.clear()
                raise
            except Exception as cause:  # noqa: BLE001 - it is told to those who wait
                _fail(futures, _broken(cause))


def _fitting(value: int, bits: int) -> int:
    """What does not fit its column is as wrong as 0, and is answered by the same code."""
    value = index(value)
    return value if 0 <= value < 1 << bits else 0


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


def _closed() -> HoldfastError:
    """Tell those who wait when the coalescer or its connection is closed, and who come after."""
    text = "the coalescer was closed; what it has not answered may have taken effect"
    return Unavailable(grpc.StatusCode.CANCELLED, text)


def _broken(cause: BaseException) -> HoldfastError:
    """Tell of what is no status of a call: somebody closed the connection, or a defect."""
    if isinstance(cause, asyncio.CancelledError):
        return _closed()
    error = HoldfastError(grpc.StatusCode.INTERNAL, f"the coalescer failed: {cause!r}")
    error.__cause__ = cause
    return error


def _fail(futures: Iterable["asyncio.Future[Any]"], error: HoldfastError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # told: asyncio need not log it if nobody waits any more
