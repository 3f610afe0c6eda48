"""The data directory: what lies in it.

lock          held (flock) by the process that has the directory to itself: the serving node
journal.mdb   the journal (LMDB), with journal.mdb-lock beside it
snapshots/    snapshot-<position>.npz
node.json     format and shard count, fixed when the directory is made. It is written last, so the
              journal of a directory that has it must be there and whole
"""

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from .durable_files import write_durably

FORMAT = 1


class DirectoryError(Exception):
    """The data directory can't be used; the message says why and what to do."""


class NoDataDirectoryError(DirectoryError):
    """There is no node.json: the directory was not finished, or is none of ours."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """What node.json says, and where the rest lies."""

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


def read_node_json(path: Path) -> DataDirectory:
    """The data directory at a path.

    Raises NoDataDirectoryError when it has no node.json, DirectoryError when that is damaged, can't
    be read or is of another format.
    """
    file = path / "node.json"
    try:
        document = json.loads(file.read_bytes())
        figures = {name: document[name] for name in ("format", "shard_count")}
        if document["checksum"] != _checksum(figures):
            raise ValueError("its checksum does not match")
    except FileNotFoundError:
        reason = f"{path}: not a data directory (it has no node.json)"
        raise NoDataDirectoryError(reason) from None
    except OSError as error:
        raise DirectoryError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DirectoryError(f"{file}: damaged ({error}); restore it from a backup") from error
    if figures["format"] != FORMAT:
        raise DirectoryError(f"{file}: format {figures['format']}; this build reads {FORMAT}")
    return DataDirectory(path, figures["shard_count"])


def write_node_json(path: Path, shard_count: int) -> DataDirectory:
    """Write node.json durably. From then on a missing journal is damage and not a new directory."""
    figures = {"format": FORMAT, "shard_count": shard_count}
    document = {**figures, "checksum": _checksum(figures)}
    write_durably(path / "node.json", json.dumps(document).encode())
    return DataDirectory(path, shard_count)


def _checksum(figures: dict[str, int]) -> str:
    return blake2b(json.dumps(figures, sort_keys=True).encode(), digest_size=8).hexdigest()
