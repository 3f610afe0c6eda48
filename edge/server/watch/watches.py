"""The watchers of a node, and what they share: the changes, and the signal that there are new ones.

A node that nobody watches notes nothing. Once the last watcher has gone, changes are noted for a
while longer, so that one whose connection broke can resume.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from holdfast.core.limits import NS_PER_DAY, NS_PER_S
from holdfast.core.tables.effects import Entry
from holdfast.v1 import watch_service_pb2 as watch

from ...wire import faults
from ...wire.watch import watch_from_request
from ..pump import Pump
from .audience import Audience
from .changes import ShardChanges
from .level_pages import Response
from .level_reads import LevelReads
from .shared_passes import SharedPasses
from .watcher import Watcher

#: Open calls of WatchAvailability. One that names no SKU looks at every append.
AVAILABILITY_WATCHERS_MAX: Final = 1_000

#: How long changes are noted with nobody watching: a client is back within seconds.
RESUME_S: Final = 600.0

#: The time between two rounds for each watcher that the first of them woke: twice what telling one
#: takes, so that watchers leave half of the loop to others, and readers on as fast a core keep up.
ROUND_S: Final = 100e-6

#: How long the end of a day is waited for at once.
LOOK_AT_CLOCK_S: Final = 60.0


class Watches:
    """All watchers of a node, over its pump."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.changes: list[ShardChanges] = []
        self.levels = LevelReads()
        self.passes = SharedPasses()
        self.watchers: set[Watcher] = set()
        self.audience = Audience(pump.node.shards)
        self._concerned: set[Watcher] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._noted = self.sequences()
        self.conflations = self.resets = 0
        self._loop = asyncio.get_running_loop()
        self._forgetting: asyncio.TimerHandle | None = None
        self._midnight: asyncio.TimerHandle | None = None
        self.begun_day_ns = self.today_ns()

    def __repr__(self) -> str:
        return f"<Watches of {len(self.watchers)} watchers>"

    def sequences(self) -> list[int]:
        """The last sequence of each shard; it may not be durable yet."""
        return [shard.sequence for shard in self.pump.node.shards]

    def today_ns(self) -> int:
        """The start of today, in UTC."""
        return self.pump.now_ns() // NS_PER_DAY * NS_PER_DAY

    def lag(self) -> int:
        """Entries that the watcher furthest behind has yet to be sent."""
        now = sum(self.sequences())
        behind = [each for each in self.watchers if each in self._concerned or not each.is_idle]
        return max((now - sum(each.sent) for each in behind), default=0)

    async def watch(self, request: watch.WatchAvailabilityRequest) -> AsyncIterator[Response]:
        """The responses to a watcher, without end. Raises a `Fault` for a request that cannot be
        watched, and when there are too many watchers.
        """
        wanted = watch_from_request(request, self.pump.node.timeline, self.sequences())
        if len(self.watchers) >= AVAILABILITY_WATCHERS_MAX:
            raise faults.too_many_watchers("WatchAvailability", AVAILABILITY_WATCHERS_MAX)
        self._begin()
        watcher = Watcher(self, wanted)
        self.watchers.add(watcher)
        self.audience.add(watcher)
        try:
            async for response in watcher.responses():
                yield response
        finally:
            self.watchers.discard(watcher)
            self._concerned.discard(watcher)
            self.audience.remove(watcher)
            if not self.watchers:
                self._forgetting = self._loop.call_later(RESUME_S, self._forget)

    def _begin(self) -> None:
        """See to it that changes are noted."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if not self.changes:
            self.changes = [ShardChanges(shard) for shard in self.pump.node.shards]
            self.begun_day_ns = self.today_ns()
            self._noted = self.sequences()
            self.pump.observe(self)
            self._await_midnight()

    def _forget(self) -> None:
        self._forgetting = None
        self.changes = []
        self.pump.observe(None)
        if self._midnight is not None:
            self._midnight.cancel()

    def _await_midnight(self) -> None:
        """Let all look when a day begins: supply may be overdue. The loop's clock may stand still
        while the machine sleeps, so the node's is looked at again before long.
        """
        left_ns = NS_PER_DAY - self.pump.now_ns() % NS_PER_DAY
        left_s = min(left_ns / NS_PER_S, LOOK_AT_CLOCK_S)
        self._midnight = self._loop.call_later(left_s, self._look_at_clock, self.today_ns())

    def _look_at_clock(self, day_ns: int) -> None:
        if self.today_ns() > day_ns:
            for watcher in self.watchers - self._concerned:
                watcher.pass_over(self._noted)
                watcher.news.set()
        self._await_midnight()

    # As an observer of the pump

    def wrote(self, entries: Sequence[Entry]) -> None:
        """Note what a turn changed, and whom it concerns: until then, they were up to date."""
        concerned: set[Watcher] = set()
        for entry in entries:
            rows = self.changes[entry.shard].record(entry)
            concerned |= self.audience.concerned(entry.shard, rows)
        for watcher in concerned - self._concerned:
            watcher.pass_over(self._noted)
        self._concerned |= concerned
        self._noted = self.sequences()

    def became_durable(self) -> None:
        """Let those who are concerned look, unless they rest."""
        if self._rest is None:
            self._wake()

    def _wake(self) -> None:
        """Let all look who are concerned, in one round, and leave the loop to others for a while:
        what concerns them meanwhile is told together.
        """
        concerned, self._concerned = self._concerned, set()
        self._rest = None
        if concerned:
            for watcher in concerned:
                watcher.news.set()
            self._rest = self._loop.call_later(len(concerned) * ROUND_S, self._wake)
