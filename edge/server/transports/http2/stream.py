"""An HTTP/2 stream: translates what its call sends and takes into session calls.

A caller that has left is met as an error of the session. That is passed over: the event that says
so is on its way.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import ngh2

from .grpc_calls import Call
from .grpc_fields import HEAD, Fields
from .grpc_messages import framed

#: What of a stream's answers may wait for its reader, besides one message; and what of all answers
#: of a connection may, before a stream has no more there than one message.
UNSENT_MAX: Final = 1 << 16
UNSENT_TOGETHER_MAX: Final = 1 << 24

#: Why a stream is reset that has ended well (RFC 9113, 7).
NO_ERROR: Final = 0


class Http2Stream:
    """The stream of a call, once there is one, or of a request that is not a call."""

    __slots__ = (
        "_flush_soon", "_has_begun", "_has_ended", "_number", "_room", "_session", "_waiting",
        "call", "in_round", "untaken", "was_all_said",
    )  # fmt: skip

    def __init__(
        self,
        session: ngh2.Connection,
        number: int,
        flush_soon: Callable[[], None],
        in_round: Callable[[Callable[[], int]], None],
        waiting: "dict[Http2Stream, None]",
    ) -> None:
        """`waiting` has the streams of a connection that wait for what was sent to leave."""
        self.call: Call | None = None
        self.in_round: Final = in_round
        """See `Stream`."""
        self.untaken = 0
        """Bytes that came and were not taken."""
        self.was_all_said = False
        """Whether its caller has ended its side."""
        self._session = session
        self._number = number
        self._flush_soon = flush_soon
        self._waiting = waiting
        self._has_begun = self._has_ended = False
        self._room: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<Http2Stream {self._number}: {self.call}>"

    def waits_for_reader(self) -> bool:
        """Whether it has ended, or could go on, but for answers that its caller has not taken."""
        return self._has_ended or self._room is not None

    def send(self, message: bytes) -> None:
        """Send a message after those before it."""
        with suppress(ngh2.NGH2Error):
            if not self._has_begun:
                self._has_begun = True
                self._session.send_response(self._number, HEAD)
            self._session.send_data(self._number, framed(message))
            self._flush_soon()

    async def wait_room(self) -> None:
        """Wait until its caller has taken most of what was sent."""
        if self._has_room():
            return
        self._room = asyncio.get_running_loop().create_future()
        self._waiting[self] = None
        try:
            await self._room
        finally:
            self._room = None
            if not self._has_ended:
                self._waiting.pop(self, None)

    def go_on(self) -> None:
        """Do what waits for what was sent to leave, if it has."""
        if self._room is not None and not self._room.done() and self._has_room():
            self._room.set_result(None)
        if self._has_ended:
            with suppress(ngh2.NGH2Error):
                self._stop_caller_that_has_all()

    def end(self, trailers: Fields) -> None:
        """End it, after what was sent."""
        if not self._has_begun:
            self.answer((*HEAD, *trailers))
            return
        with suppress(ngh2.NGH2Error):
            self._session.send_trailers(self._number, trailers)
            self._end_soon()

    def answer(self, headers: Fields) -> None:
        """Answer with headers, and end."""
        with suppress(ngh2.NGH2Error):
            self._session.send_response(self._number, headers, end_stream=True)
            self._end_soon()

    def take(self) -> None:
        """Let its caller send as much again as it has."""
        size, self.untaken = self.untaken, 0
        if size:
            with suppress(ngh2.NGH2Error):
                self._session.acknowledge_received_data(size, self._number)
                self._flush_soon()

    def _end_soon(self) -> None:
        self._has_ended = True
        if not self.was_all_said:
            self._waiting[self] = None
        self._flush_soon()

    def _stop_caller_that_has_all(self) -> None:
        """Let a caller that has its answer say no more (RFC 9113, 8.1). Trailers are sent after
        the data, and wait with it for a window that is not empty.
        """
        session, number = self._session, self._number
        windows = (session.remote_window_size, session.stream_remote_window_size(number))
        if min(windows) > 0 and not session.queued_body_size(number):
            self._waiting.pop(self, None)
            if not self.was_all_said:
                session.reset_stream(number, NO_ERROR)
                self._flush_soon()

    def _has_room(self) -> bool:
        """A stream whose answers were all taken has room whatever its neighbours leave unread."""
        unsent = self._session.queued_body_size(self._number)
        return not unsent or (
            unsent <= UNSENT_MAX and self._session.queued_body_size() <= UNSENT_TOGETHER_MAX
        )
