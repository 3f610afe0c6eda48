"""Starts the process that writes the next snapshot, whenever the journal has grown enough."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0


async def keep_snapshots(
    data_dir: Path, size_bytes: Callable[[], int], every_bytes: int, behind_bytes: int
) -> None:
    """Write a snapshot each time the journal has grown by `every_bytes`, for ever.

    `behind_bytes` is how much has come since the newest one already, so that a node that restarts
    often gets its snapshots all the same.
    """
    snapshot_at = size_bytes() + every_bytes - behind_bytes
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        size = size_bytes()
        if size >= snapshot_at:
            snapshot_at = size + every_bytes
            try:
                await write_snapshot(data_dir)
            except OSError as error:
                log.warning("snapshot failed", reason=str(error))


async def write_snapshot(data_dir: Path) -> bool:
    """Run the snapshot process to its end. Its failure costs restart time, not safety."""
    # uvloop would fork and copy page tables: with 600 MB that held the loop up for 4 ms on a quiet
    # machine, for 10 to 140 ms on a busy one. `subprocess` lends our memory to the child until that
    # runs its program (vfork), whatever the size.
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
        (sys.executable, "-m", "holdfast.persistence.snapshot", str(data_dir), "--beside"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
