"""Locust in a process of its own, since gevent and asyncio do not mix."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..harness.plan import ROOT, BenchError
from .profiles import Run

LOCUSTFILE = Path(__file__).with_name("locustfile.py")

#: A visit under way at the end may still wait for three answers of five seconds.
STOP_TIMEOUT_S = 20

#: Locust has to be over by then; it starts in a few seconds on an idle machine.
HANGS_AFTER_S = 120.0

#: Between calls it is gRPC's backup poller that sees a connection come back, every 5 s. To a node
#: that was back after 3 s, calls went on failing until 11 s.
QUICK_RECONNECT = {"GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS": "100"}


async def send_visitors(run: Run, target: str, folder: Path, stem: Path) -> dict[str, Any]:
    """The record of a run: its calls, its books, and how busy the load generator was.

    Raises BenchError when Locust hangs or leaves no record.
    """
    run_file, record_file = folder / "run.json", folder / "record.json"
    run_file.write_text(json.dumps(asdict(run)), "utf-8")
    command = (
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"),
        *("--host", target, "--html", str(stem.with_suffix(".html"))),
        *("--stop-timeout", str(STOP_TIMEOUT_S), "--only-summary"),
        *("--run-file", str(run_file), "--record-file", str(record_file)),
    )
    log = stem.with_suffix(".log")
    code = await _run(command, log, run.seconds + HANGS_AFTER_S)
    if not record_file.exists():
        raise BenchError(f"Locust ended with {code} and no record; see {log}")
    record: dict[str, Any] = json.loads(record_file.read_text("utf-8"))
    return record


async def _run(command: Sequence[str], log: Path, patience_s: float) -> int | None:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, **QUICK_RECONNECT},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            async with asyncio.timeout(patience_s):
                await process.wait()
        except TimeoutError:
            raise BenchError(f"Locust has hung; see {log}") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return process.returncode
