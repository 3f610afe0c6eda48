"""The journal on LMDB: values under running numbers in one file, and how they become durable.

`put` returns after LMDB's default commit: fdatasync of the data, then a synchronous write of the
meta page that makes them visible, in this order, so a transaction that was cut off leaves the one
before it. One append is one put in one transaction, whatever number of commands it holds: that is
the group commit, and it grows with the load by itself.

An error of `put` is final. After a failed sync the page cache may call pages clean that did not
reach the disk (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020),
so a second try could succeed over data that is gone. The node stops, and its next start reads what
the disk really has.

The process that writes the journal loads this file: no NumPy here.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import lmdb

from ..journal import JournalError

#: Big-endian, so that the order of LMDB's keys is that of the positions.
_KEY = struct.Struct(">Q")

#: LMDB 0.9, which pages.py checks. Later ones have another file format, see meta_pages.py.
_LIB_VERSION = 0

#: Bytes of values that one read transaction takes: a reader pins every page freed since it began.
_READ_CHUNK_BYTES = 1 << 24

#: Appends after which the writer clears the table of readers: one that was killed stays in it, and
#: pins pages, until somebody looks.
_READER_CHECK_EVERY = 1_024

#: Old values that an append deletes in passing: more than one, so that forgetting catches up, and
#: few, so that no append is held up.
_FORGOTTEN_BY_APPEND = 4


class LmdbJournal:
    """A JournalReader, and the `put` of the process that writes."""

    def __init__(
        self, path: Path, map_size_bytes: int, reserve_bytes: int, *, read_only: bool = False
    ) -> None:
        self.path = path
        self.map_size_bytes = map_size_bytes
        self.reserve_bytes = reserve_bytes
        self._has_failed = False
        try:
            self._env = lmdb.open(
                str(path),
                map_size=map_size_bytes,
                subdir=False,
                max_dbs=0,
                readonly=read_only,
                readahead=True,  # it is read from one end to the other: 10 times as fast
                # By default, the environment variable LMDB_DEFAULT_LIB_VERSION could choose.
                lib_version=_LIB_VERSION,
            )
            self.position = self._last_position()
        except lmdb.Error as error:
            raise JournalError(f"{path}: cannot be opened: {error}") from error

    def __repr__(self) -> str:
        return f"<LmdbJournal {self.path.name} at {self.position}>"

    @property
    def first(self) -> int:
        """Position of the oldest value; one more than `position` when there is none.

        Raises JournalError.
        """
        try:
            with self._env.begin() as transaction, transaction.cursor() as cursor:
                if cursor.first():
                    return int(_KEY.unpack(cursor.key())[0])
        except lmdb.Error as error:
            raise JournalError(f"{self.path}: cannot be read: {error}") from error
        return self.position + 1

    def begin_after(self, position: int) -> None:
        """Let a journal that has no value yet go on after a position."""
        assert not self.position, "there are values"
        self.position = position

    def put(self, value: bytes | bytearray | memoryview, forget: int = 0) -> int:
        """Make the next value durable and return its position. In the same transaction delete a few
        of the oldest values, up to the position `forget`.

        Raises JournalError when it fails, and on every call after that.
        """
        position = self.position + 1
        if self._has_failed:
            raise JournalError(f"{self.path}: append {position} after one that failed")
        self._has_failed = True  # until all has gone well
        try:
            with self._env.begin(write=True) as transaction:
                if not transaction.put(_KEY.pack(position), value, append=True, overwrite=False):
                    raise JournalError(
                        f"{self.path}: position {position} is taken by another writer"
                    )
                _delete_oldest(transaction, min(forget, position - 1))
            if position % _READER_CHECK_EVERY == 0:
                self._env.reader_check()
        except (lmdb.Error, OSError) as error:
            raise JournalError(f"{self.path}: append {position} failed: {error}") from error
        self.position = position
        self._has_failed = False
        return position

    def read(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Position and bytes of every value after `after`, up to `position`.

        Raises JournalError when one is missing.
        """
        position = after
        while position < self.position:
            for key, value in self._read_chunk(position):
                # A node beside us may have appended since this was opened.
                if position == self.position:
                    return
                position += 1
                if key != position:
                    raise JournalError(f"{self.path}: position {position} is missing, found {key}")
                yield position, value

    def look_again(self) -> int:
        """Take notice of what a node beside us has appended since, and return the last position.

        Raises JournalError.
        """
        try:
            self.position = self._last_position()
        except lmdb.Error as error:
            raise JournalError(f"{self.path}: cannot be read: {error}") from error
        return self.position

    def _read_chunk(self, after: int) -> list[tuple[int, bytes]]:
        """At least one value. The transaction has ended by then: a slow reader pins nothing."""
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
            raise JournalError(f"{self.path}: reading after {after} failed: {error}") from error
        if not chunk:
            raise JournalError(f"{self.path}: position {after + 1} is missing")
        return chunk

    def _last_position(self) -> int:
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            return int(_KEY.unpack(cursor.key())[0]) if cursor.last() else 0

    @property
    def txnid(self) -> int:
        """The transaction that a reader is given now."""
        with self._env.begin() as transaction:
            return int(transaction.id())

    def size_bytes(self) -> int:
        """Bytes of the file in use, free pages within it included; also what others have put."""
        info = self._env.info()
        return (int(info["last_pgno"]) + 1) * int(self._env.stat()["psize"])

    def headroom_bytes(self) -> int:
        """The smaller of what the map and the disk still take, less `reserve_bytes`; as long as
        some of that is left, free pages within the file are added.

        Not without: a reader may pin free pages, and a large value needs a run of them. What is
        left past the end of the file takes it when there is none.
        """
        disk = os.statvfs(self.path.parent)
        size = self.size_bytes()
        room = min(self.map_size_bytes - size, disk.f_bavail * disk.f_frsize) - self.reserve_bytes
        return room + size - self._live_bytes() if room > 0 else room

    def _live_bytes(self) -> int:
        stat = self._env.stat()
        pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return int(pages) * int(stat["psize"])

    def close(self) -> None:
        """Unmap and close the file. Values that were read stay valid."""
        self._env.close()


def open_proved(path: Path, map_size_bytes: int, reserve_bytes: int, txnid: int) -> LmdbJournal:
    """A journal whose pages were checked, at the transaction that they were found to hold.

    LMDB keeps the number of the last transaction in its lock file, for as long as any process has
    the journal open. A snapshot that is being written for a node that has died is one, and then the
    number may be that before a meta page that the check has found. The writer would go on from
    there, over pages that the file has in use. So the lock file is left to that process, and a new
    one made.
    """
    journal = LmdbJournal(path, map_size_bytes, reserve_bytes)
    if journal.txnid == txnid:
        return journal
    journal.close()
    path.with_name(f"{path.name}-lock").unlink()
    return LmdbJournal(path, map_size_bytes, reserve_bytes)


def _delete_oldest(transaction: lmdb.Transaction, up_to: int) -> None:
    with transaction.cursor() as cursor:
        for _ in range(_FORGOTTEN_BY_APPEND):
            if not cursor.first() or _KEY.unpack(cursor.key())[0] > up_to:
                return
            cursor.delete()
