"""The conditions of a run, without which its figures cannot be read."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, sleep

from .figures import percentile

SYNCS = 100
SLEEPS = 100
BLOCK = b"\0" * 4096

LIBRARIES = ("grpcio", "protobuf", "uvloop", "numpy", "numba", "lmdb")


def conditions(folder: Path) -> dict[str, str]:
    """The machine as it is now, in words. Call it before the first bench."""
    usable = len(os.sched_getaffinity(0))
    return {
        "processor": f"{_processor()}, {usable} of {os.cpu_count()} cores usable",
        "load average before": load_average(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "wake-ups late by": _late_wake_ups(),
        "disk": f"{_file_system(folder)}, {_describe_syncs(sync_seconds(folder, SYNCS))}",
    }


def load_average() -> str:
    """Runnable processes over the last 1, 5 and 15 minutes."""
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def sync_seconds(folder: Path, count: int) -> list[float]:
    """Seconds that each of `count` writes of 4 KiB with fdatasync took, in a file that already has
    its blocks: the floor under every durable answer.
    """
    path = folder / "syncs"
    seconds = []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, BLOCK * count)
        os.fsync(descriptor)
        for number in range(count):
            started = perf_counter()
            os.pwrite(descriptor, BLOCK, number * len(BLOCK))
            os.fdatasync(descriptor)
            seconds.append(perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return seconds


def _describe_syncs(seconds: list[float]) -> str:
    fast, middle, slow = (percentile(seconds, percent) * 1e6 for percent in (10, 50, 99))
    kind = _kind_of_disk(fast * 1e-6)
    return f"fdatasync p10 {fast:,.0f} µs, p50 {middle:,.0f} µs, p99 {slow:,.0f} µs: {kind}"


def _late_wake_ups() -> str:
    """How late a sleep of a millisecond ends, in words. Everything that waits for a disk or another
    process waits that much longer; on an idle machine it is 0.1 ms.
    """
    late = []
    for _ in range(SLEEPS):
        started = perf_counter()
        sleep(0.001)
        late.append(perf_counter() - started - 0.001)
    return ", ".join(f"p{percent} {percentile(late, percent) * 1e3:.2f} ms" for percent in (50, 99))


def _kind_of_disk(sync_s: float) -> str:
    """A guess from the time of a fast sync, since a busy machine slows most of them. The limits are
    from published measurements.
    """
    if sync_s < 8e-6:
        return "memory, or a disk that does not sync: nothing here was durable"
    if sync_s < 100e-6:
        return "like an SSD whose cache survives power loss"
    if sync_s < 10e-3:
        return "like a consumer SSD or a network volume"
    return "like a spinning disk"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that holds the folder: the longest mount point above it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [mount for mount in mounts if folder.resolve().is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[1]))[2] if above else "unknown file system"
