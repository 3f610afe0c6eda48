"""Long answers: they are built piece by piece, one piece in a round of the loop.

A turn is kept short in the core. What follows it at the edge is short as well, but for an answer of
tens of thousands of stock levels: its message takes as long to build as twenty turns.
"""

import asyncio
from collections.abc import Generator
from typing import TypeVar

Response = TypeVar("Response")


class Pace:
    """Builds answers piece by piece, in the order in which they were begun."""

    def __init__(self) -> None:
        self._round = asyncio.Lock()

    async def finish(self, pieces: Generator[None, None, Response]) -> Response:
        """What a builder returns that pauses between pieces. A short answer does not pause."""
        try:
            next(pieces)
            while True:
                async with self._round:
                    await asyncio.sleep(0)
                    next(pieces)
        except StopIteration as end:
            response: Response = end.value
            return response
