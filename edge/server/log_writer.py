"""Log lines on their way to a file descriptor that may not be read.

A pipe holds 64 KiB. When its reader stops, the next write waits, and on the event loop every caller
would wait with it. So a thread writes, behind a queue of bounded size; what does not fit is dropped
and counted. Nothing here may wait for the reader, except `close`, which says how long it does.
"""

import os
import sys
from collections import deque
from threading import Condition, Thread

#: Enough for the tracebacks of a bad minute, too little to be missed by the stock levels.
QUEUE_BYTES_MAX = 1 << 20

#: Seconds that the end of the process waits for the last lines to be read.
LAST_LINES_S = 1.0


class LogWriter:
    """A text file, as `logging` and structlog take one, of which each write is one line."""

    def __init__(self, descriptor: int, queue_bytes_max: int = QUEUE_BYTES_MAX) -> None:
        self.dropped = 0
        """Lines that found the queue full, or nobody at the other end."""
        self._descriptor = descriptor
        self._left = queue_bytes_max
        self._lines: deque[bytes] = deque()
        self._changed = Condition()
        # A daemon: one that waits for a reader must not keep the process alive. It writes to the
        # descriptor and not to sys.stderr, whose lock the end of the interpreter wants to have.
        Thread(target=self._write_lines, name="log writer", daemon=True).start()

    def __repr__(self) -> str:
        return f"<LogWriter to {self._descriptor}: {len(self._lines)} waiting>"

    def isatty(self) -> bool:
        """Whether people read it."""
        return os.isatty(self._descriptor)

    def write(self, line: str) -> int:
        """Queue a line; return at once."""
        data = line.encode(errors="backslashreplace")
        with self._changed:
            if len(data) > self._left:
                self.dropped += 1
            else:
                self._left -= len(data)
                self._lines.append(data)
                self._changed.notify_all()
        return len(line)

    def flush(self) -> None:
        """Nothing: the thread writes as fast as somebody reads."""

    def close(self, timeout_s: float = LAST_LINES_S) -> None:
        """Wait until all lines are written, for as long as this."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, timeout_s)

    def _write_lines(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]
            is_written = self._write_line(line)
            with self._changed:
                # It leaves the queue when it is written, so that `close` waits for it, too.
                self._lines.popleft()
                self._left += len(line)
                self.dropped += not is_written
                self._changed.notify_all()

    def _write_line(self, line: bytes) -> bool:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            return False  # a pipe without a reader, a full disk: the node goes on without its log
        return True


def stderr_writer() -> LogWriter:
    """The writer of the process's log."""
    return LogWriter(sys.stderr.fileno())


class Sampler:
    """Takes so many lines a second, and counts the others."""

    def __init__(self, lines_per_s: int) -> None:
        self.left_out = 0
        self._lines_per_s = lines_per_s
        self._second = -1
        self._taken = 0

    def __repr__(self) -> str:
        return f"<Sampler of {self._lines_per_s} lines a second, {self.left_out} left out>"

    def takes(self, now_s: float) -> bool:
        """Whether a line of this moment is among those that are written."""
        if int(now_s) != self._second:
            self._second, self._taken = int(now_s), 0
        if self._taken < self._lines_per_s:
            self._taken += 1
            return True
        self.left_out += 1
        return False
