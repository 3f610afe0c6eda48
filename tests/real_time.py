"""Real time, for tests of a node in a process of its own, which has a clock of its own.

Every other test hands time in: no other file of the tests reads a clock or sleeps.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

POLL_S: Final = 0.01
TIMEOUT_S: Final = 30.0


def now_s() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic()


def wall_s() -> float:
    """Seconds of the epoch, which processes share."""
    return time.time()


def wait_until(is_so: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Ask until something is so; fail when the time is over."""
    deadline_s = now_s() + timeout_s
    while not is_so():
        assert now_s() < deadline_s, f"waited {timeout_s:.0f} s in vain: {what}"
        time.sleep(POLL_S)


async def wait_until_so(ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask until the answer is yes; the time of the test bounds it."""
    while not await ask():
        await let_pass(POLL_S)


def let_pass_now(seconds: float) -> None:
    """The same where there is no event loop."""
    time.sleep(seconds)


async def let_pass(seconds: float) -> None:
    """Let the clocks of other processes go on."""
    await asyncio.sleep(seconds)
