"""TigerBeetle's own benchmark of pending transfers, where TIGERBEETLE_BIN names its binary. It
starts a replica of its own in the run's folder, and ends it.
"""

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path

from ..harness.load import TIMEOUT_S
from ..harness.plan import BenchError, Plan
from .peer import MissingError

VARIABLE = "TIGERBEETLE_BIN"

#: Demand -> transfers of one message, and how many of them in a round.
RUNS = {"batch8190": (8_189, 1_000_000), "batch512": (512, 100_000)}

ACCEPTED = re.compile(r"load accepted = ([\d,]+) tx/s")


def binary() -> str:
    """The program. Raises MissingError where nobody named one."""
    named = os.environ.get(VARIABLE)
    if not named:
        raise MissingError(f"{VARIABLE} names no binary")
    return named


async def one_round(plan: Plan, program: str) -> dict[str, float]:
    """Pending transfers a second, by demand."""
    folder = plan.folder / "peer-tigerbeetle"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        demand: await asyncio.to_thread(
            _rate, program, folder, size, plan.count(transfers, transfers // 10)
        )
        for demand, (size, transfers) in RUNS.items()
    }


def _rate(program: str, folder: Path, size: int, transfers: int) -> float:
    command = (
        str(Path(program).resolve()),
        "benchmark",
        "--transfer-pending",
        f"--transfer-batch-count={size}",
        f"--transfer-count={transfers}",
    )
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that it can be killed with its replica
    ) as process:
        try:
            output = process.communicate(timeout=TIMEOUT_S)[0].decode(errors="replace")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return accepted_rate(output)


def accepted_rate(output: str) -> float:
    """Transfers a second, from what the benchmark prints. Raises BenchError when it prints none."""
    found = ACCEPTED.search(output)
    if found is None:
        raise BenchError(f"TigerBeetle's benchmark does not print its rate:\n{output[-1_000:]}")
    return float(found[1].replace(",", ""))
