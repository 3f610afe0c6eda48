"""The two ends of a stream: an input that may fail, and the status that the server ended with.

Rules of this file: it knows gRPC's two stacks and what they lose. Both swallow an error of the
iterator that feeds them. The asyncio stack may put an INTERNAL of its own over the server's status
while a message that is being written does not get out any more (grpc/grpc#36066).
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, Generic, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message

from .errors import HoldfastError, Unavailable, error_from_rpc

#: What the asyncio stack says when it puts its own status over the server's.
OVERWRITTEN: Final = "Internal error from Core"

#: The server's status is there already or comes with the next event; if none comes, none was sent.
STATUS_WAIT_S: Final = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class Feed(Generic[Item]):
    """The input of a stream. Its error is kept until what was sent has been acknowledged."""

    def __init__(self, to_message: Callable[[Item], Message]) -> None:
        self._to_message = to_message
        self._has_ended = False
        self._error: Exception | None = None

    async def each_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Message]:
        """The messages of the items, until those end or fail."""
        try:
            async for item in items:
                yield self._to_message(item)
        except Exception as error:  # noqa: BLE001 - raised again by check_end
            self._error = error
        self._has_ended = True

    def each(self, items: Iterable[Item]) -> Iterator[Message]:
        """The messages of the items, until those end or fail."""
        try:
            yield from map(self._to_message, items)
        except Exception as error:  # noqa: BLE001 - raised again by check_end
            self._error = error
        self._has_ended = True

    def check_end(self) -> None:
        """After the stream: raise what the items raised, or that the server ended too early."""
        if self._error is not None:
            raise self._error
        if not self._has_ended:
            raise ended_early()


class Status(NamedTuple):
    """How a stream ended, in the form of gRPC's errors."""

    end_code: grpc.StatusCode
    end_details: str | None
    end_trailer: Any

    def code(self) -> grpc.StatusCode:
        return self.end_code

    def details(self) -> str | None:
        return self.end_details

    def trailing_metadata(self) -> Any:
        return self.end_trailer


class Ending:
    """The status that the server ended a stream of the asyncio stack with, whatever gRPC puts over
    it.
    """

    def __init__(self, stream: Any) -> None:
        self._status: Status | None = None
        self._known = asyncio.Event()
        stream.add_done_callback(self._note)

    def _note(self, stream: Any) -> None:
        """Called for every status that the stream is given."""
        details = _at_once(stream.details())
        if details != OVERWRITTEN and self._status is None:
            code, trailer = _at_once(stream.code()), _at_once(stream.trailing_metadata())
            self._status = Status(code, details, trailer)
            self._known.set()

    async def error(self, rpc_error: grpc.RpcError) -> HoldfastError:
        """The error that the server meant, for one that gRPC raised."""
        if rpc_error.details() != OVERWRITTEN:
            return error_from_rpc(rpc_error)
        try:
            async with asyncio.timeout(STATUS_WAIT_S):
                await self._known.wait()
        except TimeoutError:
            return Unavailable(grpc.StatusCode.UNAVAILABLE, "the stream broke")
        assert self._status is not None
        if self._status.end_code is grpc.StatusCode.OK:
            return ended_early()
        return error_from_rpc(self._status)


def ended_early() -> HoldfastError:
    """The error where the server ended with OK before everything was acknowledged."""
    code = grpc.StatusCode.UNAVAILABLE
    return Unavailable(code, "the server ended the stream before all was sent")


def _at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine} waits")
