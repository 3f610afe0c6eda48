"""One watcher: what it has been sent, and what it is sent next.

It works in passes. A pass sends all levels that changed after the last one and are watched,
with the values that they have when they are sent, page by page; then the watcher is where the
shards were when the pass began. The first state, a resumed watch and a slow reader are passes like
any other, over more levels. What a page says may not be durable when it is read, so the page waits
until it is. When a day has begun since the last, a pass also sends levels whose supply is overdue.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from google.protobuf.message import Message

from holdfast.core.model import SourceState
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.table import Array, Table
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch

from ...wire.watch import Watch, level_update, removed_update, status_of
from ..pump import Pump
from .changes import ShardChanges
from .level_reads import LevelReads

#: Levels in a response: some 4 ms of the loop.
PAGE_LEVELS: Final = 1_000

#: Rows that are looked through at once: less than a millisecond.
LOOKED_THROUGH: Final = 65_536

#: Up to this many rows are looked through faster one by one.
FEW: Final = 16

#: Levels in a page that have units promised from supply.
WAITING_LEVELS: Final = 10

#: Seconds that a watcher leaves the loop to others for each level that it looked at: twelve times
#: what telling one takes, so that a watcher of all costs a busy node 8 %. Meanwhile changes gather,
#: and of those of one level the newest is sent.
REST_A_LEVEL_S: Final = 80e-6

_STATUSES: Final = (
    watch.STOCK_STATUS_UNSPECIFIED,
    watch.STOCK_STATUS_IN_STOCK,
    watch.STOCK_STATUS_LOW,
    watch.STOCK_STATUS_OUT,
    watch.STOCK_STATUS_SHORT,
    watch.STOCK_STATUS_UNSPECIFIED,
)

#: In place of a status: the level was sent as one that left the watched states.
_LEFT: Final = len(_STATUSES) - 1

#: A sequence after which every level has changed.
_BEFORE_ALL: Final = -1

_NO_ROWS: Final = np.empty(0, np.int64)


class Feed(Protocol):
    """What a watcher looks at."""

    pump: Pump
    changes: list[ShardChanges]
    levels: LevelReads
    conflations: int
    resets: int

    def sequences(self) -> list[int]:
        """The last sequence of each shard."""

    begun_day_ns: int

    def rest_s(self) -> float:
        """How long to rest after a look that found nothing."""

    def today_ns(self) -> int:
        """The start of today, in UTC."""


class Watcher:
    """Serves one caller. `news` is set when there may be something to send; `sent` is the sequence
    of each shard up to which the caller has been sent it all.
    """

    def __init__(self, feed: Feed, wanted: Watch) -> None:
        self.news = asyncio.Event()
        self.wanted = wanted
        self._feed = feed
        self._is_waiting = False
        self._filters = [_Filter(changes.shard, wanted) for changes in feed.changes]
        # One byte a level: the status sent last.
        self._statuses = [Table("u1", rows_max=each.shard.levels.rows_max) for each in feed.changes]
        self.sent = feed.sequences() if wanted.after is None else list(wanted.after)
        self._resets = not wanted.from_now if wanted.after is None else not self._is_known()
        # Whether all levels that the caller has came from this stream.
        self._has_sent_all = self._resets
        self._conflated = self._has_begun = False
        # The day of the last pass; of one that resumes, the earliest that it may have been.
        self._day_ns = feed.today_ns() if wanted.after is None else feed.begun_day_ns

    def __repr__(self) -> str:
        return f"<Watcher at {self.sent}>"

    def _is_known(self) -> bool:
        """Whether all changes since the last response are known. Of a SKU that was named and ended
        since then, no level would be found any more, and its end would not be sent.
        """
        return all(
            sequence >= (changes.ended_at if self.wanted.skus else changes.floor)
            for sequence, changes in zip(self.sent, self._feed.changes, strict=True)
        )

    def pass_over(self, sequences: list[int]) -> None:
        """Move on to these sequences of the shards, to which nothing changed that is watched."""
        if self._is_waiting and not self.news.is_set():
            self.sent = sequences

    async def responses(self) -> AsyncIterator[Message]:
        """What the caller is sent, without end."""
        if self._resets:
            self._feed.resets += self.wanted.after is not None
            async for response in self._pass([_BEFORE_ALL] * len(self.sent)):
                yield response
        elif self.wanted.after is None:
            yield await self._response([], self.sent)
        else:
            self.news.set()
        while True:
            self._is_waiting = True
            await self.news.wait()
            self._is_waiting = False
            self.news.clear()
            async for response in self._pass(self.sent):
                yield response
            await asyncio.sleep(self._feed.rest_s())

    async def _pass(self, after: list[int]) -> AsyncIterator[Message]:
        """Tell what changed after these sequences. The last response is sent when all is done: it
        has the revisions. Without levels to send there is none, but for the first one of a watch,
        which says that it has begun.
        """
        until, today_ns = self._feed.sequences(), self._feed.today_ns()
        is_whole = after[0] == _BEFORE_ALL
        page: list[watch.LevelUpdate] = []
        looked_at = 0
        async for shard, rows in self._rows(after, today_ns):
            here, left = self._by_state(shard, rows)
            count = len(here) + len(left)
            if looked_at and looked_at + count > PAGE_LEVELS:
                if page:
                    yield await self._response(page, ())
                    page = []
                await asyncio.sleep(looked_at * REST_A_LEVEL_S)
                looked_at = 0
            page += self._updates(shard, here, today_ns, is_whole=is_whole)
            if len(left):
                page += self._removals(shard, left)
            looked_at += count
        if page or not self._has_begun:
            yield await self._response(page, until)
            self.sent = until
        await asyncio.sleep(looked_at * REST_A_LEVEL_S)
        self.sent, self._day_ns = until, today_ns

    async def _response(
        self, updates: list[watch.LevelUpdate], sequences: Sequence[int]
    ) -> watch.WatchAvailabilityResponse:
        """A response, once what it says is durable."""
        await self._feed.pump.until_durable()
        timeline = self._feed.pump.node.timeline
        response = watch.WatchAvailabilityResponse(
            levels=updates,
            revisions=[
                common.Revision(shard=shard, sequence=sequence, timeline=timeline)
                for shard, sequence in enumerate(sequences)
            ],
            reset=self._resets,
            conflated=self._conflated,
        )
        self._feed.conflations += self._conflated
        self._resets = self._conflated = False
        self._has_begun = True
        return response

    async def _rows(self, after: list[int], today_ns: int) -> AsyncIterator[tuple[Shard, Array]]:
        """The rows that changed and are watched, up to a page at a time, each once."""
        for changes, wanted, sequence in zip(self._feed.changes, self._filters, after, strict=True):
            shard, overdue = changes.shard, _NO_ROWS
            wanted.follow()
            if sequence != _BEFORE_ALL and self._day_ns < today_ns:
                overdue = wanted.watched(await _overdue_since(shard, self._day_ns, today_ns))
                async for page in _pages(shard, overdue):
                    yield shard, page
            if shard.sequence == sequence:
                continue
            recent = None if sequence == _BEFORE_ALL else changes.recent(sequence)
            if recent is not None:
                async for page in _pages(shard, _without(overdue, self._newest(recent, wanted))):
                    yield shard, page
                continue
            self._conflated |= sequence != _BEFORE_ALL and changes.is_behind(sequence)
            async for rows in _looked_through(changes, wanted):
                changed = _without(overdue, rows[changes.changed(rows, sequence)])
                async for page in _pages(shard, changed):
                    yield shard, page

    def _newest(self, recent: list[Array], wanted: "_Filter") -> Array:
        """The watched ones of the rows that the newest entries touched. A row of several of them
        is sent once: its earlier values are passed over.
        """
        touched = [np.unique(wanted.watched(rows)) for rows in recent]
        if len(touched) == 1:
            return touched[0]
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *touched]))
        self._conflated |= len(rows) < sum(map(len, touched))
        return rows

    def _by_state(self, shard: Shard, rows: Array) -> tuple[Array, Array]:
        """Those of these rows whose source is in a state that is watched or whose SKU has ended,
        and those that the caller may have from before their source left these states.
        """
        statuses = self._statuses[shard.number]
        statuses.extend(max(0, len(shard.levels) - len(statuses)))
        if not self.wanted.source_states:
            return rows, _NO_ROWS
        *_, is_open, _, states = shard.read_levels(rows)
        is_out = (is_open != 0) & ~np.isin(states, self.wanted.source_states)
        before = statuses.records[rows]
        may_have = before != _LEFT
        if self._has_sent_all:
            may_have &= before != 0
        return rows[~is_out], rows[is_out & may_have]

    def _removals(self, shard: Shard, rows: Array) -> Iterator[watch.LevelUpdate]:
        """The levels at these rows, whose source left the states that are watched."""
        self._statuses[shard.number].records[rows] = _LEFT
        states = shard.read_levels(rows)[6].tolist()
        for (sku, location), state in zip(shard.name_rows(rows), states, strict=True):
            yield _named(shard, sku, removed_update(location, SourceState(state)))

    def _updates(
        self, shard: Shard, rows: Array, today_ns: int, *, is_whole: bool
    ) -> Iterator[watch.LevelUpdate]:
        """The levels at these rows, as they are."""
        statuses = self._statuses[shard.number]
        for row, (sku, location), level, of_supply in self._feed.levels.read(shard, rows, today_ns):
            before = _STATUSES[statuses.records[row]]
            if level is None:
                statuses.records[row] = 0
                # A SKU of the same name may have begun since, with levels of its own; and where
                # everything is sent, nothing is removed.
                # Of a SKU that was merged into another, the other's levels have its names.
                is_merged = shard.skus.text(shard.levels.records["sku"][row]) != sku
                if not (is_whole or is_merged) and shard.find_row(sku, location) < 0:
                    yield _named(shard, sku, removed_update(location))
                continue
            status = status_of(level.available, self.wanted.low_threshold)
            statuses.records[row] = status
            if before != status or not self.wanted.crossings_only:
                crossed_from = before if before != status else _STATUSES[0]
                update = level_update(level, status, crossed_from, *of_supply)
                yield _named(shard, sku, update)


def _named(shard: Shard, sku: str, update: watch.LevelUpdate) -> watch.LevelUpdate:
    """An update with the name of its SKU, and the other names that it has had."""
    update.sku = shard.sku_names.shown.get(sku, sku)
    if update.sku in shard.sku_names.shown:
        names = shard.sku_names.all_of(sku)
        update.other_names.extend(name for name in names if name != update.sku)
    return update


class _Filter:
    """Which levels of a shard are watched."""

    def __init__(self, shard: Shard, wanted: Watch) -> None:
        self.shard = shard
        self._wanted = wanted
        self._names_seen = (-1, -1, -1)
        # SKUs that ended stay, so that their end is sent.
        self.skus: set[int] = set()
        self.locations: set[int] = set()
        self.follow()  # at once: a SKU may end before anything else of it is seen

    @property
    def is_by_sku(self) -> bool:
        """Whether SKUs are named."""
        return bool(self._wanted.skus)

    def follow(self) -> None:
        """Look up names again when there are new ones."""
        shard, names = self.shard, self.shard.sku_names
        seen = (len(shard.skus), len(shard.locations), names.changes)
        if seen == self._names_seen:
            return
        self._names_seen = seen
        if self._wanted.skus:
            first = [names.first.get(sku, sku) for sku in self._wanted.skus]
            self.skus.update(shard.skus.find_all(first))
            self.skus.discard(-1)
        if self._wanted.locations:
            self.locations = set(shard.locations.find_all(self._wanted.locations))

    def watched(self, rows: Array) -> Array:
        """Those of these rows that are watched."""
        levels = self.shard.levels.records
        if self._wanted.skus:
            rows = rows[_are_in(levels["sku"][rows], self.skus)]
        if self._wanted.locations:
            rows = rows[_are_in(levels["location"][rows], self.locations)]
        return rows


def _are_in(numbers: Array, wanted: Collection[int]) -> Array | list[int]:
    """Which numbers are wanted, or where: NumPy takes longer to begin than a few need."""
    if len(numbers) > FEW:
        return np.isin(numbers, list(wanted))
    return [at for at, number in enumerate(numbers.tolist()) if number in wanted]


async def _looked_through(changes: ShardChanges, wanted: _Filter) -> AsyncIterator[Array]:
    """All watched rows, some at a time."""
    if wanted.is_by_sku:
        yield wanted.watched(changes.rows_of(np.array(sorted(wanted.skus), np.int64)))
        return
    count = len(changes.shard.levels)
    for start in range(0, count, LOOKED_THROUGH):
        yield wanted.watched(np.arange(start, min(start + LOOKED_THROUGH, count)))
        await asyncio.sleep(0)


async def _overdue_since(shard: Shard, day_ns: int, today_ns: int) -> Array:
    """The rows whose supply was expected from a day on and is overdue today."""
    found = [_NO_ROWS]
    for start in range(0, len(shard.supplies), LOOKED_THROUGH):
        supplies = shard.supplies.used[start : start + LOOKED_THROUGH]
        expected, is_open = supplies["expected_ns"], supplies["quantity"] > supplies["received"]
        is_late = (expected >= day_ns) & (expected < today_ns) & is_open
        found.append(supplies["row"][is_late].astype(np.int64))
        await asyncio.sleep(0)
    return np.unique(np.concatenate(found))


def _without(excluded: Array, rows: Array) -> Array:
    return rows[np.isin(rows, excluded, invert=True)] if len(excluded) else rows


async def _pages(shard: Shard, rows: Array) -> AsyncIterator[Array]:
    """Rows in pages. Of those where units are promised from supply there are few in a page, since
    for each of them the queue is looked through: some 0.2 ms.
    """
    is_waiting = shard.backordered.records[rows] > 0 if len(shard.backorders) else None
    if is_waiting is None or not is_waiting.any():
        for start in range(0, len(rows), PAGE_LEVELS):
            yield rows[start : start + PAGE_LEVELS]
        return
    ends = np.flatnonzero(is_waiting)[WAITING_LEVELS - 1 :: WAITING_LEVELS] + 1
    for part in np.split(rows, ends):
        for start in range(0, len(part), PAGE_LEVELS):
            yield part[start : start + PAGE_LEVELS]
            await asyncio.sleep(0)
