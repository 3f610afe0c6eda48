"""The public client: `Client` for asyncio and `BlockingClient` for threads, with the same methods.

    async with Client() as client:
        answer = await client.reserve("order-17", [("SKU-1", "STORE-9", 2)], hold=900)
        if answer.outcome == OUTCOME_REFUSED:
            print(answer.refusal.message)

Methods return the protobuf response, also when it is a refusal; without a response they raise a
`HoldfastError`. Calls are made in calls.py and failures judged in retries.py, both without waiting;
only the sending stands here, twice. The client stands alone: nothing of the server is imported.
"""

import asyncio
import threading
import time
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from inspect import Parameter, signature
from operator import methodcaller
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    ParamSpec,
    Self,
    TypeAlias,
    TypeVar,
    Unpack,
    get_args,
)

import grpc
import grpc.aio
from google.protobuf.message import Message

from holdfast.v1 import stock_service_pb2 as stock

from . import calls
from .calls import (
    APPLY_STOCK_EVENTS,
    UNARY_METHODS,
    Call,
    Method,
    Options,
    SourceEvents,
    StockColumns,
)
from .retries import (
    AlreadyExists,
    Attempts,
    DeadlineExceeded,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    Retries,
    StorageFull,
    Unavailable,
    error_from_rpc,
)
from .streams import Ending, Feed

if TYPE_CHECKING:
    from .coalescing import Coalescer

__all__ = [
    "AlreadyExists",
    "BlockingClient",
    "Client",
    "ClientStatistics",
    "DeadlineExceeded",
    "HoldfastError",
    "InvalidArgument",
    "NotFound",
    "Overloaded",
    "Retries",
    "StockColumns",
    "StorageFull",
    "Unavailable",
]

TARGET: Final = "127.0.0.1:50051"
#: As long as a checkout waits, and as a node that restarts may take.
TIMEOUT_S: Final = 5.0
RETRIES: Final = Retries()

CORRELATION_KEY: Final = "x-correlation-id"

CHANNEL_OPTIONS: Final = (
    # 1,000 SKUs at 1,000 locations each have 50 MB; gRPC's own limit is 4.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # While calls wait for it, a peer that is gone without a word is noticed within 40 s. Without
    # calls nothing is asked: servers close a connection over that.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC's own are 1 s and 2 minutes, in which calls still fail though the server is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)

Metadata: TypeAlias = tuple[tuple[str, str], ...] | None

P = ParamSpec("P")
Response = TypeVar("Response", bound=Message)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """Figures of a client."""

    retries: int
    """Attempts after the first, over all calls."""
    errors: int
    """Calls that failed for good."""


class _Sender:
    """What both clients share: all but the sending."""

    def __init__(
        self,
        target: str,
        timeout_s: float,
        retries: Retries | None,
        correlation_id: str | None,
        clock: Callable[[], float],
        channel: Any,
    ) -> None:
        self.target = target
        self._timeout_s = timeout_s
        self._retries = retries
        self._metadata = _metadata(correlation_id)
        self._clock = clock
        self._lock = threading.Lock()
        self._retry_count = self._error_count = 0
        self._channel = channel
        # Asked for once: asking is dearer than calling.
        self._unary = {method: _callable(channel.unary_unary, method) for method in UNARY_METHODS}
        self._stream = _callable(channel.stream_stream, APPLY_STOCK_EVENTS)

    def __repr__(self) -> str:
        figures = f"{self._retry_count} retries, {self._error_count} errors"
        return f"<{type(self).__name__} to {self.target}, {figures}>"

    def statistics(self) -> ClientStatistics:
        """Read the client's figures."""
        with self._lock:
            return ClientStatistics(self._retry_count, self._error_count)

    def _attempts(self, call: Call[Any]) -> Attempts:
        timeout_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        is_repeatable = call.method.is_repeatable
        return Attempts(self._retries, timeout_s, self._clock, is_repeatable=is_repeatable)

    def _metadata_of(self, correlation_id: str | None) -> Metadata:
        return self._metadata if correlation_id is None else _metadata(correlation_id)

    def _wait_s(self, attempts: Attempts, rpc_error: grpc.RpcError) -> float:
        """How long to wait before the next attempt. Raises when there is none."""
        try:
            wait_s = attempts.wait_s(error_from_rpc(rpc_error))
        except HoldfastError:
            self._count_error()
            raise
        with self._lock:
            self._retry_count += 1
        return wait_s

    def _start(
        self, messages: Any, *, timeout_s: float | None = None, correlation_id: str | None = None
    ) -> Any:
        """Start a stream, which has no deadline unless it is given one."""
        metadata = self._metadata_of(correlation_id)
        return self._stream(messages, timeout=timeout_s, metadata=metadata)

    def _check_end(self, feed: Feed[Any]) -> None:
        """Raise what went wrong with a stream that the server ended well."""
        try:
            feed.check_end()
        except Exception:
            self._count_error()
            raise

    def _count_error(self) -> None:
        with self._lock:
            self._error_count += 1


def _awaited(
    build: Callable[P, Call[Response]],
) -> Callable[Concatenate["Client", P], Coroutine[Any, Any, Response]]:
    """Make the method of `Client` that sends what `build` makes."""

    async def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return await self._send(build(*args, **kwargs))

    return _dressed(method, build)


def _blocking(
    build: Callable[P, Call[Response]],
) -> Callable[Concatenate["BlockingClient", P], Response]:
    """Make the method of `BlockingClient` that sends what `build` makes."""

    def method(self: "BlockingClient", /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return self._send(build(*args, **kwargs))

    return _dressed(method, build)


def _dressed(method: F, build: Callable[..., Call[Any]]) -> F:
    """Give a method the name, text and signature of what makes its calls, for help()."""
    made = signature(build)
    (response,) = get_args(made.return_annotation)
    parameters = [Parameter("self", Parameter.POSITIONAL_ONLY), *made.parameters.values()]
    shown = made.replace(parameters=parameters, return_annotation=response)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    method.__signature__ = shown  # type: ignore[attr-defined]
    return method


class Client(_Sender):
    """The client for asyncio. Make it inside the event loop that is to use it.

    `timeout_s` bounds a call with all its attempts and the waits between them; `retries=None` tries
    once. Clients of one target share a connection unless one asks for its `own_connection`, which
    pays when a single one is what limits them. `clock` and `sleep` are for tests and simulations.
    """

    def __init__(
        self,
        target: str = TARGET,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = RETRIES,
        correlation_id: str | None = None,
        own_connection: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        asyncio.get_running_loop()  # without one gRPC would wait for its answers on another
        channel = grpc.aio.insecure_channel(target, _channel_options(own_connection))
        super().__init__(target, timeout_s, retries, correlation_id, clock, channel)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def coalescer(self) -> "Coalescer":
        """Share this connection for single operations that travel as packed batches."""
        from .coalescing import Coalescer  # noqa: PLC0415 - numpy takes longer than most calls

        return Coalescer(self._channel)

    async def close(self) -> None:
        """Close the connection. Calls that are under way are cancelled."""
        await self._channel.close()

    reserve = _awaited(calls.reserve)
    extend = _awaited(calls.extend)
    commit = _awaited(calls.commit)
    fulfill = _awaited(calls.fulfill)
    release = _awaited(calls.release)
    cancel = _awaited(calls.cancel)
    get_reservation = _awaited(calls.get_reservation)
    get_availability = _awaited(calls.get_availability)
    batch_get_availability = _awaited(calls.batch_get_availability)
    resolve_stock_levels = _awaited(calls.resolve_stock_levels)
    record_stock_events = _awaited(calls.record_stock_events)
    put_location = _awaited(calls.put_location)
    list_locations = _awaited(calls.list_locations)
    delete_sku = _awaited(calls.delete_sku)
    get_status = _awaited(calls.get_status)

    async def apply_stock_events(
        self, batches: AsyncIterable[SourceEvents | StockColumns], **options: Unpack[Options]
    ) -> AsyncIterator[stock.ApplyStockEventsResponse]:
        """Stream facts, each batch the name of a source and up to 1,000 events of it, or a
        StockColumns; yield the acknowledgements in order. Nothing is tried again: the source
        resumes after what was acknowledged. When `batches` raises, so does this, after the
        acknowledgements of what was sent. There is no deadline unless one is given.
        """
        feed = Feed(calls.apply_stock_events_message)
        stream = self._start(feed.each_async(batches), **options)
        ending = Ending(stream)
        try:
            async for response in stream:
                yield response
        except grpc.RpcError as rpc_error:
            self._count_error()
            raise await ending.error(rpc_error) from None
        finally:
            stream.cancel()
        self._check_end(feed)

    async def _send(self, call: Call[Response]) -> Response:
        attempts = self._attempts(call)
        metadata = self._metadata_of(call.correlation_id)
        while True:
            try:
                response: Response = await self._unary[call.method](
                    call.request, timeout=attempts.timeout_s(), metadata=metadata
                )
                return response
            except grpc.RpcError as rpc_error:
                wait_s = self._wait_s(attempts, rpc_error)
            await self._sleep(wait_s)


class BlockingClient(_Sender):
    """The client for threads, which may share it. See `Client`."""

    def __init__(
        self,
        target: str = TARGET,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = RETRIES,
        correlation_id: str | None = None,
        own_connection: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        channel = grpc.insecure_channel(target, _channel_options(own_connection))
        super().__init__(target, timeout_s, retries, correlation_id, clock, channel)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Calls that are under way are cancelled."""
        self._channel.close()

    reserve = _blocking(calls.reserve)
    extend = _blocking(calls.extend)
    commit = _blocking(calls.commit)
    fulfill = _blocking(calls.fulfill)
    release = _blocking(calls.release)
    cancel = _blocking(calls.cancel)
    get_reservation = _blocking(calls.get_reservation)
    get_availability = _blocking(calls.get_availability)
    batch_get_availability = _blocking(calls.batch_get_availability)
    resolve_stock_levels = _blocking(calls.resolve_stock_levels)
    record_stock_events = _blocking(calls.record_stock_events)
    put_location = _blocking(calls.put_location)
    list_locations = _blocking(calls.list_locations)
    delete_sku = _blocking(calls.delete_sku)
    get_status = _blocking(calls.get_status)

    def apply_stock_events(
        self, batches: Iterable[SourceEvents | StockColumns], **options: Unpack[Options]
    ) -> Iterator[stock.ApplyStockEventsResponse]:
        """Stream facts; see `Client.apply_stock_events`. `batches` is read on another thread."""
        feed = Feed(calls.apply_stock_events_message)
        stream = self._start(feed.each(batches), **options)
        try:
            yield from stream
        except grpc.RpcError as rpc_error:
            self._count_error()
            raise error_from_rpc(rpc_error) from None
        finally:
            stream.cancel()
        self._check_end(feed)

    def _send(self, call: Call[Response]) -> Response:
        attempts = self._attempts(call)
        metadata = self._metadata_of(call.correlation_id)
        lost: grpc.RpcError | None = None  # the last error, if it was that there is no node
        while True:
            try:
                response: Response = self._unary[call.method](
                    call.request,
                    timeout=attempts.timeout_s(),
                    metadata=metadata,
                    # A call that waits has gRPC look after the connection. Between calls its
                    # blocking stack does so once in five seconds, however long the node is back.
                    wait_for_ready=lost is not None,
                )
                return response
            except grpc.RpcError as rpc_error:
                code = rpc_error.code()
                # When the time ran out over waiting for the node, that is what was wrong.
                if lost is None or code is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    lost = rpc_error if code is grpc.StatusCode.UNAVAILABLE else None
                wait_s = self._wait_s(attempts, lost or rpc_error)
            self._sleep(wait_s)


def _callable(make: Callable[..., Any], method: Method[Any]) -> Any:
    return make(
        method.path,
        request_serializer=methodcaller("SerializeToString"),
        response_deserializer=method.response.FromString,
    )


def _channel_options(own_connection: bool) -> tuple[tuple[str, int], ...]:
    return (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", int(own_connection)))


def _metadata(correlation_id: str | None) -> Metadata:
    return None if correlation_id is None else ((CORRELATION_KEY, correlation_id),)
