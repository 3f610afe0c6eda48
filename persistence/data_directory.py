"""The data directory: what lies in it.

lock          held (flock) by the process that has the directory to itself: the serving node
journal.mdb   the journal (LMDB), with journal.mdb-lock beside it
snapshots/    snapshot-<position>.npz
archive/      segment-<first>-<last>.hfa: appends that have left the journal
ledger/       run-<first>-<end>.hfl: movements of stock, which derive from journal and archive
node.json     what is fixed when the directory is made, and its timeline. It is written last, so the
              journal of a directory that has it must be there and whole

node.json has a schema number of its own, under "format", and a checksum over all that it says:

    1  shard_count
    2  slot_count, timeline, lmdb_data_version
"""

from dataclasses import dataclass, replace
from mmap import PAGESIZE
from pathlib import Path
from secrets import randbits
from typing import Any

from holdfast.core.limits import SLOTS

from .checked_json import encode, parse
from .durable_files import write_durably

FORMAT = 2

#: MDB_DATA_VERSION of the journal's file. py-lmdb comes with two versions of LMDB, and neither can
#: read what the other wrote. Directories from before this was written down are of version 1.
LMDB_DATA_VERSION = 1

#: A backup, complete; see backup_json.py.
BACKUP_JSON = "backup.json"
#: What a backup, or a restore, is until it is complete: the last step gives this file its name.
BACKUP_PARTIAL = "backup.partial"
RESTORE_PARTIAL = "restore.partial"

#: Other folders of ours, by a file in them, and what to do with one in the place of a directory.
OTHER_FOLDERS = {
    BACKUP_JSON: "a backup; `holdfast restore` makes a data directory of it",
    BACKUP_PARTIAL: "a backup that was cut off, so it can't be restored; delete it",
    RESTORE_PARTIAL: "a restore that was cut off; delete it and restore again",
}


class DirectoryError(Exception):
    """The data directory can't be used; the message says why and what to do."""


class NoDataDirectoryError(DirectoryError):
    """There is no node.json: the directory was not finished, or is not one of ours."""


class NewerSchemaError(DirectoryError):
    """A newer build wrote it. Nothing is damaged."""

    def __init__(self, what: str, schema: int, known: int) -> None:
        super().__init__(
            f"{what}: written by a newer Holdfast, in schema {schema}; this one reads up to "
            f"{known}. Nothing is damaged: upgrade Holdfast"
        )


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """What node.json says, and where the rest lies."""

    path: Path
    shard_count: int
    slot_count: int = SLOTS
    """Slots that SKUs are hashed to; slot n lies in shard n % shard_count."""
    timeline: int = 0
    """64 random bits, which a restore renews; 0 until the first start of a build that has them."""

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.path / "journal.mdb"

    @property
    def archive(self) -> Path:
        """The folder of the archive's segments."""
        return self.path / "archive"

    @property
    def ledger(self) -> Path:
        """The folder of the ledger's runs."""
        return self.path / "ledger"

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots."""
        return self.path / "snapshots"


def read_node_json(path: Path) -> DataDirectory:
    """The data directory at a path.

    Raises NoDataDirectoryError when it has no node.json, NewerSchemaError when a newer build wrote
    that, DirectoryError when it is damaged or can't be read.
    """
    file = path / "node.json"
    try:
        document = parse(file.read_bytes())
        if document["format"] > FORMAT:
            raise NewerSchemaError(str(file), document["format"], FORMAT)
        directory = _directory(path, document)
    except (FileNotFoundError, NotADirectoryError):
        raise NoDataDirectoryError(_why_there_is_none(path)) from None
    except OSError as error:
        raise DirectoryError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DirectoryError(f"{file}: damaged ({error}); restore it from a backup") from error
    if (found := document.get("lmdb_data_version", 1)) != LMDB_DATA_VERSION:
        raise DirectoryError(
            f"{file}: the journal is in LMDB's file format {found}, and this build reads "
            f"{LMDB_DATA_VERSION}; nothing is damaged: start the build that wrote it"
        )
    return directory


def _directory(path: Path, document: dict[str, Any]) -> DataDirectory:
    shard_count = document["shard_count"]
    if document["format"] == 1:
        # It hashed SKUs to shards directly. Any multiple of the shards is a number of slots that
        # leads every SKU to the same shard; where they divide SLOTS, it is that of today.
        return DataDirectory(path, shard_count, SLOTS - SLOTS % shard_count)
    return DataDirectory(path, shard_count, document["slot_count"], document["timeline"])


def _why_there_is_none(path: Path) -> str:
    for name, what in OTHER_FOLDERS.items():
        if (path / name).exists():
            return f"{path}: {what}"
    if sign := _sign_of_life(path):
        return f"{path / 'node.json'}: missing, but there {sign}; restore it from a backup"
    if (path / "lock").exists():
        return (
            f"{path}: a first start that did not finish, so nothing was answered from it; "
            "the next start finishes it"
        )
    return f"{path}: not a data directory (it has no node.json)"


def has_lived(path: Path) -> bool:
    """Whether there is more in a directory than a first start leaves that did not finish: a node
    may have answered from it, or it is another folder of ours.
    """
    is_other = any((path / name).exists() for name in OTHER_FOLDERS)
    return is_other or bool(_sign_of_life(path))


def _sign_of_life(path: Path) -> str:
    # A first start that did not finish leaves a journal of LMDB's two meta pages at most.
    directory = DataDirectory(path, 0)
    if directory.journal.exists() and directory.journal.stat().st_size > 2 * PAGESIZE:
        return "is a journal"
    if any(directory.snapshots.glob("snapshot-*")):
        return "are snapshots"
    return "is an archive" if any(directory.archive.glob("segment-*")) else ""


def write_node_json(directory: DataDirectory) -> DataDirectory:
    """Write node.json durably, with a new timeline, and return what it says. From then on a missing
    journal is damage and not a new directory.
    """
    directory = with_new_timeline(directory)
    write_durably(directory.path / "node.json", encode_node_json(directory))
    return directory


def with_new_timeline(directory: DataDirectory) -> DataDirectory:
    """A directory whose handles and revisions can be distinguished from those of every other."""
    return replace(directory, timeline=randbits(64) or 1)


def encode_node_json(directory: DataDirectory) -> bytes:
    """The bytes of a node.json."""
    return encode(
        {
            "format": FORMAT,
            "shard_count": directory.shard_count,
            "slot_count": directory.slot_count,
            "timeline": directory.timeline,
            "lmdb_data_version": LMDB_DATA_VERSION,
        }
    )
