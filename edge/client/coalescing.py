"""Many callers, few messages: single calls that travel together as packed batches.

    async with Client() as client, client.coalescer() as holdfast:
        outcome = await holdfast.reserve(uuid4(), "SKU-1", "STORE-9", 2, hold_ms=900_000)

Operations that are asked for while batches are in flight go into the next one, over one
ReserveStream. There is no timer, so a lone caller waits for nobody. An operation costs a few
microseconds here, where a gRPC call of its own costs a hundred and more on both sides. Ids must be
UUIDs. A caller may go away at any time; the operation may still take effect.

When the stream breaks, what was not answered is sent again with the same ids. An operation that had
taken effect is answered REPEATED, which is as good as ACCEPTED. Errors are those of the client.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import grpc
import grpc.aio

from holdfast.v1 import reservation_service_pb2 as reservation

from .closing import Waits
from .deadlines import Deadlines
from .errors import (
    DeadlineExceeded,
    HoldfastError,
    closed_before,
    closed_meanwhile,
    error_from_status,
)
from .lookups import COALESCER, broken, fail
from .operations import COLUMNS, OPERATIONS_MAX, Operation, batch_message, fitting
from .parameters import of_type
from .retries import Attempts, may_retry
from .session import Session
from .stock_levels import OTHER_TIMELINE, Send, StockLevels
from .streams import Ending, ended_early

#: One batch at the server, one on its way: the server need not wait for the wire.
IN_FLIGHT_MAX: Final = 2

#: How often a reserve is sent. One with a good handle may share a batch with those that still have
#: handles of another timeline, and be sent behind them the next time.
TRIES: Final = 3

_LOW: Final = (1 << 64) - 1


class Batch(NamedTuple):
    """Operations of one kind that were sent together."""

    batch_id: int
    kind: str
    operations: list[Operation]


class Coalescer:
    """Gathers single operations into batches. Made by `Client.coalescer`; enter it before use.

    The client's `timeout_s` bounds an operation, from when its stock level is found to its answer,
    and the attempts to mend a broken stream. Retries are paid from the client's budget, and the
    client's correlation id goes along.

    Operations return a BatchOutcome of holdfast.v1, which also tells refusals. They raise the error
    of the stream if it stays broken, `DeadlineExceeded` if no answer comes in time, and `Closed` if
    the coalescer or the client is closed meanwhile: each time, the operation may have taken effect.
    """

    def __init__(
        self,
        session: Session,
        waits: Waits,
        send: Send,
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._session = session
        self._waits = waits
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, deque[Operation]] = {kind: deque() for kind in COLUMNS}
        self._turns = deque(COLUMNS)
        self._in_flight: deque[Batch] = deque()
        self._batch_ids = count(1)
        self._deadlines = Deadlines(session.timeout_s, self._fail_late)
        self._levels = StockLevels(send)
        self._wake = asyncio.Event()
        self._mending: Attempts | None = None
        self._broken_by: HoldfastError | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open for callers; the first of them starts the stream."""
        self._waits.check_open()
        self._runner = asyncio.create_task(self._run(), name="coalescer")
        # Whatever ends it, even before its first step, ends the waiting of all callers.
        self._runner.add_done_callback(lambda _: self._give_up(closed_meanwhile(COALESCER)))
        self._waits.at_close(self._end)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close. Waiting callers get `Closed`: what they asked may still take effect."""
        assert self._runner is not None
        self._waits.not_at_close(self._end)
        self._end()
        await asyncio.gather(self._runner, return_exceptions=True)
        await self._levels.close()

    def _end(self) -> None:
        assert self._runner is not None
        self._runner.cancel()

    # --- what callers ask ---

    async def reserve(
        self, reservation_id: UUID, sku: str, location: str, quantity: int, *, hold_ms: int
    ) -> int:
        """Hold units of one stock level, in the SKU's base unit, for `hold_ms` milliseconds.

        Raises `NotFound` if there is no such stock level, `InvalidArgument` if a name is malformed,
        and TypeError if an argument has the wrong type.
        """
        high, low = _halves(reservation_id)
        units, ms = fitting("quantity", quantity, 64), fitting("hold_ms", hold_ms, 32)
        for tries_left in reversed(range(TRIES)):
            timelines = self._levels.timelines
            handle = self._levels.known(sku, location) or await self._levels.handle(sku, location)
            try:
                outcome = await self._ask("reserve", high, low, handle, units, ms)
            except HoldfastError as error:
                # Nothing was done. It may be another operation of the batch that has such a handle.
                if not tries_left or error.reason != OTHER_TIMELINE:
                    raise
                self._levels.forget_all(timelines)
                continue
            if not tries_left or outcome != reservation.BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL:
                break
            # The SKU has ended since its handle was found. Nothing was done, and there may be
            # another of its name by now.
            self._levels.forget(sku, location, handle)
        return outcome

    async def commit(self, reservation_id: UUID) -> int:
        """Place the order: everything that the reservation holds becomes committed."""
        return await self._ask("commit", *_halves(reservation_id))

    async def fulfill(self, reservation_id: UUID) -> int:
        """Ship everything that is committed: it leaves the stock on hand."""
        return await self._ask("fulfill", *_halves(reservation_id))

    async def release(self, reservation_id: UUID) -> int:
        """Give back everything that is held, before the order is placed."""
        return await self._ask("release", *_halves(reservation_id))

    async def available(self, sku: str, location: str) -> int:
        """Units of one stock level that can still be promised, in the SKU's base unit; negative if
        promises exceed supply. Raises as `reserve` does.
        """
        return await self._levels.available(sku, location)

    def _ask(self, kind: str, *columns: int) -> "asyncio.Future[int]":
        assert self._runner is not None, "enter it first: async with client.coalescer() as ..."
        self._waits.check_open()
        if self._runner.done():
            raise closed_before(COALESCER)
        future: asyncio.Future[int] = self._loop.create_future()
        self._pending[kind].append((future, *columns))
        self._deadlines.add(future)
        self._wake.set()
        return future

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
                error = broken(cause)
            await self._mend(error)

    async def _serve(self) -> HoldfastError:
        """Send batches and hand out their answers until the stream ends; return how it did."""
        stream = self._session.start_reserves()
        ending = Ending(stream)
        writer = asyncio.create_task(self._write_all(stream))
        try:
            while (data := await stream.read()) is not grpc.aio.EOF:
                if error := self._answer(data):
                    return error
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
            batch = self._in_flight.pop()
            self._pending[batch.kind].extendleft(reversed(batch.operations))
        if not any(self._pending.values()):
            self._settle()
            self._wake.clear()
            return
        self._wake.set()
        if self._mending is None:
            self._mending = self._session.mending()
        self._broken_by = error
        try:
            wait_s = self._session.wait_s(self._mending, error)
        except HoldfastError:
            self._give_up(error)
            return
        await self._sleep(wait_s)

    def _give_up(self, error: HoldfastError) -> None:
        """Tell everybody who waits for the stream."""
        in_flight = (batch.operations for batch in self._in_flight)
        for operations in (*self._pending.values(), *in_flight):
            fail([operation[0] for operation in operations], error)
            operations.clear()
        self._in_flight.clear()
        self._deadlines.stop()
        self._settle()
        self._wake.clear()

    def _fail_late(self, futures: Sequence["asyncio.Future[int]"]) -> None:
        """Tell operations that were not answered in time, and forget those that were not sent."""
        error = self._broken_by
        if error is None:
            text = f"no answer within {self._session.timeout_s:g} s; it may have taken effect"
            error = DeadlineExceeded(grpc.StatusCode.DEADLINE_EXCEEDED, text)
        fail(futures, error)
        for operations in self._pending.values():
            while operations and operations[0][0].done():
                operations.popleft()

    def _settle(self) -> None:
        """The stream works, or nobody needs it."""
        self._mending = self._broken_by = None

    async def _write_all(self, stream: Any) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while len(self._in_flight) < IN_FLIGHT_MAX and (request := self._next_batch()):
                    await stream.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the stream is over, and its reader is told why
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get it
            self._give_up(broken(error))
        stream.cancel()  # so that nobody waits for the answers; does nothing to one that is over

    def _next_batch(self) -> bytes | None:
        """Take the kinds in turn, so that none starves another."""
        for _ in self._pending:
            kind = self._turns[0]
            self._turns.rotate(-1)
            queue = self._pending[kind]
            operations: list[Operation] = []
            while queue and len(operations) < OPERATIONS_MAX:
                operation = queue.popleft()
                if not operation[0].done():  # its caller is still there
                    operations.append(operation)
            if operations:
                batch = Batch(next(self._batch_ids), kind, operations)
                self._in_flight.append(batch)
                return batch_message(*batch)
        return None

    def _answer(self, data: bytes) -> HoldfastError | None:
        """Hand out the answer to the oldest batch; return its error if it may be sent again."""
        response = reservation.ReserveStreamResponse.FromString(data)
        batch = self._in_flight[0]
        assert batch.batch_id == response.batch_id, "an answer that is not to this batch"
        futures = [operation[0] for operation in batch.operations]
        if response.HasField("status"):
            error = error_from_status(response.status)
            if may_retry(error, is_repeatable=True):
                return error
            fail(futures, error)
        else:
            outcomes: bytes = getattr(response, batch.kind).outcomes
            assert len(outcomes) == len(futures), "an answer that is not to this batch"
            for future, outcome in zip(futures, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
        self._in_flight.popleft()
        self._deadlines.sweep()
        self._settle()
        self._session.count_success()
        self._wake.set()
        return None


def _halves(reservation_id: UUID) -> tuple[int, int]:
    if type(reservation_id) is not UUID:
        of_type("reservation_id", reservation_id, UUID, "a UUID")
    bits = reservation_id.int
    return bits >> 64, bits & _LOW
