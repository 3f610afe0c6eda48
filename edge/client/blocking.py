"""The client for threads."""

import threading
import time
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, Unpack

import grpc
import grpc.aio

from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch

from . import calls, ledger_calls, operator_calls, sku_calls
from .calls import Call, Options
from .closing import CLIENT
from .dressed import dressed
from .errors import closed_before, closed_meanwhile, error_from_rpc
from .methods import Response
from .parameters import text, wrong_type
from .resumed import resumed_in_thread
from .retries import RETRIES, TIMEOUT_S, Retries
from .session import TARGET, ClientStatistics, Session, admin_target_of, channel_options
from .stock_events import SourceEvents, StockColumns, numbered_messages
from .streams import Feed
from .watching import availability_watch, reservations_watch

P = ParamSpec("P")


def _blocking(
    build: Callable[P, Call[Response]],
) -> Callable[Concatenate["BlockingClient", P], Response]:
    """The method of `BlockingClient` that sends the calls that `build` makes."""

    def method(self: "BlockingClient", /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return self._send(build(*args, **kwargs))

    return dressed(method, build)


class BlockingClient:
    """The client for threads, which may share one. Arguments and methods are those of `Client`."""

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
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.target = text("target", target)
        options = channel_options(own_connection)
        self._channel = grpc.insecure_channel(target, options)
        self._admin_channel: Any = None
        if (admin_target := admin_target_of(target, admin_target)) is not None:
            self._admin_channel = grpc.insecure_channel(admin_target, options)
        channels = self._channel, self._admin_channel
        self._session = Session(*channels, timeout_s, retries, correlation_id, clock)
        self._closed = threading.Event()
        # Who waits for another attempt need not wait any longer when the client is closed.
        self._sleep = self._closed.wait if sleep is None else sleep

    def __repr__(self) -> str:
        return f"<BlockingClient to {self.target}, {self._session}>"

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
        """Close the connection. See `Client.close`."""
        self._closed.set()
        self._channel.close()
        if self._admin_channel is not None:
            self._admin_channel.close()

    def statistics(self) -> ClientStatistics:
        """How many attempts were retries and how many calls failed, since the client was made."""
        return self._session.statistics()

    reserve = _blocking(calls.reserve)
    extend = _blocking(calls.extend)
    commit = _blocking(calls.commit)
    fulfill = _blocking(calls.fulfill)
    release = _blocking(calls.release)
    cancel = _blocking(calls.cancel)
    get_reservation = _blocking(calls.get_reservation)
    get_availability = _blocking(calls.get_availability)
    batch_get_availability = _blocking(calls.batch_get_availability)
    get_available_to_promise = _blocking(calls.get_available_to_promise)
    resolve_stock_levels = _blocking(calls.resolve_stock_levels)
    get_shortfall = _blocking(calls.get_shortfall)
    record_stock_events = _blocking(calls.record_stock_events)
    create_location = _blocking(calls.create_location)
    update_location = _blocking(calls.update_location)
    get_location = _blocking(calls.get_location)
    list_locations = _blocking(calls.list_locations)
    delete_sku = _blocking(sku_calls.delete_sku)
    rename_sku = _blocking(sku_calls.rename_sku)
    merge_sku = _blocking(sku_calls.merge_sku)
    list_reservations = _blocking(ledger_calls.list_reservations)
    list_movements = _blocking(ledger_calls.list_movements)
    explain_availability = _blocking(ledger_calls.explain_availability)
    get_status = _blocking(operator_calls.get_status)
    list_sources = _blocking(operator_calls.list_sources)
    list_pending_reversals = _blocking(operator_calls.list_pending_reversals)
    list_quarantined_skus = _blocking(operator_calls.list_quarantined_skus)
    settle_quarantined_sku = _blocking(operator_calls.settle_quarantined_sku)
    get_source = _blocking(operator_calls.get_source)
    update_source = _blocking(operator_calls.update_source)
    reset_source = _blocking(operator_calls.reset_source)
    create_snapshot = _blocking(operator_calls.create_snapshot)
    drain = _blocking(operator_calls.drain)
    run_audit = _blocking(operator_calls.run_audit)
    repair_stock_levels = _blocking(operator_calls.repair_stock_levels)
    force_release = _blocking(operator_calls.force_release)

    def record_stock_events_stream(
        self, batches: Iterable[SourceEvents | StockColumns], **options: Unpack[Options]
    ) -> Iterator[stock.RecordStockEventsStreamResponse]:
        """See `Client.record_stock_events_stream`. `batches` is read on another thread."""
        if not isinstance(batches, Iterable):
            raise wrong_type("batches", batches, "an iterable")
        feed = Feed(numbered_messages())
        self._check_open()
        with self._until_closed():
            stream = self._session.start_stream(feed.each(batches), **options)
        try:
            with self._until_closed():
                yield from stream
        except grpc.RpcError as rpc_error:
            self._session.count_error()
            raise error_from_rpc(rpc_error) from None
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
    ) -> Generator[watch.WatchAvailabilityResponse, None, None]:
        """See `Client.watch_availability`."""
        wanted = availability_watch(
            skus,
            locations,
            from_now=from_now,
            after=after,
            low_threshold=low_threshold,
            crossings_only=crossings_only,
            source_states=source_states,
        )
        self._check_open()
        until_closed, sleep = self._until_closed, self._sleep
        return resumed_in_thread(self._session, until_closed, sleep, wanted, correlation_id)

    def watch_reservations(
        self,
        sku: str = "",
        location: str = "",
        *,
        from_oldest: bool = False,
        resume_token: str = "",
        correlation_id: str | None = None,
    ) -> Generator[watch.WatchReservationsResponse, None, None]:
        """See `Client.watch_reservations`."""
        names = sku, location
        wanted = reservations_watch(*names, from_oldest=from_oldest, resume_token=resume_token)
        self._check_open()
        until_closed, sleep = self._until_closed, self._sleep
        return resumed_in_thread(self._session, until_closed, sleep, wanted, correlation_id)

    def _send(self, call: Call[Response]) -> Response:
        self._check_open()
        attempts = self._session.attempts(call)
        metadata = self._session.metadata(call.correlation_id)
        lost: grpc.RpcError | None = None  # the last error, if it was that there is no node
        while True:
            try:
                with self._until_closed():
                    response: Response = self._session.unary[call.method](
                        call.request,
                        timeout=attempts.timeout_s(),
                        metadata=metadata,
                        # A call that waits has gRPC look after the connection. Between calls its
                        # blocking stack does so once in five seconds, however long the node is
                        # back.
                        wait_for_ready=lost is not None,
                    )
            except grpc.RpcError as rpc_error:
                code = rpc_error.code()
                # When the time ran out over waiting for the node, that is what was wrong.
                if lost is None or code is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    lost = rpc_error if code is grpc.StatusCode.UNAVAILABLE else None
                wait_s = self._session.wait_s(attempts, error_from_rpc(lost or rpc_error))
            else:
                self._session.count_success()
                return response
            self._sleep(wait_s)

    def _check_open(self) -> None:
        if self._closed.is_set():
            self._session.count_error()
            raise closed_before(CLIENT)

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        """Raise `Closed` in place of what gRPC raises because the client was closed."""
        try:
            yield
        except (grpc.RpcError, ValueError):
            if not self._closed.is_set():
                raise
            self._session.count_error()
            raise closed_meanwhile(CLIENT) from None
