"""Endpoints behind a server of grpc.aio.

One generic handler with raw bytes serves all methods: a server with registered methods waits on a
future per method for each call that it accepts.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import grpc
import grpc.aio

from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..logs import ids_of_call
from ..methods import Kind
from .listening import taken
from .own_services import OwnServices

#: gRPC's context of a call, which has no types.
Context = Any

#: Clients ping every 10 seconds, with calls under way or without. gRPC's own limit of 5 minutes
#: would count that as an attack and close the connection of every stream that is idle for a while.
PING_MIN_MS: Final = 5_000


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's own says more than that a caller left while it was sent an answer,
    which counts as an error there since https://github.com/grpc/grpc/pull/32551.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != "ExecuteBatchError"


logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)


class GrpcioTransport:
    """A server of grpc.aio in this process.

    `services` are the full names of those that the endpoints belong to.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        services: Sequence[str],
        address: str,
        message_bytes_max: int,
        *,
        shares_port: bool = False,
    ) -> None:
        """`shares_port` lets other processes of the same user listen on the port as well."""
        self.restarts = 0
        self._address = address
        self._own = OwnServices(services)
        self._server = grpc.aio.server(options=_options(message_bytes_max, shares_port=shares_port))
        handlers = GenericHandlers((*endpoints, *self._own.endpoints))
        self._server.add_generic_rpc_handlers((handlers,))

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address is taken."""
        try:
            port: int = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise taken(self._address) from error
        await self._server.start()
        return port

    def set_serving(self, *, is_serving: bool) -> None:
        """Let the health service say so."""
        self._own.set_serving(is_serving=is_serving)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait that long for those under way."""
        self._own.end_streams()
        await self._server.stop(grace_s)


class GenericHandlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Finds the handler of a method by its full name."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._handlers = {each.name: _handler(each) for each in endpoints}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a call; None makes grpc answer UNIMPLEMENTED."""
        return self._handlers.get(details.method)


def _handler(endpoint: Endpoint) -> grpc.RpcMethodHandler:
    if endpoint.kind is Kind.UNARY:
        return grpc.unary_unary_rpc_method_handler(_unary(endpoint.respond))
    if endpoint.kind is Kind.SERVER_STREAM:
        return grpc.unary_stream_rpc_method_handler(_streamed(endpoint.respond))
    return grpc.stream_stream_rpc_method_handler(_streamed(endpoint.respond))


def _unary(
    endpoint: Callable[[bytes, CallContext], Awaitable[bytes]],
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    loop_time = asyncio.get_running_loop().time

    async def respond(data: bytes, context: Context) -> bytes:
        call = _context_of(context, loop_time())
        try:
            answer = await endpoint(data, call)
        except CallStatus as status:
            await _abort(context, status, call.log_id)
        if call.log_id is not None:
            context.set_trailing_metadata((("x-correlation-id", call.log_id),))
        return answer

    return respond


def _streamed(
    endpoint: Callable[[Any, CallContext], AsyncIterator[bytes]],
) -> Callable[[Any, Context], AsyncIterator[bytes]]:
    loop_time = asyncio.get_running_loop().time

    async def respond(requests: Any, context: Context) -> AsyncIterator[bytes]:
        call = _context_of(context, loop_time())
        try:
            async for answer in endpoint(requests, call):
                yield answer
        except CallStatus as status:
            await _abort(context, status, call.log_id)

    return respond


def _context_of(context: Context, now_s: float) -> CallContext:
    correlation, trace = ids_of_call(context.invocation_metadata())
    left_s = context.time_remaining()
    deadline_s = None if left_s is None else now_s + left_s
    return CallContext(deadline_s=deadline_s, correlation=correlation, trace=trace)


async def _abort(context: Context, status: CallStatus, correlation: str | None) -> None:
    """End the call. grpc raises an exception of its own to get out of here."""
    await context.abort(status.code, status.message, status.metadata(correlation))


def _options(message_bytes_max: int, *, shares_port: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", message_bytes_max),
        # An answer is bounded by what was asked.
        ("grpc.max_send_message_length", -1),
        # With it, a second node on the same port would get every other connection.
        ("grpc.so_reuseport", int(shares_port)),
        # gRPC would let each stream send 16 MiB ahead when it finds the line fast, whether anybody
        # reads them or not; without, 64 KiB, and a message that is read is let in whole.
        ("grpc.http2.bdp_probe", 0),
        # The usual 100 would queue the callers of one channel silently.
        ("grpc.max_concurrent_streams", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", PING_MIN_MS),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
