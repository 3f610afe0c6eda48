"""Things that go on at the same time: when one fails, so do all."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def beside(*background: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let these run until the block ends. Raises ExceptionGroup where one of them fails, which ends
    the block, or the block does.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in background]
        yield
        for task in tasks:
            task.cancel()


def first_failure(failed: Exception) -> Exception:
    """What failed first, of groups within groups."""
    while isinstance(failed, ExceptionGroup):
        failed = failed.exceptions[0]
    return failed
