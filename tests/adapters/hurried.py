"""A clock that runs faster, and adapters that live by it: an hour of theirs passes in minutes.

What they wait for, what they stamp and what their buckets and breakers count hurries. The core, the
network and the disk stay as they are, so each of their milliseconds counts for as many more.
"""

import asyncio
import os
import selectors
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

import purgatory.domain.model
import uvloop

from holdfast.adapters.runtime import host
from holdfast.edge.cli.main import main as holdfast
from tests.real_time import now_s, wall_s

#: Names in the environment: how many times as fast, and since when by the wall.
SPEED: Final = "HURRIED_SPEED"
SINCE: Final = "HURRIED_SINCE"

#: Where the clock begins, in seconds before now: an hour and what belongs to it is over before it
#: is ahead of the core's.
BEHIND_S: Final = 14_400.0


@dataclass(frozen=True, slots=True)
class Hurried:
    """The clock, which processes share."""

    speed: float
    since: float

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.since - BEHIND_S + (wall_s() - self.since) * self.speed

    def environment(self) -> dict[str, str]:
        """What tells a process of it."""
        return {SPEED: str(self.speed), SINCE: str(self.since)}


class _Selector:
    """A selector that waits for as much less."""

    def __init__(self, speed: float) -> None:
        self._selector = selectors.DefaultSelector()
        self._speed = speed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def select(self, timeout: float | None = None) -> Any:
        return self._selector.select(None if timeout is None else timeout / self._speed)


def _loop(speed: float) -> asyncio.AbstractEventLoop:
    """An event loop whose time is the clock's."""
    loop = asyncio.SelectorEventLoop(cast(selectors.BaseSelector, _Selector(speed)))
    vars(loop).update(time=lambda: now_s() * speed)
    return loop


def main() -> None:
    """The `holdfast` command by the clock of the environment."""
    clock = Hurried(float(os.environ[SPEED]), float(os.environ[SINCE]))
    # Not the module time itself: gRPC's deadlines are the core's.
    hurries = SimpleNamespace(
        time=clock, monotonic=clock, clock_gettime=lambda _: clock(), CLOCK_BOOTTIME=None
    )
    vars(host).update(time=hurries, utc_now=lambda: datetime.fromtimestamp(clock(), UTC))
    vars(purgatory.domain.model).update(time=hurries)
    vars(uvloop).update(new_event_loop=lambda: _loop(clock.speed))
    holdfast()
