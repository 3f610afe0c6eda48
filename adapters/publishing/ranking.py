"""Rows in the order of their ranks: the lowest first, each once, with a rank that may change.

A heap whose entries are invalidated lazily: a change pushes a new entry, and one that is not the
newest of its row is passed over when it comes up. O(log n) a change.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

Rank: TypeAlias = tuple[int, int, float]

#: Entries that were overtaken, beyond as many as are valid, before the heap is rebuilt.
_STALE_MAX: Final = 1_000


class Ranking:
    """Rows and their ranks."""

    def __init__(self) -> None:
        self._ranks: dict[int, Rank] = {}
        self._heap: list[tuple[Rank, int]] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ranks)

    def put(self, row: int, rank: Rank) -> None:
        """Let a row have a rank."""
        if self._ranks.get(row) == rank:
            return
        self._ranks[row] = rank
        heappush(self._heap, (rank, row))
        if len(self._heap) > 2 * len(self._ranks) + _STALE_MAX:
            self._heap = [(rank, row) for row, rank in self._ranks.items()]
            heapify(self._heap)

    def drop(self, row: int) -> None:
        """Forget a row."""
        self._ranks.pop(row, None)

    def take(self, count: int, skip: int = 0) -> list[int]:
        """Take out so many rows of the lowest ranks, after so many that stay."""
        found = [self._pop() for _ in range(min(skip + count, len(self)))]
        for rank, row in found[:skip]:
            self.put(row, rank)
        return [row for _, row in found[skip:]]

    def _pop(self) -> tuple[Rank, int]:
        while True:
            rank, row = heappop(self._heap)
            if self._ranks.get(row) == rank:
                del self._ranks[row]
                return rank, row
