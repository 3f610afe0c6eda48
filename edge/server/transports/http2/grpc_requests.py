"""What a caller says to a method: one message, or a stream of them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import grpc

from ...call_status import CallStatus


class Requests(Protocol):
    """What a caller says. Both methods raise the `CallStatus` that it deserves."""

    def add(self, messages: list[bytes]) -> None:
        """Have messages that are whole now, and let him go on when it is time."""

    def end(self) -> None:
        """He has said all."""


class OneRequest:
    """A message, with which its method begins when the caller has said all."""

    __slots__ = ("_begin", "_message", "_take")

    def __init__(self, take: Callable[[], None], begin: Callable[[bytes], None]) -> None:
        """`take` lets the caller send as much again as he has."""
        self._take = take
        self._begin = begin
        self._message: bytes | None = None

    def add(self, messages: list[bytes]) -> None:
        """Raises a `CallStatus` for a second one."""
        self._take()
        for message in messages:
            if self._message is not None:
                raise _cardinality("more than one")
            self._message = message

    def end(self) -> None:
        """Raises a `CallStatus` when there was none."""
        if self._message is None:
            raise _cardinality("none")
        self._begin(self._message)


class RequestStream:
    """Messages that wait until their method takes them."""

    __slots__ = ("_has_ended", "_news", "_take", "_waiting")

    def __init__(self, take: Callable[[], None]) -> None:
        """`take` lets the caller send as much again as he has."""
        self._take = take
        self._waiting: deque[bytes] = deque()
        self._has_ended = False
        self._news = asyncio.Event()

    def add(self, messages: list[bytes]) -> None:
        """Have them wait."""
        self._waiting += messages
        self._news.set()
        self._take_unless_one_waits()

    def end(self) -> None:
        """No more will come."""
        self._has_ended = True
        self._news.set()

    async def each(self) -> AsyncIterator[bytes]:
        """All of them, until the caller has said all."""
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                self._take_unless_one_waits()
                yield message
            if self._has_ended:
                return
            self._news.clear()
            await self._news.wait()

    def _take_unless_one_waits(self) -> None:
        """A part of a message does not count: more of it has to come."""
        if not self._waiting:
            self._take()


def _cardinality(count: str) -> CallStatus:
    """The method takes one message (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
    message = f"the method takes one message, and {count} came"
    return CallStatus(grpc.StatusCode.UNIMPLEMENTED, message, b"", None)
