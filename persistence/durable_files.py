"""Files and names that survive a power loss.

A file's bytes and its name become durable one by one: fsync of the file, then of the folder it is
named in. In the other order, a name could come back without its bytes.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from itertools import takewhile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, BinaryIO

#: A large file is synced piece by piece, and the disk left to others for as long as each piece
#: took. File systems such as ext4 commit all files together: the node's next append would wait for
#: whatever of ours is not on the disk yet, 124 to 179 ms for 330 MB at once, 15 ms for 1 MiB.
SYNC_EVERY_BYTES = 1 << 18


class PacedFile(FileIO):
    """A file of which little is on its way to the disk at any time; see SYNC_EVERY_BYTES."""

    _unsynced_bytes = 0

    def write(self, data: Any, /) -> int:
        """Write all of it, piece by piece, each synced before the next. Return its bytes."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            started = perf_counter()
            written = super().write(view[done : done + SYNC_EVERY_BYTES])
            done += written
            self._unsynced_bytes += written
            if self._unsynced_bytes >= SYNC_EVERY_BYTES:
                os.fdatasync(self.fileno())
                self._unsynced_bytes = 0
                sleep(perf_counter() - started)
        return done


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power loss it is there whole, or as it was before."""
    partial = path.with_name(path.name + ".partial")
    write_synced(partial, data)
    rename_durably(partial, path)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file, and make its bytes durable. Its name may not be."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def copy_durably(source: BinaryIO, path: Path, on_bytes: Callable[[int], None]) -> None:
    """Copy an open file so that after a power loss the copy is there whole or not at all.

    `on_bytes` is called with the number of bytes of each piece.
    """
    partial = path.with_name(path.name + ".partial")
    with PacedFile(partial, "w") as file:
        while piece := source.read(SYNC_EVERY_BYTES):
            on_bytes(file.write(piece))
        os.fsync(file.fileno())
    rename_durably(partial, path)


def rename_durably(partial: Path, path: Path) -> None:
    """Give a synced file its name, in place of a file that may have it. Both lie in one folder."""
    partial.rename(path)
    sync_folder(path.parent)


def make_folders_durably(path: Path) -> None:
    """Make a folder and those missing above it.

    Each has a durable name before the next is made in it. So has the one that was there: a process
    that died here may have made it.
    """
    folders = [path, *path.parents]
    missing = list(takewhile(lambda folder: not folder.exists(), folders))
    with suppress(PermissionError):  # a folder that may not be read was not written by us either
        sync_folder(folders[len(missing)].parent)
    for folder in reversed(missing[1:]):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    path.mkdir(exist_ok=True)
    if missing:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
