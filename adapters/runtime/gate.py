"""Calls to a party that may be away: tried again until it is back, behind a circuit breaker.

Rules of this file: what time can heal is tried for ever, with jitter and up to a cap, since what is
sent is durable here; what no attempt can heal is raised at once.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from math import isfinite
from typing import Any, Final, TypeVar

import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

#: Failures in a row after which a breaker opens, and seconds until it lets a trial through.
THRESHOLD: Final = 5
TTL_S: Final = 5.0

WAIT_FIRST_S: Final = 0.1
WAIT_MAX_S: Final = 5.0

#: What a party may ask to wait: a day is a mistake.
ASKED_MAX_S: Final = 3_600.0

Result = TypeVar("Result")


class Breaker(StrEnum):
    """State of a circuit breaker, as purgatory names it."""

    CLOSED = "closed"
    OPEN = "opened"
    HALF_OPEN = "half-opened"


class Gate:
    """The way to one party.

    `temporary` are the errors that time heals. An error with a `retry_after_s` that is a number is
    waited for that long at least.
    """

    def __init__(self, name: str, temporary: tuple[type[Exception], ...]) -> None:
        self.name = name
        self.breaker = Breaker.CLOSED
        self.last_error = ""
        """What the last failed attempt met; empty once one has succeeded."""
        self._temporary = temporary
        self._breakers = AsyncCircuitBreakerFactory(
            THRESHOLD, TTL_S, exclude=[(BaseException, self._is_no_failure)]
        )
        self._breakers.add_listener(self._note_state)
        stamina.instrumentation.set_on_retry_hooks([])  # retries are reported by `last_error`

    def __repr__(self) -> str:
        return f"<Gate to {self.name}, {self.breaker}>"

    async def call(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """What an attempt returns, once one succeeds. Raises what time does not heal."""
        retries = stamina.retry_context(
            on=self._wait_after,
            attempts=None,
            timeout=None,
            wait_initial=WAIT_FIRST_S,
            wait_max=WAIT_MAX_S,
        )
        async for each in retries:
            with each:
                return await self.once(attempt)
        raise AssertionError("it is tried for ever")

    async def once(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """What one attempt returns. Raises what it raises, and OpenedState while it is too early to
        try.
        """
        try:
            async with await self._breakers.get_breaker(self.name):
                result = await attempt()
        except self._temporary as error:
            self.last_error = f"{error}" or type(error).__name__
            raise
        self.last_error = ""
        return result

    def _wait_after(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds."""
        if not isinstance(error, (*self._temporary, OpenedState)):
            return False
        asked_s = getattr(error, "retry_after_s", None)
        return min(asked_s, ASKED_MAX_S) if asked_s and isfinite(asked_s) else True

    def _is_no_failure(self, error: BaseException) -> bool:
        return not isinstance(error, self._temporary)

    def _note_state(self, _: str, event: str, change: Any) -> None:
        if event == "state_changed":
            self.breaker = Breaker(change.state)
