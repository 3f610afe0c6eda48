"""The archive: segments in the folder `archive`, oldest first, each chained to the one before.

`archive` moves the appends up to a snapshot out of the journal, in this order: a segment is written
durably, then the journal may forget its appends (journal.py). So every append is in one of the two
at any time, and for a while in both.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ..data_directory import DataDirectory, DirectoryError
from ..durable_files import make_folders_durably, sync_folder
from ..journal import JournalError, JournalReader
from ..lmdb.data_file import DamagedFileError
from .segment import NO_SEGMENT, PREFIX, Segment, open_segment, read_segment, write_segment


class MissingHistoryError(DirectoryError):
    """Appends that are asked for were dropped, or their segments were taken away."""


#: Bytes of values in a segment, before compression: what a reader holds in memory is a value, but a
#: writer holds the compressed segment.
SEGMENT_BYTES = 1 << 26


def segments(directory: DataDirectory) -> list[Segment]:
    """All segments, oldest first.

    Raises DamagedFileError when one does not follow the one before it, NewerSchemaError.
    """
    found = [open_segment(path) for path in sorted(directory.archive.glob(f"{PREFIX}*"))]
    for before, segment in pairwise(found):
        if segment.first != before.last + 1 or segment.previous != before.digest:
            reason = f"it does not follow {before.path.name}"
            raise DamagedFileError(segment.path, 8, reason)
    return found


def segment_of(directory: DataDirectory, position: int) -> Segment | None:
    """The segment that has the append at a position, if one has. Raises as `segments` does."""
    found = (each for each in segments(directory) if each.first <= position <= each.last)
    return next(found, None)


def archived_to(directory: DataDirectory) -> int:
    """The last position that is in the archive, by the name of its newest segment; 0 for none."""
    names = sorted(path.stem for path in directory.archive.glob(f"{PREFIX}*"))
    return int(names[-1].rpartition("-")[2]) if names else 0


def archive(directory: DataDirectory, journal: JournalReader, up_to: int) -> None:
    """Write segments of all appends up to a position that are in none."""
    make_folders_durably(directory.archive)
    newest = segments(directory)[-1:]
    last = newest[0].last if newest else 0
    previous = newest[0].digest if newest else NO_SEGMENT
    values = journal.read(max(last, journal.first - 1))
    while last < up_to:
        run = _run(values, up_to)
        segment = write_segment(directory.archive, run[0][0], (value for _, value in run), previous)
        last, previous = segment.last, segment.digest


def _run(values: Iterator[tuple[int, bytes]], up_to: int) -> list[tuple[int, bytes]]:
    """The appends of the next segment."""
    run: list[tuple[int, bytes]] = []
    size = 0
    for position, value in values:
        run.append((position, value))
        size += len(value)
        if position == up_to or size >= SEGMENT_BYTES:
            break
    return run


def limit(directory: DataDirectory, bytes_max: int) -> list[Path]:
    """Drop the oldest segments until the rest take `bytes_max` at most, and return which."""
    kept = sorted(directory.archive.glob(f"{PREFIX}*"))
    sizes = [path.stat().st_size for path in kept]
    dropped = []
    while sum(sizes) > bytes_max:
        dropped.append(kept.pop(0))
        sizes.pop(0)
        dropped[-1].unlink()
    if dropped:
        sync_folder(directory.archive)
    return dropped


class History:
    """A JournalReader over the archive and the journal after it."""

    def __init__(self, directory: DataDirectory, journal: JournalReader) -> None:
        self.directory = directory
        self.journal = journal

    @property
    def first(self) -> int:
        """Position of the oldest append that is left."""
        found = segments(self.directory)
        return min(found[0].first, self.journal.first) if found else self.journal.first

    @property
    def position(self) -> int:
        """Position of the last append."""
        return self.journal.position

    def read(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Position and bytes of every append after `after`.

        Raises MissingHistoryError when a position is gone, JournalError, DamagedFileError,
        NewerSchemaError.
        """
        while after < self.position:
            try:
                for position, value in self._read_some(after):
                    yield position, value
                    after = position
            except JournalError:
                # A node beside us may have archived it meanwhile.
                if self.journal.first <= after + 1:
                    raise

    def _read_some(self, after: int) -> Iterator[tuple[int, bytes]]:
        if self.journal.first <= after + 1:
            return self.journal.read(after)
        if segment := segment_of(self.directory, after + 1):
            return read_segment(segment, after)
        raise MissingHistoryError(
            f"{self.directory.path}: position {after + 1} is in neither the journal nor the "
            "archive: it was dropped, or the archive was taken away"
        )
