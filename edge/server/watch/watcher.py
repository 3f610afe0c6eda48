"""One watcher: what it has been sent, and what it is sent next.

It works in passes. A pass sends all levels that changed after the last one and are watched,
with the values that they have when they are sent, page by page; then the watcher is where the
shards were when the pass began. The first state, a resumed watch and a slow reader are passes like
any other, over more levels. What a page says may not be durable when it is read, so the page waits
until it is. When a day has begun since the last, a pass also sends levels whose supply is overdue.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from holdfast.core.tables.shard import Shard
from holdfast.core.tables.table import Array, Table
from holdfast.v1 import common_pb2 as common

from ...wire.watch import Watch
from ..pump import Pump
from .changes import ShardChanges
from .level_pages import LEFT, Page, Response
from .level_reads import LevelReads
from .shared_passes import Pass, Question, Seen, SharedPasses
from .watched_rows import (
    NO_ROWS,
    PAGE_LEVELS,
    LevelFilter,
    distinct,
    looked_through,
    overdue_since,
    pages,
    without,
)

#: Seconds that a watcher leaves the loop to others for each level that it looked at: a hundred
#: times what telling one of a thousand takes, so that a watcher of all costs a busy node 2 %.
#: Meanwhile changes gather, and of those of one level the newest is sent.
REST_A_LEVEL_S: Final = 80e-6

#: A shorter rest is none: the loop's timers count milliseconds.
REST_MIN_S: Final = 0.5e-3

#: A sequence after which every level has changed.
_BEFORE_ALL: Final = -1


class Feed(Protocol):
    """What a watcher looks at."""

    pump: Pump
    changes: list[ShardChanges]
    levels: LevelReads
    passes: SharedPasses
    conflations: int
    resets: int

    def sequences(self) -> list[int]:
        """The last sequence of each shard."""

    begun_day_ns: int

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
        self._filters = [LevelFilter(changes.shard, wanted) for changes in feed.changes]
        # One byte a level: the status sent last.
        self._statuses = [Table("u1", rows_max=each.shard.levels.rows_max) for each in feed.changes]
        self.sent = feed.sequences() if wanted.after is None else list(wanted.after)
        self._resets = not wanted.from_now if wanted.after is None else not self._is_known()
        # Whether all levels that the caller has came from this stream.
        self._has_sent_all = self._resets
        self._conflated = self._has_begun = False
        self._looked_at = 0
        # Two who began in different ways are told the same later.
        self._same = replace(wanted, after=None, from_now=False)
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

    @property
    def is_idle(self) -> bool:
        """Whether it waits for news and there are none."""
        return self._is_waiting and not self.news.is_set()

    def pass_over(self, sequences: list[int]) -> None:
        """Move on to these sequences of the shards, to which nothing changed that is watched."""
        if self.is_idle:
            self.sent = sequences

    async def responses(self) -> AsyncIterator[Response]:
        """What the caller is sent, without end."""
        if self._resets:
            self._feed.resets += self.wanted.after is not None
            async for response in self._changes([_BEFORE_ALL] * len(self.sent)):
                yield response
        elif self.wanted.after is None:
            yield await self._durable(self._response(self._page(), self.sent))
        else:
            self.news.set()
        while True:
            self._is_waiting = True
            await self.news.wait()
            self._is_waiting = False
            self.news.clear()
            async for response in self._changes(self.sent):
                yield response

    async def _changes(self, after: list[int]) -> AsyncIterator[Response]:
        """Tell what changed after these sequences, and rest. The last response is sent when all is
        done: it has the revisions. Without levels to send there is none, but for the first one of a
        watch, which says that it has begun.
        """
        question = self._question(after)
        shared = self._feed.passes.find(question, self._statuses)
        if shared is None:
            async for response in self._pass(question):
                yield await self._durable(response)
        elif (same := self._take_over(shared)) is not None:
            yield await self._durable(same)
        self.sent, self._day_ns = list(question.until), question.today_ns
        await _rest(self._looked_at)

    async def _durable(self, response: Response) -> Response:
        """A response, once what it says is on the disk."""
        await self._feed.pump.until_durable()
        return response

    def _question(self, after: list[int]) -> Question:
        until, today_ns = self._feed.sequences(), self._feed.today_ns()
        has_sent_all = self._has_sent_all and bool(self.wanted.source_states)  # counts there alone
        flags = self._resets, self._conflated, self._has_begun, has_sent_all
        return Question(self._same, tuple(after), tuple(until), self._day_ns, today_ns, flags)

    def _take_over(self, shared: Pass) -> Response | None:
        """Take the pass of another for this one, and return its response."""
        self._looked_at = shared.looked_at
        shared.note(self._statuses)
        self._conflated = shared.conflated
        if shared.response is not None:
            self._note_response()
        return shared.response

    async def _pass(self, question: Question) -> AsyncIterator[Response]:
        """Look at what changed, and keep that for others when it is one response."""
        is_whole = question.after[0] == _BEFORE_ALL
        page = self._page()
        seen: list[Seen] = []
        is_short = True
        self._looked_at = 0
        async for shard, rows in self._rows(question):
            before = self._statuses[shard.number].records[rows].tobytes()
            self._carry_over(shard, rows)
            here, left = self._by_state(shard, rows)
            count = len(here) + len(left)
            if self._looked_at and self._looked_at + count > PAGE_LEVELS:
                is_short = False
                seen.clear()
                if not page.is_empty:
                    yield self._response(page, ())
                    page = self._page()
                await asyncio.sleep(self._looked_at * REST_A_LEVEL_S)
                self._looked_at = 0
            page.tell(shard, here, question.today_ns, is_whole=is_whole)
            if len(left):
                page.tell_left(shard, left)
            self._looked_at += count
            if is_short:
                after = self._statuses[shard.number].records[rows]
                seen.append(Seen(shard.number, rows, before, after))
        conflated = self._conflated
        response = None
        if not (page.is_empty and self._has_begun):
            response = self._response(page, question.until)
        if is_short:
            self._feed.passes.keep(question, Pass(seen, response, conflated, self._looked_at))
        if response is not None:
            yield response

    def _page(self) -> Page:
        return Page(self.wanted, self._feed.levels, self._statuses)

    def _response(self, page: Page, sequences: Sequence[int]) -> Response:
        """A response, which may not leave before what it says is durable."""
        timeline = self._feed.pump.node.timeline
        response = page.response(
            revisions=[
                common.Revision(shard=shard, sequence=sequence, timeline=timeline)
                for shard, sequence in enumerate(sequences)
            ],
            reset=self._resets,
            conflated=self._conflated,
        )
        self._note_response()
        return response

    def _note_response(self) -> None:
        self._feed.conflations += self._conflated
        self._resets = self._conflated = False
        self._has_begun = True

    async def _rows(self, question: Question) -> AsyncIterator[tuple[Shard, Array]]:
        """The rows that changed and are watched, up to a page at a time, each once."""
        today_ns, every = question.today_ns, (self._feed.changes, self._filters, question.after)
        for changes, wanted, sequence in zip(*every, strict=True):
            shard, overdue = changes.shard, NO_ROWS
            wanted.follow()
            if sequence != _BEFORE_ALL and self._day_ns < today_ns:
                overdue = wanted.watched(await overdue_since(shard, self._day_ns, today_ns))
                async for page in pages(shard, overdue):
                    yield shard, page
            if shard.sequence == sequence:
                continue
            recent = None if sequence == _BEFORE_ALL else changes.recent(sequence)
            if recent is not None:
                async for page in pages(
                    shard, without(overdue, self._newest(shard, recent, wanted))
                ):
                    yield shard, page
                continue
            self._conflated |= sequence != _BEFORE_ALL and changes.is_behind(sequence)
            async for rows in looked_through(changes, wanted):
                changed = without(overdue, rows[changes.changed(rows, sequence)])
                async for page in pages(shard, changed):
                    yield shard, page

    def _newest(self, shard: Shard, recent: list[Array], wanted: LevelFilter) -> Array:
        """The watched ones of the rows that the newest entries touched. A row of several of them
        is sent once: its earlier values are passed over.
        """
        count = len(shard.levels)
        touched = [distinct(wanted.watched(rows), count) for rows in recent]
        if len(touched) == 1:
            return touched[0]
        rows = distinct(np.concatenate([NO_ROWS, *touched]), count)
        self._conflated |= len(rows) < sum(map(len, touched))
        return rows

    def _carry_over(self, shard: Shard, rows: Array) -> None:
        """Note of levels whose SKU has begun again what was sent of those that ended: for the
        caller they are the same.
        """
        statuses = self._statuses[shard.number]
        statuses.extend(max(0, len(shard.levels) - len(statuses)))
        skus = shard.levels.records["sku"]
        has_ended = shard.skus.removed.records[skus[rows]] != 0
        ended = rows[has_ended & (statuses.records[rows] != 0)]
        for row, (sku, location) in zip(ended.tolist(), shard.name_rows(ended), strict=True):
            is_merged = shard.skus.text(skus[row]) != sku
            if not is_merged and (begun := shard.find_row(sku, location)) >= 0:
                statuses.records[begun] = statuses.records[row]

    def _by_state(self, shard: Shard, rows: Array) -> tuple[Array, Array]:
        """Those of these rows whose source is in a state that is watched or whose SKU has ended,
        and those that the caller may have from before their source left these states.
        """
        statuses = self._statuses[shard.number]
        if not self.wanted.source_states:
            return rows, NO_ROWS
        *_, is_open, _, states = shard.read_levels(rows)
        is_out = (is_open != 0) & ~np.isin(states, self.wanted.source_states)
        before = statuses.records[rows]
        may_have = before != LEFT
        if self._has_sent_all:
            may_have &= before != 0
        return rows[~is_out], rows[is_out & may_have]


async def _rest(levels: int) -> None:
    """Leave the loop to others after a look at so many levels."""
    rest_s = levels * REST_A_LEVEL_S
    if rest_s >= REST_MIN_S:
        await asyncio.sleep(rest_s)
