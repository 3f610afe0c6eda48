"""The process that writes the next snapshot of a directory that a node serves.

    python -m holdfast.persistence.snapshots.process DIRECTORY

It loads the newest snapshot, replays the journal behind it and writes the state it comes to. The
serving node does not pause for it, and a failure costs restart time, not data: the exit code is 1
and stderr has one line that says why.
"""

import os
import sys
from pathlib import Path

from ..recovery import RECOVERY_ERRORS, recover_beside
from .file import SnapshotError, write_snapshot


def main() -> None:
    """Write the next snapshot of a directory and print its name."""
    # The node comes first: this may take as long as it likes.
    os.nice(19)
    try:
        written = write_snapshot(*recover_beside(Path(sys.argv[1])))
    except (*RECOVERY_ERRORS, SnapshotError, OSError) as error:
        sys.exit(f"no snapshot: {error}")
    sys.stdout.write(f"{written.name}\n")


if __name__ == "__main__":
    main()
