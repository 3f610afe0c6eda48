"""Whether a call that failed is tried again, and when.

Rules of this file: it decides and does not wait, so both clients share it and tests bring their own
clock. It knows errors, not methods: the caller says whether a call may be repeated.

gRPC can retry by itself, through a service config. We do not use that, because it looks at the
status code alone: it cannot tell OVERLOADED from STORAGE_FULL, does not read RetryInfo (it reads a
trailer named grpc-retry-pushback-ms), lets a hanging attempt use up the time of all others, stops
after five attempts, and has a clock that no test can hold. Its transparent retries, of calls that
did not leave the process, stay on. General retry libraries wait by their own schedule, not by the
server's.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .errors import DeadlineExceeded, HoldfastError, Overloaded, Unavailable

#: As long as a checkout waits, and as a node that restarts may take.
TIMEOUT_S: Final = 5.0

#: 2 ** 30 times any base is beyond any cap; more would overflow after a day of attempts.
DOUBLINGS_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Retries:
    """How a call is tried again: `Client(retries=Retries(cap_s=0.2))`.

    The ceiling doubles from `base_s` up to `cap_s`, and each wait is drawn evenly from 0 to it:
    full jitter, which spreads callers that failed together (Marc Brooker, "Exponential Backoff And
    Jitter", AWS Architecture Blog). A delay that the server asks for comes first, in full. The
    call's timeout bounds everything: a wait that would reach it is not started.
    """

    base_s: float = 0.025
    """Seconds; some ten times as long as an answer takes, and not yet noticed by a person."""
    cap_s: float = 1.0
    """Seconds; a restarting node serves again within a few, and should be found soon after."""
    attempt_share: float = 0.5
    """Share of the timeout that one attempt may take: losing a connection leaves time for two."""
    chance: Callable[[], float] = random.random
    """Draws from 0 to 1."""

    def backoff_s(self, failures: int) -> float:
        """Seconds to wait after the n-th failure, drawn by `chance`."""
        ceiling_s = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX))
        return ceiling_s * self.chance()


RETRIES: Final = Retries()


def may_retry(error: HoldfastError, *, is_repeatable: bool) -> bool:
    """Whether trying again can help and cannot do the same thing twice."""
    match error:
        case Overloaded():
            return True
        case Unavailable():
            return is_repeatable or error.retry_after_s is not None
        case DeadlineExceeded():
            return is_repeatable
        case _:
            return False


class Attempts:
    """The attempts of one call: how long each may take, and how long to wait between them."""

    __slots__ = ("_attempt_max_s", "_clock", "_deadline_s", "_failures", "_repeatable", "_retries")

    def __init__(
        self,
        retries: Retries | None,
        timeout_s: float,
        clock: Callable[[], float],
        *,
        is_repeatable: bool,
    ) -> None:
        self._retries = retries
        self._repeatable = is_repeatable
        self._clock = clock
        self._failures = 0
        self._deadline_s = clock() + timeout_s
        # Time that is kept for another attempt is lost where there will be none.
        share = retries.attempt_share if retries is not None and is_repeatable else 1.0
        self._attempt_max_s = timeout_s * share

    def timeout_s(self) -> float:
        """Seconds that the next attempt may take."""
        if not self._failures:
            return self._attempt_max_s
        return min(self._attempt_max_s, self._deadline_s - self._clock())

    def wait_s(self, error: HoldfastError) -> float:
        """Seconds to wait before the next attempt. Raises the error when there is none."""
        self._failures += 1
        error.attempts = self._failures
        try:
            if self._retries is None or not may_retry(error, is_repeatable=self._repeatable):
                raise error from None
            wait_s = (error.retry_after_s or 0.0) + self._retries.backoff_s(self._failures)
            if self._clock() + wait_s >= self._deadline_s:
                raise error from None
            return wait_s
        finally:
            del error  # its traceback holds this frame: a circle would wait for the collector
