"""In which order the steps of a replay are taken: one after the other on each stock level.

So every step finds its levels as they were when the orders were written down, and the result does
not depend on how many callers there are. Knows levels, and neither steps nor nodes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from .warehouses import Level

#: Steps that may be under way or waiting, counted from the oldest. Enough that callers seldom wait
#: for it; it bounds memory, and says how far a replay that was cut off can have come.
WINDOW: Final = 512

#: Over when its step has let go of its levels.
Turn: TypeAlias = asyncio.Future[None]

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
    queues = _Queues()
    window: deque[asyncio.Task[None]] = deque()

    async def take_in_turn(index: int, earlier: set[Turn], turn: Turn) -> None:
        if earlier:
            await asyncio.wait(earlier)
        async with gate:
            await take(index, partial(_let_go, turn))
        _let_go(turn)

    try:
        async with asyncio.TaskGroup() as group:
            for index, levels in enumerate(levels_of):
                if len(window) == WINDOW:
                    await asyncio.wait((window.popleft(),))
                window.append(group.create_task(take_in_turn(index, *queues.join(levels))))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


class _Queues:
    """A queue at each level, of which the last step is known."""

    def __init__(self) -> None:
        self._last: dict[Level, Turn] = {}

    def join(self, levels: frozenset[Level]) -> tuple[set[Turn], Turn]:
        """The turns that the next step has to wait for, and its own."""
        before = {self._last[level] for level in levels if level in self._last}
        turn: Turn = asyncio.get_running_loop().create_future()
        self._last.update(dict.fromkeys(levels, turn))
        return {each for each in before if not each.done()}, turn


def _let_go(turn: Turn) -> None:
    if not turn.done():
        turn.set_result(None)
