"""The bytes of the journal.

One append is one value, a *group*: a group header, then one entry per shard that changed, each with
a header, its sections and a hash. All integers are little-endian; sections are columns of
fixed-width records (core/tables/effects.py), padded to 8 bytes.

    group header   magic "HFJ1" · entry count u32 · position u64 · bytes of the whole value u64
    entry header   schema u16 · shard u16 · section count u32 · sequence u64 · epoch u64 ·
                   now_ns i64 · body bytes u64 · previous hash 16 B · hash 16 B
    section        kind u16 · zero u16 · record count u32 · records

Sections stand in the order of replay, and a kind may have several. hash_chain.py says what the
hashes cover. Headers and hashes are the same in every schema (core/tables/schema.py), so that an
entry of a newer one can be distinguished from a damaged one.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from holdfast.core.tables import schema
from holdfast.core.tables.effects import Entry, Section
from holdfast.core.tables.table import copied

from .data_directory import NewerSchemaError
from .hash_chain import ENTRY, GENESIS, GROUP, HASH_BYTES, Chain, entry_hash
from .journal import JournalReader

_MAGIC = b"HFJ1"
_SECTION = struct.Struct("<HHI")

_Kinds = dict[int, tuple[Section, np.dtype, int]]


@lru_cache
def _kinds_of(number: int) -> _Kinds:
    """What decoding a schema needs, as a plain dict: a restart decodes 100,000 small entries."""
    layouts = schema.layouts_of(number)
    return {int(section): (section, dtype, dtype.itemsize) for section, dtype in layouts.items()}


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """An entry as it stands in the journal."""

    entry: Entry
    epoch: int
    """Number of the start that wrote it, from 1."""
    schema: int
    """Of the build that wrote it. The effects are in today's layouts."""

    @property
    def is_of_this_schema(self) -> bool:
        """Whether a seal in it is a digest of the columns that this build has."""
        return self.schema == schema.SCHEMA


class DamagedEntryError(Exception):
    """A value of the journal is not what was written.

    `offset` is the first byte, in the value, of the smallest part that is known to be damaged.
    """

    def __init__(self, position: int, reason: str, offset: int = 0) -> None:
        super().__init__(f"journal position {position}: {reason}")
        self.position = position
        self.reason = reason
        self.offset = offset


def read_appends(
    journal: JournalReader, after: int, chain: Chain
) -> Iterator[tuple[int, list[RecordedEntry]]]:
    """Position and entries of every append after `after`, whose chain is given and advances.

    Raises DamagedEntryError at the first that is not what was written, NewerSchemaError at the
    first that a newer build wrote, JournalError as the journal does.
    """
    for position, value in journal.read(after):
        yield position, decode_group(position, value, chain)


def time_of_group(value: bytes) -> int:
    """The latest time in an append, unchecked: nanoseconds since 1970, 0 where there is none."""
    latest = 0
    at = GROUP.size
    while at + ENTRY.size <= len(value):
        *_, now_ns, size, _previous = ENTRY.unpack_from(value, at)
        latest = max(latest, now_ns)
        at += ENTRY.size + HASH_BYTES + size
    return latest


def lay_out_group(position: int, epoch: int, entries: Sequence[Entry]) -> bytes:
    """The bytes of one append, with zeros for its hashes; hash_chain.write_hashes fills them in."""
    return b"".join(lay_out_parts(position, epoch, entries)[0])


def lay_out_parts(position: int, epoch: int, entries: Sequence[Entry]) -> tuple[list[Any], int]:
    """What `lay_out_group` joins, and how many bytes that is. Effects stay in their arrays: a batch
    has 300 KB of them, and the new pages of a copy cost more than all the rest.
    """
    assert entries, "an append without entries would be in no shard's chain"
    parts: list[Any] = [b""]  # for the group header, which has the size of all
    size = GROUP.size
    for entry in entries:
        body, body_bytes = _body_parts(entry)
        size += ENTRY.size + HASH_BYTES + body_bytes
        header = ENTRY.pack(
            schema.SCHEMA,
            entry.shard,
            len(entry.sections),
            entry.sequence,
            epoch,
            entry.now_ns,
            body_bytes,
            GENESIS,
        )
        parts += (header, GENESIS, *body)
    parts[0] = GROUP.pack(_MAGIC, len(entries), position, size)
    return parts, size


def _body_parts(entry: Entry) -> tuple[list[Any], int]:
    """What the body is joined from, and its bytes."""
    parts: list[Any] = []
    size = 0
    for section, records in entry.sections:
        pad = bytes(-records.nbytes % 8)
        parts += (_SECTION.pack(section, 0, len(records)), records, pad)
        size += _SECTION.size + records.nbytes + len(pad)
    return parts, size


def decode_group(position: int, value: bytes, chain: Chain) -> list[RecordedEntry]:
    """The entries of one append. The chain advances over all of them, or stays as it was.

    Raises DamagedEntryError when the value is not what was written at this position,
    NewerSchemaError when a newer build wrote it.
    """
    if len(value) < GROUP.size:
        raise DamagedEntryError(position, "shorter than its header")
    magic, count, stated, size = GROUP.unpack_from(value)
    if (magic, stated, size) != (_MAGIC, position, len(value)) or not count:
        raise DamagedEntryError(position, "its group header does not fit its key and length")
    advanced = dict(chain)
    try:
        recorded = list(_decode_entries(position, value, count, advanced))
    except (struct.error, ValueError, KeyError) as error:
        raise DamagedEntryError(position, f"unreadable: {error}") from error
    chain.update(advanced)
    return recorded


def _decode_entries(
    position: int, value: bytes, count: int, chain: Chain
) -> Iterator[RecordedEntry]:
    view = memoryview(value)
    group = value[: GROUP.size]
    at = GROUP.size
    for _ in range(count):
        start = at
        header = value[at : at + ENTRY.size]
        written_by, shard, sections, sequence, epoch, now_ns, size, previous = ENTRY.unpack(header)
        at += ENTRY.size + HASH_BYTES
        digest = value[at - HASH_BYTES : at]
        body = view[at : at + size]
        at += size
        if len(body) != size or entry_hash(group, header, body) != digest:
            reason = f"checksum of shard {shard}, sequence {sequence}, does not match"
            raise DamagedEntryError(position, reason, start)
        if previous != chain.get(shard, GENESIS):
            reason = f"does not follow the entry of shard {shard} before it"
            raise DamagedEntryError(position, reason, start)
        if written_by > schema.SCHEMA:
            raise NewerSchemaError(f"journal position {position}", written_by, schema.SCHEMA)
        chain[shard] = digest
        entry = Entry(shard, sequence, now_ns, _decode_body(body, sections, written_by))
        yield RecordedEntry(entry, epoch, written_by)
    if at != len(value):
        raise DamagedEntryError(position, "bytes after its last entry", at)


def _decode_body(body: memoryview, count: int, written_by: int) -> list[tuple[Section, np.ndarray]]:
    kinds = _kinds_of(written_by)
    is_earlier = written_by < schema.SCHEMA
    sections = []
    at = 0
    for _ in range(count):
        kind, _zero, records = _SECTION.unpack_from(body, at)
        section, dtype, item_bytes = kinds[kind]
        at += _SECTION.size
        # A copy: kernels are compiled for arrays that are aligned and writable, and these bytes
        # start anywhere in a read-only value.
        effects = copied(np.frombuffer(body, dtype, records, at))
        if is_earlier:
            effects = schema.migrate_effects(effects, section, written_by)
        sections.append((section, effects))
        at += -(-records * item_bytes // 8) * 8
    return sections
