"""An appender in the test's own process, over a journal in memory."""

import asyncio
from collections.abc import Callable, Sequence

from holdfast.core.tables.effects import Entry
from holdfast.persistence.journal import MemoryJournal
from holdfast.persistence.journal_process.parent import Appended


class MemoryAppender:
    """Appends in the loop's next round, unless it is held; then when it is let go."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal
        self.is_held = False
        self.appending: Sequence[Entry] = ()

    def start(self, on_appended: Appended, on_failure: Callable[[BaseException], None]) -> None:
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()

    def append(self, entries: Sequence[Entry]) -> None:
        assert not self.appending, "one append at a time"
        self.appending = entries
        if not self.is_held:
            self._loop.call_soon(self.let_go)

    def let_go(self) -> None:
        """Finish the append that waits, and hold no more."""
        self.is_held = False
        if self.appending:
            self.journal.append(self.appending)
            self.appending = ()
            self._on_appended(0.0, self.journal.headroom_bytes())

    def close(self) -> None:
        assert not self.appending
