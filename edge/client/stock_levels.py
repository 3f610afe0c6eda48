"""Stock levels as the coalescer sees them: handles by name, availability by handle.

Rules of this file: these calls are unary and run beside the stream. What is asked at the same time
shares a request, and handles are remembered.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import Message

from holdfast.v1 import availability_service_pb2 as availability

from .errors import HoldfastError, InvalidArgument, NotFound, error_from_rpc
from .lookups import Lookups
from .methods import BATCH_GET_AVAILABILITY, RESOLVE_STOCK_LEVELS, Method, Response
from .retries import Attempts, Retries

#: SKU and location.
Name: TypeAlias = tuple[str, str]


class StockLevels:
    """The stock levels of the node at the other end of a channel."""

    def __init__(
        self, channel: grpc.aio.Channel, timeout_s: float, retries: Retries | None
    ) -> None:
        self._channel = channel
        self._timeout_s = timeout_s
        self._retries = retries
        self._handles: dict[Name, int] = {}
        self._resolving = Lookups(self._resolve)
        self._reading = Lookups(self._read)

    async def handle(self, sku: str, location: str) -> int:
        """The handle of a stock level.

        Raises NotFound if there is no such level, InvalidArgument if a name is malformed, and
        TypeError or ValueError if it is not text.
        """
        name = (sku, location)
        if handle := self._handles.get(name):
            return handle
        availability.StockLevelName(sku=sku, location=location)  # bad text fails its caller alone
        answer = await self._resolving.find(name)
        if isinstance(answer, HoldfastError):
            raise answer
        if not answer:
            raise _unknown(sku, location)
        self._handles[name] = answer
        return answer

    def forget(self, sku: str, location: str) -> None:
        """Resolve the handle anew next time: the SKU has ended, and may be created again."""
        self._handles.pop((sku, location), None)

    async def available(self, handle: int) -> int:
        """Units that can still be promised; negative where promises exceed supply."""
        return await self._reading.find(handle)

    async def close(self) -> None:
        """Fail everyone who is still waiting."""
        await self._resolving.close()
        await self._reading.close()

    async def _resolve(self, names: Sequence[Name]) -> Sequence[int | HoldfastError]:
        request = availability.ResolveStockLevelsRequest(
            stock_levels=[{"sku": sku, "location": location} for sku, location in names]
        )
        try:
            answer = await self._call(RESOLVE_STOCK_LEVELS, request)
        except InvalidArgument as error:
            if len(names) == 1:
                return [error]
            # A malformed name must not fail the others: find it by halves.
            middle = len(names) // 2
            return [*await self._resolve(names[:middle]), *await self._resolve(names[middle:])]
        return answer.handles

    async def _read(self, handles: Sequence[int]) -> Sequence[int]:
        request = availability.BatchGetAvailabilityRequest(stock_levels=handles)
        answer = await self._call(BATCH_GET_AVAILABILITY, request)
        # Slices are lists, which iterate faster than protobuf's own sequences.
        columns = zip(answer.on_hand[:], answer.reserved[:], answer.committed[:], strict=True)
        return [on_hand - reserved - committed for on_hand, reserved, committed in columns]

    async def _call(self, method: Method[Response], request: Message) -> Response:
        attempts = Attempts(self._retries, self._timeout_s, time.monotonic, is_repeatable=True)
        data = request.SerializeToString()
        while True:
            try:
                call = self._channel.unary_unary(method.path)
                answer: bytes = await call(data, timeout=attempts.timeout_s())
                return method.response.FromString(answer)
            except grpc.aio.AioRpcError as rpc_error:
                wait_s = attempts.wait_s(error_from_rpc(rpc_error))
            await asyncio.sleep(wait_s)


def _unknown(sku: str, location: str) -> NotFound:
    what = f"there is no stock level of {sku!r} at {location!r}"
    where = {"sku": sku, "location": location}
    return NotFound(grpc.StatusCode.NOT_FOUND, what, "UNKNOWN_STOCK_LEVEL", where)
