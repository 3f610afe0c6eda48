"""Token buckets: how often something may be done. The clock is handed in."""

from collections.abc import Callable
from math import isfinite
from typing import Final

from ..contract import Granted

#: Tokens a second that a partner grants at least: less than one an hour is a mistake.
RATE_LEAST: Final = 1 / 3_600

#: Tokens, and tokens a second, that a partner grants at most: more is a mistake, and as good as no
#: bound.
GRANTED_MOST: Final = 1e9


class TokenBucket:
    """`rate` tokens a second, `burst` of them at most."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self._tokens = burst
        self._on_their_way = 0.0
        self._at = clock()

    def within(self, seconds: float) -> float:
        """How many tokens there will be in so many seconds, as if more than `burst` were kept."""
        self._fill()
        return self._tokens + self.rate * seconds

    def answered(self, tokens: float, granted: Granted) -> None:
        """A request that `reserve` took so many tokens for has been answered, or is given up. What
        the partner says is taken over: it may have charged less than was reserved, and others may
        spend its tokens as well. What is still on its way it does not know of yet.
        """
        self._on_their_way -= tokens
        self._fill()
        if granted.rate is not None and isfinite(granted.rate) and granted.rate > 0:
            self.rate = min(GRANTED_MOST, max(RATE_LEAST, granted.rate))
        if granted.burst is not None and isfinite(granted.burst) and granted.burst > 0:
            self.burst = min(GRANTED_MOST, granted.burst)
        if granted.tokens is not None and isfinite(granted.tokens):
            known = max(-self.burst, min(self.burst, granted.tokens))
            self._tokens = known - self._on_their_way

    def take(self, tokens: float = 1) -> float:
        """Take tokens and return 0, or return for how many seconds to wait before asking again.
        More than a bucket holds are taken when it is full.
        """
        self._fill()
        missing = min(tokens, self.burst) - self._tokens
        if missing > 0:
            return missing / self.rate
        self._tokens -= tokens
        return 0.0

    def reserve(self, tokens: float = 1) -> float:
        """Take tokens, whether they are there or not, and return for how many seconds to wait
        before they are used: those who ask go in the order of asking. `answered` follows.
        """
        self._fill()
        self._tokens -= tokens
        self._on_their_way += tokens
        return max(0.0, -self._tokens / self.rate)

    def _fill(self) -> None:
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
