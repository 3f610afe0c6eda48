"""A beat on the event loop: how late it comes is what callers feel and no call can measure."""

import asyncio
from collections.abc import Callable
from typing import Final

BEAT_S: Final = 0.1

#: Seconds over which the longest delay is kept: two of them pass at most between two scrapes.
WINDOW_S: Final = 30.0


class Heartbeat:
    """Beats until it is stopped, and keeps the longest delay of the last WINDOW_S or two."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_beat: Callable[[], None]) -> None:
        self._loop = loop
        self._on_beat = on_beat
        self._began_s = self._due_s = self._loop.time()
        self._longest_s = self._longest_before_s = 0.0
        self._beat()

    def __repr__(self) -> str:
        return f"<Heartbeat, {self.lag_s():.3f} s late at most>"

    def lag_s(self) -> float:
        """The longest time by which a beat was late in the last WINDOW_S to twice WINDOW_S."""
        return max(self._longest_s, self._longest_before_s)

    def stop(self) -> None:
        """Beat no more."""
        self._next.cancel()

    def _beat(self) -> None:
        now_s = self._loop.time()
        if now_s - self._began_s >= WINDOW_S:
            self._began_s = now_s
            self._longest_before_s, self._longest_s = self._longest_s, 0.0
        self._longest_s = max(self._longest_s, now_s - self._due_s)
        self._on_beat()
        self._due_s = now_s + BEAT_S
        self._next = self._loop.call_at(self._due_s, self._beat)
