"""The seal of an append: a hash for every entry, chained by shard.

An entry's hash (BLAKE2b, 16 bytes) covers the previous hash of its shard, the group header, its own
header and its body: a chain per shard, in which truncation, bit rot, reordering and a value under
the wrong key are all found. Hashing is the most of what encoding costs, so codec.py lays an append
out and leaves the hashes to whoever writes it.
"""

import struct
from hashlib import blake2b

HASH_BYTES = 16
GENESIS = bytes(HASH_BYTES)

GROUP = struct.Struct("<4sIQQ")
ENTRY = struct.Struct("<HHIQQqQ16s")

_SHARD = struct.Struct("<H")
_SHARD_AT = 2
_BODY_BYTES = struct.Struct("<Q")
_BODY_BYTES_AT = ENTRY.size - HASH_BYTES - _BODY_BYTES.size

Chain = dict[int, bytes]
"""Hash of the last entry of each shard."""


def seal_group(value: bytearray, chain: Chain) -> None:
    """Write the hashes into an append that is laid out, and advance the chain."""
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
    group: bytes | bytearray, header: bytes | memoryview, body: bytes | memoryview
) -> bytes:
    """Hash an entry; its header holds the hash of the one before it."""
    hasher = blake2b(group, digest_size=HASH_BYTES)
    hasher.update(header)
    hasher.update(body)
    return hasher.digest()
