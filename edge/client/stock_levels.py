"""Stock levels as the coalescer knows them: handles by name, and what is available by handle.

Rules of this file: these calls are unary and travel beside the stream. What is asked in one moment
goes as one request, and a handle is asked for once.
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
    """The stock levels of a node, over a channel of it."""

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

        Raises NotFound when there is none, InvalidArgument when a name is malformed, and TypeError
        or ValueError when it is no text.
        """
        name = (sku, location)
        if handle := self._handles.get(name):
            return handle
        availability.StockLevelName(sku=sku, location=location)  # what is no text, fails alone
        answer = await self._resolving.find(name)
        if isinstance(answer, HoldfastError):
            raise answer
        if not answer:
            raise _unknown(sku, location)
        self._handles[name] = answer
        return answer

    def forget(self, sku: str, location: str) -> None:
        """Ask for the handle again next time: the SKU has ended, and may come again."""
        self._handles.pop((sku, location), None)

    async def available(self, handle: int) -> int:
        """Units that can still be promised; negative where promises exceed supply."""
        return await self._reading.find(handle)

    async def close(self) -> None:
        """Tell everybody who waits."""
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
            # A malformed name must not touch the others.
            middle = len(names) // 2
            return [*await self._resolve(names[:middle]), *await self._resolve(names[middle:])]
        return answer.handles

    async def _read(self, handles: Sequence[int]) -> Sequence[int]:
        request = availability.BatchGetAvailabilityRequest(stock_levels=handles)
        answer = await self._call(BATCH_GET_AVAILABILITY, request)
        # Slices are lists, which are quicker to walk than protobuf's own sequences.
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
