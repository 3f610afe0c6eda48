"""Listing, setting and resetting sources, over all shards that know them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..commands import (
    Conflict,
    Gap,
    GetSource,
    ListSources,
    ResetSource,
    Source,
    SourceOutcome,
    SourceReset,
    SourcesView,
    SourceView,
    Unknown,
    UpdateSource,
)
from ..commands.registry import (
    GET_SOURCE,
    LIST_SOURCES,
    RESET_SOURCE,
    UPDATE_SOURCE,
    executes,
)
from ..limits import RANGES_LISTED_MAX
from ..model import Fallback, SourceState, UnknownSkus, Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.source_numbers import list_gaps
from ..tables.writing import number_of_name, record, record_names
from ..work import GAP_LISTED, SOURCE_LISTED, SOURCE_RESET, Steps, Work
from . import repeats
from .homes import Homes
from .sources import Sources

#: Missing numbers are counted up to here.
_MOST = 2**64 - 1

#: Where a page begins: the number of a shard above that of a source in it.
_NUMBER_BITS = 32


class SourceCatalogue:
    """Sources over the shards of a node."""

    def __init__(self, sources: Sources, homes: Homes, work: Work) -> None:
        self.sources = sources
        self.shards = sources.shards
        self.homes = homes
        self.work = work

    @executes(GET_SOURCE)
    def get(self, command: GetSource, now_ns: int) -> SourceView | Unknown:
        """Read one source."""
        known = self.sources.known(command.name)
        return self._view(command.name, known, now_ns) if known else Unknown("source", command.name)

    @executes(LIST_SOURCES)
    def list(self, command: ListSources, now_ns: int) -> Steps[SourcesView]:
        """A page of sources, each as it is when it is listed: the turn may end between them."""
        views: list[SourceView] = []
        for start, name in self._names_from(command.start):
            if len(views) == command.count:
                return SourcesView(tuple(views), start)
            if self.work.is_over:
                now_ns = yield
            views.append(self._view(name, self.sources.known(name), now_ns))
        return SourcesView(tuple(views), None)

    def _names_from(self, start: int) -> Iterator[tuple[int, str]]:
        """Sources with their places, each in the first shard that knows it."""
        first, number = start >> _NUMBER_BITS, start & ((1 << _NUMBER_BITS) - 1)
        for shard in self.shards[first:]:
            for at in range(number, len(shard.sources)):
                name = shard.sources.text(at)
                if all(other.sources.find(name) < 0 for other in self.shards[: shard.number]):
                    yield shard.number << _NUMBER_BITS | at, name
            number = 0

    @executes(UPDATE_SOURCE)
    def update(self, command: UpdateSource, now_ns: int) -> SourceOutcome | Unknown | Conflict:
        """Change what is set of a source, in every shard."""
        name = command.source.name
        home = self.homes.shard_of_source(name)
        said = {"source": (command.fields, [getattr(command.source, f) for f in command.fields])}
        first = repeats.first_result(home, command.request, Verb.UPDATE_SOURCE, said, now_ns)
        if isinstance(first, Conflict):
            return first
        known = self.sources.known(name)
        if not known and not command.allow_missing:
            return Unknown("source.source", name)
        if first is None:
            # Point of no return: the source exists, or may be created.
            source = command.source
            if known:
                changes = {field: getattr(source, field) for field in command.fields}
                source = replace(_source(name, *known[0]), **changes)
            self._set(source)
            self.sources.states.review(name, now_ns)
            repeats.remember_result(home, command.request, Verb.UPDATE_SOURCE, said, 0)
        view = self._view(name, self.sources.known(name), now_ns)
        return SourceOutcome(view, is_repeat=first is not None)

    @executes(RESET_SOURCE)
    def reset(self, command: ResetSource, now_ns: int) -> SourceReset | Unknown | Conflict:
        """Set the last number of a source, in every shard that knows it."""
        home = self.homes.shard_of_source(command.source)
        said = {"last_sequence": command.last_sequence, "reason": command.reason}
        first = repeats.first_result(home, command.request, Verb.RESET_SOURCE, said, now_ns)
        if isinstance(first, Conflict):
            return first
        if first is not None:
            return SourceReset(first, is_repeat=True)
        known = self.sources.known(command.source)
        if not known:
            return Unknown("source", command.source)
        # Point of no return: the source exists.
        previous = self.sources.last_number(known)
        self.work.spend(len(known) * SOURCE_RESET)
        resets = 1 + max(int(shard.source_records.records[n]["resets"]) for shard, n in known)
        for shard, number in known:
            record(shard, Section.SOURCE_RESETS, (command.last_sequence, number, resets, now_ns))
            if command.reason:
                record_names(shard, Section.RESET_REASONS, command.reason)
        self.sources.states.review(command.source, now_ns)
        repeats.remember_result(home, command.request, Verb.RESET_SOURCE, said, previous)
        return SourceReset(previous)

    def _set(self, source: Source) -> None:
        self.work.spend(len(self.shards) * SOURCE_LISTED)
        unknown_skus = source.unknown_skus or 0
        for shard in self.shards:
            number = number_of_name(shard, shard.sources, Section.SOURCE_NAMES, source.name)
            settings = source.expected_interval_ms, unknown_skus, source.fallback
            record(shard, Section.SOURCES, (number, *settings, 0, 0, source.cap))

    def _view(self, name: str, known: Sequence[tuple[Shard, int]], now_ns: int) -> SourceView:
        """A source as it is now."""
        records = [shard.source_records.records[number] for shard, number in known]
        gaps = np.concatenate([list_gaps(shard, number) for shard, number in known])
        gaps.sort(order="first")
        self.work.spend(len(known) * SOURCE_LISTED + len(gaps) * GAP_LISTED)
        unlisted = min(_MOST, sum(int(record["unlisted"]) for record in records))
        missing = unlisted + sum(gaps["last"].tolist()) - sum(gaps["first"].tolist()) + len(gaps)
        last_event_ns = max(int(record["last_event_ns"]) for record in records)
        source = _source(name, *known[0])
        listed = gaps[:RANGES_LISTED_MAX][["first", "last", "opened_ns"]].tolist()
        return SourceView(
            source,
            SourceState(int(records[0]["state"]) or SourceState.CURRENT),
            self.sources.last_number(known),
            last_event_ns or None,
            now_ns,
            len(gaps),
            min(_MOST, missing),
            unlisted,
            tuple(Gap(*gap) for gap in listed),
        )


def _source(name: str, shard: Shard, number: int) -> Source:
    record = shard.source_records.records[number]
    unknown_skus = int(record["unknown_skus"])
    return Source(
        name,
        int(record["expected_interval_ms"]),
        UnknownSkus(unknown_skus) if unknown_skus else None,
        Fallback(int(record["fallback"]) or Fallback.SELL_ON),
        int(record["cap"]),
    )
