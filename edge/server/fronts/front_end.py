"""The front's end of the connection: calls go out as frames, and the engine's frames end them.

Its endpoints look like the engine's, so that a transport serves either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor

from ...wire import faults
from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..methods import Kind, endpoint_name, kind_of
from .frames import (
    Frame,
    FrameReader,
    FrameWriter,
    What,
    pack_call,
    unpack_seconds,
    unpack_status,
)
from .unanswered import StreamWindow, Unanswered

#: Calls that a front has under way, as many streams besides, and bytes that wait for the
#: engine: with more, calls are refused here, and cost the engine nothing. Streams may stay for
#: ever: counted with other calls, those of one caller could keep all others out.
CALLS_MAX: Final = 10_000
UNSENT_BYTES_MAX: Final = 64 << 20

_NUMBER_MAX: Final = (1 << 32) - 1


class FrontEnd(asyncio.Protocol):
    """Carries calls to the engine and answers back."""

    def __init__(
        self,
        on_serving: Callable[[bool], None],
        on_stop: Callable[[float], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_serving = on_serving
        self._on_stop = on_stop
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._number = 0
        self._unary: dict[int, asyncio.Future[bytes]] = {}
        self._streams: dict[int, _Stream] = {}
        self._unanswered = Unanswered()

    def __repr__(self) -> str:
        return f"<FrontEnd, {len(self._unary)} calls and {len(self._streams)} streams>"

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio, with an asyncio.Transport; uvloop's are of no such class."""
        self._writer = FrameWriter(transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._frames.feed(data)
        while (frame := self._frames.next()) is not None:
            self._do(frame)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by asyncio: the engine has ended."""
        self._on_lost()

    def endpoints(self, descriptors: Iterable[MethodDescriptor]) -> Iterable[Endpoint]:
        """An endpoint of each method that asks the engine."""
        for method, descriptor in enumerate(descriptors):
            kind = kind_of(descriptor)
            if kind is Kind.UNARY:
                respond: Any = partial(self._ask, method)
            elif kind is Kind.SERVER_STREAM:
                respond = partial(self._ask_once, method)
            else:
                respond = partial(self._ask_on, method)
            yield Endpoint(endpoint_name(descriptor), kind, respond)

    def send_listening(self) -> None:
        """Say that the port is open."""
        self._writer.send(What.LISTENS, 0)

    def _do(self, frame: Frame) -> None:
        what, number, body = frame
        if what == What.SERVING:
            self._on_serving(bool(body[0]))
        elif what == What.STOP:
            self._on_stop(unpack_seconds(body))
        elif what == What.PING:
            self._writer.send(What.PONG, 0)
        elif number in self._unary:
            self._answer(self._unary[number], what, body)
        elif number in self._streams:
            self._streams[number].hear(what, body)

    def _answer(self, future: "asyncio.Future[bytes]", what: int, body: bytes) -> None:
        if future.done():
            return  # its caller went away
        if what == What.ANSWER:
            future.set_result(body)
        else:
            future.set_exception(unpack_status(body))

    async def _ask(self, method: int, data: bytes, context: CallContext) -> bytes:
        number = self._begin(method, context, data, len(self._unary))
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._unary[number] = future
        try:
            return await future
        except asyncio.CancelledError:
            self._writer.send(What.CANCEL, number)
            raise
        finally:
            del self._unary[number]

    async def _ask_once(
        self, method: int, data: bytes, context: CallContext
    ) -> AsyncIterator[bytes]:
        number = self._begin(method, context, data, len(self._streams))
        stream = self._streams[number] = _Stream(number, self._writer, self._unanswered)
        try:
            async for answer in stream.answers():
                yield answer
        finally:
            stream.leave()
            del self._streams[number]

    async def _ask_on(
        self, method: int, requests: AsyncIterator[bytes], context: CallContext
    ) -> AsyncIterator[bytes]:
        number = self._begin(method, context, b"", len(self._streams))
        stream = self._streams[number] = _Stream(number, self._writer, self._unanswered)
        sending = asyncio.create_task(stream.send_all(requests))
        try:
            async for answer in stream.answers():
                yield answer
        finally:
            sending.cancel()
            stream.leave()
            del self._streams[number]

    def _begin(self, method: int, context: CallContext, data: bytes, under_way: int) -> int:
        """Send a call, and return its number. Raises a `CallStatus` when there are too many."""
        if under_way >= CALLS_MAX or self._writer.unsent_bytes() > UNSENT_BYTES_MAX:
            raise CallStatus.of(faults.overloaded_by(f"{under_way} calls under way at this front"))
        self._count_on()
        self._writer.send(What.CALL, self._number, pack_call(method, context, data))
        return self._number

    def _count_on(self) -> None:
        """Take the next number. A stream may still have one of four billion calls ago."""
        self._number = self._number % _NUMBER_MAX + 1
        while self._number in self._streams:
            self._number = self._number % _NUMBER_MAX + 1


class _Stream:
    """A stream under way: answers that its caller has not taken, and messages without answer."""

    def __init__(self, number: int, writer: FrameWriter, unanswered: Unanswered) -> None:
        self._number = number
        self._writer = writer
        self._is_open = True
        self._heard: asyncio.Queue[bytes | CallStatus | None] = asyncio.Queue()
        self._window = StreamWindow(unanswered)

    def hear(self, what: int, body: bytes) -> None:
        """Take what the engine says."""
        if what == What.MESSAGE:
            self._heard.put_nowait(body)
        else:
            self._is_open = False
            self._heard.put_nowait(unpack_status(body) if what == What.STATUS else None)

    async def answers(self) -> AsyncIterator[bytes]:
        """What the engine answers, until it ends the stream. Raises the `CallStatus` of that."""
        while (answer := await self._heard.get()) is not None:
            if isinstance(answer, CallStatus):
                raise answer
            yield answer
            self._window.give_back()
            self._writer.send(What.TAKEN, self._number)

    async def send_all(self, requests: AsyncIterator[bytes]) -> None:
        """Send what the caller sends, as fast as it is taken."""
        try:
            async for data in requests:
                await self._window.take(len(data))
                self._writer.send(What.MESSAGE, self._number, data)
        except CallStatus as refused:
            self._heard.put_nowait(refused)
        else:
            self._writer.send(What.END, self._number)

    def leave(self) -> None:
        """Say that nobody waits any more, unless the engine ended the stream."""
        self._window.close()
        if self._is_open:
            self._writer.send(What.CANCEL, self._number)
