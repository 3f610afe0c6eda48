"""The journal: what an answer of Holdfast promises is kept here.

The promise: an answer leaves the process only after the journal position that it rests on is on
disk. How it gets there is told in store.py; what stands in it, in codec.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from holdfast.core.tables.effects import Entry

from .codec import Recorded, decode_group, encode_group
from .hash_chain import Chain
from .lmdb.store import Store


class Journal(Protocol):
    """The port. Positions count appends, from 1; 0 is before the first."""

    position: int
    reserve_bytes: int

    def append(self, entries: Sequence[Entry]) -> int:
        """Make entries durable and return their position. A node that serves leaves this to a
        process of its own (child.py).
        """

    def read(self, after: int, chain: Chain) -> Iterator[tuple[int, list[Recorded]]]:
        """Yield every append after a position, checking it against the chain."""

    def headroom_bytes(self) -> int:
        """Bytes that may still be written before new work must be refused; not above 0 means
        refuse.
        """

    def size_bytes(self) -> int:
        """Bytes in use."""

    def close(self) -> None:
        """Let go of the files."""


class LmdbJournal(Store):
    """A journal in one LMDB file."""

    def __init__(
        self, path: Path, map_size: int, reserve_bytes: int, *, read_only: bool = False
    ) -> None:
        super().__init__(path, map_size, reserve_bytes, read_only=read_only)
        self.chain: Chain = {}
        self.epoch = 1

    def continue_from(self, chain: Chain, last_epoch: int) -> None:
        """Take up writing behind the last entry, in a new epoch."""
        self.chain = dict(chain)
        self.epoch = last_epoch + 1

    def append(self, entries: Sequence[Entry]) -> int:
        """Make entries durable and return their position; any error means that the process must
        stop.
        """
        return self.put(encode_group(self.position + 1, self.epoch, entries, self.chain))

    def read(self, after: int, chain: Chain) -> Iterator[tuple[int, list[Recorded]]]:
        """Yield every append after a position, checking it against the chain, which advances with
        it.
        """
        for position, value in self.values(after):
            yield position, decode_group(position, value, chain)


class MemoryJournal:
    """A real journal that forgets everything with its process: for tests and simulation."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.reserve_bytes = 0
        self.chain: Chain = {}
        self.epoch = 1
        self.position = 0

    def append(self, entries: Sequence[Entry]) -> int:
        """Keep entries and return their position."""
        value = encode_group(self.position + 1, self.epoch, entries, self.chain)
        self.values.append(value)
        self.position += 1
        return self.position

    def read(self, after: int, chain: Chain) -> Iterator[tuple[int, list[Recorded]]]:
        """Yield every append after a position."""
        for position in range(after + 1, self.position + 1):
            yield position, decode_group(position, self.values[position - 1], chain)

    def headroom_bytes(self) -> int:
        """No bound."""
        return 1 << 62

    def size_bytes(self) -> int:
        """Bytes of all values."""
        return sum(map(len, self.values))

    def close(self) -> None:
        """Nothing to let go of."""
