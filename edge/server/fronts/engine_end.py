"""The engine's end of the connection to one front: calls come in as frames, and are handled here.

A unary call runs without a task; a stream has one. When the connection ends, so do its calls, as if
their callers had gone away.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final, Protocol

from ..call_status import CallStatus
from ..context import CallContext
from ..endpoints import Endpoint
from ..methods import Kind
from .frames import (
    STREAM_WINDOW,
    Frame,
    FrameReader,
    FrameWriter,
    What,
    pack_seconds,
    pack_status,
    unpack_call,
)

#: Frames that are handled in one round of the loop, and bytes of them after which the round ends: a
#: flood at one front must not keep the loop from all others. A Reserve of 2,000 lines has 80 KB or
#: more and takes some milliseconds to read, so the next frame waits for the next round.
FRAMES_A_ROUND: Final = 64
BYTES_A_ROUND: Final = 1 << 16


class Call(Protocol):
    """A call under way, which can be cancelled."""

    def cancel(self) -> object:
        """Let it end where it waits."""


class EngineEnd(asyncio.Protocol):
    """Handles the calls of one front."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.is_listening = asyncio.Event()
        """Set when the front has opened its port."""
        self.has_ended = asyncio.Event()
        """Set when the connection has."""
        self._endpoints = endpoints
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._calls: dict[int, Call] = {}
        self._streams: dict[int, _Stream] = {}
        self._is_working = False
        self._was_heard = False

    def __repr__(self) -> str:
        return f"<EngineEnd, {len(self._calls)} calls>"

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio, with an asyncio.Transport; uvloop's are of no such class."""
        self._transport = transport
        self._writer = FrameWriter(transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._was_heard = True
        self._frames.feed(data)
        if not self._is_working:
            self._work()

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by asyncio: the front has ended."""
        for call in tuple(self._calls.values()):
            call.cancel()
        self.has_ended.set()

    def set_serving(self, *, is_serving: bool) -> None:
        """Let the front's health say so."""
        self._writer.send(What.SERVING, 0, bytes([is_serving]))

    def ping(self) -> bool:
        """Ask the front whether it is there; return whether it said anything since the last time,
        or did and the engine is behind with it.
        """
        was_heard, self._was_heard = self._was_heard or self._is_working, False
        self._writer.send(What.PING, 0)
        return was_heard

    def stop(self, grace_s: float) -> None:
        """Let the front end, after that long or when it has nothing to do."""
        self._writer.send(What.STOP, 0, pack_seconds(grace_s))

    def _work(self) -> None:
        if self._transport.is_closing():
            return  # nobody waits for what is left
        left = BYTES_A_ROUND
        for _ in range(FRAMES_A_ROUND):
            frame = self._frames.next()
            if frame is None:
                if self._is_working:
                    self._is_working = False
                    self._transport.resume_reading()
                return
            self._do(frame)
            left -= len(frame.body)
            if left < 0:
                break
        if not self._is_working:
            self._is_working = True
            self._transport.pause_reading()
        self._loop.call_soon(self._work)

    def _do(self, frame: Frame) -> None:
        """What a frame asks. One about a call that has ended crossed its end on the way."""
        what, number, body = frame
        if what == What.CALL:
            self._begin(number, *unpack_call(body))
        elif what == What.LISTENS:
            self.is_listening.set()
        elif what == What.CANCEL:
            if number in self._calls:
                self._calls[number].cancel()
        elif number in self._streams:
            self._streams[number].hear(what, body)

    def _begin(self, number: int, method: int, context: CallContext, data: bytes) -> None:
        endpoint = self._endpoints[method]
        if endpoint.kind is Kind.UNARY:
            call = endpoint.unary_call(self._loop, data, context, partial(self._ended, number))
            self._calls[number] = call
            call.start()
            return
        stream = _Stream(number, self._writer)
        self._streams[number] = stream
        asked = stream.requests() if endpoint.kind is Kind.BOTH_STREAM else data
        task = self._loop.create_task(stream.send_all(endpoint.respond(asked, context)))
        self._calls[number] = task
        task.add_done_callback(partial(self._stream_ended, number))

    def _ended(self, number: int, answer: bytes | None, error: BaseException | None) -> None:
        del self._calls[number]
        if answer is not None:
            self._writer.send(What.ANSWER, number, answer)
        else:
            self._send_failure(number, error)

    def _stream_ended(self, number: int, task: "asyncio.Task[None]") -> None:
        del self._calls[number]
        del self._streams[number]
        if task.cancelled():
            return
        if task.exception() is None:
            self._writer.send(What.END, number)
        else:
            self._send_failure(number, task.exception())

    def _send_failure(self, number: int, error: BaseException | None) -> None:
        """Send the status. Nobody waits for that of a cancelled call."""
        if isinstance(error, asyncio.CancelledError):
            return
        status = CallStatus.of_end(error)
        assert status is not None, "it has failed"
        self._writer.send(What.STATUS, number, pack_status(status))


class _Stream:
    """A stream under way: what its caller sent and its method has not taken, as much as its front
    lets through, and how many answers may be sent before its caller has taken some.
    """

    def __init__(self, number: int, writer: FrameWriter) -> None:
        self._number = number
        self._writer = writer
        self._sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._window = asyncio.Semaphore(STREAM_WINDOW)

    def hear(self, what: int, body: bytes) -> None:
        """Take what its front says."""
        if what == What.TAKEN:
            self._window.release()
        else:
            self._sent.put_nowait(body if what == What.MESSAGE else None)

    async def requests(self) -> AsyncIterator[bytes]:
        """What its caller sends, to the end."""
        while (data := await self._sent.get()) is not None:
            yield data

    async def send_all(self, answers: AsyncIterator[bytes]) -> None:
        """Send each answer, as fast as they are taken."""
        async for answer in answers:
            await self._window.acquire()
            self._writer.send(What.MESSAGE, self._number, answer)
