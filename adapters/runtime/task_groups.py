"""Work that goes side by side, and ends as one piece of work would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group until the block ends. Raises the first error of its tasks as it is: whoever
    waits for a StoreFull would not see it in an ExceptionGroup.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
