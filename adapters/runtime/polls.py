"""Partners that are asked what is new: each page is durable before the next is asked for.

Rules of this file: messages and the cursor after them are written in one transaction, so a crash
neither skips a page nor counts one twice.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ..contract import Page, Poll, Refused, Undecodable
from .contained import failure_text
from .flow_metrics import Figures
from .inbox import Arrival, Inbox, InboxFull, keyed
from .partner import Partner
from .settings import Configured
from .store import Store, StoreFailed, StoreFull, Tables

#: Seconds to wait while the inbox has no room for a page.
FULL_S: Final = 1.0


class Poller:
    """The polls of one adapter."""

    def __init__(
        self,
        configured: Configured,
        poll: Poll,
        *,
        store: Store,
        inbox: Inbox,
        partner: Partner,
        figures: Figures,
        now: Callable[[], datetime],
    ) -> None:
        self._configured = configured
        self._poll = poll
        self._store = store
        self._inbox = inbox
        self._partner = partner
        self._figures = figures
        self._now = now
        self.last_error = ""
        """Why the last poll failed; empty once one has succeeded."""
        self._unkept: Page | None = None
        """A page for which there was no room: to ask for it again would cost the partner's rate."""

    async def run(self) -> None:
        """Poll until the task is cancelled. Raises StoreFailed."""
        while True:
            try:
                has_more = await self.poll_once()
                self.last_error = ""
            except (Undecodable, Refused) as error:
                has_more, self.last_error = False, str(error)
            except (InboxFull, StoreFull) as error:
                self.last_error = str(error)
                await asyncio.sleep(FULL_S)
                continue
            except StoreFailed:
                raise
            except Exception as error:  # noqa: BLE001 - a defect must not stop the others
                has_more, self.last_error = False, failure_text(error)
            if not has_more:
                await asyncio.sleep(self._configured.settings.every_s)

    async def poll_once(self) -> bool:
        """Ask for a page and keep it; whether there is more. Raises Undecodable, Refused,
        InboxFull, StoreFull, StoreFailed.
        """
        if self._unkept is None:
            self._unkept = await self._ask()
        page = self._unkept
        await self._keep(page)
        self._unkept = None
        return page.has_more

    async def _ask(self) -> Page:
        cursor = read_cursor(self._store, self._configured.name)
        options = self._configured.options
        request = self._poll.request(cursor, options)
        return await self._partner.ask(
            request, lambda response: self._poll.page(response, cursor, options)
        )

    async def _keep(self, page: Page) -> None:
        name, now = self._configured.name, self._now()
        arrivals = [keyed(name, self._configured.adapter, message) for message in page.messages]

        def change(tables: Tables) -> list[Arrival]:
            outcomes = self._inbox.keep(tables, arrivals, now)
            tables.cursors.put(cursor_key(name), page.cursor.encode())
            return outcomes

        for arrival in await self._inbox.put_with(len(arrivals), change):
            self._figures.arrivals.labels(name, arrival).inc()


def cursor_key(name: str, purpose: str = "poll") -> bytes:
    """The key under which a cursor is kept."""
    return f"{name}\0{purpose}".encode()


def read_cursor(store: Store, name: str, purpose: str = "poll") -> str:
    """Where an adapter has come to; empty at first."""
    with store.reading() as tables:
        return (tables.cursors.get(cursor_key(name, purpose)) or b"").decode()
