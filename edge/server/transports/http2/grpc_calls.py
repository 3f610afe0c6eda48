"""A call under way: what its caller sends goes to an endpoint, and the answers come back.

A unary call is a coroutine without a task; a stream has one.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, Protocol

import grpc

from ....wire import faults
from ...call_status import CallStatus
from ...context import CallContext
from ...endpoints import Endpoint
from ...lane_call import LaneCall
from ...methods import Kind
from ...taskless import Driven
from .grpc_fields import Fields, trailers_of, trailers_ok
from .grpc_messages import CUT_BYTES, MessageReader, Parts
from .grpc_requests import OneRequest, Requests, RequestStream

#: What it weighs in a round to end a call that is under way: its work is cancelled, which for a
#: stream is several nested coroutines.
LEAVE_BYTES: Final = 1 << 10

Work = Driven[bytes] | LaneCall


class Stream(Protocol):
    """The stream of HTTP/2 that a call has."""

    def send(self, message: bytes) -> None:
        """Send a message after those before it."""

    async def wait_room(self) -> None:
        """Wait until its caller has taken most of what was sent."""

    def end(self, trailers: Fields) -> None:
        """End it, after what was sent."""

    def take(self) -> None:
        """Let its caller send as much again as it has."""

    @property
    def in_round(self) -> Callable[[Callable[[], int]], None]:
        """Takes work that is to be done when it is its connection's turn; it returns its bytes."""


class Call:
    """A call of any kind: it has a deadline, and one end."""

    __slots__ = (
        "_context", "_deadline", "_endpoint", "_is_over", "_loop", "_reader", "_requests",
        "_stream", "_work",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stream: Stream,
        endpoint: Endpoint,
        context: CallContext,
        message_bytes_max: int,
        parts: Parts,
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._endpoint = endpoint
        self._context = context
        self._reader = MessageReader(message_bytes_max, parts)
        self._is_over = False
        self._work: Work | asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        if context.deadline_s is not None:
            self._deadline = loop.call_at(context.deadline_s, self.end_late)
        self._requests = self._requests_of(endpoint.kind)

    def __repr__(self) -> str:
        return f"<Call {self._endpoint.name}>"

    def hear(self, data: bytes, *, is_last: bool) -> int:
        """Take what the caller sends; return what that weighed, with the bytes of a message that
        was handled at once. What comes after the call's end is passed over.
        """
        if self._is_over:
            self._stream.take()
            return 0
        weight = 0
        try:
            messages = self._reader.feed(data)
            weight = CUT_BYTES * len(messages)
            self._requests.add(messages)
            if is_last:
                self._check_whole()
                weight += self._requests.end()
        except CallStatus as status:
            self.fail(status)
        return weight

    def leave(self) -> int:
        """Nobody waits for its end any more. Return what it weighs to end it now."""
        if self._is_over:
            return 0
        self._stop()
        return LEAVE_BYTES

    def end_late(self) -> None:
        """Its time is over. Thousands may end at once, so that each waits for its round."""
        self._stream.in_round(self._fail_late)

    def fail(self, status: CallStatus) -> None:
        """End it with a status, whatever it is doing; not if it has ended."""
        if not self._is_over:
            self._stop()
            self._stream.end(trailers_of(status, self._context.log_id))
            self._stream.take()

    def _requests_of(self, kind: Kind) -> Requests:
        """What takes in what the caller says. A method that takes a stream begins at once."""
        take = self._stream.take
        if kind is Kind.UNARY:
            return OneRequest(take, self._answer)
        if kind is Kind.SERVER_STREAM:
            return OneRequest(take, self._answer_with_stream)
        requests = RequestStream(take, self._stream.in_round)
        self._answer_with_stream(requests.each())
        return requests

    def _check_whole(self) -> None:
        if not self._reader.is_empty():
            message = "the caller ended in the midst of a message"
            raise CallStatus(grpc.StatusCode.INTERNAL, message, b"", None)

    def _answer(self, message: bytes) -> None:
        work = self._endpoint.unary_call(self._loop, message, self._context, self._end_with_answer)
        self._work = work
        work.start()

    def _end_with_answer(self, answer: bytes | None, error: BaseException | None) -> None:
        if answer is not None and not self._is_over:
            self._stream.send(answer)
        self._end(error)

    def _answer_with_stream(self, asked: Any) -> None:
        """Send each answer to a message or to an iterator of them, and then the end."""
        answers = self._endpoint.respond(asked, self._context)
        task = self._loop.create_task(self._send_each(answers))
        self._work = task
        task.add_done_callback(self._task_ended)

    async def _send_each(self, answers: AsyncGenerator[bytes, None]) -> None:
        """As fast as they are taken."""
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

    def _fail_late(self) -> int:
        self.fail(CallStatus.of(faults.deadline_exceeded()))
        return LEAVE_BYTES

    def _stop(self) -> None:
        self._finish()
        if self._work is not None:
            self._work.cancel()

    def _finish(self) -> None:
        self._is_over = True
        self._reader.drop()
        if self._deadline is not None:
            self._deadline.cancel()
