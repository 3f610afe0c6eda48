"""From bytes to a method and back, for every RPC alike.

One generic handler with raw bytes serves all methods: a server with registered methods waits on a
future per method for each call that it accepts. Health and reflection are served through the same
door, so that it stays the only one. What is the same for every call is done here: the deadline, the
status of a fault, the correlation id, the counters. Nothing is logged for an ordinary call.
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
Respond = Callable[[bytes, Context], Awaitable[bytes]]

_FILES = (
    reservation_service_pb2,
    availability_service_pb2,
    stock_service_pb2,
    catalog_service_pb2,
    admin_service_pb2,
)

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
        """Return the handler of a call, or None for UNIMPLEMENTED."""
        handler = self._handlers.get(details.method)
        if handler is not None:
            return handler
        found = (other.service(details) for other in self._others)
        return next((handler for handler in found if handler is not None), None)

    # The two methods through which generated `add_…_to_server` functions register a service: handed
    # this object instead of the server, health and reflection come in behind the same door.

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve another service's methods too."""
        self._others.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Not wanted; see the top of this file."""

    def _handler(
        self, descriptor: MethodDescriptor, method: Callable[..., Any]
    ) -> grpc.RpcMethodHandler:
        request_class: Any = GetMessageClass(descriptor.input_type)
        parse = _parser(twin(request_class) if has_columns(request_class) else request_class)
        if descriptor.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(parse, method))
        can_refuse = "outcome" in descriptor.output_type.fields_by_name
        return grpc.unary_unary_rpc_method_handler(
            self._unary(descriptor.name, parse, method, can_refuse=can_refuse)
        )

    def _unary(
        self,
        name: str,
        parse: Callable[[bytes], Message],
        method: Callable[[Any], Awaitable[Any]],
        *,
        can_refuse: bool,
    ) -> Respond:
        record = self._counters.record

        async def respond(data: bytes, context: Context) -> bytes:
            started = perf_counter()
            correlation = correlation_id(context.invocation_metadata())
            code = "CANCELLED"
            try:
                remaining = context.time_remaining()
                if remaining is not None and remaining <= 0:
                    raise faults.deadline_exceeded()
                response = await method(parse(data))
                code = "REFUSED" if can_refuse and response.outcome == OUTCOME_REFUSED else "OK"
            except Fault as fault:
                code = fault.code.name
                await _abort(context, fault, name, correlation)
            except Exception:
                code = "INTERNAL"
                log.exception("call failed", method=name, correlation_id=correlation)
                await _abort(context, faults.internal(correlation), name, correlation)
            finally:
                seconds = perf_counter() - started
                record(name, code, seconds)
                if correlation is not None:
                    _log_call(name, code, seconds, correlation)
            if correlation is not None:
                context.set_trailing_metadata((("x-correlation-id", correlation),))
            data_out: bytes = response.SerializeToString()
            return data_out

        return respond

    def _stream(
        self, parse: Callable[[bytes], Message], method: Callable[[Any], AsyncIterator[Message]]
    ) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        record = self._counters.record
        name = method.__name__

        async def respond(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            correlation = correlation_id(context.invocation_metadata())
            try:
                last = perf_counter()
                async for response in method(parse(data) async for data in requests):
                    yield response.SerializeToString()
                    record(name, "OK", perf_counter() - last)
                    last = perf_counter()
            except Fault as fault:
                record(name, fault.code.name, perf_counter() - last)
                await _abort(context, fault, name, correlation)
            except Exception:
                record(name, "INTERNAL", perf_counter() - last)
                log.exception("stream failed", method=name, correlation_id=correlation)
                await _abort(context, faults.internal(correlation), name, correlation)

        return respond


def _methods() -> Iterable[MethodDescriptor]:
    for file in _FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def _parser(message_class: type[Message]) -> Callable[[bytes], Message]:
    from_string = message_class.FromString

    def parse(data: bytes) -> Message:
        try:
            return from_string(data)
        except DecodeError as error:
            raise faults.malformed(str(error)) from error

    return parse


async def _abort(context: Context, fault: Fault, name: str, correlation: str | None) -> None:
    log.debug("fault", method=name, fault=str(fault), correlation_id=correlation)
    metadata = [("grpc-status-details-bin", fault.to_status().SerializeToString())]
    if correlation is not None:
        metadata.append(("x-correlation-id", correlation))
    await context.abort(fault.code, fault.message, tuple(metadata))


def _log_call(name: str, code: str, seconds: float, correlation: str) -> None:
    log.info("call", method=name, code=code, ms=round(seconds * 1e3, 3), correlation_id=correlation)
