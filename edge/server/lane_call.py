"""A unary call that waits for a turn with others and needs no coroutine while it waits. If the lane
answers it, what it costs is reading, deciding and answering.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from .context import CallContext
from .taskless import Driven

OnEnd = Callable[[bytes | None, BaseException | None], None]
"""Is given the answer's bytes, or the exception that the call ended with."""


class Encodable(Protocol):
    """An answer, which may be encoded already."""

    @property
    def outcome(self) -> Any:
        """What became of it, as the wire has it."""

    def SerializeToString(self) -> bytes:
        """Its bytes."""


class Lane(Protocol):
    """Where calls wait for a turn together."""

    def take(self, call: "LaneCall") -> None:
        """Let a call wait. Raises a `Fault` when too many do."""


class LaneMethod(NamedTuple):
    """What all calls of one method share."""

    lane: Lane
    admit: Callable[[CallContext], None]
    """Raises the `Fault` with which a call is refused unread."""
    alone: Callable[[bytes, CallContext, float], Awaitable[bytes]]
    """Serves a call that the lane can't; takes the time at which it began."""
    ended: Callable[[Encodable | Exception | None, float, CallContext], BaseException]
    """Counts a call that has ended (None: its caller left); returns the exception for the
    transport.
    """
    clock: Callable[[], float]
    loop: asyncio.AbstractEventLoop


class LaneCall:
    """One call of such a method."""

    __slots__ = ("_method", "_on_end", "_rest", "_started", "context", "has_ended", "request")

    def __init__(
        self, method: LaneMethod, request: bytes, context: CallContext, on_end: OnEnd
    ) -> None:
        self.request = request
        self.context = context
        self.has_ended = False
        self._method = method
        self._on_end = on_end
        self._started = method.clock()
        self._rest: Driven[bytes] | None = None

    def start(self) -> None:
        """Let it wait, or end it when it is refused."""
        try:
            self._method.admit(self.context)
            self._method.lane.take(self)
        except Exception as error:  # noqa: BLE001 - it is handed on, as the status that it becomes
            self.end(error)

    def cancel(self) -> None:
        """Let it end: its caller has left."""
        if self._rest is not None:
            self._rest.cancel()
        else:
            self.end(None)

    def answer(self, answer: Encodable | None) -> None:
        """End it with what the lane answers; None lets it go on alone."""
        if self.has_ended:
            return
        if answer is None:
            alone: Any = self._method.alone(self.request, self.context, self._started)
            self._rest = Driven(self._method.loop, alone, self._on_end)
            self._rest.start()
            return
        self.has_ended = True
        self._method.ended(answer, self._started, self.context)
        self._on_end(answer.SerializeToString(), None)

    def end(self, error: Exception | None) -> None:
        """End it with an exception, or with none because its caller has left. One that has ended
        or goes on alone stays as it is.
        """
        if self.has_ended or self._rest is not None:
            return
        self.has_ended = True
        self._on_end(None, self._method.ended(error, self._started, self.context))


async def answered(method: LaneMethod, request: bytes, context: CallContext) -> bytes:
    """The answer to a call, for a transport that has a task for it. Raises what it ends with."""
    future: asyncio.Future[bytes] = method.loop.create_future()

    def end(answer: bytes | None, error: BaseException | None) -> None:
        if future.done():
            return  # its caller has left
        if error is not None:
            future.set_exception(error)
        else:
            assert answer is not None
            future.set_result(answer)

    call = LaneCall(method, request, context, end)
    call.start()
    try:
        return await future
    except asyncio.CancelledError:
        call.cancel()
        raise
