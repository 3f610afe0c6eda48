"""What callers of streams have sent through a front, and not been answered.

Each message of a stream is answered, in their order. So what a front has sent and its callers have
taken no answer to bounds what the engine holds of them: read or not, in hand, or answered.
"""

import asyncio
from collections import deque
from typing import Final

from ...wire import faults
from ..call_status import CallStatus
from .frames import STREAM_WINDOW

#: Bytes of one stream; a longer message goes alone. Three batches of 8,190 operations.
STREAM_BYTES_MAX: Final = 1 << 20

#: Bytes of all streams of a front. One stream waits for its own answers; all of them together are
#: refused, since those who do not read would otherwise hold up those who do.
STREAMS_BYTES_MAX: Final = 256 << 20


class Unanswered:
    """Bytes of all streams of a front."""

    def __init__(self) -> None:
        self.bytes = 0


class StreamWindow:
    """Messages of one stream."""

    def __init__(self, all_streams: Unanswered) -> None:
        self._all = all_streams
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self._answered = asyncio.Event()

    def __repr__(self) -> str:
        return f"<StreamWindow {len(self._sizes)} messages, {self._bytes} bytes>"

    async def take(self, size: int) -> None:
        """Wait until a message of this size may be sent. Raises the `CallStatus` that ends its
        stream when streams hold too much.
        """
        while not self._has_room(size):
            self._answered.clear()
            await self._answered.wait()
        if self._all.bytes and self._all.bytes + size > STREAMS_BYTES_MAX:
            held = f"{self._all.bytes} bytes of streams without an answer at this front"
            raise CallStatus.of(faults.overloaded_by(held))
        self._sizes.append(size)
        self._add(size)

    def give_back(self) -> None:
        """The caller has taken an answer."""
        if self._sizes:  # a watcher gets more answers than it sent requests
            self._add(-self._sizes.popleft())
            self._answered.set()

    def close(self) -> None:
        """The stream is over."""
        self._sizes.clear()
        self._add(-self._bytes)

    def _has_room(self, size: int) -> bool:
        if not self._sizes:
            return True
        return len(self._sizes) < STREAM_WINDOW and self._bytes + size <= STREAM_BYTES_MAX

    def _add(self, size: int) -> None:
        self._bytes += size
        self._all.bytes += size
