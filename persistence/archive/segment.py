"""One segment of the archive: a run of appends, compressed, as they stood in the journal.

    header   magic "HFA1" · schema u32 · first position u64 · last position u64 ·
             hash of the segment before 16 B
    body     one Zstandard frame (RFC 8878) over: bytes of the value u64 · value, for each append
    trailer  BLAKE2b of header and body, 16 B

Integers are little-endian. The hash of the segment before chains segments as entries are chained
within them (hash_chain.py); the oldest one that is kept may name one that was dropped. A segment is
written once, under the name of its positions, and not changed.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import zstandard

from ..data_directory import NewerSchemaError
from ..durable_files import rename_durably
from ..lmdb.data_file import DamagedFileError

SCHEMA = 1
HASH_BYTES = 16

#: Of the names of segments; one that is being written has another.
PREFIX = "segment-"

NO_SEGMENT = bytes(HASH_BYTES)
"""What the first segment of all follows."""

_MAGIC = b"HFA1"
_HEADER = struct.Struct("<4sIQQ16s")
_SIZE = struct.Struct("<Q")

#: Halves the journal's bytes, and takes a fifth of the time that the next level would.
_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's file, and what its header and trailer say."""

    path: Path
    first: int
    """Position of its first append."""
    last: int
    previous: bytes
    """Hash of the segment before."""
    digest: bytes
    """Its own hash."""


def segment_name(first: int, last: int) -> str:
    """The name of a segment, in which the order of names is that of positions."""
    return f"{PREFIX}{first:012}-{last:012}.hfa"


def write_segment(folder: Path, first: int, values: Iterable[bytes], previous: bytes) -> Segment:
    """Write the appends from position `first` on durably. At least one value is needed."""
    partial = folder / "segment.partial"
    hasher = blake2b(digest_size=HASH_BYTES)
    frame = bytearray()
    last = first - 1
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compressobj()
    for value in values:
        frame += compressor.compress(_SIZE.pack(len(value)))
        frame += compressor.compress(value)
        last += 1
    frame += compressor.flush()
    assert last >= first, "a segment without appends"
    header = _HEADER.pack(_MAGIC, SCHEMA, first, last, previous)
    for part in (header, frame):
        hasher.update(part)
    with partial.open("wb") as file:
        file.writelines((header, frame, hasher.digest()))
        file.flush()
        os.fsync(file.fileno())
    path = folder / segment_name(first, last)
    rename_durably(partial, path)
    return Segment(path, first, last, previous, hasher.digest())


def open_segment(path: Path) -> Segment:
    """A segment by its header and trailer, with its body unread.

    Raises DamagedFileError when these are not what was written, NewerSchemaError.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        size = os.fstat(file.fileno()).st_size
        if size < _HEADER.size + HASH_BYTES:
            raise DamagedFileError(path, size, "shorter than its header and trailer")
        magic, schema, first, last, previous = _HEADER.unpack(header)
        if magic != _MAGIC:
            raise DamagedFileError(path, 0, "it does not begin as a segment does")
        if schema > SCHEMA:
            raise NewerSchemaError(str(path), schema, SCHEMA)
        if path.name != segment_name(first, last) or first > last:
            raise DamagedFileError(path, 8, f"it says positions {first} to {last}")
        file.seek(size - HASH_BYTES)
        return Segment(path, first, last, previous, file.read())


def read_segment(segment: Segment, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Position and bytes of every append of a segment after `after`, once its hash has been
    checked.

    Raises DamagedFileError when the bytes are not what was written.
    """
    frame = _checked_frame(segment)
    position = segment.first
    with zstandard.ZstdDecompressor().stream_reader(frame) as reader:
        while head := _read(reader, _SIZE.size):
            value = _read(reader, _SIZE.unpack(head)[0])
            if position > after:
                yield position, value
            position += 1
    if position != segment.last + 1:
        reason = f"it ends before position {position}, not after {segment.last}"
        raise DamagedFileError(segment.path, 0, reason)


def _read(reader: zstandard.ZstdDecompressionReader, size: int) -> bytes:
    """`size` bytes, or as many as there are."""
    parts = []
    while size and (part := reader.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _checked_frame(segment: Segment) -> bytes:
    """The compressed body, a part of SEGMENT_BYTES in size. Raises DamagedFileError."""
    data = segment.path.read_bytes()[:-HASH_BYTES]
    if blake2b(data, digest_size=HASH_BYTES).digest() != segment.digest:
        raise DamagedFileError(segment.path, 0, "its bytes do not hash to the digest at its end")
    return data[_HEADER.size :]
