"""TigerBeetle's own benchmark of pending transfers, where TIGERBEETLE_BIN names its binary. It
starts a replica of its own in the run's folder, and ends it.
"""

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path

from ..harness.figures import Figure, figure
from ..harness.load import TIMEOUT_S
from ..harness.plan import BenchError, Plan

VARIABLE = "TIGERBEETLE_BIN"

#: Transfers of one message -> how many of them in a round.
SIZES = {8_189: 1_000_000, 512: 100_000}

ACCEPTED = re.compile(r"load accepted = ([\d,]+) tx/s")


async def figures(plan: Plan) -> list[Figure]:
    """Its rates, once a round for each size; none without a binary."""
    binary = os.environ.get(VARIABLE)
    if not binary:
        plan.leave_out("TigerBeetle", f"{VARIABLE} names no binary")
        return []
    folder = plan.folder / "peer-tigerbeetle"
    folder.mkdir(parents=True, exist_ok=True)
    samples: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in plan.each_round("peers, TigerBeetle"):
        for size, transfers in SIZES.items():
            rate = await asyncio.to_thread(
                _rate, binary, folder, size, plan.count(transfers, transfers // 10)
            )
            samples[size].append(rate)
    return [
        figure(
            f"peers.tigerbeetle_batch{size}_rate",
            "TigerBeetle: pending transfers",
            "/s",
            rates,
            note=f"{size:,} a message, its own benchmark, not by turns with the others",
        )
        for size, rates in samples.items()
    ]


def _rate(binary: str, folder: Path, size: int, transfers: int) -> float:
    command = (
        str(Path(binary).resolve()),
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
    """Transfers a second, from what the benchmark prints. Raises BenchError when it tells none."""
    found = ACCEPTED.search(output)
    if found is None:
        raise BenchError(f"TigerBeetle's benchmark does not tell its rate:\n{output[-1_000:]}")
    return float(found[1].replace(",", ""))
