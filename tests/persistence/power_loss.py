"""What a disk may hold after a loss of power, worked out from the calls that were made on it.

What was synced is there. Of what was not, each part of a file of `part_bytes` (what a disk writes
in one piece, 512 or 4,096 bytes) is as it was at any time since it was last synced, and so is the
file's size. Names that were not synced are there in the order in which they were given, up to any
of them, or any of them at all.

After a sync that failed, what it was to sync is in doubt, also after later ones: the page cache
calls it clean (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
Writing it again ends the doubt.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.persistence.faulty_disk import Call, How, Record

WELL = (How.WELL, How.KILLED_AFTER)
FOLDER = -1


@dataclass(slots=True)
class _File:
    """A file: what its processes see, and what the disk may have in its place."""

    part_bytes: int
    seen: bytearray = field(default_factory=bytearray)
    versions: dict[int, list[bytes]] = field(default_factory=dict)
    """Of each part in doubt, oldest first; the last is what is seen."""
    sizes: list[int] = field(default_factory=lambda: [0])
    dirty: set[int] = field(default_factory=set)
    """Parts in doubt that the next sync will settle."""

    def write(self, offset: int, data: bytes) -> range:
        """Return the parts that have changed."""
        end = offset + len(data)
        parts = range(offset // self.part_bytes, -(-end // self.part_bytes))
        before = {part: self._part(part) for part in parts}
        self.seen.extend(bytes(max(0, end - len(self.seen))))
        self.seen[offset:end] = data
        self.sizes.append(len(self.seen))
        for part in parts:
            self.versions.setdefault(part, [before[part]]).append(self._part(part))
            self.dirty.add(part)
        return parts

    def cut(self, size: int) -> None:
        """Truncate it, or let it grow."""
        zeros = bytes(max(0, len(self.seen) - size))
        self.write(size, zeros)
        del self.seen[size:]
        self.seen.extend(bytes(size - len(self.seen)))
        self.sizes.append(size)

    def sync(self, parts: Iterable[int], *, is_well: bool) -> None:
        """Settle parts, or leave them in doubt."""
        for part in list(parts):
            if part in self.dirty:
                self.dirty.remove(part)
                if is_well:
                    del self.versions[part]
        if is_well:
            self.sizes = [len(self.seen)]

    def after_loss(self, rng: Random, newest: float) -> bytes:
        """One of the ways it may be; the newest version of a part has this chance."""
        size = self.sizes[-1] if rng.random() < newest else rng.choice(self.sizes)
        data = self.seen.ljust(size, b"\0")
        for part, versions in self.versions.items():
            version = versions[-1] if rng.random() < newest else rng.choice(versions[:-1])
            at = part * self.part_bytes
            data[at : at + len(version)] = version
        return bytes(data[:size])

    def _part(self, part: int) -> bytes:
        at = part * self.part_bytes
        return bytes(self.seen[at : at + self.part_bytes]).ljust(self.part_bytes, b"\0")


class Disk:
    """The files under a folder, from what lies there, synced, through all calls that follow."""

    def __init__(self, root: Path, part_bytes: int) -> None:
        self._part_bytes = part_bytes
        self._files: dict[int, _File] = {}
        self._seen: dict[str, int] = {}
        self._unsynced: list[dict[str, int | None]] = []
        """Names given and taken away, in order; those of one call together."""
        for path in sorted(root.rglob("*")):
            inode = FOLDER if path.is_dir() else path.stat().st_ino
            self._seen[str(path.relative_to(root))] = inode
            if inode != FOLDER:
                file = self._files[inode] = _File(part_bytes)
                file.seen[:] = path.read_bytes()
                file.sizes = [len(file.seen)]
        self._synced = dict(self._seen)

    def apply(self, record: Record) -> None:
        """Go one call further."""
        is_well = record.how in WELL
        file = self._files.get(record.inode)
        match record.call:
            case Call.CREATE:
                self._files[record.inode] = _File(self._part_bytes)
                self._name({record.path: record.inode})
            case Call.MKDIR:
                self._name({record.path: FOLDER})
            case Call.RENAME:
                self._name({record.other: self._seen[record.path], record.path: None})
            case Call.UNLINK:
                self._name({record.path: None})
            case Call.SYNC_FOLDER:
                if is_well:
                    self._sync_names(record.path)
            case Call.WRITE if file and record.how is not How.SKIPPED:
                parts = file.write(record.offset, record.data)
                if record.is_synced:
                    file.sync(parts, is_well=is_well)
            case Call.TRUNCATE if file and record.how is not How.SKIPPED:
                file.cut(record.offset)
            case Call.SYNC if file:
                file.sync(file.dirty, is_well=is_well)

    def _name(self, names: dict[str, int | None]) -> None:
        self._unsynced.append(names)
        _set(self._seen, names)

    def _sync_names(self, folder: str) -> None:
        # A call names within one folder.
        def is_here(names: dict[str, int | None]) -> bool:
            return os.path.dirname(next(iter(names))) == folder

        for names in filter(is_here, self._unsynced):
            _set(self._synced, names)
        self._unsynced = [names for names in self._unsynced if not is_here(names)]

    def after_loss(self, rng: Random) -> dict[str, bytes | None]:
        """One of the ways it may be: what is in each file, by name, and None for a folder."""
        newest = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        names = dict(self._synced)
        for change in self._names_after_loss(rng):
            _set(names, change)
        return {
            name: None if inode == FOLDER else self._files[inode].after_loss(rng, newest)
            for name, inode in names.items()
            if _has_folders(names, name)
        }

    def _names_after_loss(self, rng: Random) -> list[dict[str, int | None]]:
        if rng.random() < 0.5:
            return [names for names in self._unsynced if rng.random() < 0.5]
        everything = len(self._unsynced)
        return self._unsynced[: rng.choice((0, everything, rng.randint(0, everything)))]


def _set(names: dict[str, int], change: dict[str, int | None]) -> None:
    for name, inode in change.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def _has_folders(names: dict[str, int], name: str) -> bool:
    above = os.path.dirname(name)
    return not above or (names.get(above) == FOLDER and _has_folders(names, above))


def lay_out(state: dict[str, bytes | None], folder: Path) -> None:
    """Make what a disk holds into files."""
    for name, data in sorted(state.items()):
        if data is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(data)
