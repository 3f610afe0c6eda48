"""The process that writes the next snapshot.

    python -m holdfast.persistence.snapshots.process DIRECTORY [--beside]

It loads the newest snapshot, replays the journal behind it and writes the state it comes to. The
serving node does not pause for it, and a failure costs restart time, not data: the exit code is 1
and stderr has one line that says why. With `--beside` it stops unless a node serves the directory.
"""

import os
import sys
from pathlib import Path

from ..directory_lock import DirectoryInUseError, DirectoryLock
from ..recovery import RECOVERY_ERRORS, recover_read_only
from .file import SnapshotError, write_snapshot


def main() -> None:
    """Write the next snapshot of a directory and print its name."""
    # The node comes first: this may take as long as it likes.
    os.nice(19)
    path = Path(sys.argv[1])
    try:
        if "--beside" in sys.argv:
            _expect_served(path)
        written = write_snapshot(*recover_read_only(path))
    except (*RECOVERY_ERRORS, SnapshotError, OSError) as error:
        sys.exit(f"no snapshot: {error}")
    sys.stdout.write(f"{written.name}\n")


def _expect_served(path: Path) -> None:
    """Raise SnapshotError when no node has the directory's lock.

    The node that started this process is gone then. Reading would take the lock in its place, and
    the next node would be refused meanwhile.
    """
    try:
        lock = DirectoryLock(path)
    except DirectoryInUseError:
        return
    lock.release()
    raise SnapshotError("the node that asked for it is gone")


if __name__ == "__main__":
    main()
