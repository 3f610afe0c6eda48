"""Stock levels as the core reports them, for all channels of a process: one watch of the union of
their locations.

Levels and the revisions after them are written in one transaction, so that after a restart the core
reports what has changed since, and no more. What a reset no longer reports is gone.

Rules of this file: it knows no channel. Boards are told at once, and the store after: a crash in
between has the core report it again. So what comes next does not wait for the disk.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from holdfast.edge.client import Client, HoldfastError
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch

from ..publishing.board import Board
from ..publishing.known_levels import KnownLevels
from .polls import cursor_key
from .publish_records import LevelRecord, levels, put_level
from .store import Store, Tables
from .task_groups import together

#: What WatchAvailability takes; more locations are watched as all.
LOCATIONS_MAX: Final = 1_000

#: Seconds between questions whether the core is there, when it has nothing to report.
ASK_S: Final = 1.0

#: Levels that are taken in before others get their turn on the loop: some milliseconds.
AT_ONCE: Final = 100

#: Responses that may wait to be kept, before the next one waits for the disk.
UNKEPT_MAX: Final = 1_000

#: No adapter has this name.
_CURSOR: Final = cursor_key("", "watch")


class Levels:
    """What the core reports of stock levels."""

    def __init__(
        self,
        locations: Iterable[str],
        *,
        store: Store,
        client: Client,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives seconds that no correction of the time makes jump."""
        self.known = KnownLevels()
        self.boards: list[Board] = []
        self.changed: list[asyncio.Event] = []
        """Set when boards were told something."""
        self.loaded = asyncio.Event()
        """Set when boards know what was kept before the process began."""
        self.is_settling = False
        """Whether more of the same changes is on its way."""
        self.watch_error = ""
        """Why the core does not report levels; empty once it has."""
        self._locations = frozenset(locations)
        self._store = store
        self._client = client
        self._clock = clock
        self._heard_s = clock()
        self._is_following = False
        self._is_behind = True
        """Whether what is reported was gathered while nobody followed: no order says so much."""
        self._unreported: set[tuple[str, str]] | None = None
        """During a reset: what it has not reported so far."""

    async def follow(self) -> None:
        """Tell boards what was kept before the process began, and then what changes, until the task
        is cancelled. Raises what the watch raises, and StoreFailed.
        """
        if not self.loaded.is_set():
            await self._load()
            self.known.is_whole = bool(self._revisions())
            self.loaded.set()
        try:
            if not self._locations:  # whatever channels show is withdrawn
                self._is_following = True  # all that there is: the core is not silent
                await asyncio.Event().wait()
            async with together() as group:
                unkept: _Unkept = asyncio.Queue(UNKEPT_MAX)
                keeping = group.create_task(self._keep(unkept))
                await self._watch(unkept)
                await unkept.join()
                keeping.cancel()
        except HoldfastError as error:
            if error.reason == "OTHER_TIMELINE":
                await self._store.write(lambda tables: tables.cursors.delete(_CURSOR))
            raise
        finally:
            self._is_following = self.is_settling = False

    async def ask(self) -> None:
        """Note that the core is there also while nothing changes, until the task is cancelled. It
        does not count before the watch has begun: a core that refuses it and answers all else would
        leave channels with old figures that look current.
        """
        while True:
            await asyncio.sleep(ASK_S)
            if not self._is_following:
                continue
            try:
                await self._client.list_locations(page_size=1)
            except HoldfastError:
                continue
            self._heard_s = self._clock()

    @property
    def silent_s(self) -> float:
        """For how long the core has not been heard, in seconds."""
        return self._clock() - self._heard_s

    async def _load(self) -> None:
        last: LevelRecord | None = None
        while page := self._page(last):
            for level in page:
                if level.location in self._locations:
                    self._tell(level)
            last = page[-1]
            await asyncio.sleep(0)

    def _page(self, last: LevelRecord | None) -> list[LevelRecord]:
        with self._store.reading() as tables:
            return list(islice(levels(tables, last), AT_ONCE))

    async def _watch(self, unkept: "_Unkept") -> None:
        """Take in what the core reports."""
        self._unreported = None  # a reset that ended early says nothing
        self._is_behind = True
        locations = sorted(self._locations) if len(self._locations) <= LOCATIONS_MAX else []
        async for response in self._client.watch_availability(
            locations=locations, after=self._revisions()
        ):
            records = await self._take_in(response)
            await unkept.put(partial(_put, records, self._cursor(response.revisions)))

    async def _keep(self, unkept: "_Unkept") -> None:
        """Keep what was taken in: what came during a write is kept by the next one."""
        while True:
            changes = [await unkept.get()]
            while not unkept.empty():
                changes.append(unkept.get_nowait())
            await self._store.write(partial(_put_all, changes))
            for _ in changes:
                unkept.task_done()

    async def _take_in(self, response: watch.WatchAvailabilityResponse) -> list[LevelRecord]:
        """Tell boards what a response says; what has to be kept of it."""
        self.watch_error = ""
        self._is_following = True
        self._heard_s = self._clock()
        self.is_settling = not response.revisions
        if response.reset:
            self._unreported = set(self.known)
        records = [level for each in response.levels for level in _records(each)]
        for place, level in enumerate(records, 1):
            if level.location in self._locations:
                self._tell(level)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
        if response.revisions:
            records += self._gone()
            self._is_behind = False
        for event in self.changed:
            event.set()
        return records

    def _tell(self, level: LevelRecord) -> None:
        """Tell boards what the core says of a level."""
        now_s = self._clock()
        if self._unreported is not None:
            self._unreported.discard((level.sku, level.location))
        for board in self.boards:
            for old in level.other_names:
                board.sku_renamed(old, level.sku)
        is_demand = level.is_for_sale and not self._is_behind
        self.known.tell(*level[:4], now_s, is_demand=is_demand)
        for board in self.boards:
            board.level_changed(level.sku, level.location, now_s)

    def _gone(self) -> list[LevelRecord]:
        """At the end of a reset, what it did not report: those levels have no units any more."""
        if self._unreported is None:
            return []
        gone = [LevelRecord(sku, location, 0, True) for sku, location in self._unreported]
        self._unreported = None
        for level in gone:
            self._tell(level)
        self.known.is_whole = True
        for board in self.boards:
            board.levels_are_whole(self._clock())
        return gone

    def _cursor(self, revisions: Iterable[common.Revision]) -> bytes:
        """What is kept of revisions; nothing where there are none."""
        kept = [base64.b64encode(each.SerializeToString()).decode() for each in revisions]
        cursor = {"locations": sorted(self._locations), "revisions": kept}
        return json.dumps(cursor).encode() if kept else b""

    def _revisions(self) -> list[common.Revision]:
        """Where the watch resumes: nowhere if locations are new, of which nothing was reported."""
        with self._store.reading() as tables:
            kept = json.loads(tables.cursors.get(_CURSOR) or b'{"locations": [], "revisions": []}')
        if not self._locations.issubset(kept["locations"]):
            return []
        return [common.Revision.FromString(base64.b64decode(each)) for each in kept["revisions"]]


_Unkept: TypeAlias = asyncio.Queue[Callable[[Tables], None]]
"""Responses that boards were told of, as changes of the store."""


def _records(update: watch.LevelUpdate) -> Iterator[LevelRecord]:
    """What is reported of a level: first that it has no units under the other names of its SKU.
    Those levels are kept, since a channel that shows them may not have heard of it yet.
    """
    level, names = update.level, tuple(update.other_names)
    for old in names:
        yield LevelRecord(old, level.location, 0, True, is_for_sale=False)
    is_current = update.removed or level.source_state in _CURRENT
    is_open = level.enabled and not level.quarantined and not update.removed
    available = 0 if update.removed else level.available
    is_for_sale = is_current and is_open
    yield LevelRecord(update.sku, level.location, available, is_current, names, is_for_sale)


def _put_all(changes: Sequence[Callable[[Tables], None]], tables: Tables) -> None:
    for change in changes:
        change(tables)


def _put(records: Sequence[LevelRecord], cursor: bytes, tables: Tables) -> None:
    for level in records:
        put_level(tables, level)
    if cursor:
        tables.cursors.put(_CURSOR, cursor)


#: A level without a source is current.
_CURRENT: Final = (common.SOURCE_STATE_CURRENT, common.SOURCE_STATE_UNSPECIFIED)
