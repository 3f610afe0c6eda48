"""What a channel shows, read back from it in spare time, page by page and over again.

Rules of this file: offers come first. A page is asked for while nothing waits to be offered and
half of the budget of its operation is there. A channel that has to be told what it is asked for is
asked for the pairs that are known here, in their order.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from ..contract import ReadBack, ReadPairs, Refused, Request, Response, Undecodable
from ..events import Shown
from .contained import failure_text
from .partner import Partner
from .publisher import Publisher
from .store import Store, StoreFailed, StoreFull

#: Seconds between looks whether there is time to spare, and so between pages at the least.
SPARE_S: Final = 5.0

#: Seconds from the end of one reading to the start of the next.
AGAIN_S: Final = 3_600.0

#: Share of a budget that is left for offers.
LEFT_SHARE: Final = 0.5

#: What a page shows, and the cursor of the next; empty after the last.
Page: TypeAlias = tuple[Sequence[Shown], str]


class Reader:
    """Reads one channel."""

    def __init__(
        self,
        read_back: ReadBack | ReadPairs,
        publisher: Publisher,
        options: Any,
        *,
        store: Store,
        partner: Partner,
    ) -> None:
        self.last_error = ""
        """Why the last page was not read; empty once one was."""
        self._read_back = read_back
        self._publisher = publisher
        self._options = options
        self._board = publisher.board
        self._store = store
        self._partner = partner
        self._cursor = ""
        self._operation = ""

    async def run(self) -> None:
        """Read until the task is cancelled. Raises StoreFailed."""
        while True:
            await asyncio.sleep(SPARE_S)
            if not self._has_spare():
                continue
            try:
                is_whole = await self.read_page()
                self.last_error = ""
            except StoreFailed:
                raise
            except (Undecodable, Refused, StoreFull) as error:
                self._cursor, is_whole, self.last_error = "", True, str(error)
            except Exception as error:  # noqa: BLE001 - a defect must not stop the others
                self._cursor, is_whole, self.last_error = "", True, failure_text(error)
            if is_whole:
                await asyncio.sleep(AGAIN_S)

    async def read_page(self) -> bool:
        """Read a page; whether it was the last. Raises Undecodable, Refused, StoreFull,
        StoreFailed.
        """
        request, read = self._next_page()
        self._operation = request.operation
        self._board.begin_reading()
        shown, self._cursor = await self._partner.ask(request, read)
        changes = [change for each in shown if (change := self._publisher.hear_read(each))]
        await self._store.write(lambda tables: [change(tables) for change in changes])
        return not self._cursor

    def _next_page(self) -> tuple[Request, Callable[[Response], Page]]:
        """What asks for a page, and what reads it."""
        of, options = self._read_back, self._options
        if isinstance(of, ReadBack):
            return of.request(self._cursor, options), lambda response: of.page(response, options)
        names, after = self._board.pairs.page(int(self._cursor or 0), of.pairs_max)
        cursor = "" if after is None else str(after)
        return of.request(names, options), lambda response: (of.shown(response, options), cursor)

    def _has_spare(self) -> bool:
        bucket = self._partner.budget(self._operation)
        is_idle = len(self._board) > 0 and not self._board.waiting
        return is_idle and bucket.within(0) >= LEFT_SHARE * bucket.burst
