"""Ids of callers as 128-bit keys.

A UUID in its canonical form is its own key. Any other text is hashed (BLAKE2b, RFC 7693, 16 bytes)
and keeps its text, which tells the two kinds apart: no text can be made to collide with somebody's
UUID.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_LOW = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Key:
    """128 bits in two halves, and the text where the bits do not spell it."""

    hi: int
    lo: int
    text: str | None


def key_from_text(text: str) -> Key:
    """Turn a caller's id into its key."""
    if len(text) == 36 and _UUID(text):
        bits = int(text.replace("-", ""), 16)
        return Key(bits >> 64, bits & _LOW, None)
    return key_from_parts(text)


def key_from_parts(*parts: str) -> Key:
    """Hash texts into one key; lengths before the parts keep ("ab", "c") and ("a", "bc") apart."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "little") + data)
    bits = int.from_bytes(digest.digest(), "big")
    return Key(bits >> 64, bits & _LOW, parts[-1])


def text_from_key(hi: int, lo: int) -> str:
    """Spell a key that is a UUID."""
    digits = f"{(hi << 64) | lo:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
