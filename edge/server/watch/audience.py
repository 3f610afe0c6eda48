"""Whom a change concerns: the watchers of its SKU, and those that name none.

With a watcher for each of many SKUs, an append wakes the few that it concerns.
"""

from collections.abc import Sequence

import numpy as np

from holdfast.core.tables.shard import Shard
from holdfast.core.tables.table import Array, Table

from .watcher import Watcher


class Audience:
    """The watchers of a node, by what they name."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._all: set[Watcher] = set()
        self._unnamed: set[Watcher] = set()
        self._by_name: dict[str, set[Watcher]] = {}
        self.by_shard = [_Named(shard, self._by_name) for shard in shards]

    def add(self, watcher: Watcher) -> None:
        """Tell it of what it watches from now on."""
        for named in self.by_shard:
            named.follow()  # before its names are there, so that old ones are not looked for
        self._all.add(watcher)
        if not watcher.wanted.skus:
            self._unnamed.add(watcher)
        for sku in watcher.wanted.skus:
            self._by_name.setdefault(sku, set()).add(watcher)
        for named in self.by_shard:
            named.look_up(watcher.wanted.skus)

    def remove(self, watcher: Watcher) -> None:
        """Tell it nothing more."""
        self._all.discard(watcher)
        self._unnamed.discard(watcher)
        for sku in watcher.wanted.skus:
            watchers = self._by_name.get(sku, set())
            watchers.discard(watcher)
            if not watchers:
                self._by_name.pop(sku, None)
                for named in self.by_shard:
                    named.forget(sku)

    def concerned(self, shard: int, rows: Array | None) -> set[Watcher]:
        """The watchers whom a change of these rows concerns; of any rows when that is None."""
        if rows is None:
            return set(self._all)
        by_name = self.by_shard[shard].watchers_of(rows) if self._by_name else ()
        return self._unnamed.union(*by_name)


class _Named:
    """The SKUs of a shard that are watched by name. One that ended stays, so that its end is sent;
    the next of that name has another number.
    """

    def __init__(self, shard: Shard, by_name: dict[str, set[Watcher]]) -> None:
        self._shard = shard
        self._by_name = by_name
        # A SKU that was renamed may be watched under several names.
        self._by_number: dict[int, dict[str, set[Watcher]]] = {}
        self._numbers: dict[str, set[int]] = {}
        # Whether a SKU is in `_by_number`: one byte each.
        self._is_watched = Table("u1", rows_max=shard.levels.rows_max)
        self._names_seen = 0
        self.follow()

    @property
    def is_used(self) -> bool:
        """Whether some SKU is watched by name."""
        return bool(self._by_number or self._numbers or self._is_watched.used.any())

    def look_up(self, skus: Sequence[str]) -> None:
        """Find the numbers of SKUs that are watched now."""
        first = [self._shard.sku_names.first.get(sku, sku) for sku in skus]
        for number, sku in zip(self._shard.skus.find_all(first), skus, strict=True):
            if number >= 0:
                self._note(number, sku)

    def forget(self, sku: str) -> None:
        """Nobody watches a SKU any more."""
        for number in self._numbers.pop(sku, ()):
            del self._by_number[number][sku]
            if not self._by_number[number]:
                del self._by_number[number]
                self._is_watched.records[number] = 0

    def watchers_of(self, rows: Array) -> list[set[Watcher]]:
        """The watchers of each watched SKU that has one of these rows."""
        self.follow()
        skus = self._shard.levels.records["sku"][rows]
        watched = skus[self._is_watched.records[skus] != 0]
        numbers = set(watched.tolist())
        return [each for number in numbers for each in self._by_number[number].values()]

    def follow(self) -> None:
        """Take in the SKUs that have begun, and other names of SKUs."""
        known, count = len(self._is_watched), len(self._shard.skus)
        self._is_watched.extend(count - known)
        names = self._shard.sku_names
        if self._by_name and known < count:
            begun = self._shard.skus.texts(np.arange(known, count))
            for number, first in enumerate(begun, known):
                for sku in names.all_of(first):
                    if sku in self._by_name:
                        self._note(number, sku)
        if self._by_name and self._names_seen != names.changes:
            self.look_up(list(self._by_name))
        self._names_seen = names.changes

    def _note(self, number: int, sku: str) -> None:
        self._by_number.setdefault(number, {})[sku] = self._by_name[sku]
        self._numbers.setdefault(sku, set()).add(number)
        self._is_watched.records[number] = 1
