"""Streams that have no end of their own: watchers, and reflection, which tools hold open.

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

    def end(self) -> None:
        """End all of them, and those that come later."""
        self._ending.set()

    async def until_end(self, responses: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The responses of a stream. Raises the `Fault` of a node that drains when it ends them."""
        # Two tasks and not a cancelled call: cancelled while it sends a response, a call would have
        # no status at all.
        ending = asyncio.create_task(self._ending.wait())
        try:
            while True:
                following = asyncio.create_task(_next_of(responses))
                try:
                    await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
                    if ending.done():
                        raise faults.draining()
                    response = await following
                finally:
                    following.cancel()
                if response is _END:
                    return
                yield response
        finally:
            ending.cancel()


async def _next_of(responses: AsyncIterator[Any]) -> Any:
    return await anext(responses, _END)
