"""From bytes to a method and back, for every RPC alike.

One generic handler with raw bytes serves all methods, health and reflection included: a server with
registered methods waits on a future per method for each call that it accepts. What is the same for
every call is done here: its context, the status of a fault, the counters, the line in the log of a
call that asks for one. An ordinary call logs nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, Final

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from holdfast.admin.v1 import admin_service_pb2
from holdfast.v1 import (
    availability_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
    watch_service_pb2,
)
from holdfast.v1.common_pb2 import OUTCOME_REFUSED

from ..wire import faults
from ..wire.faults import Fault
from ..wire.packed import has_columns, twin
from .context import CallContext, Context
from .log_writer import Sampler
from .logs import ids_of_call
from .open_streams import OpenStreams
from .statistics import CallCounters

log = structlog.get_logger()

Parse = Callable[[bytes], Message]
Respond = Callable[[bytes, Context], Awaitable[bytes]]
RespondWithStream = Callable[[bytes, Context], AsyncIterator[bytes]]
RespondToStream = Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]

#: What callers are served, and what operators are, on a listener of their own.
PUBLIC: Final = (
    reservation_service_pb2,
    availability_service_pb2,
    stock_service_pb2,
    catalog_service_pb2,
    ledger_service_pb2,
    watch_service_pb2,
)
ADMIN: Final = (admin_service_pb2,)


def service_names(files: Iterable[Any]) -> tuple[str, ...]:
    """Names of all services of some files, as reflection lists them."""
    return tuple(
        service.full_name for file in files for service in file.DESCRIPTOR.services_by_name.values()
    )


#: A caller whose time is over resets his call, which may come in before our own clock says so: by
#: some milliseconds, and by what gRPC rounds a deadline up by, a hundredth at most.
DEADLINE_SLACK_S = 0.005
DEADLINE_SLACK_SHARE = 0.01


def methods_of(files: Iterable[Any]) -> Iterable[MethodDescriptor]:
    """The methods of all services of some files."""
    for file in files:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Finds the handler of a method by its full name.

    `service` has a method of each descriptor's name, which takes the request, or an iterator of
    them, and a CallContext. `admit` raises the `Fault` with which a call is refused unread.
    """

    def __init__(
        self,
        service: object,
        descriptors: Iterable[MethodDescriptor],
        admit: Callable[[CallContext], None],
        counters: CallCounters,
        sampler: Sampler,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.open_streams = OpenStreams()
        self._clock = clock
        self._admit = admit
        self._counters = counters
        self._sampler = sampler
        self._loop_time = asyncio.get_running_loop().time
        self._others: list[grpc.GenericRpcHandler] = []
        self._handlers = {
            f"/{descriptor.containing_service.full_name}/{descriptor.name}": self._handler(
                descriptor, getattr(service, descriptor.name)
            )
            for descriptor in descriptors
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a call; None makes grpc answer UNIMPLEMENTED."""
        handler = self._handlers.get(details.method)
        if handler is not None:
            return handler
        found = (other.service(details) for other in self._others)
        other = next((handler for handler in found if handler is not None), None)
        if other is None or not other.response_streaming:
            return other
        return self._ended_with_us(other, details.method)

    # The two methods through which generated `add_…_to_server` functions register a service. Handed
    # this object instead of the server, they add health and reflection to this handler.

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve another service's methods too."""
        self._others.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignored: generated code adds each method both ways, and this one is the slower."""

    def _ended_with_us(self, handler: grpc.RpcMethodHandler, name: str) -> grpc.RpcMethodHandler:
        """A handler of another service, whose streams end when the node drains."""
        wrapped = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def respond(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for response in self.open_streams.until_end(wrapped(request, context)):
                    yield response
            except Fault as fault:
                await _abort(context, fault, name, None)

        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return make(respond, handler.request_deserializer, handler.response_serializer)

    def _handler(
        self, descriptor: MethodDescriptor, method: Callable[..., Any]
    ) -> grpc.RpcMethodHandler:
        request_class: Any = GetMessageClass(descriptor.input_type)
        parse = _parser(twin(request_class) if has_columns(request_class) else request_class)
        name = descriptor.name
        if descriptor.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._both_ways(name, parse, method))
        if descriptor.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._one_way(name, parse, method))
        can_refuse = "outcome" in descriptor.output_type.fields_by_name
        # What asks of no shard is answered by a node that is overloaded or drains, too.
        admit = (
            _always
            if descriptor.containing_service.file is admin_service_pb2.DESCRIPTOR
            else self._admit
        )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(name, parse, method, admit, can_refuse=can_refuse)
        )

    def _unary(
        self,
        name: str,
        parse: Parse,
        method: Callable[[Any, CallContext], Awaitable[Any]],
        admit: Callable[[CallContext], None],
        *,
        can_refuse: bool,
    ) -> Respond:
        async def respond(data: bytes, context: Context) -> bytes:
            started = self._clock()
            call = self._context_of(context)
            code = ""
            try:
                admit(call)
                response = await method(parse(data), call)
                code = "REFUSED" if can_refuse and response.outcome == OUTCOME_REFUSED else "OK"
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
                fault = _fault_of(error, name, call)
                code = fault.code.name
                await _abort(context, fault, name, call.log_id)
            finally:
                self._counters.record_seconds(name, self._clock() - started)
                self._end(name, code, started, call)
            if call.log_id is not None:
                context.set_trailing_metadata((("x-correlation-id", call.log_id),))
            answer: bytes = response.SerializeToString()
            return answer

        return respond

    def _both_ways(
        self,
        name: str,
        parse: Parse,
        method: Callable[[AsyncIterator[Message | Fault], CallContext], AsyncIterator[Message]],
    ) -> RespondToStream:
        """Answers each message of a stream, in their order."""

        async def respond(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            arrivals: deque[float] = deque()

            async def parsed() -> AsyncIterator[Message | Fault]:
                async for data in requests:
                    arrivals.append(self._clock())
                    yield _parsed(parse, data)

            def responses(call: CallContext) -> AsyncIterator[Message]:
                self._admit(call)
                return method(parsed(), call)

            async for answer in self._streamed(name, responses, context):
                # From the message to its answer: what the sender takes between two messages, or
                # the reader over an answer, is no time of ours.
                self._counters.record_seconds(name, self._clock() - arrivals.popleft())
                yield answer

        return respond

    def _one_way(
        self,
        name: str,
        parse: Parse,
        method: Callable[[Any, CallContext], AsyncIterator[Message]],
    ) -> RespondWithStream:
        """Answers one message with a stream, which goes on until the caller or the node ends it."""

        async def respond(data: bytes, context: Context) -> AsyncIterator[bytes]:
            def responses(call: CallContext) -> AsyncIterator[Message]:
                self._admit(call)
                return self.open_streams.until_end(method(parse(data), call))

            async for answer in self._streamed(name, responses, context):
                yield answer

        return respond

    async def _streamed(
        self,
        name: str,
        responses: Callable[[CallContext], AsyncIterator[Message]],
        context: Context,
    ) -> AsyncIterator[bytes]:
        """The bytes of a stream's responses; what its end is, whatever it is, is counted once."""
        started = self._clock()
        call = self._context_of(context)
        code = ""
        try:
            async for response in responses(call):
                yield response.SerializeToString()
            code = "OK"
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
            fault = _fault_of(error, name, call)
            code = fault.code.name
            await _abort(context, fault, name, call.log_id)
        finally:
            self._end(name, code, started, call)

    def _context_of(self, context: Context) -> CallContext:
        correlation, trace = ids_of_call(context.invocation_metadata())
        left_s = context.time_remaining()
        deadline_s = None if left_s is None else self._loop_time() + left_s
        return CallContext(deadline_s=deadline_s, correlation=correlation, trace=trace)

    def _end(self, name: str, code: str, started: float, call: CallContext) -> None:
        """Count a call, and log it when its caller wants that. Without a code it was cancelled."""
        seconds = self._clock() - started
        code = code or self._code_of_cancelled(call, seconds)
        self._counters.record_end(name, code)
        if call.log_id is not None and self._sampler.takes(self._loop_time()):
            ms = round(seconds * 1e3, 3)
            log.info("call", method=name, code=code, ms=ms, correlation_id=call.log_id)

    def _code_of_cancelled(self, call: CallContext, seconds: float) -> str:
        """Whether a caller went away because his time was over, or for a reason of his own."""
        if call.deadline_s is None:
            return "CANCELLED"
        left_s = call.deadline_s - self._loop_time()
        slack_s = DEADLINE_SLACK_S + (seconds + left_s) * DEADLINE_SLACK_SHARE
        return "DEADLINE_EXCEEDED" if left_s <= slack_s else "CANCELLED"


def _always(_call: CallContext) -> None:
    """Refuses nobody."""


def _parser(message_class: type[Message]) -> Parse:
    from_string = message_class.FromString

    def parse(data: bytes) -> Message:
        try:
            return from_string(data)
        except DecodeError as error:
            raise faults.malformed(str(error)) from error

    return parse


def _parsed(parse: Parse, data: bytes) -> Message | Fault:
    """A message of a stream, or why it is none: the stream has to go on."""
    try:
        return parse(data)
    except Fault as fault:
        return fault


def _fault_of(error: Exception, name: str, call: CallContext) -> Fault:
    """The fault that an exception is. Anything else is a defect of ours: logged, not told."""
    if isinstance(error, Fault):
        return error
    log.error("call failed", method=name, correlation_id=call.log_id, exc_info=error)
    return faults.internal(call.log_id)


async def _abort(context: Context, fault: Fault, name: str, correlation: str | None) -> None:
    """End the call with the fault's status. grpc raises its own exception to get out of here."""
    log.debug("fault", method=name, fault=str(fault), correlation_id=correlation)
    metadata: list[tuple[str, str | bytes]] = [
        ("grpc-status-details-bin", fault.to_status().SerializeToString())
    ]
    if fault.retry_after_s is not None:
        # What gRPC's own retries read; they do not know RetryInfo (gRFC A6).
        metadata.append(("grpc-retry-pushback-ms", str(round(fault.retry_after_s * 1e3))))
    if correlation is not None:
        metadata.append(("x-correlation-id", correlation))
    await context.abort(fault.code, fault.message, tuple(metadata))
