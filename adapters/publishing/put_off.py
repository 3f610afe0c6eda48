"""Rows that are put off until a time, which is handed in."""

from collections.abc import Iterator
from heapq import heappop, heappush


class PutOff:
    """Rows and the seconds at which they are due. A later order replaces an earlier one."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def __contains__(self, row: int) -> bool:
        return row in self._until

    def put(self, row: int, until_s: float) -> None:
        """Put a row off."""
        self._until[row] = until_s
        heappush(self._heap, (until_s, row))

    def cancel(self, row: int) -> None:
        """Put a row off no longer."""
        self._until.pop(row, None)

    def due(self, now_s: float) -> Iterator[int]:
        """Take out the rows that are due."""
        while self._heap and self._heap[0][0] <= now_s:
            until_s, row = heappop(self._heap)
            if self._until.get(row) == until_s:
                del self._until[row]
                yield row
