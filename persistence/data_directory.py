"""The data directory: what lies in it, who may open it, and how it came to be.

lock          held (flock) by the process that has the directory to itself: the serving node
journal.mdb   the journal (LMDB), with journal.mdb-lock beside it
snapshots/    snapshot-<position>.npz
node.json     shard count and format, fixed when the directory is made; written last, so that a
              directory with it is whole
"""

import fcntl
import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from time import monotonic, sleep
from typing import IO

FORMAT = 1

#: A disk that takes longer over an append has stopped.
ORPHAN_TIMEOUT_S = 10.0
_ORPHAN_POLL_S = 0.01


class DirectoryError(Exception):
    """The data directory can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Paths and fixed figures of a data directory."""

    path: Path
    shard_count: int

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.path / "journal.mdb"

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots."""
        return self.path / "snapshots"


class DirectoryInUseError(DirectoryError):
    """Another process has the data directory to itself."""


class DirectoryLock:
    """Held while a node serves a directory. The operating system lets go of it when the node's
    processes have ended, however they end.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[str] = (path / "lock").open("a+", errors="replace")
        except OSError as error:
            raise DirectoryError(f"{path}: cannot be used: {error.strerror}") from error
        deadline = monotonic() + ORPHAN_TIMEOUT_S
        while not self._try():
            holder = self._holder()
            if _is_alive(holder) or monotonic() > deadline:
                self._file.close()
                raise DirectoryInUseError(
                    f"{path}: another node (process {holder}) serves this data directory; "
                    "stop it first or choose another data_dir"
                )
            # A node that was killed: the process that writes its journal ends with the append that
            # it is in.
            sleep(_ORPHAN_POLL_S)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    @property
    def descriptor(self) -> int:
        """For a process that must keep others out as long as it lives."""
        return self._file.fileno()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read().strip() or "unknown"

    def release(self) -> None:
        """Let the next node in."""
        self._file.close()


def _is_alive(process: str) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    if not process.isdecimal():
        return True
    try:
        state = Path("/proc", process, "stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def read_directory(path: Path) -> DataDirectory | None:
    """Read node.json; None when the directory was never finished."""
    file = path / "node.json"
    try:
        document = json.loads(file.read_bytes())
        figures = {name: document[name] for name in ("format", "shard_count")}
        if document["checksum"] != _checksum(figures):
            raise ValueError("its checksum does not match")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DirectoryError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DirectoryError(f"{file}: damaged ({error}); restore it from a backup") from error
    if figures["format"] != FORMAT:
        raise DirectoryError(f"{file}: format {figures['format']}; this build reads {FORMAT}")
    return DataDirectory(path, figures["shard_count"])


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)
    except OSError as error:
        raise DirectoryError(f"{path}: cannot be made: {error.strerror}") from error


def finish_directory(path: Path, shard_count: int) -> DataDirectory:
    """Write node.json, durably: from now on the directory's journal must exist and be whole."""
    (path / "snapshots").mkdir(exist_ok=True)
    figures = {"format": FORMAT, "shard_count": shard_count}
    write_durably(
        path / "node.json", json.dumps({**figures, "checksum": _checksum(figures)}).encode()
    )
    return DataDirectory(path, shard_count)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power loss it is there whole, or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename_durably(partial, path)


def rename_durably(partial: Path, path: Path) -> None:
    """Give a synced file its name, durably."""
    partial.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checksum(figures: dict[str, int]) -> str:
    return blake2b(json.dumps(figures, sort_keys=True).encode(), digest_size=8).hexdigest()
