"""From a data directory to a node that can serve: check, load, replay, check again.

    1  lock the directory             a second node is refused
    2  check the journal's pages      before LMDB maps them (pages.py)
    3  load the newest good snapshot  a bad one is reported and passed over
    4  replay the journal behind it   every entry is checked against the hash chain, every seal
                                      against the state

Each step either succeeds or stops with the file and the offset to look at. Nothing is repaired
silently.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from mmap import PAGESIZE
from pathlib import Path

from holdfast.core.node import Node
from holdfast.core.tables.apply import StateMismatchError

from .codec import DamagedEntryError, Recorded
from .data_directory import (
    DataDirectory,
    DirectoryError,
    NoDataDirectoryError,
    read_node_json,
    write_node_json,
)
from .directory_lock import DirectoryInUseError, DirectoryLock
from .durable_files import make_folders_durably
from .journal import LmdbJournal
from .lmdb.data_file import DamagedFileError
from .lmdb.pages import check_pages, iterate_values
from .lmdb.store import JournalError
from .snapshots.file import Snapshot, load_newest

MakeNode = Callable[[int], Node]
Progress = Callable[[int, int], None]


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody."""


#: What recovery stops with. Each names the file, and the place in it where there is one.
ERRORS = (DirectoryError, JournalError, DamagedFileError)

#: A reader needs a map at least as large as the writer's file; address space costs nothing.
_READER_MAP_SIZE = 1 << 42


@dataclass(slots=True)
class Recovered:
    """A node ready to serve, its journal ready to append, and what it took."""

    node: Node
    journal: LmdbJournal
    directory: DataDirectory
    lock: DirectoryLock
    snapshot_position: int
    replayed: int
    bad_snapshots: list[str] = field(default_factory=list)


def recover(
    path: Path,
    shard_count: int,
    map_size: int,
    reserve_bytes: int,
    make_node: MakeNode,
    progress: Progress = no_progress,
) -> Recovered:
    """Open a data directory for serving, making it when it is new."""
    _make_folder(path)
    lock = DirectoryLock(path)
    try:
        return _recover(path, lock, shard_count, map_size, reserve_bytes, make_node, progress)
    except BaseException:
        lock.release()
        raise


def _make_folder(path: Path) -> None:
    try:
        make_folders_durably(path)
    except OSError as error:
        raise DirectoryError(f"{path}: cannot be made: {error.strerror}") from error


def _recover(
    path: Path,
    lock: DirectoryLock,
    shard_count: int,
    map_size: int,
    reserve_bytes: int,
    make_node: MakeNode,
    progress: Progress,
) -> Recovered:
    try:
        directory = read_node_json(path)
    except NoDataDirectoryError:
        directory = _make_directory(path, shard_count, map_size, reserve_bytes)
    if directory.shard_count != shard_count:
        raise DirectoryError(
            f"{path}: made with shard_count {directory.shard_count}, which is fixed, and the "
            f"setting is {shard_count}; set shard_count = {directory.shard_count}"
        )
    check_journal(directory)
    journal = LmdbJournal(directory.journal, map_size, reserve_bytes)
    try:
        bad: list[str] = []
        start = _load(directory, make_node, bad)
        state = replay(directory, journal, start, progress)
    except BaseException:
        journal.close()
        raise
    journal.continue_from(state.chain, state.epoch)
    replayed = state.position - start.position
    return Recovered(state.node, journal, directory, lock, start.position, replayed, bad)


def _make_directory(
    path: Path, shard_count: int, map_size: int, reserve_bytes: int
) -> DataDirectory:
    file = path / "journal.mdb"
    # What a process leaves that ends in the middle of this: two meta pages at most, no append.
    if file.exists() and file.stat().st_size > 2 * PAGESIZE:
        raise DirectoryError(
            f"{path / 'node.json'}: missing, but there is a journal; restore it from a backup"
        )
    file.unlink(missing_ok=True)
    LmdbJournal(file, map_size, reserve_bytes).close()
    with file.open("rb") as made:
        os.fsync(made.fileno())
    (path / "snapshots").mkdir(exist_ok=True)
    return write_node_json(path, shard_count)


def check_journal(directory: DataDirectory) -> None:
    """Check the journal's pages, without mapping them."""
    if not directory.journal.exists():
        raise DirectoryError(f"{directory.journal}: missing; restore it from a backup")
    check_pages(directory.journal, consecutive_keys=True)


def _load(directory: DataDirectory, make_node: MakeNode, bad: list[str]) -> Snapshot:
    snapshot = load_newest(
        directory,
        lambda: make_node(directory.shard_count),
        lambda path, reason: bad.append(f"{path.name}: {reason}"),
    )
    return snapshot or Snapshot(make_node(directory.shard_count), 0, 0, {})


def replay(
    directory: DataDirectory, journal: LmdbJournal, start: Snapshot, progress: Progress
) -> Snapshot:
    """Replay the journal behind a state, which is changed in place; return the state at the
    journal's end.
    """
    position, epoch = start.position, start.epoch
    if start.position > journal.position:
        raise DirectoryError(
            f"{directory.journal}: ends at position {journal.position}, but a snapshot reaches "
            f"{start.position}: entries are missing; restore the journal from a backup"
        )
    try:
        for position, group in journal.read(start.position, start.chain):
            replay_group(start.node, position, group)
            epoch = group[-1].epoch
            progress(position, journal.position)
    except DamagedEntryError as error:
        raise locate(directory, error) from error
    return Snapshot(start.node, position, epoch, start.chain)


def replay_group(node: Node, position: int, group: Sequence[Recorded]) -> None:
    """Replay one append, which has to follow the node's state."""
    for recorded in group:
        entry = recorded.entry
        if entry.shard >= len(node.shards):
            reason = f"it has a shard {entry.shard}, node.json says {len(node.shards)} shards"
            raise DamagedEntryError(position, reason)
        if entry.sequence != node.shards[entry.shard].sequence + 1:
            reason = f"sequence {entry.sequence} of shard {entry.shard} is not the next"
            raise DamagedEntryError(position, reason)
        try:
            node.replay(entry)
        except StateMismatchError as error:
            raise DamagedEntryError(position, str(error)) from error


def locate(directory: DataDirectory, error: DamagedEntryError) -> DamagedFileError:
    """Name the place of a damaged entry in the file."""
    for key, offset, _size in iterate_values(directory.journal):
        if key == error.position:
            return DamagedFileError(directory.journal, offset + error.offset, str(error))
    return DamagedFileError(directory.journal, 0, str(error))


@contextmanager
def open_beside(directory: DataDirectory) -> Iterator[tuple[LmdbJournal, bool]]:
    """Open the journal for reading, and say whether a node serves it.

    When none does, the pages are checked first, and none may start meanwhile. When one does, it has
    checked them, and pages that are being written could not be judged.
    """
    try:
        lock = DirectoryLock(directory.path)
    except DirectoryInUseError:
        lock = None
    try:
        if lock is not None:
            check_journal(directory)
        journal = LmdbJournal(directory.journal, _READER_MAP_SIZE, 0, read_only=True)
        try:
            yield journal, lock is None
        finally:
            journal.close()
    finally:
        if lock is not None:
            lock.release()


def read_only_recovery(path: Path) -> tuple[DataDirectory, Snapshot]:
    """Come to the newest durable state of a directory, beside the node that serves it."""
    directory = read_node_json(path)
    with open_beside(directory) as (journal, _):
        start = _load(directory, Node, [])
        return directory, replay(directory, journal, start, no_progress)
