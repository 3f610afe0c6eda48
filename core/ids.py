"""Ids of callers as 128-bit keys.

A UUID is its own key, in upper case or lower case. Any other text is hashed (BLAKE2b,
RFC 7693, 16 bytes) and keeps its text, which distinguishes the two kinds: no text can be made to
collide with somebody's UUID.
"""

import re
import struct
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_LOW = (1 << 64) - 1

#: Both halves of a hash.
_HALVES = struct.Struct(">QQ").unpack


class Key(NamedTuple):
    """128 bits in two halves, and the text where the bits do not give it. A tuple, because each
    of a thousand stock events may have one.
    """

    hi: int
    lo: int
    text: str | None

    @property
    def packed(self) -> bytes:
        """The bits, as a member of a set has to be: Python keys its hash of bytes, but not that of
        numbers, so that callers can choose numbers that collide.
        """
        return self.hi.to_bytes(8, "big") + self.lo.to_bytes(8, "big")


def key_from_text(text: str) -> Key:
    """The key of a caller's id."""
    return _uuid_key(text) or key_from_parts(text)


def _uuid_key(text: str) -> Key | None:
    if len(text) != 36 or not _UUID(text):
        return None
    bits = int(text.replace("-", ""), 16)
    return Key(bits >> 64, bits & _LOW, None)


def key_from_parts(*parts: str) -> Key:
    """Hash texts into one key; lengths before the parts keep ("ab", "c") and ("a", "bc") apart."""
    digest = blake2b(digest_size=16)
    for part in parts[:-1]:
        digest.update(_framed(part))
    return _key_after(digest, parts[-1])


def _framed(part: str) -> bytes:
    data = part.encode()
    return len(data).to_bytes(4, "little") + data


def _key_after(digest: blake2b, last: str) -> Key:
    """The key of texts of which all but the last are hashed."""
    digest.update(_framed(last))
    hi, lo = _HALVES(digest.digest())
    return Key(hi, lo, last)


def request_key(reservation_id: str, request_id: str) -> Key:
    """The key of a command's id, which counts within its reservation."""
    return key_from_parts(_in_one_form(reservation_id), _in_one_form(request_id))


def sku_request_key(sku: str, request_id: str) -> Key:
    """The key of a command's id, which counts within its SKU."""
    return key_from_parts("sku", sku, _in_one_form(request_id))


def location_request_key(location: str, request_id: str) -> Key:
    """The key of a command's id, which counts within its location."""
    return key_from_parts("location", location, _in_one_form(request_id))


def source_request_key(source: str, request_id: str) -> Key:
    """The key of a command's id, which counts within its source."""
    return key_from_parts("source", source, _in_one_form(request_id))


def repair_request_key(request_id: str) -> Key:
    """The key of a repair's id, which counts within the node."""
    return key_from_parts("repair of stock levels", _in_one_form(request_id))


def _in_one_form(text: str) -> str:
    """An id as it is hashed: a UUID is the same id in upper case or lower case."""
    return text.lower() if len(text) == 36 and _UUID(text) else text


def event_key(source: str, event_id: str) -> Key:
    """The key of a stock event, which counts once within its source.

    A UUID is laid over the hash of the source, bit by bit, so that columns of UUIDs become keys
    without a hash for each (docs/adr/0017).
    """
    key = _uuid_key(event_id)
    if key is None:
        return _key_after(_begun(source).copy(), event_id)
    scope = source_key(source)
    return Key(scope.hi ^ key.hi, scope.lo ^ key.lo, None)


@lru_cache(maxsize=1_024)
def _begun(source: str) -> blake2b:
    """The hash of the name of a source, to which its events' ids are added: half of the time that
    the key of one takes.
    """
    return blake2b(_framed(source), digest_size=16)


@lru_cache(maxsize=1_024)
def source_key(source: str) -> Key:
    """Hash the name of a source, in which the ids of its events count."""
    return key_from_parts("source of stock events", source)


def text_from_key(hi: int, lo: int) -> str:
    """The text of a key that is a UUID."""
    digits = f"{(hi << 64) | lo:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
