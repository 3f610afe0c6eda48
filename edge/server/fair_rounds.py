"""Work that comes in faster than it is done: a little of it in each round of the loop.

A flood on one connection must not starve the others, or the answers.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

#: The most that is done in one round, in pieces and in bytes. A Reserve of 2,000 lines has 80 KB or
#: more and takes some milliseconds to read, so what follows it waits for the next round.
PIECES_A_ROUND: Final = 128
BYTES_A_ROUND: Final = 1 << 16


class Source(Protocol):
    """Where work comes in."""

    def work(self) -> int | None:
        """Do the next piece; return its bytes, or None when there was none."""


class Rounds:
    """Works at several sources in rounds."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sources: deque[Source] = deque()

    def __repr__(self) -> str:
        return f"<Rounds, {len(self._sources)} sources>"

    def add(self, source: Source) -> None:
        """Let a source, which had no work, take part in rounds until it has none again."""
        if not self._sources:
            self._loop.call_soon(self._work)
        self._sources.append(source)

    def _work(self) -> None:
        try:
            self._work_round()
        finally:  # a source that failed has left; the others go on
            if self._sources:
                self._loop.call_soon(self._work)

    def _work_round(self) -> None:
        bytes_left = BYTES_A_ROUND
        for _ in range(PIECES_A_ROUND):
            source = self._sources.popleft()
            size = source.work()
            if size is not None:
                self._sources.append(source)
                bytes_left -= size
            if not self._sources or bytes_left < 0:
                return
