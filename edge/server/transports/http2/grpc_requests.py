"""What a caller says to a method: one message, or a stream of them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import grpc

from ...call_status import CallStatus

#: What a message of a stream weighs in a round besides its bytes: one that is empty takes up to a
#: millisecond to answer.
MESSAGE_BYTES: Final = 1 << 13


class Requests(Protocol):
    """What a caller says. Both methods raise the `CallStatus` that it deserves."""

    def add(self, messages: list[bytes]) -> None:
        """Take messages that are whole now, and let the caller go on when it is time."""

    def end(self) -> int:
        """The caller has said all. Return the bytes of a message that is handled for it at once."""


class OneRequest:
    """A message, with which its method begins when the caller has said all."""

    __slots__ = ("_begin", "_message", "_take")

    def __init__(self, take: Callable[[], None], begin: Callable[[bytes], None]) -> None:
        """`take` lets the caller send as much again as it has."""
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

    def end(self) -> int:
        """Raises a `CallStatus` when there was none."""
        if self._message is None:
            raise _cardinality("none")
        self._begin(self._message)
        return len(self._message)


class RequestStream:
    """Messages that wait until their method takes them.

    Each is handed on in a round: thousands of small ones fit into what a caller may send ahead, and
    a method that need not wait for the next would handle them all in one round of the loop.
    """

    __slots__ = ("_has_ended", "_in_round", "_is_due", "_take", "_waiting", "_wanted")

    def __init__(
        self, take: Callable[[], None], in_round: Callable[[Callable[[], int]], None]
    ) -> None:
        """`take` lets the caller send as much again as it has; `in_round` gets work done."""
        self._take = take
        self._in_round = in_round
        self._waiting: deque[bytes] = deque()
        self._has_ended = self._is_due = False
        self._wanted: asyncio.Future[bytes | None] | None = None

    def add(self, messages: list[bytes]) -> None:
        """Let them wait."""
        self._waiting += messages
        self._hand_on_soon()
        self._take_unless_one_waits()

    def end(self) -> int:
        """No more will come."""
        self._has_ended = True
        self._hand_on_soon()
        return 0

    async def each(self) -> AsyncIterator[bytes]:
        """All of them, until the caller has said all."""
        while (message := await self._next()) is not None:
            yield message

    async def _next(self) -> bytes | None:
        self._wanted = asyncio.get_running_loop().create_future()
        self._hand_on_soon()
        return await self._wanted

    def _hand_on_soon(self) -> None:
        if self._wanted is not None and not self._is_due and (self._waiting or self._has_ended):
            self._is_due = True
            self._in_round(self._hand_on)

    def _hand_on(self) -> int:
        """Let the method have the next message, or the end; return its weight."""
        wanted, self._wanted, self._is_due = self._wanted, None, False
        assert wanted is not None, "it is due when it is wanted"
        if wanted.done():
            return 0  # the call was given up
        message = self._waiting.popleft() if self._waiting else None
        wanted.set_result(message)
        self._take_unless_one_waits()
        return MESSAGE_BYTES + len(message or b"")

    def _take_unless_one_waits(self) -> None:
        """A part of a message does not count: more of it has to come."""
        if not self._waiting:
            self._take()


def _cardinality(count: str) -> CallStatus:
    """The method takes one message (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
    message = f"the method takes one message, and {count} came"
    return CallStatus(grpc.StatusCode.UNIMPLEMENTED, message, b"", None)
