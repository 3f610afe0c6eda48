"""A hash for every entry, chained by shard.

The hash (BLAKE2b, 16 bytes) covers the group header, the entry's own header, which holds the hash
of the shard's entry before it, and the body. Truncation, bit rot, reordering and a value under the
wrong key all break the chain.

Hashing is most of what encoding costs, so codec.py lays a group out and the process that writes the
journal fills the hashes in. That process loads this file and not codec.py: no NumPy here.
"""

import struct
from hashlib import blake2b

HASH_BYTES = 16

GENESIS = bytes(HASH_BYTES)
"""What a shard's first entry follows."""

GROUP = struct.Struct("<4sIQQ")
"""Group header; codec.py names the fields."""

ENTRY = struct.Struct("<HHIQQqQ16s")
"""Entry header without the entry's own hash, which stands after it."""

_SHARD = struct.Struct("<H")
_SHARD_AT = 2
_BODY_BYTES = struct.Struct("<Q")
_BODY_BYTES_AT = ENTRY.size - HASH_BYTES - _BODY_BYTES.size

Chain = dict[int, bytes]
"""Hash of the last entry of each shard."""


def write_hashes(value: bytearray | memoryview, chain: Chain) -> None:
    """Fill in the hashes of a group that codec.lay_out_group has encoded, and advance the chain."""
    view = memoryview(value)
    group = value[: GROUP.size]
    at = GROUP.size
    while at < len(value):
        (shard,) = _SHARD.unpack_from(value, at + _SHARD_AT)
        (size,) = _BODY_BYTES.unpack_from(value, at + _BODY_BYTES_AT)
        end = at + ENTRY.size
        view[end - HASH_BYTES : end] = chain.get(shard, GENESIS)
        body = end + HASH_BYTES
        chain[shard] = entry_hash(group, view[at:end], view[body : body + size])
        view[end:body] = chain[shard]
        at = body + size


def entry_hash(
    group: bytes | bytearray | memoryview, header: bytes | memoryview, body: bytes | memoryview
) -> bytes:
    """The hash of an entry, whose header holds the hash of the one before it: 16 bytes."""
    hasher = blake2b(group, digest_size=HASH_BYTES)
    hasher.update(header)
    hasher.update(body)
    return hasher.digest()
