"""Deadlines of many waiting callers under one timer: all have the same time, so the oldest is first
to run out of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Future: TypeAlias = "asyncio.Future[Any]"


class Deadlines:
    """Hands over the futures that are still pending `timeout_s` seconds after they were added:
    `on_late` is called once for all that run out of time together.
    """

    def __init__(self, timeout_s: float, on_late: Callable[[Sequence[Future]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._on_late = on_late
        self._waiting: deque[tuple[float, Future]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: Future) -> None:
        """Watch a future."""
        deadline_s = self._loop.time() + self._timeout_s
        self._waiting.append((deadline_s, future))
        if self._timer is None:
            self._timer = self._loop.call_at(deadline_s, self._expire)

    def sweep(self) -> None:
        """Let go of what is done: at full speed, a timeout's worth of operations is a lot."""
        waiting = self._waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()

    def stop(self) -> None:
        """Let go of all."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        now_s = self._loop.time()
        expired = []
        while self._waiting and self._waiting[0][0] <= now_s:
            expired.append(self._waiting.popleft()[1])
        self.sweep()
        self._timer = None
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._expire)
        if late := [future for future in expired if not future.done()]:
            self._on_late(late)
