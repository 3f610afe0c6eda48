"""Streams that run until cancelled: watchers, and reflection, which tools hold open.

gRPC waits for them when it stops, as long as it may; so they are ended by the node.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from ..wire import faults

_END: Final = object()


class OpenStreams:
    """The open streams of a node, and their end."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._waiting: set[asyncio.Task[Any]] = set()
        """Those that wait for a response. One that sends it is not cancelled: its call would have
        no status at all. It ends when it is back here.
        """

    def end(self) -> None:
        """End all of them, and those that come later."""
        self._ending.set()
        for task in self._waiting:
            task.cancel()

    async def until_end(self, responses: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The responses of a stream. Raises the `Fault` of a node that drains when it ends them."""
        while (response := await self._next_of(responses)) is not _END:
            yield response

    async def _next_of(self, responses: AsyncIterator[Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        if self._ending.is_set():
            raise faults.draining()
        self._waiting.add(task)
        try:
            return await anext(responses, _END)
        except asyncio.CancelledError:
            if not self._ending.is_set():
                raise  # its caller went away
            task.uncancel()
            raise faults.draining() from None
        finally:
            self._waiting.discard(task)
