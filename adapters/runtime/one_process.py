"""One process at a time runs the adapters of a store: two would deliver the same messages twice as
often, and ask partners twice as fast.
"""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from .settings import ConfigError


def hold(folder: Path) -> BinaryIO:
    """The open file that keeps others out until it is closed, or its process ends, however.

    Raises ConfigError when another process has it, or the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+b", buffering=0)
    except OSError as error:
        raise ConfigError(f"data_dir {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        other = lock.read().decode() or "unknown"
        lock.close()
        text = f"data_dir {folder} is in use by process {other}: stop it first, or choose another"
        raise ConfigError(text) from error
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    return lock
