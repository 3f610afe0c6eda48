"""Makes a data directory of a backup, or of what is left of a directory: `holdfast restore`.

The new directory gets the history up to the point as its archive, a snapshot of the state, and a
journal that goes on from there with a seal of it. It has a timeline of its own, so that handles and
revisions which were given out after the point are distinguished from what its node will give out.
It is verified, and then becomes a data directory with its node.json.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .archive.segments import archive, segments
from .backup import begin_folder, expect_good, finish_folder
from .codec import lay_out_group
from .data_directory import (
    RESTORE_PARTIAL,
    DataDirectory,
    DirectoryError,
    encode_node_json,
    with_new_timeline,
)
from .durable_files import copy_durably, make_folders_durably
from .hash_chain import write_hashes
from .kept_history import read_folder
from .lmdb.store import LmdbJournal
from .past import Past, Wanted, open_past, state_at
from .recovery import Progress, naming_errors, no_progress
from .snapshots.file import Snapshot, SnapshotError, snapshot_name, write_snapshot
from .verify import VerifyReport, verify_folder

#: The journal of a restored directory has one small value; its node maps as much as it is set to.
_MAP_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Restored:
    """A directory that was made, and what its source has that it has not."""

    directory: DataDirectory
    position: int
    now_ns: int
    """Time of the last append that is in it."""
    end: int
    """Position of the last append of the source."""
    end_ns: int
    has_history: bool
    """Whether it has the source's history before the point as well."""
    report: VerifyReport


def restore(
    source: Path,
    target: Path,
    wanted: Wanted,
    replaying: Progress = no_progress,
    verifying: Progress = no_progress,
) -> Restored:
    """Make a data directory in a new or empty folder.

    Raises RECOVERY_ERRORS, among them DirectoryError for a point that can't be reached, which says
    what can. What is in the folder after a failure is not a data directory, and says so.
    """
    folder = read_folder(source)
    with open_past(folder) as past:
        state = state_at(past, wanted, replaying)
        now_ns = state.node.now_ns
        end, end_ns = past.end, past.time_at(past.end)
        has_history = state.position <= past.history.position
        begin_folder(target, RESTORE_PARTIAL, beside=source)
        old = past.directory
        new = with_new_timeline(DataDirectory(target, old.shard_count, old.slot_count))
        with naming_errors(target, "cannot be written"):
            for each in (new.archive, new.snapshots):
                make_folders_durably(each)
            if has_history:
                _copy_history(past, new, state.position)
            _write_state(new, state)
    report = verify_folder(new, verifying)
    expect_good(report, f"run `holdfast verify {source}`")
    finish_folder(target, RESTORE_PARTIAL, "node.json", encode_node_json(new))
    return Restored(new, state.position, now_ns, end, end_ns, has_history, report)


def _copy_history(past: Past, new: DataDirectory, point: int) -> None:
    """Make the archive reach to a point: segments as they are, and the rest in new ones."""
    for segment in segments(past.directory):
        if segment.last <= point:
            _copy(segment.path, new.archive)
    archive(new, past.history, point)
    if past.first_state:  # from here the history that is left goes on
        _copy(past.directory.snapshots / snapshot_name(past.first_state), new.snapshots)


def _copy(file: Path, folder: Path) -> None:
    with file.open("rb") as opened:
        copy_durably(opened, folder / file.name, lambda _size: None)


def _write_state(new: DataDirectory, state: Snapshot) -> None:
    """Write the state, and a journal that goes on after it with a seal."""
    if state.position:
        try:
            write_snapshot(new, state)
        except SnapshotError as error:
            raise DirectoryError(str(error)) from error
    value = bytearray(lay_out_group(state.position + 1, state.epoch + 1, state.node.seal()))
    write_hashes(value, dict(state.chain))
    with closing(LmdbJournal(new.journal, _MAP_BYTES, 0)) as journal:
        journal.begin_after(state.position)
        journal.put(value)
