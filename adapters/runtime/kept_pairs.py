"""The pairs of one channel in the store: what a restart has to know of each.

Rules of this file: it keeps and brings back what the board has, and decides nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from ..publishing.board import Board
from .publish_records import PairRecord, pairs, put_pairs
from .store import Store, Tables

#: Pairs that are gone through before others get their turn on the loop: some milliseconds.
AT_ONCE: Final = 100


class KeptPairs:
    """The pairs of one channel, by the rows of its board."""

    def __init__(self, channel: str, board: Board, store: Store) -> None:
        self._channel = channel
        self._board = board
        self._store = store

    def keeping(self, rows: Iterable[int]) -> Callable[[Tables], None]:
        """The change that keeps rows as they are now."""
        table = self._board.pairs
        records = [PairRecord(*table.names[row], table.record(row)) for row in rows]
        return lambda tables: put_pairs(tables, self._channel, records)

    async def restore(self, clock: Callable[[], float]) -> None:
        """Bring back what was kept before the process began. `clock` gives seconds."""
        last: PairRecord | None = None
        while page := self._page(last):
            for item, node, record in page:
                self._board.restore(item, node, record, clock())
            last = page[-1]
            await asyncio.sleep(0)

    def _page(self, last: PairRecord | None) -> list[PairRecord]:
        with self._store.reading() as tables:
            return list(islice(pairs(tables, self._channel, last), AT_ONCE))
