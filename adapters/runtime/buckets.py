"""Token buckets: how often something may be done. The clock is handed in."""

from collections.abc import Callable

from ..contract import Granted


class TokenBucket:
    """`rate` tokens a second, `burst` of them at most."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self._tokens = burst
        self._at = clock()

    def within(self, seconds: float) -> float:
        """How many tokens there will be in so many seconds, as if more than `burst` were kept."""
        self._fill()
        return self._tokens + self.rate * seconds

    def follow(self, granted: Granted) -> None:
        """Take over what the partner says of it. It may know of fewer tokens than we do, since
        others spend them; of more it cannot know, since some of ours may be on their way.
        """
        self._fill()
        if granted.rate is not None and granted.rate > 0:
            self.rate = granted.rate
        if granted.burst is not None and granted.burst > 0:
            self.burst = granted.burst
        if granted.tokens is not None:
            self._tokens = min(self._tokens, granted.tokens)

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
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
