"""A BLAKE2b at the end of a file: whether all bytes before it are those that were written."""

import os
from hashlib import blake2b
from typing import BinaryIO

DIGEST_BYTES = 16


def new_digest() -> "blake2b":
    """The digest of no bytes, to be fed."""
    return blake2b(digest_size=DIGEST_BYTES)


def ends_with_digest(file: BinaryIO) -> bool:
    """Whether an open file, at its beginning, ends with the digest of what is before it."""
    left = os.fstat(file.fileno()).st_size - DIGEST_BYTES
    digest = new_digest()
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        digest.update(part)
        left -= len(part)
    return file.read() == digest.digest()
