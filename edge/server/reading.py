"""Long requests: they are read in the order in which they came, a few in every other round.

A Reserve of 2,000 lines takes 3 ms to read, and its turn as long again. gRPC's own server hands
over in one round of the loop whatever its sockets have, so they wait for one another here.
"""

import asyncio
from collections import deque
from typing import Final

#: Bytes of a request that is long. Shorter ones are read as they come.
LONG_BYTES: Final = 1 << 12

#: Bytes of long requests that are read in a round; the one that goes beyond them is the last.
READ_A_ROUND: Final = 1 << 14


class ReadingRounds:
    """Says when a request may be read."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = READ_A_ROUND
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    def __repr__(self) -> str:
        return f"<ReadingRounds: {len(self._waiting)} wait>"

    async def wait(self, size: int) -> None:
        """Wait until a request of so many bytes may be read, which has to follow at once."""
        if not self._waiting and self._left > 0:
            self._spend(size)
            return
        may_read: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((may_read, size))
        await may_read

    def _spend(self, size: int) -> None:
        if self._left == READ_A_ROUND:
            # The round between has the turn of what was read, which takes as long again.
            self._loop.call_soon(self._loop.call_soon, self._begin_round)
        self._left -= size

    def _begin_round(self) -> None:
        self._left = READ_A_ROUND
        while self._waiting and self._left > 0:
            may_read, size = self._waiting.popleft()
            if not may_read.done():  # its caller went away
                may_read.set_result(None)
                self._spend(size)
