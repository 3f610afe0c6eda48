"""The history that is kept in a data directory or in a backup, opened for reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .archive.segments import History
from .backup_json import Backup, read_backup_json
from .data_directory import DataDirectory, read_node_json
from .recovery import open_read_only


class NoJournal:
    """A JournalReader of a history that the archive has to its end."""

    def __init__(self, position: int) -> None:
        self.position = position

    @property
    def first(self) -> int:
        """One more than the last position: nothing is left in it."""
        return self.position + 1

    def read(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Nothing: the end."""
        assert after >= self.position, after
        return iter(())


def read_folder(path: Path) -> DataDirectory | Backup:
    """What a folder is. Raises DirectoryError, also when it is neither."""
    return read_backup_json(path) or read_node_json(path)


def directory_of(folder: DataDirectory | Backup) -> DataDirectory:
    """Where the files of a folder lie."""
    return folder.directory if isinstance(folder, Backup) else folder


@contextmanager
def open_history(folder: DataDirectory | Backup) -> Iterator[tuple[History, bool]]:
    """All appends of a folder, oldest first, and whether a node serves it meanwhile.

    Raises RECOVERY_ERRORS.
    """
    if isinstance(folder, Backup):
        yield History(folder.directory, NoJournal(folder.position)), False
        return
    with open_read_only(folder) as (journal, is_served):
        yield History(folder, journal), is_served
