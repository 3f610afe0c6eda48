"""Stock levels as the coalescer sees them: handles by name, availability by handle.

Rules of this file: these calls are unary and run alongside the stream, sent as the client sends all
others. What is asked at the same time shares a request, and handles are remembered.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

import grpc

from holdfast.v1 import availability_service_pb2 as availability

from .calls import Call, resolve_stock_levels
from .errors import HoldfastError, InvalidArgument, NotFound
from .lookups import Lookups
from .methods import BATCH_GET_AVAILABILITY
from .parameters import text

#: The reason of an error: a handle was given out by another data directory, as before a restore.
OTHER_TIMELINE: Final = "OTHER_TIMELINE"

#: SKU and location.
Name: TypeAlias = tuple[str, str]
#: Sends a call, with retries, and returns its response.
Send: TypeAlias = Callable[[Call[Any]], Coroutine[Any, Any, Any]]


class StockLevels:
    """The stock levels of the node that `send` reaches."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._handles: dict[Name, int] = {}
        self.timelines = 0
        """How often all handles were forgotten."""
        self._resolving = Lookups(self._resolve)
        self._reading = Lookups(self._read)

    def known(self, sku: str, location: str) -> int | None:
        """The handle of a stock level, if it was found before: `handle` without waiting."""
        try:
            return self._handles.get((sku, location))
        except TypeError:  # it cannot be a key; `handle` says what it should be
            return None

    async def handle(self, sku: str, location: str) -> int:
        """The handle of a stock level.

        Raises NotFound if there is no such level, InvalidArgument if a name is malformed, and
        TypeError or ValueError if it is not text.
        """
        # Bad text fails its caller alone.
        name = (text("sku", sku), text("location", location))
        if handle := self._handles.get(name):
            return handle
        answer = await self._resolving.find(name)
        if isinstance(answer, HoldfastError):
            raise answer
        if not answer:
            raise _unknown(sku, location)
        self._handles[name] = answer
        return answer

    def forget(self, sku: str, location: str, handle: int) -> None:
        """Resolve this handle anew next time: its SKU may have ended, and be created again."""
        if self._handles.get((sku, location)) == handle:
            del self._handles[sku, location]

    def forget_all(self, timelines: int) -> None:
        """Resolve all handles anew that were found when `timelines` was this: another data
        directory gave them out.
        """
        if timelines == self.timelines:
            self._handles.clear()
            self.timelines += 1

    async def available(self, sku: str, location: str) -> int:
        """Units that can still be promised; negative where promises exceed supply. Raises as
        `handle` does.
        """
        timelines = self.timelines
        try:
            return await self._available(sku, location)
        except HoldfastError as error:
            if error.reason != OTHER_TIMELINE:
                raise
        self.forget_all(timelines)
        return await self._available(sku, location)

    async def _available(self, sku: str, location: str) -> int:
        handle = await self.handle(sku, location)
        if (units := await self._reading.find(handle)) is not None:
            return units
        self.forget(sku, location, handle)
        if handle == (now := await self.handle(sku, location)):
            return 0
        return await self._reading.find(now) or 0

    async def close(self) -> None:
        """Fail everyone who is still waiting."""
        await self._resolving.close()
        await self._reading.close()

    async def _resolve(self, names: Sequence[Name]) -> Sequence[int | HoldfastError]:
        try:
            answer = await self._send(resolve_stock_levels(names))
        except InvalidArgument as error:
            if len(names) == 1:
                return [error]
            # A malformed name must not fail the others: find it by halves.
            middle = len(names) // 2
            return [*await self._resolve(names[:middle]), *await self._resolve(names[middle:])]
        handles: Sequence[int] = answer.handles
        return handles

    async def _read(self, handles: Sequence[int]) -> Sequence[int | None]:
        """What is available at each handle; None where there is nothing at all, which is also what
        the node says of a SKU that has ended.
        """
        request = availability.BatchGetAvailabilityRequest(stock_levels=handles)
        answer = await self._send(Call(BATCH_GET_AVAILABILITY, request))
        # Slices are lists, which iterate faster than protobuf's own sequences.
        columns = (answer.on_hand[:], answer.reserved[:], answer.committed[:], answer.available[:])
        return [
            available if on_hand or reserved or committed else None
            for on_hand, reserved, committed, available in zip(*columns, strict=True)
        ]


def _unknown(sku: str, location: str) -> NotFound:
    what = f"there is no stock level of {sku!r} at {location!r}"
    where = {"sku": sku, "location": location}
    return NotFound(grpc.StatusCode.NOT_FOUND, what, "UNKNOWN_STOCK_LEVEL", where)
