"""What goes wrong at a twin, and when: decided by a seed and by the clock that is handed in.

Rules of this file: it knows no channel. Requests, items and notifications have chances of their
own, so that one more request does not change which notification comes twice.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from random import Random
from typing import Final, TypeAlias

#: Seconds since 1970.
Clock: TypeAlias = Callable[[], float]

#: Seconds after which a notification that was not taken is sent again: within minutes and for
#: hours, for channels that do not say when they do.
RETRIES_S: Final = (1.0, 10.0, 60.0, 600.0, 3_600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How much goes wrong: shares are from 0 to 1."""

    seed: int = 0
    outages: tuple[tuple[float, float], ...] = ()
    """From when until when it answers no request and sends nothing, in seconds of its clock."""
    throttled: float = 0.0
    """Share of requests that it has no time for, whatever they are allowed."""
    lost: float = 0.0
    """Share of requests that are carried out, and whose answer does not arrive."""
    expired: float = 0.0
    """Share of requests before which all sessions end."""
    partial: float = 0.0
    """Share of the items of a request for many that are not taken now, and would be later."""
    duplicates: float = 0.0
    """Share of notifications that are sent twice."""
    dropped: float = 0.0
    """Share of notifications that are not sent at all."""
    delay_s: float = 0.0
    """A notification is sent after up to so many seconds, so that later ones may overtake it."""


class RequestFault(StrEnum):
    """What becomes of a request."""

    NONE = "none"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    LOST = "lost"
    EXPIRED = "expired"


class Schedule:
    """The faults in their order: the same for the same seed and the same calls."""

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock
        self._requests = Random(f"{faults.seed} requests")
        self._items = Random(f"{faults.seed} items")
        self._notices = Random(f"{faults.seed} notices")

    def is_away(self) -> bool:
        """Whether it is in an outage now."""
        now = self._clock()
        return any(begin <= now < end for begin, end in self._faults.outages)

    def of_request(self) -> RequestFault:
        """What becomes of the next request."""
        if self.is_away():
            return RequestFault.OUTAGE
        drawn = self._requests.random()
        for fault in (RequestFault.THROTTLED, RequestFault.LOST, RequestFault.EXPIRED):
            drawn -= float(getattr(self._faults, fault))
            if drawn < 0:
                return fault
        return RequestFault.NONE

    def is_item_put_off(self) -> bool:
        """Whether the next item of a request for many is not taken now."""
        return self._items.random() < self._faults.partial

    def sendings(self) -> list[float]:
        """When the next notification is sent, as often as it is."""
        if self._notices.random() < self._faults.dropped:
            return []
        copies = 2 if self._notices.random() < self._faults.duplicates else 1
        now = self._clock()
        return [now + self._notices.random() * self._faults.delay_s for _ in range(copies)]


class Allowance:
    """How often a caller may ask: `rate` requests a second, `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def take(self, cost: float = 1) -> bool:
        """Whether there is enough left; if so, it is used."""
        now = self._clock()
        self._left = min(self.burst, self._left + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._left < cost:
            return False
        self._left -= cost
        return True

    @property
    def left(self) -> float:
        """How much was left after the last request."""
        return self._left


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification on its way: a request to whoever asked to be told."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


class Deliveries:
    """Notifications that wait to be sent, by their time."""

    def __init__(
        self, schedule: Schedule, clock: Clock, retries_s: tuple[float, ...] = RETRIES_S
    ) -> None:
        """One that is not taken is sent again after `retries_s`, and then given up."""
        self._schedule = schedule
        self._clock = clock
        self._retries_s = retries_s
        self._numbers = count()
        self._waiting: list[tuple[float, int, int, Delivery]] = []
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def within(self, seconds: float) -> int:
        """How many are to be sent in so many seconds."""
        until = self._clock() + seconds
        return sum(at <= until for at, *_ in self._waiting)

    def post(self, delivery: Delivery) -> None:
        """Have it sent: once, or as the schedule says."""
        for at in self._schedule.sendings():
            self._wait(at, 0, delivery)

    def due(self) -> list[tuple[int, Delivery]]:
        """What is to be sent now, with how often it was tried; none of it waits any more."""
        found: list[tuple[int, Delivery]] = []
        if self._schedule.is_away():
            return found
        while self._waiting and self._waiting[0][0] <= self._clock():
            _, _, tries, delivery = heapq.heappop(self._waiting)
            found.append((tries, delivery))
        return found

    def failed(self, tries: int, delivery: Delivery) -> None:
        """It was not taken: it waits for its next try, or is given up."""
        if tries < len(self._retries_s):
            self._wait(self._clock() + self._retries_s[tries], tries + 1, delivery)
        else:
            self.given_up += 1

    def _wait(self, at: float, tries: int, delivery: Delivery) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), tries, delivery))
