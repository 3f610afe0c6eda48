"""Journals for tests: one in memory, a writer in the test's own process, an appender on its loop.

They share codec and hashes with the product, and are for what does not depend on the disk.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.core.tables.effects import DTYPES, Entry, Section
from holdfast.persistence.codec import lay_out_group, read_appends
from holdfast.persistence.hash_chain import Chain, write_hashes
from holdfast.persistence.journal import JournalError, JournalReader, OnAppended, OnFailure
from holdfast.persistence.lmdb.store import LmdbJournal

MAP_BYTES: Final = 1 << 28


def open_journal(path: Path, map_size: int = MAP_BYTES, reserve_bytes: int = 0) -> LmdbJournal:
    return LmdbJournal(path, map_size, reserve_bytes)


class MemoryJournal:
    """A JournalReader with a `put`, as LmdbJournal is, that forgets all with its process."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.first = 1

    @property
    def position(self) -> int:
        return len(self.values)

    def put(self, value: bytes) -> int:
        self.values.append(value)
        return self.position

    def read(self, after: int) -> Iterator[tuple[int, bytes]]:
        for position in range(after + 1, self.position + 1):
            if position < self.first:
                raise JournalError(f"position {position} is missing")
            yield position, self.values[position - 1]

    def size_bytes(self) -> int:
        return sum(map(len, self.values))

    def headroom_bytes(self) -> int:
        return 1 << 62

    def close(self) -> None:
        pass


class JournalWriter:
    """Appends at once: what the two ends of journal_process/ do between them, in one process."""

    def __init__(
        self, journal: LmdbJournal | MemoryJournal, chain: Chain | None = None, epoch: int = 1
    ) -> None:
        self.journal = journal
        self.chain = {} if chain is None else chain
        self.epoch = epoch

    @property
    def position(self) -> int:
        return self.journal.position

    def append(self, entries: Sequence[Entry]) -> int:
        """Put entries into the journal and return their position."""
        return self.journal.put(encode_group(self.position + 1, self.epoch, entries, self.chain))


def encode_group(position: int, epoch: int, entries: Sequence[Entry], chain: Chain) -> bytes:
    """The bytes of an append with its hashes. The chain advances."""
    value = bytearray(lay_out_group(position, epoch, entries))
    write_hashes(value, chain)
    return bytes(value)


class MemoryAppender:
    """A JournalAppender over a journal in memory. An append is done in the loop's next round, or
    when `let_go` is called while `is_held`.
    """

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.is_held = False
        self.appending: Sequence[Entry] = ()
        self.reserve_bytes = 0
        self.headroom = 1 << 30
        self._writer = JournalWriter(self.journal)

    @property
    def position(self) -> int:
        return self.journal.position

    @property
    def appended_bytes(self) -> int:
        return self.journal.size_bytes()

    def start(self, on_appended: OnAppended, on_failure: OnFailure) -> None:
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()

    def append(self, entries: Sequence[Entry]) -> None:
        assert not self.appending, "one append at a time"
        self.appending = entries
        if not self.is_held:
            self._loop.call_soon(self.let_go)

    def let_go(self) -> None:
        """Finish the append that waits, and hold no more."""
        self.is_held = False
        if self.appending:
            self._writer.append(self.appending)
            self.appending = ()
            self._on_appended(0.0, self.headroom)

    def forget(self, up_to: int) -> None:
        self.journal.first = max(self.journal.first, up_to + 1)

    def headroom_bytes(self) -> int:
        return self.headroom

    def size_bytes(self) -> int:
        return self.journal.size_bytes()

    def close(self) -> None:
        assert not self.appending


def group_of(size: int, sequence: int = 1) -> list[Entry]:
    """Entries of about so many bytes. They have a place in a journal, and no meaning for a node."""
    count = max(1, size // DTYPES[Section.ENDED_SKUS].itemsize)
    return [
        Entry(0, sequence, 1, [(Section.ENDED_SKUS, np.zeros(count, "i4").view([("sku", "i4")]))])
    ]


def sequences(
    journal: JournalReader, after: int = 0, chain: Chain | None = None
) -> list[list[int]]:
    """The sequences of the entries of each append."""
    appends = read_appends(journal, after, Chain() if chain is None else chain)
    return [[item.entry.sequence for item in group] for _, group in appends]
