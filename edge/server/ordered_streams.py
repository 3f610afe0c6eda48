"""Streams of messages, worked several at a time and answered in their order.

Reading and answering are two tasks, so that a sender can be ahead of his answers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS

from ..wire import faults
from ..wire.faults import Fault
from .admission import Admission, expect

#: Messages of one stream that may wait for their journal entry at once. Enough to keep the journal
#: busy while the next is on the wire; a faster sender meets gRPC's flow control.
STREAM_PLACES = 8

Posted = tuple[Command, "asyncio.Future[Outcome]"]


@dataclass(frozen=True, slots=True)
class _Stream:
    """What was posted and waits for its answer, in order, and how much more may be posted."""

    posted: "asyncio.Queue[Posted | Exception | None]" = field(default_factory=asyncio.Queue)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STREAM_PLACES))


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
        read: Callable[[Any], Command],
        write: Callable[[Any, Any], Message],
    ) -> AsyncIterator[Message]:
        """Post messages as they come; yield the answer to each, in order, once it is durable."""
        stream = _Stream()
        reader = asyncio.create_task(self._post_all(requests, read, stream))
        self._readers.add(reader)
        try:
            while (posted := await stream.posted.get()) is not None:
                if isinstance(posted, Exception):
                    raise posted
                command, future = posted
                # A caller who goes away cancels what he waits for, and the engine drops a command
                # whose future is cancelled: messages posted behind it would count without it.
                outcome = await asyncio.shield(future)
                yield write(command, expect(OPERATIONS[type(command)], outcome))
                for _ in range(_places_of(command)):
                    stream.places.release()
        finally:
            self._readers.discard(reader)
            reader.cancel()

    async def _post_all(
        self, requests: AsyncIterator[Any], read: Callable[[Any], Command], stream: _Stream
    ) -> None:
        """Post each message. A malformed one ends the stream, after the answers before it."""
        last: asyncio.Future[Outcome] | None = None
        try:
            async for request in requests:
                command = read(request)
                for _ in range(_places_of(command)):
                    await stream.places.acquire()
                last = await self._post_patiently(command, last)
                stream.posted.put_nowait((command, last))
            stream.posted.put_nowait(None)
        except asyncio.CancelledError:
            stream.posted.put_nowait(faults.draining())
        except Exception as error:  # noqa: BLE001 - whatever it is, `answer` raises it
            stream.posted.put_nowait(error)

    async def _post_patiently(
        self, command: Command, last: "asyncio.Future[Outcome] | None"
    ) -> "asyncio.Future[Outcome]":
        """Post a command. When the mailbox is full, wait for the stream's own commands in it first.

        A refusal would end the stream; waiting slows the sender down instead.
        """
        while True:
            try:
                return self.admission.post(command)
            except Fault as fault:
                if fault.code is not grpc.StatusCode.RESOURCE_EXHAUSTED or not last or last.done():
                    raise
                await asyncio.wait((last,))


def _places_of(command: Command) -> int:
    """How many of its stream's places a message takes.

    One that the engine may still refuse with a fault takes all of them: were a later message
    recorded before that, the sender, who numbers his events, could not send the failed one again.
    """
    return STREAM_PLACES if OPERATIONS[type(command)].may_fault else 1
