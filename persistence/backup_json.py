"""A backup: a folder with history, the snapshots that it had, and a file that names them.

archive/      segments of all appends up to a position: those of the archive, then the journal's
snapshots/    snapshot-<position>.npz
backup.json   written last, so that a folder without it is no backup; under "format" stands its own
              schema number
"""

from dataclasses import dataclass
from pathlib import Path

from .checked_json import encode, parse
from .data_directory import (
    BACKUP_JSON,
    DataDirectory,
    DirectoryError,
    NewerSchemaError,
)

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Backup:
    """What backup.json says."""

    directory: DataDirectory
    """Where it lies, and what the directory was that it was made of."""
    position: int
    """Of its last append."""


def read_backup_json(path: Path) -> Backup | None:
    """The backup at a path, or None when there is none that is complete.

    Raises NewerSchemaError when a newer build wrote it, DirectoryError when it is damaged.
    """
    file = path / BACKUP_JSON
    try:
        document = parse(file.read_bytes())
        if document["format"] > FORMAT:
            raise NewerSchemaError(str(file), document["format"], FORMAT)
        figures = (document[name] for name in ("shard_count", "slot_count", "timeline"))
        return Backup(DataDirectory(path, *figures), document["position"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DirectoryError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DirectoryError(f"{file}: damaged ({error}); take another backup") from error


def encode_backup_json(backup: Backup) -> bytes:
    """The bytes of a backup.json."""
    directory = backup.directory
    return encode(
        {
            "format": FORMAT,
            "shard_count": directory.shard_count,
            "slot_count": directory.slot_count,
            "timeline": directory.timeline,
            "position": backup.position,
        }
    )
