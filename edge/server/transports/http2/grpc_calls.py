"""Calls under way: what their caller sends goes to an endpoint, and its answers to him.

A unary call is a coroutine without a task; a stream has one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, Protocol

import grpc

from ....wire import faults
from ...call_status import CallStatus
from ...context import CallContext
from ...endpoints import Endpoint, Kind
from ...lane_call import LaneCall
from ...taskless import Driven
from .grpc_fields import Fields, trailers_of, trailers_ok
from .grpc_messages import MessageReader

Work = Driven[bytes] | LaneCall


class Stream(Protocol):
    """The stream of HTTP/2 that a call has."""

    def send(self, message: bytes) -> None:
        """Send a message behind those before it."""

    async def wait_room(self) -> None:
        """Wait until its caller has taken most of what was sent."""

    def end(self, trailers: Fields) -> None:
        """End it, behind what was sent."""

    def take(self) -> None:
        """Let its caller send as much again as he has."""


class Call:
    """What calls of every kind have: a deadline, and one end."""

    __slots__ = (
        "_context", "_deadline", "_endpoint", "_is_over", "_loop", "_reader", "_stream", "_work",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stream: Stream,
        endpoint: Endpoint,
        context: CallContext,
        message_bytes_max: int,
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._endpoint = endpoint
        self._context = context
        self._reader = MessageReader(message_bytes_max)
        self._is_over = False
        self._work: Work | asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        if context.deadline_s is not None:
            self._deadline = loop.call_at(context.deadline_s, self._end_late)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoint.name}>"

    def hear(self, data: bytes, *, is_last: bool) -> None:
        """Take what the caller sends. What comes behind the call's end is passed over."""
        if self._is_over:
            self._stream.take()
            return
        try:
            self._hear(self._reader.feed(data))
            if is_last:
                self._hear_end()
        except CallStatus as status:
            self.fail(status)

    def leave(self) -> None:
        """Nobody waits for its end any more."""
        if not self._is_over:
            self._stop()

    def fail(self, status: CallStatus) -> None:
        """End it with a status, whatever it is doing; not if it has ended."""
        if not self._is_over:
            self._stop()
            self._stream.end(trailers_of(status, self._context.log_id))
            self._stream.take()

    def _hear(self, messages: list[bytes]) -> None:
        """Take messages that are whole now. Raises a `CallStatus` when they are too many."""
        raise NotImplementedError

    def _hear_end(self) -> None:
        """The caller has said all. Raises a `CallStatus` when something is missing."""
        if not self._reader.is_empty():
            message = "the caller ended in the midst of a message"
            raise CallStatus(grpc.StatusCode.INTERNAL, message, b"", None)

    def _send_all(self, answers: AsyncGenerator[bytes, None]) -> None:
        """Send each answer, as fast as they are taken, and then the end."""
        task = self._loop.create_task(self._send_each(answers))
        self._work = task
        task.add_done_callback(self._task_ended)

    async def _send_each(self, answers: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(answers):
            async for answer in answers:
                self._stream.send(answer)
                await self._stream.wait_room()

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        self._end(asyncio.CancelledError() if task.cancelled() else task.exception())

    def _end(self, error: BaseException | None) -> None:
        """The endpoint has ended; when the call has before, nobody waits for how."""
        if self._is_over:
            return
        self._finish()
        status = CallStatus.of_end(error)
        correlation = self._context.log_id
        self._stream.end(
            trailers_ok(correlation) if status is None else trailers_of(status, correlation)
        )
        self._stream.take()

    def _end_late(self) -> None:
        self.fail(CallStatus.of(faults.deadline_exceeded()))

    def _stop(self) -> None:
        self._finish()
        if self._work is not None:
            self._work.cancel()

    def _finish(self) -> None:
        self._is_over = True
        if self._deadline is not None:
            self._deadline.cancel()


class UnaryCall(Call):
    """A message for a message."""

    __slots__ = ("_message",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._message: bytes | None = None

    def _hear(self, messages: list[bytes]) -> None:
        self._stream.take()
        for message in messages:
            if self._message is not None:
                raise _cardinality("more than one")
            self._message = message

    def _hear_end(self) -> None:
        super()._hear_end()
        if self._message is None:
            raise _cardinality("none")
        self._begin(self._message)

    def _begin(self, message: bytes) -> None:
        """Let the endpoint work: the caller has said all."""
        endpoint, context, on_end = self._endpoint, self._context, self._end_with_answer
        work: Work = (
            Driven(self._loop, endpoint.respond(message, context), on_end)
            if endpoint.begin is None
            else endpoint.begin(message, context, on_end)
        )
        self._work = work
        work.start()

    def _end_with_answer(self, answer: bytes | None, error: BaseException | None) -> None:
        if answer is not None and not self._is_over:
            self._stream.send(answer)
        self._end(error)


class ServerStreamCall(UnaryCall):
    """A stream for a message."""

    __slots__ = ()

    def _begin(self, message: bytes) -> None:
        self._send_all(self._endpoint.respond(message, self._context))


class BothStreamCall(Call):
    """A stream for a stream. The endpoint begins at once."""

    __slots__ = ("_has_said_all", "_heard", "_news")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._heard: deque[bytes] = deque()
        self._has_said_all = False
        self._news = asyncio.Event()
        self._send_all(self._endpoint.respond(self._requests(), self._context))

    def _hear(self, messages: list[bytes]) -> None:
        self._heard += messages
        self._news.set()
        self._take_on()

    def _hear_end(self) -> None:
        super()._hear_end()
        self._has_said_all = True
        self._news.set()

    async def _requests(self) -> AsyncIterator[bytes]:
        """What its caller sends, until he has said all."""
        while True:
            while self._heard:
                message = self._heard.popleft()
                self._take_on()
                yield message
            if self._has_said_all:
                return
            self._news.clear()
            await self._news.wait()

    def _take_on(self) -> None:
        """Let the caller go on, unless a message of his waits to be taken. A part of one does not
        count: more of it has to come.
        """
        if not self._heard:
            self._stream.take()


def _cardinality(count: str) -> CallStatus:
    """The method takes one message (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
    message = f"the method takes one message, and {count} came"
    return CallStatus(grpc.StatusCode.UNIMPLEMENTED, message, b"", None)


#: What a call of each kind is.
CALLS: Final[dict[Kind, type[Call]]] = {
    Kind.UNARY: UnaryCall,
    Kind.SERVER_STREAM: ServerStreamCall,
    Kind.BOTH_STREAM: BothStreamCall,
}
