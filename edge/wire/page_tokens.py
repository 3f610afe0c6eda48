"""Tokens of pages: where a list goes on, in the timeline in which it began.

A token is opaque to callers (AIP-158): a hash of the list that was asked for, and a number, in
base64.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

from google.protobuf.message import Message

from .faults import invalid

PAGE_SIZE_DEFAULT: Final = 100

_TOKEN: Final = struct.Struct(">QQ")

_EXPECTED: Final = "the next_page_token of the page before, with the same other fields"


def list_asked_for(request: Message, timeline: int) -> int:
    """A number for the list that a request asks for, whatever its page: its method, its other
    fields, and the timeline. In another list, the place of a token would skip what was not seen.
    """
    asked = type(request)()
    asked.CopyFrom(request)
    asked.ClearField("page_size")
    asked.ClearField("page_token")
    said = f"{request.DESCRIPTOR.full_name} {timeline} ".encode()
    digest = blake2b(said + asked.SerializeToString(deterministic=True), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def page_token(start: int, asked: int) -> str:
    """The token of the page that starts at a number, of the list that was asked for."""
    return urlsafe_b64encode(_TOKEN.pack(asked, start)).decode()


def start_of_page(token: str, asked: int) -> int:
    """The number at which a page starts; 0 without a token. Raises a `Fault` for a token of another
    list than the one that is asked for.
    """
    if not token:
        return 0
    try:
        given, start = _TOKEN.unpack(urlsafe_b64decode(token))
    except (ValueError, binascii.Error, struct.error):
        given, start = -1, 0
    if given != asked or page_token(start, asked) != token:
        raise invalid("page_token", token, _EXPECTED)
    number: int = start
    return number
