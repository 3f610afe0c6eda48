"""One node at a time in a data directory: a lock that ends with its processes, however they end."""

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep

from .data_directory import DirectoryError

#: How long a node waits for the child of one that was killed. A disk that takes longer over an
#: append has stopped.
ORPHAN_TIMEOUT_S = 10.0
_ORPHAN_POLL_S = 0.01


class DirectoryInUseError(DirectoryError):
    """Another process has the data directory to itself."""


class DirectoryLock:
    """An exclusive flock of the file `lock`, which says who has it: a process number in decimal.

    The kernel lets go of an flock when the last descriptor of its open file is closed. The process
    that writes the journal inherits one, so the directory stays locked until both have ended.
    """

    def __init__(self, path: Path) -> None:
        """Lock a directory. Waits for the child of a node that was killed.

        Raises DirectoryInUseError when a node serves the directory, DirectoryError when the file
        can't be written.
        """
        try:
            self._file = (path / "lock").open("a+b", buffering=0)
        except OSError as error:
            raise DirectoryError(f"{path}: cannot be used: {error.strerror}") from error
        deadline = monotonic() + ORPHAN_TIMEOUT_S
        while not self._try():
            holder = self._holder()
            if _is_alive(holder) or monotonic() > deadline:
                self._file.close()
                raise DirectoryInUseError(
                    f"{path}: another node (process {holder or 'unknown'}) serves this data "
                    "directory; stop it first or choose another data_dir"
                )
            # The node was killed, and its child ends with the append that it is in; or a process
            # that has no name here yet looks, or has just begun.
            sleep(_ORPHAN_POLL_S)
        try:
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())
        except OSError as error:
            self._file.close()
            raise DirectoryError(f"{path}: cannot be used: {error.strerror}") from error

    @property
    def descriptor(self) -> int:
        """What a process inherits to keep others out as long as it lives."""
        return self._file.fileno()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read().decode(errors="replace").strip()

    def release(self) -> None:
        """Let the next node in, unless a process that inherited the lock still runs."""
        self._file.close()


def is_locked(path: Path) -> bool:
    """Whether a process has a directory to itself. One that starts meanwhile waits for us, as for
    the child of a node that was killed: the file names nobody, or a node that has ended.

    Raises DirectoryError when the file can't be opened.
    """
    try:
        with (path / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise DirectoryError(f"{path}: cannot be used: {error.strerror}") from error
    return False


def _is_alive(process: str) -> bool:
    """Whether a process runs. A zombie, which waits for its parent, does not. What is no number
    counts as one that runs: there is no sign that its node was killed. No text names no process.
    """
    if not process.isdecimal():
        return bool(process)
    try:
        state = Path("/proc", process, "stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
