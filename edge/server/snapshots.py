"""Starts the process that writes the next snapshot, whenever the journal has grown enough."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from holdfast.persistence.data_directory import DataDirectory
from holdfast.persistence.journal import JournalAppender
from holdfast.persistence.snapshots.file import snapshot_paths, snapshot_position

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0

#: How long after a failure the next try comes: twice as long after each further failure, up to the
#: second figure. What failed may be a disk that was full for a minute.
_RETRY_FIRST_S = 10.0
_RETRY_LAST_S = 600.0
_DOUBLINGS_MAX = 10  # by then it is the latest, and more would overflow after a week

#: A restart replays an append of one Reserve in some 20 µs, however few bytes it has: 2 seconds.
APPENDS_MAX = 100_000


class SnapshotFailedError(Exception):
    """The process wrote no snapshot; the text is the last line of its stderr."""


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was written."""

    path: Path
    forget: int
    """Position up to which the journal may forget."""

    @property
    def position(self) -> int:
        """The journal position that it is of."""
        return snapshot_position(self.path)


class SnapshotKeeper:
    """Sees to it that a restart has little to replay.

    A failure costs restart time, not safety: the journal is whole. So whatever fails is logged,
    counted and tried again.
    """

    def __init__(
        self,
        directory: DataDirectory,
        journal: JournalAppender,
        every_bytes: int,
        archive_bytes_max: int | None,
        replayed: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`replayed` counts the appends that came after the newest snapshot: with it, a node that
        restarts often gets its snapshots all the same. `archive_bytes_max` is None where all of
        history is kept.
        """
        self.failures = 0
        self._writing = asyncio.Lock()
        self._sleep = sleep
        self._directory = directory
        self._journal = journal
        self._every_bytes = every_bytes
        self._archive_bytes_max = archive_bytes_max
        self._position = journal.position - replayed
        # Of the journal at that snapshot; their share of all appends stands in for the bytes of
        # those that were replayed.
        self._bytes = -(journal.size_bytes() * replayed // max(1, journal.position))

    def __repr__(self) -> str:
        return f"<SnapshotKeeper: the last is of {self._position}, {self.failures} failures>"

    async def run(self) -> None:
        """Write a snapshot whenever one is due, until cancelled."""
        failed = 0
        while True:
            await self._sleep(retry_s(failed) if failed else _LOOK_EVERY_S)
            try:
                await self.write_if_due()
                failed = 0
            except Exception as error:  # whatever it is, it may not end this for good
                failed += 1
                self.failures += 1
                known = isinstance(error, OSError | SnapshotFailedError)
                log.warning(
                    "snapshot failed",
                    reason=str(error) if known else repr(error),
                    retry_s=retry_s(failed),
                    exc_info=None if known else error,
                )

    async def write_if_due(self) -> None:
        """Write a snapshot if the journal has grown enough, and let the journal forget what was
        archived.

        Raises SnapshotFailedError, and OSError as the system does.
        """
        grown_bytes = self._journal.appended_bytes - self._bytes
        appends = self._journal.position - self._position
        if is_due(grown_bytes, appends, self._every_bytes, _newest_bytes(self._directory)):
            await self.write()

    @property
    def is_writing(self) -> bool:
        """Whether a snapshot is under way."""
        return self._writing.locked()

    async def write(self) -> Written:
        """Write a snapshot, after one that is under way. Raises as `write_if_due`."""
        async with self._writing:
            appended, position = self._journal.appended_bytes, self._journal.position
            written = await write_snapshot(self._directory.path, self._archive_bytes_max)
            self._bytes, self._position = appended, position
            self._journal.forget(written.forget)
            return written

    def newest_position(self) -> int:
        """The journal position of the newest snapshot; 0 when there is none."""
        newest = snapshot_paths(self._directory)  # another process writes them
        return snapshot_position(newest[0]) if newest else 0


def retry_s(failures: int) -> float:
    """Seconds until the next try after so many failures in a row."""
    return min(_RETRY_LAST_S, _RETRY_FIRST_S * 2.0 ** min(failures - 1, _DOUBLINGS_MAX))


def is_due(grown_bytes: int, appends: int, every_bytes: int, newest_bytes: int) -> bool:
    """Whether the journal has grown enough since the last snapshot.

    That is by `every_bytes`, or by half of the newest snapshot when that is more, so that a large
    state is not written anew for a small change; or by APPENDS_MAX appends.
    """
    return grown_bytes >= max(every_bytes, newest_bytes // 2) or appends >= APPENDS_MAX


def _newest_bytes(directory: DataDirectory) -> int:
    return next((path.stat().st_size for path in snapshot_paths(directory)), 0)


async def write_snapshot(data_dir: Path, archive_bytes_max: int | None) -> Written:
    """Run the snapshot process to its end. Raises SnapshotFailedError when it wrote none."""
    # Not through uvloop, which forks and copies page tables: with 600 MB that held the loop up for
    # 4 ms on a quiet machine, 10 to 140 ms on a busy one. `subprocess` uses vfork, which lends our
    # memory to the child until it runs its program, whatever the size.
    process = _start(data_dir, archive_bytes_max)
    try:
        out, err = await asyncio.to_thread(process.communicate)
    except asyncio.CancelledError:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise SnapshotFailedError(lines[-1] if lines else f"exit {process.returncode}")
    report = json.loads(out)
    log.info("snapshot written", file=report["file"], archived_to=report["forget"])
    return Written(DataDirectory(data_dir, 0).snapshots / report["file"], report["forget"])


def _start(data_dir: Path, archive_bytes_max: int | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "holdfast.persistence.snapshots.process", str(data_dir)]
    if archive_bytes_max is not None:
        command.append(str(archive_bytes_max))
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
