"""Starts the process that writes the next snapshot, whenever the journal has grown enough."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0


async def keep_snapshots(
    data_dir: Path, size_bytes: Callable[[], int], every_bytes: int
) -> None:
    """Write a snapshot each time the journal has grown by `every_bytes`, for ever."""
    snapshot_at = size_bytes() + every_bytes
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        size = size_bytes()
        if size >= snapshot_at:
            snapshot_at = size + every_bytes
            await write_snapshot(data_dir)


async def write_snapshot(data_dir: Path) -> bool:
    """Run the snapshot process to its end. Its failure costs restart time, not safety."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast.persistence.snapshot",
        str(data_dir),
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
