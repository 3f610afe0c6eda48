"""The journal's file: values under running numbers in LMDB, and the durability of Holdfast.

`put` returns after LMDB's default commit, which is fdatasync of the data and then a synchronous
write of the meta page. One append is one put in one transaction, whatever number of commands it
holds: that is the group commit, and it grows with load by itself.

Any error of `put` is final. After a failed sync the page cache may say that data is clean which
never reached the disk (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
2020), so a retry would lie. The caller stops the node; the restart reads what is really there.

This file and hash_chain.py are all that the writing process (child.py) loads: no NumPy, no kernels.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import lmdb

_KEY = struct.Struct(">Q")

#: Values are read in transactions of about this size, because a reader pins every page freed since
#: it began.
_READ_CHUNK_BYTES = 1 << 24

#: A reader that was killed pins pages until somebody looks; every so many appends, the writer does.
_READER_CHECK_EVERY = 1_024


class JournalError(Exception):
    """The journal could not be written or read; the node must stop."""


class Store:
    """Values by position, from 1; 0 is before the first."""

    def __init__(
        self, path: Path, map_size: int, reserve_bytes: int, *, read_only: bool = False
    ) -> None:
        self.path = path
        self.map_size = map_size
        self.reserve_bytes = reserve_bytes
        self._has_failed = False
        try:
            self._env = lmdb.open(
                str(path),
                map_size=map_size,
                subdir=False,
                max_dbs=0,
                readonly=read_only,
                readahead=True,  # it is only ever read from one end to the other: 10 times as fast
            )
            self.position = self._last_position()
        except lmdb.Error as error:
            raise JournalError(f"{path}: cannot be opened: {error}") from error

    def __repr__(self) -> str:
        return f"<Store {self.path.name} at {self.position}>"

    def put(self, value: bytes | bytearray) -> int:
        """Make the next value durable and return its position; any error means that the node must
        stop.
        """
        position = self.position + 1
        if self._has_failed:
            raise JournalError(f"{self.path}: append {position} after one that failed")
        self._has_failed = True  # taken back when all went well
        try:
            with self._env.begin(write=True) as transaction:
                if not transaction.put(_KEY.pack(position), value, append=True, overwrite=False):
                    raise JournalError(
                        f"{self.path}: position {position} is taken by another writer"
                    )
            if position % _READER_CHECK_EVERY == 0:
                self._env.reader_check()
        except (lmdb.Error, OSError) as error:
            raise JournalError(f"{self.path}: append {position} failed: {error}") from error
        self.position = position
        self._has_failed = False
        return position

    def values(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield every value after a position, with its own."""
        position = after
        while position < self.position:
            for key, value in self._read_chunk(position):
                if position == self.position:
                    return
                position += 1
                if key != position:
                    raise JournalError(f"{self.path}: position {position} is missing, found {key}")
                yield position, value

    def _read_chunk(self, after: int) -> list[tuple[int, bytes]]:
        """Read at least one value."""
        chunk: list[tuple[int, bytes]] = []
        size = 0
        try:
            with self._env.begin() as transaction, transaction.cursor() as cursor:
                found = cursor.set_range(_KEY.pack(after + 1))
                while found and size < _READ_CHUNK_BYTES:
                    key, value = cursor.item()
                    chunk.append((_KEY.unpack(key)[0], value))
                    size += len(value)
                    found = cursor.next()
        except lmdb.Error as error:
            raise JournalError(f"{self.path}: reading behind {after} failed: {error}") from error
        if not chunk:
            raise JournalError(f"{self.path}: position {after + 1} is missing")
        return chunk

    def _last_position(self) -> int:
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            return int(_KEY.unpack(cursor.key())[0]) if cursor.last() else 0

    def size_bytes(self) -> int:
        """Bytes of the file in use, free pages within it included."""
        info = self._env.info()
        return (int(info["last_pgno"]) + 1) * int(self._env.stat()["psize"])

    def headroom_bytes(self) -> int:
        """Smaller of what the map and the disk still take, less the reserve that recovery and
        expiry need.
        """
        disk = os.statvfs(self.path.parent)
        free = min(self.map_size - self.size_bytes(), disk.f_bavail * disk.f_frsize)
        return free - self.reserve_bytes

    def close(self) -> None:
        """Let go of the file."""
        self._env.close()
