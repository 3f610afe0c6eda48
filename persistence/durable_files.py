"""Files and names that survive a power loss.

A file's bytes and its name become durable one by one: fsync of the file, then of the folder it is
named in. In the other order, a name could come back without its bytes.
"""

import os
from contextlib import suppress
from itertools import takewhile
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power loss it is there whole, or as it was before."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
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
