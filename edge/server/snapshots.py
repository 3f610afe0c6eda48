"""Starts the process that writes the next snapshot, whenever the journal has grown enough."""

import asyncio
import subprocess
import sys
from pathlib import Path

import structlog

from holdfast.persistence.data_directory import DataDirectory
from holdfast.persistence.journal import JournalAppender
from holdfast.persistence.snapshots.file import snapshot_paths

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0

#: A restart replays an append of one Reserve in some 20 µs, however few bytes it has: 2 seconds.
APPENDS_MAX = 100_000


async def keep_snapshots(
    directory: DataDirectory, journal: JournalAppender, every_bytes: int, replayed: int
) -> None:
    """Write a snapshot whenever one is due, until cancelled.

    `replayed` counts the appends that came after the newest snapshot: with it, a node that restarts
    often gets its snapshots all the same.
    """
    # The journal's size at that snapshot is not kept: its share of the appends stands in for it.
    position = journal.position - replayed
    size = journal.size_bytes() * position // max(1, journal.position)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        grown_bytes, appends = journal.size_bytes() - size, journal.position - position
        try:
            if is_due(grown_bytes, appends, every_bytes, _newest_bytes(directory)):
                size, position = journal.size_bytes(), journal.position
                await write_snapshot(directory.path)
        except OSError as error:
            log.warning("snapshot failed", reason=str(error))


def is_due(grown_bytes: int, appends: int, every_bytes: int, newest_bytes: int) -> bool:
    """Whether the journal has grown enough since the last snapshot.

    That is by `every_bytes`, or by half of the newest snapshot when that is more, so that a large
    state is not written anew for a small change; or by APPENDS_MAX appends.
    """
    return grown_bytes >= max(every_bytes, newest_bytes // 2) or appends >= APPENDS_MAX


def _newest_bytes(directory: DataDirectory) -> int:
    return next((path.stat().st_size for path in snapshot_paths(directory)), 0)


async def write_snapshot(data_dir: Path) -> bool:
    """Run the snapshot process to its end; returns whether it wrote one.

    A failure is logged and costs restart time, not safety: the journal is whole.
    """
    # Not through uvloop, which forks and copies page tables: with 600 MB that held the loop up for
    # 4 ms on a quiet machine, 10 to 140 ms on a busy one. `subprocess` uses vfork, which lends our
    # memory to the child until it runs its program, whatever the size.
    process = _start(data_dir)
    try:
        out, err = await asyncio.to_thread(process.communicate)
    except asyncio.CancelledError:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        log.warning("snapshot failed", reason=lines[-1] if lines else f"exit {process.returncode}")
        return False
    log.info("snapshot written", file=out.decode().strip())
    return True


def _start(data_dir: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        (sys.executable, "-m", "holdfast.persistence.snapshots.process", str(data_dir)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
