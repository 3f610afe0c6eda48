"""The process that writes the next snapshot of a directory that a node serves.

    python -m holdfast.persistence.snapshots.process DIRECTORY [ARCHIVE_BYTES_MAX]

It loads the newest snapshot, replays the journal after it, writes the state it comes to and reads
the file back. Then it archives the appends up to the older of the two snapshots that are kept,
drops segments beyond ARCHIVE_BYTES_MAX, and prints a line of JSON: the snapshot's file, and the
position up to which the journal may forget. The serving node does not pause for it, and a failure
costs restart time, not data: the exit code is 1 and stderr has one line that says why.
"""

import json
import os
import sys
from pathlib import Path

from ..archive.segments import archive, limit
from ..data_directory import DataDirectory, read_node_json
from ..recovery import RECOVERY_ERRORS, open_beside, recover_beside
from .file import KEPT, SnapshotError, is_whole, snapshot_paths, snapshot_position, write_snapshot


def main() -> None:
    """Write the next snapshot of a directory and archive the appends up to the last but one."""
    # The node comes first: this may take as long as it likes.
    os.nice(19)
    try:
        written = write_snapshot(*recover_beside(Path(sys.argv[1])))
    except (*RECOVERY_ERRORS, SnapshotError, OSError) as error:
        sys.exit(f"no snapshot: {error}")
    if not is_whole(written):
        sys.exit(f"no snapshot: {written.name} does not read back as it was written")
    try:
        directory = read_node_json(Path(sys.argv[1]))
        forget = archive_old(directory, int(sys.argv[2]) if len(sys.argv) > 2 else None)
    except (*RECOVERY_ERRORS, OSError) as error:
        sys.exit(f"{written.name} is written, but nothing was archived: {error}")
    sys.stdout.write(json.dumps({"file": written.name, "forget": forget}) + "\n")


def archive_old(directory: DataDirectory, bytes_max: int | None) -> int:
    """Archive the appends up to the older of two good snapshots, and return the position up to
    which the journal may forget: 0 while there are not two.

    A start passes a damaged snapshot over, so that the journal has to reach back to the one before.
    """
    paths = snapshot_paths(directory)
    if len(paths) < KEPT or not all(map(is_whole, paths)):
        return 0
    forget = min(map(snapshot_position, paths))
    if bytes_max != 0:
        with open_beside(directory) as journal:
            archive(directory, journal, forget)
    if bytes_max is not None:
        limit(directory, bytes_max)
    return forget


if __name__ == "__main__":
    main()
