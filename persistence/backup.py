"""Makes a backup of a data directory, beside its node or without one: `holdfast backup`.

The copy ends at the journal's position of one instant. Segments are copied as they are, and what
the journal has after them becomes segments of the backup, so LMDB keeps no page for it longer than
one chunk of a read takes. The node may archive, drop and replace files meanwhile; when a
file is gone before it was copied, the copy begins anew. The backup is verified, and then given its
name.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from .archive.segments import History, MissingHistoryError, archive, segments
from .backup_json import Backup, encode_backup_json
from .data_directory import BACKUP_JSON, BACKUP_PARTIAL, DataDirectory, DirectoryError
from .durable_files import (
    copy_durably,
    make_folders_durably,
    rename_durably,
    sync_folder,
    write_synced,
)
from .kept_history import directory_of, open_history, read_folder
from .recovery import Progress, naming_errors, no_progress
from .snapshots.file import is_whole, snapshot_paths, snapshot_position
from .verify import VerifyReport, verify_folder

#: How often a copy begins, while the node drops history that was to be copied.
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup, and what verify found in it."""

    backup: Backup
    report: VerifyReport
    notes: list[str]
    """What was left out, and why."""


def back_up(
    source: Path,
    target: Path,
    copying: Progress = no_progress,
    verifying: Progress = no_progress,
) -> BackupMade:
    """Make a backup in a new or empty folder. `copying` is called with bytes.

    Raises RECOVERY_ERRORS. What is in the folder then is no backup, and says so.
    """
    folder = read_folder(source)
    begin_folder(target, BACKUP_PARTIAL, beside=source)
    with naming_errors(target, "cannot be written"):
        backup, notes = _copy(folder, target, copying)
    report = verify_folder(backup, verifying)
    expect_good(report, f"run `holdfast verify {source}`")
    finish_folder(target, BACKUP_PARTIAL, BACKUP_JSON, encode_backup_json(backup))
    return BackupMade(backup, report, notes)


def begin_folder(target: Path, partial: str, beside: Path) -> None:
    """Make a folder with the file that says that it is not complete.

    Raises DirectoryError when it has files already, lies in the folder `beside`, or can't be made.
    """
    with naming_errors(target, "cannot be written"):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DirectoryError(
                f"{target}: exists and is not an empty folder; nothing is overwritten: "
                "name one that does not exist"
            )
        if beside.resolve() in target.resolve().parents:
            raise DirectoryError(f"{target}: lies in {beside}; name a folder outside of it")
        make_folders_durably(target)
        (target / partial).touch(exist_ok=False)  # or two would write into one folder
        sync_folder(target)


def finish_folder(target: Path, partial: str, name: str, data: bytes) -> None:
    """Turn the file that says that a folder is not complete into the one that says that it is."""
    with naming_errors(target, "cannot be written"):
        write_synced(target / partial, data)
        rename_durably(target / partial, target / name)


def expect_good(report: VerifyReport, advice: str) -> None:
    """Raise DirectoryError when verify found something."""
    if not report.is_good:
        found = "; ".join(map(str, report.findings))
        raise DirectoryError(f"{report.path}: the copy is not good: {found}; {advice}")


def _copy(
    folder: Backup | DataDirectory, target: Path, copying: Progress
) -> tuple[Backup, list[str]]:
    for left in reversed(range(_TRIES)):
        try:
            return _copy_once(folder, target, copying)
        except (MissingHistoryError, FileNotFoundError):
            if not left:
                raise
            for name in ("archive", "snapshots"):
                shutil.rmtree(target / name, ignore_errors=True)
    raise AssertionError("the last try returns or raises")


def _copy_once(
    folder: Backup | DataDirectory, target: Path, copying: Progress
) -> tuple[Backup, list[str]]:
    source = directory_of(folder)
    copy = DataDirectory(target, source.shard_count, source.slot_count, source.timeline)
    with ExitStack() as stack:
        # Opened first: they stay readable when newer ones take their place, and the journal, opened
        # after them, reaches as far as each of them.
        snapshots = [
            (path, stack.enter_context(path.open("rb"))) for path in snapshot_paths(source)
        ]
        history, _ = stack.enter_context(open_history(folder))
        position = history.position
        sizes = [os.fstat(file.fileno()).st_size for _, file in snapshots]
        on_bytes = _counting(copying, sum(sizes) + _archived_bytes(source))
        for each in (copy.archive, copy.snapshots):
            make_folders_durably(each)
        _copy_history(history, copy, position, on_bytes)
        first = segments(copy)[0].first if position else 1
        notes = _copy_snapshots(snapshots, copy, first, on_bytes)
    return Backup(copy, position), notes


def _archived_bytes(directory: DataDirectory) -> int:
    return sum(path.stat().st_size for path in directory.archive.glob("segment-*"))


def _counting(progress: Progress, total: int) -> Callable[[int], None]:
    """Sums byte counts and reports the running total."""
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(min(done, total), total)

    return count


def _copy_history(
    history: History, copy: DataDirectory, position: int, on_bytes: Callable[[int], None]
) -> None:
    """Copy the segments, newest first, then what is in none."""
    for segment in reversed(segments(history.directory)):
        if segment.last <= position:
            try:
                file = segment.path.open("rb")
            except FileNotFoundError:
                break  # the node keeps so much and no more, and drops the oldest first
            with file:
                copy_durably(file, copy.archive / segment.path.name, on_bytes)
    archive(copy, history, position)


def _copy_snapshots(
    snapshots: Sequence[tuple[Path, BinaryIO]],
    copy: DataDirectory,
    first: int,
    on_bytes: Callable[[int], None],
) -> list[str]:
    """Copy those from which the history goes on. Return which were left out, and why."""
    notes = []
    for path, file in snapshots:
        if snapshot_position(path) < first - 1:
            continue
        copied = copy.snapshots / path.name
        copy_durably(file, copied, on_bytes)
        if not is_whole(copied):
            copied.unlink()
            notes.append(f"{path.name} is damaged and was left out")
    if first > 1 and not snapshot_paths(copy):
        raise MissingHistoryError(
            f"{copy.path}: history before position {first} was dropped, and no good snapshot "
            "reaches it"
        )
    return notes
