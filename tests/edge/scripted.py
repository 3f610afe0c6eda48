"""A server that answers as a test of the client tells it to, and a time that passes at once."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import Message

from holdfast.edge.client import BlockingClient, Client, methods
from holdfast.edge.client.stock_events import SourceEvents
from holdfast.edge.wire import faults
from holdfast.v1.stock_service_pb2 import (
    RecordStockEventsStreamRequest,
    RecordStockEventsStreamResponse,
)

Reply = Message | faults.Fault | Callable[[], Awaitable[Any]]


class Request:
    """A call as it arrived."""

    def __init__(self, path: str, data: bytes, context: Any) -> None:
        self.path = path
        self.data = data
        self.metadata = dict(context.invocation_metadata())
        self.timeout_s = context.time_remaining()
        self.peer = context.peer()


class ScriptedServer(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Gives the replies that it was given, in order, then empty messages; keeps what was asked."""

    def __init__(self) -> None:
        self.target = ""
        self.replies: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.stream_messages_max = 1_000_000

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def unary(data: bytes, context: Any) -> bytes:
            self.requests.append(Request(details.method, data, context))
            match self.replies.popleft() if self.replies else None:
                case None:
                    return b""
                case Message() as message:
                    return message.SerializeToString()
                case faults.Fault() as fault:
                    return await abort(context, fault)
                case act:
                    return bytes(await act())

        async def stream(data: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            """Acknowledge by position in the stream; no events are a fault."""
            self.requests.append(Request(details.method, b"", context))
            position = 0
            async for each in data:
                request = RecordStockEventsStreamRequest.FromString(each)
                if not request.events:
                    await abort(context, faults.invalid("events", "0 items", "1 or more"))
                position += 1
                yield RecordStockEventsStreamResponse(
                    source=request.source, acknowledged_sequence=position
                ).SerializeToString()
                if position == self.stream_messages_max:
                    return

        if details.method == methods.RECORD_STOCK_EVENTS_STREAM.path:
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


async def abort(context: Any, fault: faults.Fault) -> bytes:
    details = (("grpc-status-details-bin", fault.to_status().SerializeToString()),)
    await context.abort(fault.code, fault.message, details if fault.reason else ())
    raise AssertionError("abort raises")


class Time:
    """Passes when somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class Both:
    """Either client, with the methods of `Client`."""

    def __init__(self, inner: Client | BlockingClient) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if isinstance(self.inner, Client):
            return method
        return lambda *args, **kwargs: asyncio.to_thread(method, *args, **kwargs)

    async def acknowledged(
        self, batches: Iterable[SourceEvents], **options: Any
    ) -> AsyncGenerator[int]:
        """Stream, and yield the sequences that are acknowledged."""
        if isinstance(self.inner, Client):
            stream: Any = self.inner.record_stock_events_stream(one_by_one(batches), **options)
            async with aclosing(stream):
                async for response in stream:
                    yield response.acknowledged_sequence
            return
        responses: Any = self.inner.record_stock_events_stream(batches, **options)
        try:
            while (response := await asyncio.to_thread(next, responses, None)) is not None:
                yield response.acknowledged_sequence
        finally:
            responses.close()


async def one_by_one(batches: Iterable[SourceEvents]) -> AsyncIterator[SourceEvents]:
    for batch in batches:
        yield batch
