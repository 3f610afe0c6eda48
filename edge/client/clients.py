"""The public client: `Client` for asyncio, and `BlockingClient` for threads (blocking.py) with the
same methods.

    async with Client() as client:
        answer = await client.reserve("order-17", [("SKU-1", "STORE-9", 2)], hold=900)
        if answer.outcome == OUTCOME_REFUSED:
            print(answer.refusal.message)

Calls are made in calls.py and failures judged in retries.py, both without waiting. What is left is
the sending, once for each of gRPC's stacks.
"""

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, Unpack

import grpc
import grpc.aio

from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch

from . import calls, ledger_calls, operator_calls, sku_calls
from .calls import Call, Options
from .closing import Waits
from .coalescing import Coalescer
from .dressed import dressed
from .errors import error_from_rpc
from .methods import Response
from .parameters import text, wrong_type
from .resumed import resumed
from .retries import RETRIES, TIMEOUT_S, Retries
from .session import TARGET, ClientStatistics, Session, admin_target_of, channel_options
from .stock_events import SourceEvents, StockColumns, numbered_messages
from .streams import Ending, Feed
from .watching import availability_watch, reservations_watch

P = ParamSpec("P")


def _awaited(
    build: Callable[P, Call[Response]],
) -> Callable[Concatenate["Client", P], Coroutine[Any, Any, Response]]:
    """The method of `Client` that sends the calls that `build` makes."""

    async def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return await self._send(build(*args, **kwargs))

    return dressed(method, build)


class Client:
    """The client for asyncio. Make it inside the event loop that is to use it.

    `timeout_s` bounds a call in seconds, with all attempts and the waits between them;
    `retries=None` tries once. All calls share the client's budget for retries. Clients of one
    target share a connection unless `own_connection` is set, which pays if one connection is the
    bottleneck. What is for operators (`get_status` and its like) goes to `admin_target`, a listener
    of its own, which is known where `target` is the default. `clock` and `sleep` are for tests and
    simulations.

    Methods return the protobuf response of their RPC, also for a refusal, or raise a
    `HoldfastError`. Every call may raise `InvalidArgument`, `Overloaded`, `Unavailable`,
    `DeadlineExceeded` or `Closed`, and one that writes also `StorageFull`; each method says what
    else. An argument of a wrong type raises TypeError, and one that no message can carry
    ValueError; both name it, and nothing is sent.
    """

    def __init__(
        self,
        target: str = TARGET,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = RETRIES,
        correlation_id: str | None = None,
        own_connection: bool = False,
        admin_target: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        asyncio.get_running_loop()  # without one, gRPC would wait for answers on a loop of its own
        self.target = text("target", target)
        options = channel_options(own_connection)
        self._channel = grpc.aio.insecure_channel(target, options)
        self._admin_channel: Any = None
        if (admin_target := admin_target_of(target, admin_target)) is not None:
            self._admin_channel = grpc.aio.insecure_channel(admin_target, options)
        channels = self._channel, self._admin_channel
        self._session = Session(*channels, timeout_s, retries, correlation_id, clock)
        self._waits = Waits(self._session.count_error)
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Client to {self.target}, {self._session}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def coalescer(self) -> Coalescer:
        """A coalescer over this connection: single operations that travel as packed batches.

        Timeout, retries with their budget, and correlation id are the client's.
        """
        return Coalescer(self._session, self._waits, self._send, self._sleep)

    def statistics(self) -> ClientStatistics:
        """How many attempts were retries and how many calls failed, since the client was made."""
        return self._session.statistics()

    async def close(self) -> None:
        """Close the connection. Calls, streams and coalesced operations that wait raise `Closed`,
        and so does every one that is made later.
        """
        self._waits.close()
        await self._channel.close()
        if self._admin_channel is not None:
            await self._admin_channel.close()

    reserve = _awaited(calls.reserve)
    extend = _awaited(calls.extend)
    commit = _awaited(calls.commit)
    fulfill = _awaited(calls.fulfill)
    release = _awaited(calls.release)
    cancel = _awaited(calls.cancel)
    get_reservation = _awaited(calls.get_reservation)
    get_availability = _awaited(calls.get_availability)
    batch_get_availability = _awaited(calls.batch_get_availability)
    get_available_to_promise = _awaited(calls.get_available_to_promise)
    resolve_stock_levels = _awaited(calls.resolve_stock_levels)
    get_shortfall = _awaited(calls.get_shortfall)
    record_stock_events = _awaited(calls.record_stock_events)
    create_location = _awaited(calls.create_location)
    update_location = _awaited(calls.update_location)
    get_location = _awaited(calls.get_location)
    list_locations = _awaited(calls.list_locations)
    delete_sku = _awaited(sku_calls.delete_sku)
    rename_sku = _awaited(sku_calls.rename_sku)
    merge_sku = _awaited(sku_calls.merge_sku)
    list_reservations = _awaited(ledger_calls.list_reservations)
    list_movements = _awaited(ledger_calls.list_movements)
    explain_availability = _awaited(ledger_calls.explain_availability)
    get_status = _awaited(operator_calls.get_status)
    list_sources = _awaited(operator_calls.list_sources)
    list_pending_reversals = _awaited(operator_calls.list_pending_reversals)
    list_quarantined_skus = _awaited(operator_calls.list_quarantined_skus)
    settle_quarantined_sku = _awaited(operator_calls.settle_quarantined_sku)
    get_source = _awaited(operator_calls.get_source)
    update_source = _awaited(operator_calls.update_source)
    reset_source = _awaited(operator_calls.reset_source)
    create_snapshot = _awaited(operator_calls.create_snapshot)
    drain = _awaited(operator_calls.drain)
    run_audit = _awaited(operator_calls.run_audit)
    repair_stock_levels = _awaited(operator_calls.repair_stock_levels)
    force_release = _awaited(operator_calls.force_release)

    async def record_stock_events_stream(
        self, batches: AsyncIterable[SourceEvents | StockColumns], **options: Unpack[Options]
    ) -> AsyncIterator[stock.RecordStockEventsStreamResponse]:
        """Stream stock events; yields an acknowledgement for each batch, in order.

        A batch is the name of a source with up to 1,000 of its events, or a `StockColumns`. There
        is no deadline unless `timeout_s` is given, and nothing is retried: after an error, the
        source resumes after what was acknowledged.

        A batch that failed as a whole did nothing: its acknowledgement has a `status` in place of
        results, and the stream goes on. `batch_id` counts the batches from 1. Raises a
        `HoldfastError` if the stream breaks, and whatever `batches` raises, each after the
        acknowledgements of what was sent before.

            async for acknowledged in client.record_stock_events_stream(batches()):
                if acknowledged.HasField("status"):
                    print(acknowledged.batch_id, acknowledged.status.message)
                done = acknowledged.acknowledged_sequence
        """
        if not hasattr(batches, "__aiter__"):
            raise wrong_type("batches", batches, "an asynchronous iterable")
        self._waits.check_open()
        feed = Feed(numbered_messages())
        stream = self._session.start_stream(feed.each_async(batches), **options)
        ending = Ending(stream)
        try:
            while (response := await self._waits.until_closed(stream.read)) is not grpc.aio.EOF:
                yield response
        except grpc.RpcError as rpc_error:
            self._session.count_error()
            raise await ending.error(rpc_error) from None
        finally:
            stream.cancel()
        self._session.check_end(feed)

    def watch_availability(
        self,
        skus: Iterable[str] = (),
        locations: Iterable[str] = (),
        *,
        from_now: bool = False,
        after: Sequence[common.Revision] = (),
        low_threshold: int = 0,
        crossings_only: bool = False,
        source_states: Iterable[common.SourceState | str] = (),
        correlation_id: str | None = None,
    ) -> AsyncGenerator[watch.WatchAvailabilityResponse, None]:
        """Tell the newest values of stock levels as they change, without end: of these SKUs at
        these locations, or of all.

        The first responses have all that is watched as it is, unless `from_now` is set or `after`
        has the `revisions` of an earlier response. After a lost connection the watch resumes by
        itself, for as long as a call would be retried; a response with `reset` says to forget what
        was sent. `low_threshold` is where a level is low; with `crossings_only` a level is sent
        when it becomes low, out, short or in stock again. With `source_states` levels are watched
        whose source is in one of these states; one that leaves them is sent as `removed`.

        Raises InvalidArgument, and HoldfastError with the reason OTHER_TIMELINE if `after` is of
        another data directory.

            levels = {}
            async for response in client.watch_availability(["MUG"]):
                if response.reset:
                    levels.clear()
                for update in response.levels:
                    levels[update.sku, update.level.location] = update.level.available
        """
        wanted = availability_watch(
            skus,
            locations,
            from_now=from_now,
            after=after,
            low_threshold=low_threshold,
            crossings_only=crossings_only,
            source_states=source_states,
        )
        return resumed(self._session, self._waits, self._sleep, wanted, correlation_id)

    def watch_reservations(
        self,
        sku: str = "",
        location: str = "",
        *,
        from_oldest: bool = False,
        resume_token: str = "",
        correlation_id: str | None = None,
    ) -> AsyncGenerator[watch.WatchReservationsResponse, None]:
        """Tell what becomes of reservations of a SKU, at a location, or of all: each change, oldest
        first, from now on, from the oldest in the node's ledger, or after the `resume_token` of a
        response. It resumes and raises as `watch_availability` does, and HoldfastError with the
        reason LEDGER_OFF; `reset` says to read reservations again.
        """
        names = sku, location
        wanted = reservations_watch(*names, from_oldest=from_oldest, resume_token=resume_token)
        return resumed(self._session, self._waits, self._sleep, wanted, correlation_id)

    async def _send(self, call: Call[Response]) -> Response:
        return await self._waits.until_closed(partial(self._attempt, call))

    async def _attempt(self, call: Call[Response]) -> Response:
        attempts = self._session.attempts(call)
        metadata = self._session.metadata(call.correlation_id)
        while True:
            try:
                response: Response = await self._session.unary[call.method](
                    call.request, timeout=attempts.timeout_s(), metadata=metadata
                )
            except grpc.RpcError as rpc_error:
                wait_s = self._session.wait_s(attempts, error_from_rpc(rpc_error))
            else:
                self._session.count_success()
                return response
            await self._sleep(wait_s)
