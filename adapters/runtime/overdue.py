"""What is missing too long is looked for, as long as the process runs."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from .awaited import report_awaited
from .store import Store, StoreFull
from .till_gaps import tell_gaps

#: Seconds after which it looks again: grace times are in hours.
LOOK_S: Final = 300.0


async def watch_overdue(store: Store, now: Callable[[], datetime]) -> None:
    """Open cases of what is missing too long, until the task is cancelled. Raises StoreFailed."""
    while True:
        for report in (tell_gaps, report_awaited):
            with suppress(StoreFull):
                await report(store, now())
        await asyncio.sleep(LOOK_S)
