"""Tokens of pages: where a list goes on, in the timeline in which it began.

A token is opaque to callers (AIP-158): a timeline and a number, in base64.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from .faults import invalid

PAGE_SIZE_DEFAULT: Final = 100

_TOKEN: Final = struct.Struct(">QQ")


def page_token(start: int, timeline: int) -> str:
    """The token of the page that starts at a number."""
    return urlsafe_b64encode(_TOKEN.pack(timeline, start)).decode()


def start_of_page(token: str, timeline: int) -> int:
    """The number at which a page starts; 0 without a token. Raises a `Fault` for a token that this
    timeline did not give out.
    """
    if not token:
        return 0
    try:
        given, start = _TOKEN.unpack(urlsafe_b64decode(token))
    except (ValueError, binascii.Error, struct.error):
        given, start = -1, 0
    if given != timeline or page_token(start, timeline) != token:
        raise invalid("page_token", token, "the next_page_token of a response of this node")
    number: int = start
    return number
