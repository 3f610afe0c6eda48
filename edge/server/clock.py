"""The node's clock: nanoseconds since the Unix epoch that do not go backwards.

The wall clock is read once, at the start; from then on the time counts for which the machine has
run, so that a step of the wall clock can neither end holds early nor keep them alive. After a
restart, time goes on from the last journaled instant at the earliest.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from holdfast.core.limits import NS_PER_DAY, NS_PER_S

Clock = Callable[[], int]


class ClockAheadError(Exception):
    """The wall clock is too far ahead of the journal to be believed; the text says what to do."""


def check_clock(last_ns: int, now_ns: int, ahead_max_days: int) -> None:
    """Raise ClockAheadError when the wall clock is more than so many days ahead of the last instant
    that was journaled; 0 stands for none.

    What is journaled can't be taken back: holds would end, ids be forgotten, and every later start
    would go on from there.
    """
    if not last_ns or now_ns - last_ns <= ahead_max_days * NS_PER_DAY:
        return
    days = -(-(now_ns - last_ns) // NS_PER_DAY)
    raise ClockAheadError(
        f"the machine's clock says {_text(now_ns)}, and the journal's last entry is of "
        f"{_text(last_ns)}: more than {ahead_max_days} days ahead. A wrong time cannot be taken "
        "back once it is journaled: holds would end and ids be forgotten. Set the clock right; if "
        f"it is right, start once with HOLDFAST_CLOCK_AHEAD_MAX_DAYS={days}"
    )


def _text(instant_ns: int) -> str:
    return datetime.fromtimestamp(instant_ns // NS_PER_S, UTC).isoformat()


def node_clock(not_before_ns: int) -> Clock:
    """A clock that starts at the wall clock's time or at `not_before_ns`, whichever is later."""
    offset_ns = max(time.time_ns(), not_before_ns) - _running_ns()
    return lambda: _running_ns() + offset_ns


def _running_ns() -> int:
    # BOOTTIME, not MONOTONIC: a machine that slept must find that the holds of the night are over.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
