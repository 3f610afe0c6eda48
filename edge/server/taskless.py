"""Coroutines that are run without a task of their own.

A call to the engine waits once, for its outcome. A task for it would cost as much processor time as
half of what the call does; here the future that the coroutine waits for resumes it. What it may do
is wait for futures and for the next round of the loop; what asks asyncio for its task, such as
`asyncio.timeout`, needs one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Driven(Generic[Result]):
    """A coroutine under way. `on_end` is given its result or the exception that it ended with."""

    __slots__ = ("_coroutine", "_is_cancelled", "_loop", "_on_end", "_waits_for")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, None, Result],
        on_end: Callable[[Result | None, BaseException | None], None],
    ) -> None:
        self._loop = loop
        self._coroutine = coroutine
        self._on_end = on_end
        self._waits_for: asyncio.Future[Any] | None = None
        self._is_cancelled = False

    def start(self) -> None:
        """Run it to where it waits, or to its end."""
        self._step()

    def cancel(self) -> None:
        """Let it end with CancelledError where it waits."""
        self._is_cancelled = True
        if self._waits_for is not None:
            self._waits_for.cancel()

    def _step(self, _future: object = None) -> None:
        try:
            if self._is_cancelled:
                self._is_cancelled = False  # once: what it cleans up with may wait
                waits_for = self._coroutine.throw(asyncio.CancelledError())
            else:
                waits_for = self._coroutine.send(None)
        except StopIteration as end:
            self._on_end(end.value, None)
        except BaseException as error:  # noqa: BLE001 - it is handed on, as a task would keep it
            self._on_end(None, error)
        else:
            self._wait_for(waits_for)

    def _wait_for(self, future: "asyncio.Future[Any] | None") -> None:
        """Go on when a future is done, or in the loop's next round: what a task does with what its
        coroutine yields (https://docs.python.org/3/library/asyncio-future.html).
        """
        self._waits_for = future
        if future is None:
            self._loop.call_soon(self._step)
            return
        # A future that is awaited says so; a task that found it set would take it for its own.
        future._asyncio_future_blocking = False  # noqa: SLF001 - the protocol of asyncio's futures
        future.add_done_callback(self._step)
