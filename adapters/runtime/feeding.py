"""Sources that bring messages by themselves and have no cursor: a drop folder, a queue.

Rules of this file: a page is settled after its messages are durable. One that is fetched again,
because the process died in between, is known by the keys of its messages.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from importlib import import_module

from ..contract import Page, Source, Undecodable
from ..intake.folder import Folder
from ..intake.folder_options import FolderOptions, SftpOptions
from ..intake.nats import opened_consumer
from ..intake.sqs import opened_queue
from .flow_metrics import Figures
from .gate import Gate
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
        self._gate = Gate(configured.name, (OSError,))
        self._problem = ""

    @property
    def last_error(self) -> str:
        """Why the last look failed; empty once one has succeeded."""
        return self._problem or self._gate.last_error

    async def run(self) -> None:
        """Fetch until the task is cancelled. Raises StoreFailed."""
        while True:
            try:
                has_more = await self.feed_once()
                self._problem = ""
            except Undecodable as error:
                has_more, self._problem = False, str(error)
            except (InboxFull, StoreFull) as error:
                self._problem = str(error)
                await asyncio.sleep(FULL_S)
                continue
            if not has_more:
                await asyncio.sleep(self._configured.settings.every_s)

    async def feed_once(self) -> bool:
        """Fetch a page and keep it; whether there is more. Raises InboxFull, StoreFull,
        StoreFailed.
        """
        page: Page = await self._gate.call(self._source.fetch)
        await self._keep(page)
        await self._gate.call(lambda: self._source.settled(page))
        return page.has_more

    async def _keep(self, page: Page) -> None:
        name, adapter, now = self._configured.name, self._configured.adapter, self._now()
        arrivals = [
            keyed(name, adapter, replace(message, received=now)) for message in page.messages
        ]
        for arrival in await self._inbox.put(arrivals, now) if arrivals else ():
            self._figures.arrivals.labels(name, arrival).inc()


@asynccontextmanager
async def opened_source(
    configured: Configured, tell: Callable[[str, str], None]
) -> AsyncIterator[Source | None]:
    """The source of an adapter, if it has one, until the block ends. `tell` gets the name of each
    file that was not taken in, and why.
    """
    settings, adapter, options = configured.settings, configured.adapter, configured.options
    if settings.sqs is not None:
        async with opened_queue(settings.sqs, configured.secrets) as queue:
            yield queue
    elif settings.nats is not None:
        async with opened_consumer(settings.nats, configured.secrets) as consumer:
            yield consumer
    elif settings.folder is not None:
        drop = settings.folder
        here = drop if drop.sftp is None else drop.model_copy(update={"complete": "renamed"})
        folder = Folder(
            here, lambda blocks, name: adapter.cut(blocks, name, options), time.monotonic, tell
        )
        yield folder if drop.sftp is None else brought_by_sftp(folder, drop, drop.sftp)
    else:
        yield None


def brought_by_sftp(folder: Source, drop: FolderOptions, sftp: SftpOptions) -> Source:
    """A folder whose files are brought from elsewhere, by a library that few need."""
    brought = import_module("holdfast.adapters.intake.sftp")
    source: Source = brought.SftpFolder(folder, drop, sftp, time.monotonic)
    return source
