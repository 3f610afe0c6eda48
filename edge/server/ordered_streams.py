"""Streams of messages, handled several at a time and answered in their order.

Reading and answering are two tasks, so that a sender can be ahead of its answers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS

from ..wire import faults
from ..wire.faults import Fault
from .admission import Admission
from .context import CallContext

#: Messages of one stream that may wait for their journal entry at once. Enough to keep the journal
#: busy while the next is on the wire; a faster sender meets gRPC's flow control.
STREAM_PLACES = 8


@dataclass(frozen=True, slots=True)
class _Message:
    """A message of which the answer is due, or what is wrong with it; until then it takes `places`
    of its stream.
    """

    request: Any
    command: Command | Fault
    places: int
    posted: "asyncio.Future[Outcome] | Fault"


@dataclass(frozen=True, slots=True)
class _Stream:
    """What waits for its answer, in order, and how much more may be posted."""

    context: CallContext
    messages: "asyncio.Queue[_Message | BaseException | None]" = field(
        default_factory=asyncio.Queue
    )
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STREAM_PLACES))

    async def take(self, places: int) -> None:
        """Wait until so many places are free, and take them."""
        for _ in range(places):
            await self.places.acquire()

    def give_back(self, places: int) -> None:
        """Free places."""
        for _ in range(places):
            self.places.release()


class OrderedStreams:
    """All open streams of a node."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._readers: set[asyncio.Task[None]] = set()

    def end(self) -> None:
        """End every open stream, after the answers to what it has sent."""
        for reader in self._readers:
            reader.cancel()

    async def answer(
        self,
        requests: AsyncIterator[Any],
        context: CallContext,
        read: Callable[[Any], Command],
        write: Callable[[Any, Any, Any], Message],
        refuse: Callable[[Any, Fault], Message],
    ) -> AsyncIterator[Message]:
        """Post messages as they come; yield the answer to each, in order, once it is durable.

        A message that could not be parsed comes as its `Fault`. `write` makes an answer from
        request, command and outcome; `refuse` makes it from request and fault, where a message
        failed as a whole and did nothing.
        """
        stream = _Stream(context)
        reader = asyncio.create_task(self._post_all(requests, read, stream))
        # By a callback, for a task that is cancelled before its first step runs none of its code.
        reader.add_done_callback(lambda task: stream.messages.put_nowait(_end_of(task)))
        self._readers.add(reader)
        try:
            while (message := await stream.messages.get()) is not None:
                if isinstance(message, BaseException):
                    raise message
                try:
                    outcome = await self._outcome(message)
                    yield write(message.request, message.command, outcome)
                except Fault as fault:
                    self.admission.outcomes.count_failed_message(fault)
                    yield refuse(message.request, fault)
                stream.give_back(message.places)
        finally:
            self._readers.discard(reader)
            reader.cancel()

    async def _post_all(
        self, requests: AsyncIterator[Any], read: Callable[[Any], Command], stream: _Stream
    ) -> None:
        """Post each message, or hand on what is wrong with it."""
        last: asyncio.Future[Outcome] | None = None
        async for request in requests:
            command = _read(request, read)
            places = _places_of(command)
            await stream.take(places)
            posted: asyncio.Future[Outcome] | Fault
            if isinstance(command, Fault):
                posted = command
            elif not isinstance(
                posted := await self._post_patiently(command, stream.context, last), Fault
            ):
                last = posted
            stream.messages.put_nowait(_Message(request, command, places, posted))

    async def _outcome(self, message: _Message) -> Any:
        """What a message is answered. Raises the `Fault` that it failed with."""
        if isinstance(message.posted, Fault):
            raise message.posted
        # A caller who goes away cancels the future, and the engine drops a command whose future is
        # cancelled: messages posted after it would count without it.
        outcome = await asyncio.shield(message.posted)
        operation = OPERATIONS[type(message.command)]
        return self.admission.expect(operation, message.command, outcome)

    async def _post_patiently(
        self, command: Command, context: CallContext, last: "asyncio.Future[Outcome] | None"
    ) -> "asyncio.Future[Outcome] | Fault":
        """Post a command, or return why not. When the mailbox is full, wait for the stream's own
        commands in it first: that slows the sender down.
        """
        while True:
            try:
                return self.admission.post(command, context)
            except Fault as fault:
                if not faults.is_overload(fault) or not last or last.done():
                    return fault
                await asyncio.wait((last,))


def _end_of(reader: "asyncio.Task[None]") -> BaseException | None:
    """What a stream ends with: an error, or None when its caller has sent all."""
    return faults.draining() if reader.cancelled() else reader.exception()


def _read(request: Any, read: Callable[[Any], Command]) -> Command | Fault:
    """The command of a message, or what is wrong with it."""
    if isinstance(request, Fault):
        return request
    try:
        return read(request)
    except Fault as fault:
        return fault


def _places_of(command: Command | Fault) -> int:
    """How many of its stream's places a message takes.

    One that failed, or that the engine may still refuse with a fault, takes all of them: were a
    later message recorded before that, the sender, which numbers its events, could not send the
    failed one again.
    """
    if isinstance(command, Fault) or OPERATIONS[type(command)].may_fault:
        return STREAM_PLACES
    return 1
