"""Packages that one test needs and that bring much: installed once under build/, by name.

Each has a folder of its own, which goes on PYTHONPATH of the process that needs it. Where a package
cannot be installed, the tests that need it are skipped and say why.
"""

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

BUILD: Final = Path(__file__).parents[2] / "build" / "outside"
TIMEOUT_S: Final = 300


def installed(package: str) -> Path:
    """The folder of a package; made where it is not yet."""
    folder = BUILD / package
    folder.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time: tests run in several
        if not (folder / "installed").exists():
            _install(package, folder)
            (folder / "installed").touch()
    return folder


def _install(package: str, folder: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        subprocess.run(
            [*pip, "--target", folder, package],
            check=True,
            timeout=TIMEOUT_S,
            capture_output=True,
        )
    except (OSError, subprocess.SubprocessError) as failed:
        pytest.skip(f"{package} cannot be installed here: {failed}")
