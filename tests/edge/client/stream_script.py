"""A server whose streams follow a script, for tests of the coalescer: a stream breaks off at the
very place that a test wants.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import grpc
import grpc.aio

from holdfast.edge.client import Client, Retries
from holdfast.edge.client.coalescing import Coalescer
from holdfast.edge.wire import faults
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.raw import WAREHOUSE

HOLD_MS: Final = 3_600_000

ACCEPTED = reservation.BATCH_OUTCOME_ACCEPTED
REPEATED = reservation.BATCH_OUTCOME_REPEATED
UNKNOWN = reservation.BATCH_OUTCOME_UNKNOWN_STOCK_LEVEL

FAULT: Final = faults.other_timeline("stock_levels[0]", 7)

#: Waits that pass at once, for as long as a machine under load may need for the rest.
PATIENCE: Final[dict[str, Any]] = {"timeout_s": 60.0, "retries": Retries(base_s=0.001, cap_s=0.001)}

Part = Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]


class Script(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """A server whose streams play the parts of a script, one each; the last part stays on."""

    def __init__(self, *parts: Part) -> None:
        self.parts = list(parts)
        self.streams = 0
        self.batches: list[tuple[str, int]] = []
        """Kind and size of the batches that came in."""
        self.arrived = asyncio.Event()
        self.unary: Callable[[], Awaitable[None]] | None = None
        self.handles = {"Tea": 7}
        """By SKU; all others have 5."""
        self.on_hand = 5
        self.asked: list[tuple[str, str | None]] = []
        """The methods that were called, and their correlation ids."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if details.method == "/holdfast.v1.ReservationService/ReserveStream":
            return grpc.stream_stream_rpc_method_handler(self.stream)
        if details.method.endswith("/BatchGetAvailability"):
            return grpc.unary_unary_rpc_method_handler(self.read)
        return grpc.unary_unary_rpc_method_handler(self.resolve)

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.note("ReserveStream", context)
        part = self.parts[min(self.streams, len(self.parts) - 1)]
        self.streams += 1
        async for answer in part(self.noted(requests), context):
            yield answer

    async def noted(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in requests:
            kind, batch = batch_in(data)
            self.batches.append((kind, len(batch.id_high)))
            self.arrived.set()
            yield data

    def note(self, method: str, context: Any) -> None:
        self.asked.append((method, dict(context.invocation_metadata()).get("x-correlation-id")))

    async def resolve(self, data: bytes, context: Any) -> bytes:
        await self.answer("ResolveStockLevels", context)
        names = availability.ResolveStockLevelsRequest.FromString(data).stock_levels
        handles = [self.handles.get(name.sku, 5) for name in names]
        return availability.ResolveStockLevelsResponse(handles=handles).SerializeToString()

    async def read(self, data: bytes, context: Any) -> bytes:
        """Handles that were given out have `on_hand` units; of all others there is nothing."""
        await self.answer("BatchGetAvailability", context)
        handles = availability.BatchGetAvailabilityRequest.FromString(data).stock_levels
        if self.parts == [other_timeline] and 7 in handles:
            details = ("grpc-status-details-bin", FAULT.to_status().SerializeToString())
            await context.abort(FAULT.code, str(FAULT), trailing_metadata=(details,))
        known = {5, *self.handles.values()}
        on_hand = [self.on_hand if handle in known else 0 for handle in handles]
        nothing = [0] * len(handles)
        return availability.BatchGetAvailabilityResponse(
            on_hand=on_hand, reserved=nothing, committed=nothing, available=on_hand
        ).SerializeToString()

    async def answer(self, method: str, context: Any) -> None:
        self.note(method, context)
        if self.unary is not None:
            self.arrived.set()
            await self.unary()


def batch_in(data: bytes) -> tuple[str, Any]:
    request = reservation.ReserveStreamRequest.FromString(data)
    kind = request.WhichOneof("batch")
    assert kind is not None
    return kind, getattr(request, kind)


def answer_to(data: bytes, code: int = ACCEPTED) -> bytes:
    kind, batch = batch_in(data)
    answer: dict[str, Any] = {kind: {"outcomes": bytes([code]) * len(batch.id_high)}}
    return response_to(data, **answer)


def response_to(data: bytes, **answer: Any) -> bytes:
    """A response with the number of the batch in it."""
    batch_id = reservation.ReserveStreamRequest.FromString(data).batch_id
    response = reservation.ReserveStreamResponse(batch_id=batch_id, **answer)
    return response.SerializeToString()


async def good(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer everything."""
    async for data in requests:
        yield answer_to(data)


async def repeating(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer that everything was done before."""
    async for data in requests:
        yield answer_to(data, REPEATED)


async def silent(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Take everything and answer nothing."""
    async for data in requests:
        if not data:
            yield b""


async def breaking(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Break off at the first batch."""
    async for data in requests:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the cable is out")
        yield data


async def breaking_at_once(_requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Break off before anything is read."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "the cable is out")
    yield b""


async def ending(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """End normally, without an answer to what came."""
    async for data in requests:
        if data:
            return
        yield data


async def ended_sku(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """No stock level has the handle 7."""
    async for data in requests:
        _, batch = batch_in(data)
        codes = [UNKNOWN if handle == 7 else ACCEPTED for handle in batch.stock_levels]
        answer: dict[str, Any] = {"reserve": {"outcomes": bytes(codes)}}
        yield response_to(data, **answer)


async def other_timeline(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Another data directory gave out the handle 7."""
    async for data in requests:
        _, batch = batch_in(data)
        refused = 7 in batch.stock_levels
        yield response_to(data, status=FAULT.to_status()) if refused else answer_to(data)


async def forbidding(_requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Fail for a reason that another attempt does not cure."""
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
    yield b""


async def too_short(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Leave codes out."""
    async for data in requests:
        kind, _ = batch_in(data)
        answer: dict[str, Any] = {kind: {}}
        yield response_to(data, **answer)


async def mistaken(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer another batch."""
    async for data in requests:
        response = reservation.ReserveStreamResponse.FromString(answer_to(data))
        response.batch_id += 1
        yield response.SerializeToString()


async def babbling(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Answer with bytes that are no message."""
    async for _ in requests:
        yield b"\xff\xff\xff"


@asynccontextmanager
async def playing(script: Script, **options: Any) -> AsyncIterator[Client]:
    """Serve a script, and connect to it."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((script,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        settings = PATIENCE | options
        async with Client(f"127.0.0.1:{port}", own_connection=True, **settings) as client:
            yield client
    finally:
        await server.stop(None)


async def hold(holdfast: Coalescer, sku: str, quantity: int = 1) -> int:
    """Hold under a new id."""
    return await holdfast.reserve(uuid4(), sku, WAREHOUSE, quantity, hold_ms=HOLD_MS)
