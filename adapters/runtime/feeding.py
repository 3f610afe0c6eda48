"""Sources that bring messages by themselves and have no cursor, such as a drop folder.

Rules of this file: a page is settled after its messages are durable. One that is fetched again,
because the process died in between, is known by the keys of its messages.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from ..contract import Page, Source, Undecodable
from .flow_metrics import Figures
from .inbox import Inbox, InboxFull, keyed
from .polls import FULL_S
from .settings import Configured
from .store import StoreFull


class Feeder:
    """What one source brings, put into the inbox of its adapter."""

    def __init__(
        self,
        configured: Configured,
        source: Source,
        *,
        inbox: Inbox,
        figures: Figures,
        now: Callable[[], datetime],
    ) -> None:
        self._configured = configured
        self._source = source
        self._inbox = inbox
        self._figures = figures
        self._now = now
        self.last_error = ""
        """Why the last look failed; empty once one has succeeded."""

    async def run(self) -> None:
        """Fetch until the task is cancelled. Raises StoreFailed."""
        while True:
            try:
                has_more = await self.feed_once()
                self.last_error = ""
            except (OSError, Undecodable) as error:
                has_more, self.last_error = False, str(error)
            except (InboxFull, StoreFull) as error:
                self.last_error = str(error)
                await asyncio.sleep(FULL_S)
                continue
            if not has_more:
                await asyncio.sleep(self._configured.settings.every_s)

    async def feed_once(self) -> bool:
        """Fetch a page and keep it; whether there is more. Raises OSError, InboxFull, StoreFull,
        StoreFailed.
        """
        page: Page = await self._source.fetch()
        name, adapter = self._configured.name, self._configured.adapter
        arrivals = [keyed(name, adapter, message) for message in page.messages]
        for arrival in await self._inbox.put(arrivals, self._now()):
            self._figures.arrivals.labels(name, arrival).inc()
        await self._source.settled(page)
        return page.has_more
