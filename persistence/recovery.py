"""From a data directory to a node that can serve: check, load, replay, check again.

    1  lock the directory             a second node is refused
    2  check the journal's pages      before LMDB maps them (lmdb/pages.py)
    3  make what was read durable     names and meta pages: what a process reads back, the disk may
                                      not have
    4  load the newest good snapshot  a bad one is reported and passed over
    5  replay the journal after it    every entry is checked against the hash chain, every seal
                                      against the state

Each step succeeds, or stops with the file and the byte to look at. Nothing is repaired.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.node import HASH_SEED_BYTES, Node
from holdfast.core.tables.apply import StateMismatchError
from holdfast.core.tables.table import Array

from .archive.segments import History, archived_to, segment_of
from .codec import DamagedEntryError, RecordedEntry, read_appends
from .data_directory import (
    LMDB_DATA_VERSION,
    DataDirectory,
    DirectoryError,
    NoDataDirectoryError,
    has_lived,
    read_node_json,
    write_node_json,
)
from .directory_lock import DirectoryInUseError, DirectoryLock, is_locked
from .durable_files import make_folders_durably, sync_folder
from .hash_chain import Chain
from .journal import JournalError, JournalReader
from .lmdb.data_file import DamagedFileError
from .lmdb.meta_pages import find_data_version, write_meta_pages
from .lmdb.pages import PageReport, check_pages, iterate_values
from .lmdb.store import LmdbJournal, open_proved
from .snapshots.file import MakeNode, Snapshot, load_newest

Progress = Callable[[int, int], None]
"""Called with the position that replay has come to, and with the journal's last."""

#: What recovery stops with. Each names the file, and the place in it where there is one.
RECOVERY_ERRORS = (DirectoryError, JournalError, DamagedFileError)

#: A reader needs a map at least as large as the writer's file; address space costs nothing.
_READER_MAP_BYTES = 1 << 42


def no_progress(_done: int, _all: int) -> None:
    """Ignores progress."""


@dataclass(slots=True)
class Recovered:
    """A node ready to serve, what its journal goes on from, and what it took."""

    node: Node
    journal: LmdbJournal
    chain: Chain
    """What the next entries follow."""
    epoch: int
    """Of the next entries: one more than the last that wrote."""
    directory: DataDirectory
    lock: DirectoryLock
    snapshot_position: int
    """0 when it was replayed from the first append on."""
    replayed: int
    """Appends after the snapshot."""
    bad_snapshots: list[str]
    """File and reason of each that was passed over."""

    def close(self) -> None:
        """Close the journal and let the next node in."""
        self.journal.close()
        self.lock.release()


def recover(
    path: Path,
    shard_count: int,
    map_size_bytes: int,
    reserve_bytes: int,
    make_node: MakeNode,
    progress: Progress = no_progress,
) -> Recovered:
    """The newest durable state of a data directory, which is locked, and made when it is new.

    Raises RECOVERY_ERRORS, with the directory unlocked again.
    """
    with naming_errors(path, "cannot be made"):
        make_folders_durably(path)
    with ExitStack() as undo:
        lock = DirectoryLock(path)
        undo.callback(lock.release)
        with naming_errors(path, "cannot be used"):
            directory = _read_or_make_directory(path, shard_count, map_size_bytes)
            if not directory.timeline:
                directory = write_node_json(directory)
        pages = check_journal_pages(directory)
        with naming_errors(path, "cannot be made durable"):
            _make_durable(directory, pages)
        journal = open_proved(directory.journal, map_size_bytes, reserve_bytes, pages.txnid)
        undo.callback(journal.close)
        _expect_own_archive(directory, journal)
        start, bad = load_newest(directory, make_node)
        end = replay(directory, History(directory, journal), start, progress)
        undo.pop_all()
    return Recovered(
        node=end.node,
        journal=journal,
        chain=end.chain,
        epoch=end.epoch + 1,
        directory=directory,
        lock=lock,
        snapshot_position=start.position,
        replayed=end.position - start.position,
        bad_snapshots=bad,
    )


@contextmanager
def naming_errors(path: Path, what: str) -> Iterator[None]:
    """Raise an OSError as a DirectoryError that names the directory and says what is wrong."""
    try:
        yield
    except OSError as error:
        raise DirectoryError(f"{path}: {what}: {error.strerror}") from error


def _read_or_make_directory(path: Path, shard_count: int, map_size_bytes: int) -> DataDirectory:
    try:
        directory = read_node_json(path)
    except NoDataDirectoryError:
        if has_lived(path):
            raise
        return _make_directory(path, shard_count, map_size_bytes)
    if directory.shard_count != shard_count:
        raise DirectoryError(
            f"{path}: made with shard_count {directory.shard_count}, which is fixed, and the "
            f"setting is {shard_count}; set shard_count = {directory.shard_count}"
        )
    return directory


def _make_directory(path: Path, shard_count: int, map_size_bytes: int) -> DataDirectory:
    new = DataDirectory(path, shard_count)
    # What a first start leaves that ends in the middle of this.
    new.journal.unlink(missing_ok=True)
    LmdbJournal(new.journal, map_size_bytes, reserve_bytes=0).close()
    # Bytes first, then names, and node.json after both: LMDB syncs a transaction, and there was
    # none.
    with new.journal.open("rb") as made:
        os.fsync(made.fileno())
    sync_folder(path)
    return write_node_json(new)


def _expect_own_archive(directory: DataDirectory, journal: JournalReader) -> None:
    """Raise DirectoryError when the archive reaches further than the journal: what is appended now
    would be taken for what is archived under the same positions.
    """
    if (reached := archived_to(directory)) > journal.position:
        raise DirectoryError(
            f"{directory.path}: the journal ends at position {journal.position}, but the archive "
            f"reaches {reached}: entries are missing, or an older journal was put here; "
            "`holdfast restore` makes a directory of what the archive has"
        )


def check_journal_pages(directory: DataDirectory) -> PageReport:
    """Check the structure of the journal's file, with plain reads.

    Raises DirectoryError when it is missing or of another format than node.json says,
    DamagedFileError when it is not what LMDB wrote.
    """
    if not directory.journal.exists():
        # A first start that did not finish leaves no node.json.
        raise DirectoryError(f"{directory.journal}: missing; restore it from a backup")
    with naming_errors(directory.journal, "cannot be read"):
        found = find_data_version(directory.journal)
    if found and found[0] != LMDB_DATA_VERSION:
        raise DirectoryError(
            f"{directory.journal}: byte {found[1]} says LMDB's file format {found[0]}, node.json "
            f"says {LMDB_DATA_VERSION}; put the journal back that belongs to this directory"
        )
    return check_pages(directory.journal, consecutive_keys=True)


def _make_durable(directory: DataDirectory, pages: PageReport) -> None:
    """Make durable what was read. A process that died may have left it in the page cache, and the
    answers of this node rest on it.
    """
    write_meta_pages(directory.journal, pages.meta_pages)
    directory.snapshots.mkdir(exist_ok=True)
    for folder in (directory.snapshots, directory.path):
        sync_folder(folder)


def empty_node(directory: DataDirectory) -> Node:
    """A node of a directory's shards, with the settings of nobody who serves it.

    Its hash tables have a seed of their own: callers chose the ids and names that the directory
    holds, whoever reads it.
    """
    return Node(
        directory.shard_count,
        timeline=directory.timeline,
        slot_count=directory.slot_count,
        hash_seed=secrets.token_bytes(HASH_SEED_BYTES),
    )


def replay(
    directory: DataDirectory, journal: JournalReader, start: Snapshot, progress: Progress
) -> Snapshot:
    """The state at the journal's end. That of `start` is changed in place, node and chain.

    Raises DirectoryError when the journal ends before `start`, DamagedFileError at the first entry
    that is not what was written or does not follow the state.
    """
    position, epoch = start.position, start.epoch
    if start.position > journal.position:
        raise DirectoryError(
            f"{directory.journal}: ends at position {journal.position}, but a snapshot reaches "
            f"{start.position}: entries are missing; restore the journal from a backup"
        )
    try:
        for position, group in read_appends(journal, start.position, start.chain):
            replay_group(start.node, position, group)
            epoch = group[-1].epoch
            progress(position, journal.position)
    except DamagedEntryError as error:
        raise locate_damage(directory, error) from error
    return Snapshot(start.node, position, epoch, start.chain)


def replay_group(node: Node, position: int, group: Sequence[RecordedEntry]) -> list[Array]:
    """Apply one append to the node, and return the numbers that the reservations of each entry have
    got.

    Raises DamagedEntryError when it does not follow the node's state, or is sealed with another.
    """
    numbers = []
    for recorded in group:
        entry = recorded.entry
        if entry.shard >= len(node.shards):
            reason = f"it has a shard {entry.shard}, node.json says {len(node.shards)} shards"
            raise DamagedEntryError(position, reason)
        if entry.sequence != node.shards[entry.shard].sequence + 1:
            reason = f"sequence {entry.sequence} of shard {entry.shard} is not the next"
            raise DamagedEntryError(position, reason)
        try:
            numbers.append(node.replay(entry, recorded.schema))
        except StateMismatchError as error:
            raise DamagedEntryError(position, str(error)) from error
    return numbers


def locate_damage(directory: DataDirectory, error: DamagedEntryError) -> DamagedFileError:
    """The damage of an entry with its place in the journal's file, or its segment."""
    if segment := segment_of(directory, error.position):
        return DamagedFileError(segment.path, 0, str(error))
    for key, offset, _size in iterate_values(directory.journal):
        if key == error.position:
            return DamagedFileError(directory.journal, offset + error.offset, str(error))
    return DamagedFileError(directory.journal, 0, str(error))


@contextmanager
def open_read_only(directory: DataDirectory) -> Iterator[tuple[LmdbJournal, bool]]:
    """The journal for reading, and whether a node serves it meanwhile.

    When none does, the pages are checked first, and none may start until the block ends. When one
    does, it has checked them, and pages that are being written could not be judged.

    Raises RECOVERY_ERRORS.
    """
    with ExitStack() as stack:
        try:
            lock = DirectoryLock(directory.path)
        except DirectoryInUseError:
            is_served = True
        else:
            is_served = False
            stack.callback(lock.release)
            check_journal_pages(directory)
        journal = LmdbJournal(directory.journal, _READER_MAP_BYTES, 0, read_only=True)
        stack.callback(journal.close)
        yield journal, is_served


def recover_beside(path: Path) -> tuple[DataDirectory, Snapshot]:
    """The newest durable state of a data directory that a node serves.

    The directory is not locked, so that the next node may start when this one ends meanwhile.

    Raises RECOVERY_ERRORS.
    """
    directory = read_node_json(path)
    with open_beside(directory) as journal:
        start, _bad = load_newest(directory, empty_node)
        return directory, replay(directory, History(directory, journal), start, no_progress)


@contextmanager
def open_beside(directory: DataDirectory, reserve_bytes: int = 0) -> Iterator[LmdbJournal]:
    """The journal of a directory that a node serves, for reading. Raises RECOVERY_ERRORS."""
    journal = LmdbJournal(directory.journal, _READER_MAP_BYTES, reserve_bytes, read_only=True)
    with closing(journal):
        # After opening, not before: while a node has the file open, LMDB shows what its writer
        # knows to be durable. The file alone may show more.
        if not is_locked(directory.path):
            raise DirectoryError(f"{directory.path}: no node serves it")
        yield journal
