"""Whether a call that failed is tried again, and when.

Rules of this file: it decides and does not wait, so both clients share it and tests bring their own
clock. It knows errors, not methods: the caller says whether a call may be repeated.

Waits grow up to a cap and are drawn at random, a wait that the server asks for comes first, and a
budget bounds what retries add to the load of a node that is slow already. gRPC's own retries do
part of this; docs/adr/0024 says what they lack.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .errors import DeadlineExceeded, HoldfastError, Overloaded, Unavailable
from .parameters import seconds, wrong_value

#: As long as a checkout waits, and as a node that restarts may take.
TIMEOUT_S: Final = 5.0

#: 2 ** 30 times any base is beyond any cap; more would overflow after a day of attempts.
DOUBLINGS_MAX: Final = 30

#: A retry after an attempt that timed out costs as much as ten others: the node is slow, and may
#: still be at work on that attempt.
TIMEOUT_COST: Final = 10

TOKEN: Final = 1_000


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
    tokens_max: float = 500
    """What a client has for retries at most, and at first: as many callers may lose a connection
    at the same moment. See `Budget`.
    """
    token_ratio: float = 0.1
    """What a call that succeeds adds to it: in the long run, a tenth more load."""
    chance: Callable[[], float] = random.random
    """Draws from 0 to 1."""

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError, which names the setting."""
        for name in ("base_s", "cap_s", "attempt_share", "tokens_max", "token_ratio"):
            if seconds(name, getattr(self, name)) < 0:
                raise wrong_value(name, getattr(self, name), "0 or more")
        if not 0 < self.attempt_share <= 1:
            raise wrong_value("attempt_share", self.attempt_share, "more than 0, up to 1")

    def budget(self) -> "Budget":
        """A full budget, for one client."""
        return Budget(self.tokens_max, self.token_ratio)

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
            # A wait without a reason is a proxy's, who does not know what was done.
            return is_repeatable or (bool(error.reason) and error.retry_after_s is not None)
        case DeadlineExceeded():
            return is_repeatable
        case _:
            return False


class Budget:
    """Tokens that pay for the retries of a client, whatever calls they are of.

    The token bucket of gRPC's retry throttling (gRFC A6), but a token is taken by a retry and not
    by a failure. So there are at most `tokens_max` retries and `token_ratio` for each call that
    succeeded, and a client that has used all of them up retries again after ten successes.
    """

    def __init__(self, tokens_max: float, token_ratio: float) -> None:
        # In thousandths, as in gRPC: tenths would not add up to one.
        self._tokens = self._tokens_max = round(tokens_max * TOKEN)
        self._earned = round(token_ratio * TOKEN)
        # Threads may share a blocking client, and += is not atomic.
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Take in what a success is worth."""
        if self._tokens < self._tokens_max:
            with self._lock:
                self._tokens = min(self._tokens + self._earned, self._tokens_max)

    def pay(self, error: HoldfastError) -> bool:
        """Pay for a retry after this error, if there is enough."""
        cost = TOKEN * (TIMEOUT_COST if isinstance(error, DeadlineExceeded) else 1)
        with self._lock:
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True


class Attempts:
    """The attempts of one call: how long each may take, and how long to wait between them."""

    __slots__ = (
        "_attempt_max_s", "_budget", "_clock", "_deadline_s", "_failures", "_repeatable", "_retries"
    )  # fmt: skip

    def __init__(
        self,
        retries: Retries | None,
        budget: Budget,
        timeout_s: float,
        clock: Callable[[], float],
        *,
        is_repeatable: bool,
    ) -> None:
        self._retries = retries
        self._budget = budget
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
            if self._clock() + wait_s >= self._deadline_s or not self._budget.pay(error):
                raise error from None
            return wait_s
        finally:
            del error  # its traceback holds this frame: a circle would wait for the collector
