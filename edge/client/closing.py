"""How calls of an asyncio client end when it is closed under them.

gRPC would raise CancelledError in the tasks that wait, as if somebody had cancelled those, and a
UsageError in those that come later. Here both get `Closed`. The way is that of asyncio.timeout: a
task that waits is cancelled by us, and what comes out of it is turned into our error, unless the
task was cancelled by somebody else as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from .errors import closed_before, closed_meanwhile

Result = TypeVar("Result")

CLIENT: Final = "the client"


class Waits:
    """The tasks that wait inside a client, and what else has to end with it. `on_error` is called
    for each `Closed`.
    """

    def __init__(self, on_error: Callable[[], None]) -> None:
        self._is_closed = False
        self._on_error = on_error
        self._waiting: set[asyncio.Task[object]] = set()
        self._woken: set[asyncio.Task[object]] = set()
        self._at_close: set[Callable[[], None]] = set()

    async def until_closed(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What `work` returns. Raises `Closed` if the client is closed, before or meanwhile."""
        self.check_open()
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        self._waiting.add(task)
        try:
            return await work()
        except asyncio.CancelledError:
            if task in self._woken and task.uncancel() <= cancelled_before:
                self._on_error()
                raise closed_meanwhile(CLIENT) from None
            raise
        finally:
            self._waiting.discard(task)
            self._woken.discard(task)

    def check_open(self) -> None:
        """Raise `Closed` if the client is closed."""
        if self._is_closed:
            self._on_error()
            raise closed_before(CLIENT)

    def at_close(self, end: Callable[[], None]) -> None:
        """Call `end` when the client is closed."""
        self._at_close.add(end)

    def not_at_close(self, end: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._at_close.discard(end)

    def close(self) -> None:
        """End all that waits."""
        if self._is_closed:
            return  # who is cancelled twice gets CancelledError
        self._is_closed = True
        for end in list(self._at_close):
            end()
        self._woken = self._waiting - {asyncio.current_task()}
        for task in self._woken:
            task.cancel()
