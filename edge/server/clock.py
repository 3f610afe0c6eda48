"""The node's clock: nanoseconds since the Unix epoch that do not go backwards.

The wall clock is read once, at the start; from then on the time counts for which the machine has
run, so that a step of the wall clock can neither end holds early nor keep them alive. After a
restart, time goes on from the last journaled instant at the earliest.
"""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def node_clock(not_before_ns: int) -> Clock:
    """A clock that starts at the wall clock's time or at `not_before_ns`, whichever is later."""
    offset_ns = max(time.time_ns(), not_before_ns) - _running_ns()
    return lambda: _running_ns() + offset_ns


def _running_ns() -> int:
    # BOOTTIME, not MONOTONIC: a machine that slept must find that the holds of the night are over.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
