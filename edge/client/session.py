"""What a client keeps between calls: its stubs, its defaults and its statistics."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final, NoReturn

from . import correlation
from .calls import Call
from .correlation import Metadata
from .errors import HoldfastError
from .methods import (
    ADMIN,
    RECORD_STOCK_EVENTS_STREAM,
    RESERVE_STREAM,
    UNARY_METHODS,
    WATCH_AVAILABILITY,
    WATCH_RESERVATIONS,
    Method,
)
from .parameters import flag, of_type, seconds, text
from .retries import Attempts, Budget, Retries
from .streams import Feed
from .watching import Watch

TARGET: Final = "127.0.0.1:50051"
ADMIN_TARGET: Final = "127.0.0.1:50052"

CHANNEL_OPTIONS: Final = (
    # 1,000 SKUs at 1,000 locations each have 50 MB; gRPC's own limit is 4.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # While a call or a stream is open, a peer that is gone without a word is noticed within 40 s,
    # also on a stream on which nothing is sent for hours: without the zero, gRPC stops asking after
    # two pings. A node takes one every 10 s, and closes a connection that sends more. Without calls
    # nothing is asked: servers close a connection over that.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own are 1 s and 2 minutes, in which calls still fail though the server is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


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
        admin_channel: Any,
        timeout_s: float,
        retries: Retries | None,
        correlation_id: str | None,
        clock: Callable[[], float],
    ) -> None:
        self.timeout_s = seconds("timeout_s", timeout_s)
        self._retries = None if retries is None else _checked(retries)
        self._budget = Budget(0, 0) if retries is None else retries.budget()
        self._metadata = correlation.metadata_of(correlation_id)
        self._clock = clock
        # Threads may share a blocking client, and += is not atomic.
        self._lock = threading.Lock()
        self._retry_count = self._error_count = 0
        # Made once: making a stub costs more than calling it.
        self.unary = {
            method: _stub(admin_channel if method.package == ADMIN else channel, method)
            for method in UNARY_METHODS
        }
        self._stock_events = _stub(channel, RECORD_STOCK_EVENTS_STREAM, "stream_stream")
        self._watches = {
            method: _stub(channel, method, "unary_stream")
            for method in (WATCH_AVAILABILITY, WATCH_RESERVATIONS)
        }
        self._reserves = channel.stream_stream(RESERVE_STREAM.path)

    def __str__(self) -> str:
        return f"{self._retry_count} retries, {self._error_count} errors"

    def statistics(self) -> ClientStatistics:
        """The counts as they are now."""
        with self._lock:
            return ClientStatistics(self._retry_count, self._error_count)

    def attempts(self, call: Call[Any]) -> Attempts:
        """The attempts of a call; its timeout runs from now."""
        timeout_s = self.timeout_s if call.timeout_s is None else call.timeout_s
        return self._attempts(timeout_s, is_repeatable=call.method.is_repeatable)

    def mending(self) -> Attempts:
        """The attempts to get a stream of the coalescer, or a watch, going again, from now on."""
        return self._attempts(self.timeout_s, is_repeatable=True)

    def _attempts(self, timeout_s: float, *, is_repeatable: bool) -> Attempts:
        return Attempts(
            self._retries, self._budget, timeout_s, self._clock, is_repeatable=is_repeatable
        )

    def metadata(self, correlation_id: str | None) -> Metadata:
        """The metadata of a call: its correlation id, or else the client's."""
        return self._metadata if correlation_id is None else correlation.metadata_of(correlation_id)

    def count_success(self) -> None:
        """Count a call that was answered: it pays for retries."""
        self._budget.earn()

    def wait_s(self, attempts: Attempts, error: HoldfastError) -> float:
        """Seconds to wait before the next attempt. Raises the error if there is to be none."""
        try:
            wait_s = attempts.wait_s(error)
        except HoldfastError:
            self.count_error()
            raise
        finally:
            del error  # as in Attempts.wait_s
        with self._lock:
            self._retry_count += 1
        return wait_s

    def start_stream(
        self, messages: Any, *, timeout_s: float | None = None, correlation_id: str | None = None
    ) -> Any:
        """A running RecordStockEventsStream, without a deadline unless one is given."""
        timeout_s = None if timeout_s is None else seconds("timeout_s", timeout_s)
        metadata = self.metadata(correlation_id)
        return self._stock_events(messages, timeout=timeout_s, metadata=metadata)

    def start_reserves(self) -> Any:
        """A running ReserveStream, of bytes."""
        return self._reserves(metadata=self._metadata)

    def start_watch(self, watch: Watch[Any], correlation_id: str | None) -> Any:
        """A running watch, from where it has come to."""
        metadata = self.metadata(correlation_id)
        return self._watches[watch.method](watch.request, metadata=metadata)

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


def _checked(retries: Retries) -> Retries:
    return of_type("retries", retries, Retries, "Retries, or None for a single attempt")


def channel_options(own_connection: bool) -> tuple[tuple[str, int], ...]:
    """Options of a channel, which shares its connection with others of its target or owns one."""
    own = flag("own_connection", own_connection)
    return (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", int(own)))


def _stub(channel: Any, method: Method[Any], kind: str = "unary_unary") -> Any:
    if channel is None:
        return _no_admin_target
    return getattr(channel, kind)(
        method.path,
        request_serializer=methodcaller("SerializeToString"),
        response_deserializer=method.response.FromString,
    )


def admin_target_of(target: str, admin_target: str | None) -> str | None:
    """Where the operators' methods of a node are: as given, or beside the default target."""
    if admin_target is None:
        return ADMIN_TARGET if target == TARGET else None
    return text("admin_target", admin_target)


def _no_admin_target(*_: object, **__: object) -> NoReturn:
    raise ValueError("admin_target is None: expected the address of the node's admin_address")
