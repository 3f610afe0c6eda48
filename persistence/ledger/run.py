"""A run: consecutive movements in one file, which is written once and then read in place.

    header    magic "HFL1" · bytes of the head u32 · head, JSON in UTF-8, padded to 8 bytes
    arrays    movements · facts · notes · texts (heap, ends) · for each key, rows in the order of it
    trailer   BLAKE2b of all before it, 16 B

All is little-endian, and arrays begin at multiples of 8 bytes. The head says which movements these
are, of which history, and how long each array is. Runs derive from the journal: a damaged one, or
one of another schema, costs the time to make it again.
"""

import json
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..durable_files import rename_durably
from ..trailing_digest import DIGEST_BYTES, ends_with_digest, new_digest
from .movements import KEYS, RECORDS
from .texts import WrittenTexts

SCHEMA: Final = 3
PREFIX: Final = "run-"

#: What stands in place of the runs before it that were let go (opening.py).
OPENING_PREFIX: Final = "opening-"

_MAGIC: Final = b"HFL1"
_HEADER: Final = struct.Struct("<4sI")

#: Bytes that are written and synced before the writer looks up again: see snapshots/file.py for
#: what a larger piece would do to the journal's appends.
_PIECE_BYTES: Final = 1 << 18

_DTYPES: Final[dict[str, np.dtype]] = {
    **RECORDS,
    "heap": np.dtype("u1"),
    "ends": np.dtype("i8"),
    **{f"by_{key}": np.dtype("u4") for key in KEYS},
}


class UnusableRunError(Exception):
    """A run is damaged, of another schema or of another history. It is made again."""


@dataclass(frozen=True, slots=True)
class Head:
    """Which movements a run holds, and of what."""

    schema: int
    timeline: int
    first: int
    """Number of its first movement in the ledger, from 0."""
    count: int
    position: int
    """The last append of the journal whose movements it holds."""
    history: str
    """Digest of the chain of entries up to that append: another history has another."""
    opened_at: int
    """The append after which the ledger was begun; 0 for the beginning of all."""
    opened_ns: int
    """The time of that append; 0 for the beginning of all. Of an opening, of its position."""


def run_name(head: Head, prefix: str = PREFIX) -> str:
    """The name of a run, in which the order of names is that of movements."""
    return f"{prefix}{head.first:015}-{head.first + head.count:015}.hfl"


class Run:
    """A run that is open for reading. What it holds is read from the file when it is asked for."""

    def __init__(self, head: Head, arrays: Mapping[str, np.ndarray]) -> None:
        self.head = head
        self.movements = arrays["movement"]
        self.texts = WrittenTexts(arrays["heap"], arrays["ends"])
        self._arrays = arrays

    def __repr__(self) -> str:
        return f"<Run of {self.head.count} movements from {self.head.first}>"

    @property
    def first(self) -> int:
        """Number of its first movement."""
        return self.head.first

    def records(self, kind: str) -> np.ndarray:
        """Its records of a kind."""
        return self._arrays[kind]

    def rows(self, key: str, text: bytes) -> np.ndarray:
        """The rows of movements that have this text under a key, in their order."""
        number = self.texts.find(text)
        if number < 0:
            return np.zeros(0, np.int64)
        records = self.records(KEYS[key])
        order, column = self._arrays[f"by_{key}"], records[key]
        start = bisect_left(order, number, key=column.__getitem__)
        end = bisect_right(order, number, start, key=column.__getitem__)
        found = order[start:end]
        return found if KEYS[key] == "movement" else records["movement"][found]


def order_by(column: np.ndarray) -> np.ndarray:
    """The rows in the order of a column of texts (u4); those without a text are left out."""
    order = np.argsort(column, kind="stable")
    return order[int(np.count_nonzero(column < 0)) :].astype(np.uint32)


def write_in_pieces(path: Path, head: Head, arrays: Mapping[str, np.ndarray]) -> Iterator[None]:
    """Write a run durably, and pause before the first piece and after each that is synced. It has
    its name when this ends; nothing is left of one that is given up.
    """
    partial = path.with_name("run.partial")
    yield
    with _removed_unless_done(partial), partial.open("wb") as file:
        hasher = new_digest()
        for piece in _pieces(head, arrays):
            hasher.update(piece)
            file.write(piece)
            if len(piece) == _PIECE_BYTES:
                file.flush()
                os.fdatasync(file.fileno())
                yield
        file.write(hasher.digest())
        file.flush()
        os.fsync(file.fileno())
    rename_durably(partial, path)


@contextmanager
def _removed_unless_done(partial: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # the room that it takes may be why
        partial.unlink(missing_ok=True)
        raise


def _pieces(head: Head, arrays: Mapping[str, np.ndarray]) -> Iterator[memoryview]:
    """The header, and each array with its padding."""
    described = asdict(head) | {"arrays": {name: len(array) for name, array in arrays.items()}}
    text = json.dumps(described).encode()
    text += b" " * (-(_HEADER.size + len(text)) % 8)
    yield memoryview(_HEADER.pack(_MAGIC, len(text)) + text)
    for array in arrays.values():
        data = memoryview(array.view(np.uint8).data)
        for start in range(0, len(data), _PIECE_BYTES):
            yield data[start : start + _PIECE_BYTES]
        yield memoryview(bytes(-len(data) % 8))


def open_run(path: Path) -> Run:
    """A run whose bytes were checked. Raises UnusableRunError, and OSError as the system does."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _HEADER.size + DIGEST_BYTES:
            raise UnusableRunError(f"{path.name}: shorter than its header and trailer")
        if not ends_with_digest(file):
            raise UnusableRunError(f"{path.name}: its bytes do not hash to the digest at its end")
        file.seek(0)
        magic, head_bytes = _HEADER.unpack(file.read(_HEADER.size))
        described = json.loads(file.read(head_bytes)) if magic == _MAGIC else {}
    if described.get("schema") != SCHEMA:
        raise UnusableRunError(f"{path.name}: written in schema {described.get('schema')}")
    lengths = described.pop("arrays")
    bytes_of_file = np.memmap(path, np.uint8, "r").view(np.ndarray)
    return Run(Head(**described), _arrays(bytes_of_file, _HEADER.size + head_bytes, lengths))


def _arrays(data: np.ndarray, at: int, lengths: Mapping[str, int]) -> dict[str, np.ndarray]:
    arrays = {}
    for name, length in lengths.items():
        size = length * _DTYPES[name].itemsize
        arrays[name] = data[at : at + size].view(_DTYPES[name])
        at += size + -size % 8
    return arrays
