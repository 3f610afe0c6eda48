"""Token buckets: how often something may be done. The clock is handed in."""

from collections.abc import Callable


class TokenBucket:
    """`rate` tokens a second, `burst` of them at most."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self, tokens: float = 1) -> float:
        """Take tokens and return 0, or return for how many seconds to wait before asking again."""
        self._fill()
        if self._tokens >= tokens:
            self._tokens -= tokens
            return 0.0
        return (tokens - self._tokens) / self.rate

    def reserve(self, tokens: float = 1) -> float:
        """Take tokens, whether they are there or not, and return for how many seconds to wait
        before they are used: those who ask go in the order of asking.
        """
        self._fill()
        self._tokens -= tokens
        return max(0.0, -self._tokens / self.rate)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
