"""In which order the steps of a replay are taken: one after the other on each stock level.

So every step finds its levels as they were when the orders were written down, and the result does
not depend on how many callers there are. Knows neither steps nor nodes, only levels.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from .warehouses import Level

#: Steps that may be under way or waiting, counted from the oldest. Enough that callers seldom wait
#: for it; it bounds memory, and says how far a replay that was cut off can have come.
WINDOW: Final = 512

LetGo: TypeAlias = Callable[[], None]
"""Called by a step that has had its effect on what is available at its levels."""


async def run_in_order(
    levels_of: Sequence[frozenset[Level]],
    take: Callable[[int, LetGo], Awaitable[None]],
    callers: int,
) -> None:
    """Take each step once all earlier steps have let go of its levels, up to `callers` at a time.

    A step lets go at its end, or earlier by calling what it is given. It waits for the step that
    stands WINDOW before it to be done. The first error cancels the others and is raised as it is.
    """
    gate = asyncio.Semaphore(callers)
    loop = asyncio.get_running_loop()
    holder: dict[Level, asyncio.Future[None]] = {}
    window: deque[asyncio.Task[None]] = deque()

    async def take_in_turn(
        index: int, earlier: set[asyncio.Future[None]], is_free: asyncio.Future[None]
    ) -> None:
        def let_go() -> None:
            if not is_free.done():
                is_free.set_result(None)

        if earlier:
            await asyncio.wait(earlier)
        async with gate:
            await take(index, let_go)
        let_go()

    try:
        async with asyncio.TaskGroup() as group:
            for index, levels in enumerate(levels_of):
                if len(window) == WINDOW:
                    await asyncio.wait((window.popleft(),))
                before = {holder[level] for level in levels if level in holder}
                earlier = {future for future in before if not future.done()}
                is_free = loop.create_future()
                holder.update(dict.fromkeys(levels, is_free))
                window.append(group.create_task(take_in_turn(index, earlier, is_free)))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
