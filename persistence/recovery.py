"""From a data directory to a node that can serve: check, load, replay, check again.

    1  lock the directory            a second node is refused
    2  check the journal's pages     before LMDB maps them (pages.py): damage stops here, with its place
    3  load the newest good snapshot a bad one is reported and passed over
    4  replay the journal behind it  every entry is checked against the hash chain, every seal against the state

Each step either succeeds or stops with the file and the offset to look at. Nothing is repaired
silently.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.node import Node
from holdfast.core.shard import StateMismatchError

from .codec import DamagedEntryError
from .directory import (
    DataDirectory,
    DirectoryError,
    DirectoryLock,
    finish_directory,
    read_directory,
)
from .journal import LmdbJournal
from .pages import DamagedFile, check_pages, iterate_values
from .snapshot import Snapshot, load_newest

MakeNode = Callable[[int], Node]
Progress = Callable[[int, int], None]

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
    progress: Progress = lambda _done, _all: None,
) -> Recovered:
    """Open a data directory for serving, making it when it is new."""
    lock = DirectoryLock(path)
    try:
        return _recover(path, lock, shard_count, map_size, reserve_bytes, make_node, progress)
    except BaseException:
        lock.release()
        raise


def _recover(
    path: Path,
    lock: DirectoryLock,
    shard_count: int,
    map_size: int,
    reserve_bytes: int,
    make_node: MakeNode,
    progress: Progress,
) -> Recovered:
    directory = read_directory(path)
    if directory is None:
        directory = _make_directory(path, shard_count, map_size, reserve_bytes)
    check_journal(directory)
    journal = LmdbJournal(directory.journal, map_size, reserve_bytes)
    bad: list[str] = []
    start = _load(directory, make_node, bad)
    state = replay(directory, journal, start, progress)
    journal.continue_from(state.chain, state.epoch)
    replayed = state.position - start.position
    return Recovered(state.node, journal, directory, lock, start.position, replayed, bad)


def _make_directory(
    path: Path, shard_count: int, map_size: int, reserve_bytes: int
) -> DataDirectory:
    journal = LmdbJournal(path / "journal.mdb", map_size, reserve_bytes)
    position = journal.position
    journal.close()
    if position:
        raise DirectoryError(
            f"{path / 'node.json'}: missing, but the journal has {position} appends; restore it from a backup"
        )
    return finish_directory(path, shard_count)


def check_journal(directory: DataDirectory) -> None:
    """Check the journal's pages, without mapping them."""
    if not directory.journal.exists():
        raise DirectoryError(f"{directory.journal}: missing; restore it from a backup")
    check_pages(directory.journal)


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
            f"{directory.journal}: ends at position {journal.position}, but a snapshot reaches {start.position}: "
            "entries are missing; restore the journal from a backup"
        )
    try:
        for position, group in journal.read(start.position, start.chain):
            for recorded in group:
                start.node.replay(recorded.entry)
                epoch = recorded.epoch
            progress(position, journal.position)
    except DamagedEntryError as error:
        raise locate(directory, error) from error
    except StateMismatchError as error:
        raise DirectoryError(f"{directory.journal}: {error}") from error
    return Snapshot(start.node, position, epoch, start.chain)


def locate(directory: DataDirectory, error: DamagedEntryError) -> DamagedFile:
    """Name the place of a damaged entry in the file."""
    for key, offset, size in iterate_values(directory.journal):
        if key == error.position:
            return DamagedFile(directory.journal, offset, f"{error} ({size} bytes from there on)")
    return DamagedFile(directory.journal, 0, str(error))


def read_only_recovery(path: Path) -> tuple[DataDirectory, Snapshot]:
    """Come to the newest durable state of a directory, beside the node that serves it."""
    directory = read_directory(path)
    if directory is None:
        raise DirectoryError(f"{path}: not a data directory (it has no node.json)")
    journal = LmdbJournal(directory.journal, _READER_MAP_SIZE, 0, read_only=True)
    state = replay(directory, journal, _load(directory, Node, []), lambda _done, _all: None)
    journal.close()
    return directory, state
