"""From bytes to a method and back, for every RPC alike.

One generic handler with raw bytes serves all methods, health and reflection included: a server with
registered methods waits on a future per method for each call that it accepts. What is the same for
every call is done here: the deadline, the status of a fault, the correlation id, the counters. An
ordinary call logs nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from holdfast.v1 import (
    admin_service_pb2,
    availability_service_pb2,
    catalog_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
)
from holdfast.v1.common_pb2 import OUTCOME_REFUSED

from ..wire import faults
from ..wire.faults import Fault
from ..wire.packed import has_columns, twin
from .logs import correlation_id
from .service import Service
from .statistics import CallCounters

log = structlog.get_logger()

Context = Any  # grpc.aio's context has no types
Parse = Callable[[bytes], Message]
Respond = Callable[[bytes, Context], Awaitable[bytes]]
RespondToStream = Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]

_FILES = (
    reservation_service_pb2,
    availability_service_pb2,
    stock_service_pb2,
    catalog_service_pb2,
    admin_service_pb2,
)

_CODE_NAMES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}

#: Names of all services, as reflection lists them.
SERVICE_NAMES = tuple(
    service.full_name for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()
)


class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Finds the handler of a method by its full name."""

    def __init__(self, service: Service, counters: CallCounters) -> None:
        self._counters = counters
        self._others: list[grpc.GenericRpcHandler] = []
        self._handlers = {
            f"/{descriptor.containing_service.full_name}/{descriptor.name}": self._handler(
                descriptor, getattr(service, descriptor.name)
            )
            for descriptor in _methods()
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a call; None makes grpc answer UNIMPLEMENTED."""
        handler = self._handlers.get(details.method)
        if handler is not None:
            return handler
        found = (other.service(details) for other in self._others)
        return next((handler for handler in found if handler is not None), None)

    # The two methods through which generated `add_…_to_server` functions register a service. Handed
    # this object instead of the server, they add health and reflection to this handler.

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve another service's methods too."""
        self._others.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignored: generated code adds each method both ways, and this one is the slower."""

    def _handler(
        self, descriptor: MethodDescriptor, method: Callable[..., Any]
    ) -> grpc.RpcMethodHandler:
        request_class: Any = GetMessageClass(descriptor.input_type)
        parse = _parser(twin(request_class) if has_columns(request_class) else request_class)
        if descriptor.client_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._stream(descriptor.name, parse, method)
            )
        can_refuse = "outcome" in descriptor.output_type.fields_by_name
        return grpc.unary_unary_rpc_method_handler(
            self._unary(descriptor.name, parse, method, can_refuse=can_refuse)
        )

    def _unary(
        self,
        name: str,
        parse: Parse,
        method: Callable[[Any], Awaitable[Any]],
        *,
        can_refuse: bool,
    ) -> Respond:
        record = self._counters.record

        async def respond(data: bytes, context: Context) -> bytes:
            started = perf_counter()
            correlation = correlation_id(context.invocation_metadata())
            code = "CANCELLED"  # what is left when the caller goes away while the method waits
            try:
                _check_deadline(context)
                response = await method(parse(data))
                code = "REFUSED" if can_refuse and response.outcome == OUTCOME_REFUSED else "OK"
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
                fault = _fault_of(error, name, correlation)
                code = fault.code.name
                await _abort(context, fault, name, correlation)
            finally:
                seconds = perf_counter() - started
                record(name, code, seconds)
                if correlation is not None:
                    _log_call(name, code, seconds, correlation)
            if correlation is not None:
                context.set_trailing_metadata((("x-correlation-id", correlation),))
            answer: bytes = response.SerializeToString()
            return answer

        return respond

    def _stream(
        self, name: str, parse: Parse, method: Callable[[Any], AsyncIterator[Message]]
    ) -> RespondToStream:
        record = self._counters.record

        async def respond(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            correlation = correlation_id(context.invocation_metadata())
            last = perf_counter()
            try:
                async for response in method(_parsed(parse, data) async for data in requests):
                    yield response.SerializeToString()
                    record(name, _code_of(response), perf_counter() - last)
                    last = perf_counter()
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
                fault = _fault_of(error, name, correlation)
                record(name, fault.code.name, perf_counter() - last)
                await _abort(context, fault, name, correlation)

        return respond


def _methods() -> Iterable[MethodDescriptor]:
    for file in _FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


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


def _code_of(response: Any) -> str:
    """The code of an answer in a stream: that of its status where the message failed as a whole."""
    if "status" in response.DESCRIPTOR.fields_by_name and response.HasField("status"):
        return _CODE_NAMES[response.status.code]
    return "OK"


def _check_deadline(context: Context) -> None:
    """Raise a `Fault` when nobody waits for the answer any more."""
    remaining = context.time_remaining()
    if remaining is not None and remaining <= 0:
        raise faults.deadline_exceeded()


def _fault_of(error: Exception, name: str, correlation: str | None) -> Fault:
    """The fault that an exception is. Anything else is a defect of ours: logged, not told."""
    if isinstance(error, Fault):
        return error
    log.error("call failed", method=name, correlation_id=correlation, exc_info=error)
    return faults.internal(correlation)


async def _abort(context: Context, fault: Fault, name: str, correlation: str | None) -> None:
    """End the call with the fault's status. grpc raises its own exception to get out of here."""
    log.debug("fault", method=name, fault=str(fault), correlation_id=correlation)
    metadata = [("grpc-status-details-bin", fault.to_status().SerializeToString())]
    if correlation is not None:
        metadata.append(("x-correlation-id", correlation))
    await context.abort(fault.code, fault.message, tuple(metadata))


def _log_call(name: str, code: str, seconds: float, correlation: str) -> None:
    log.info("call", method=name, code=code, ms=round(seconds * 1e3, 3), correlation_id=correlation)
