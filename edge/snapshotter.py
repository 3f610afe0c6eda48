"""Starts the process that writes the next snapshot, whenever the journal has grown enough."""

import asyncio
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
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast.persistence.snapshot",
        str(data_dir),
        "--beside",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        log.warning("snapshot failed", reason=lines[-1] if lines else f"exit {process.returncode}")
        return False
    log.info("snapshot written", file=out.decode().strip())
    return True
