"""Hands appends to the process that writes the journal, and hears when they are durable."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from holdfast.core.tables.effects import Entry

from ..codec import lay_out_group
from ..directory_lock import DirectoryLock
from ..journal import LmdbJournal
from ..lmdb.store import JournalError
from .child import ANSWER, IGNORED, LENGTH, hello

COMMAND = (sys.executable, "-m", "holdfast.persistence.journal_process.child")

#: The most that Linux gives to anybody: an append that fits goes over without waiting.
_PIPE_BYTES = 1 << 20

Appended = Callable[[float, int], None]
"""Called with the seconds that an append took and the headroom that it left."""


class Appender(Protocol):
    """What the pump needs of a journal."""

    def start(self, on_appended: Appended, on_failure: Callable[[BaseException], None]) -> None:
        """Say who hears of what was done. A failure is final."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Begin to make entries durable, and return at once. One append at a time."""

    def close(self) -> None:
        """Let go, with no append in flight."""


class JournalProcess:
    """The other end of child.py. Everything here runs on the event loop."""

    def __init__(self, journal: LmdbJournal, lock: DirectoryLock) -> None:
        self._journal = journal
        source, self._orders = os.pipe()
        self._answers, target = os.pipe()
        with suppress(PermissionError):  # beyond what its user may have in all pipes together
            fcntl.fcntl(self._orders, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        # It holds the directory's lock as long as it lives: a node that was killed may have an
        # append under way, and the next one must not read the journal before its end.
        # Signals to all processes of the node wait until it ignores them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            COMMAND, stdin=source, stdout=target, pass_fds=(lock.descriptor,)
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(source)
        os.close(target)

    def __repr__(self) -> str:
        return f"<JournalProcess {self._process.pid} at {self._journal.position}>"

    def start(self, on_appended: Appended, on_failure: Callable[[BaseException], None]) -> None:
        """Begin to write behind what the journal holds."""
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._write(hello(self._journal, self._journal.chain))
        asyncio.get_running_loop().add_reader(self._answers, self._read)

    def append(self, entries: Sequence[Entry]) -> None:
        """Send entries to be made durable."""
        value = lay_out_group(self._journal.position + 1, self._journal.epoch, entries)
        self._write(LENGTH.pack(len(value)) + value)

    def _write(self, data: bytes) -> None:
        # The pipe is empty, because the last append was answered: only what is larger than it
        # waits, and then for a reader that does nothing else.
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._orders, rest) :]
        except BrokenPipeError:
            self._read()

    def _read(self) -> None:
        answer = os.read(self._answers, 65_536)
        if len(answer) == ANSWER.size:
            position, headroom_bytes, seconds = ANSWER.unpack(answer)
            if position == self._journal.position + 1:
                self._journal.position = position
                self._on_appended(seconds, headroom_bytes)
                return
        asyncio.get_running_loop().remove_reader(self._answers)
        why = answer[ANSWER.size :].decode(errors="replace") or "its process has ended"
        self._on_failure(JournalError(f"the journal can't be written: {why}"))

    def close(self) -> None:
        """Let the process end, and wait for that."""
        asyncio.get_running_loop().remove_reader(self._answers)
        os.close(self._orders)
        self._process.wait()
        os.close(self._answers)
