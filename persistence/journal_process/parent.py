"""The node's end of the process that writes the journal: a JournalAppender on the event loop."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from holdfast.core.tables.effects import Entry

from ..codec import lay_out_parts
from ..directory_lock import DirectoryLock
from ..hash_chain import Chain
from ..journal import JournalError, OnAppended, OnFailure
from ..lmdb.store import LmdbJournal
from .protocol import (
    ANSWER_BYTES_MAX,
    IGNORED_SIGNALS,
    Hello,
    pack_head,
    pack_hello,
    unpack_answer,
)

COMMAND = (sys.executable, "-m", "holdfast.persistence.journal_process.child")

#: The largest pipe that Linux gives to an unprivileged process: an append that fits is sent at
#: once.
_PIPE_BYTES = 1 << 20

#: Parts that Linux takes in one call (IOV_MAX).
_PARTS_MAX = 1_024


class JournalProcess:
    """Hands appends to a child process. Its methods and callbacks run on the event loop's thread.

    `journal` is what recovery read, and stays open for its figures; `chain` and `epoch` are those
    of the next entry. When an append fails or the child ends, the node must stop: lmdb/store.py
    says why there is no second try.
    """

    def __init__(self, journal: LmdbJournal, chain: Chain, epoch: int, lock: DirectoryLock) -> None:
        self.position = journal.position
        self.reserve_bytes = journal.reserve_bytes
        self._journal = journal
        self._chain, self._epoch = chain, epoch
        self._forget = 0
        self.appended_bytes = 0
        source, self._appends = os.pipe()
        self._answers, target = os.pipe()
        with suppress(PermissionError):  # more than its user may have in all pipes together
            fcntl.fcntl(self._appends, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process = _start_child(source, target, lock)
        os.set_blocking(self._appends, False)
        # Ours would keep each pipe open when the child has ended.
        os.close(source)
        os.close(target)

    def __repr__(self) -> str:
        return f"<JournalProcess {self._process.pid} at {self.position}>"

    def start(self, on_appended: OnAppended, on_failure: OnFailure) -> None:
        """Greet the child, and take the callbacks."""
        self._on_appended = on_appended
        self._on_failure = on_failure
        asyncio.get_running_loop().add_reader(self._answers, self._read_answer)
        figures = (self.position, self._journal.map_size_bytes, self.reserve_bytes)
        hello = pack_hello(Hello(self._journal.path, *figures, self._chain))
        self._write([hello], len(hello))

    def append(self, entries: Sequence[Entry]) -> None:
        """Send entries to be made durable at the next position."""
        parts, size = lay_out_parts(self.position + 1, self._epoch, entries)
        self.appended_bytes += size
        head = pack_head(size, self._forget)
        self._write([head, *parts], len(head) + size)

    def forget(self, up_to: int) -> None:
        """Let later appends delete what is older, a few values each."""
        self._forget = max(self._forget, up_to)

    def headroom_bytes(self) -> int:
        """By how much the journal may grow before `reserve_bytes` are touched."""
        return self._journal.headroom_bytes()

    def size_bytes(self) -> int:
        """Bytes in use, free pages among them."""
        return self._journal.size_bytes()

    def _write(self, parts: list[Any], size: int) -> None:
        """Send parts, of so many bytes together. The last append was answered, so the pipe is
        empty; what is larger than the pipe follows as the child reads.
        """
        try:
            written = os.writev(self._appends, parts[:_PARTS_MAX])
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            self._read_answer()  # Its last answer says why it ended.
            return
        if written < size:
            self._rest = memoryview(b"".join(parts))[written:]
            asyncio.get_running_loop().add_writer(self._appends, self._write_rest)

    def _write_rest(self) -> None:
        try:
            self._rest = self._rest[os.write(self._appends, self._rest) :]
        except BrokenPipeError:
            self._read_answer()
            return
        if not self._rest:
            asyncio.get_running_loop().remove_writer(self._appends)

    def _read_answer(self) -> None:
        try:
            answer = unpack_answer(os.read(self._answers, ANSWER_BYTES_MAX), self.position + 1)
        except JournalError as error:
            # Or the end of the pipe would be reported in every round of the loop.
            asyncio.get_running_loop().remove_reader(self._answers)
            asyncio.get_running_loop().remove_writer(self._appends)
            self._on_failure(error)
            return
        self.position = answer.position
        self._on_appended(answer.seconds, answer.headroom_bytes)

    def close(self) -> None:
        """Let the child end, and wait for it."""
        asyncio.get_running_loop().remove_reader(self._answers)
        os.close(self._appends)
        self._process.wait()
        os.close(self._answers)


def _start_child(source: int, target: int, lock: DirectoryLock) -> subprocess.Popen[bytes]:
    # The child has the directory's lock for as long as it lives. A node that is killed may have an
    # append under way, and the next one must not read the journal before that has ended.
    #
    # A blocked signal stays blocked over fork and exec: one that reaches all processes of the node
    # while the child starts would end it, and waits until it is ignored instead.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED_SIGNALS)
    try:
        return subprocess.Popen(  # noqa: S603 - our own program
            COMMAND, stdin=source, stdout=target, pass_fds=(lock.descriptor,)
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
