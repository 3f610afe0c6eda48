"""What a client keeps between calls: its stubs, its defaults and its statistics."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final, TypeAlias

import grpc

from .calls import Call
from .errors import HoldfastError, error_from_rpc
from .methods import APPLY_STOCK_EVENTS, UNARY_METHODS, Method
from .retries import Attempts, Retries
from .streams import Feed

TARGET: Final = "127.0.0.1:50051"

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


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """Counts since the client was made."""

    retries: int
    """Attempts beyond the first, over all calls."""
    errors: int
    """Calls that failed for good."""


class Session:
    """The stubs of a channel, of either of gRPC's stacks, and what all calls over it share."""

    def __init__(
        self,
        channel: Any,
        timeout_s: float,
        retries: Retries | None,
        correlation_id: str | None,
        clock: Callable[[], float],
    ) -> None:
        self._timeout_s = timeout_s
        self._retries = retries
        self._metadata = _metadata(correlation_id)
        self._clock = clock
        # Threads may share a blocking client, and += is not atomic.
        self._lock = threading.Lock()
        self._retry_count = self._error_count = 0
        # Made once: making a stub costs more than calling it.
        self.unary = {method: _stub(channel.unary_unary, method) for method in UNARY_METHODS}
        self._stream = _stub(channel.stream_stream, APPLY_STOCK_EVENTS)

    def __str__(self) -> str:
        return f"{self._retry_count} retries, {self._error_count} errors"

    def statistics(self) -> ClientStatistics:
        """The counts as they are now."""
        with self._lock:
            return ClientStatistics(self._retry_count, self._error_count)

    def attempts(self, call: Call[Any]) -> Attempts:
        """The attempts of a call; its timeout runs from now."""
        timeout_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        is_repeatable = call.method.is_repeatable
        return Attempts(self._retries, timeout_s, self._clock, is_repeatable=is_repeatable)

    def metadata(self, correlation_id: str | None) -> Metadata:
        """The metadata of a call: its correlation id, or else the client's."""
        return self._metadata if correlation_id is None else _metadata(correlation_id)

    def wait_s(self, attempts: Attempts, rpc_error: grpc.RpcError) -> float:
        """Seconds to wait before the next attempt.

        Raises the HoldfastError that stands for `rpc_error` if there is to be none.
        """
        try:
            wait_s = attempts.wait_s(error_from_rpc(rpc_error))
        except HoldfastError:
            self.count_error()
            raise
        with self._lock:
            self._retry_count += 1
        return wait_s

    def start_stream(
        self, messages: Any, *, timeout_s: float | None = None, correlation_id: str | None = None
    ) -> Any:
        """A running ApplyStockEvents, without a deadline unless one is given."""
        return self._stream(messages, timeout=timeout_s, metadata=self.metadata(correlation_id))

    def check_end(self, feed: Feed[Any]) -> None:
        """Raise what went wrong on our side of a stream that the server ended with OK."""
        try:
            feed.check_end()
        except Exception:
            self.count_error()
            raise

    def count_error(self) -> None:
        """Count a call that failed for good."""
        with self._lock:
            self._error_count += 1


def channel_options(own_connection: bool) -> tuple[tuple[str, int], ...]:
    """Options of a channel, which shares its connection with others of its target or owns one."""
    return (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", int(own_connection)))


def _stub(make: Callable[..., Any], method: Method[Any]) -> Any:
    return make(
        method.path,
        request_serializer=methodcaller("SerializeToString"),
        response_deserializer=method.response.FromString,
    )


def _metadata(correlation_id: str | None) -> Metadata:
    return None if correlation_id is None else ((CORRELATION_KEY, correlation_id),)
