"""Damage to what a partner sends: what lines, disks, programs and people do to it.

Rules of this file: bytes in, bytes out, and chance from outside.
"""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any, Final
from xml.parsers import expat


def _cut(body: bytes, chance: Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _flip(body: bytes, chance: Random) -> bytes:
    flipped = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        if flipped:
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
    return bytes(flipped)


def _drop(body: bytes, chance: Random) -> bytes:
    """Without a stretch from the middle."""
    first, last = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    return body[:first] + body[last:]


def _without_member(body: bytes, chance: Random) -> bytes:
    """Without a member, at any depth: well-formed JSON or XML of a sender that leaves it out."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _without_element(body, chance)
    if not (members := list(_members(document))):
        return body
    holder, name = chance.choice(members)
    del holder[name]
    return json.dumps(document).encode()


def _members(document: Any) -> Iterator[tuple[Any, Any]]:
    """What each object and array in a document holds, as holder and name or place."""
    if not isinstance(document, (dict, list)):
        return
    for name in document if isinstance(document, dict) else range(len(document)):
        yield document, name
        yield from _members(document[name])


def _without_element(body: bytes, chance: Random) -> bytes:
    """Without an element of XML below the root, with all that is in it; other texts as they are."""
    if not (spans := _element_spans(body)):
        return body
    first, last = chance.choice(spans)
    return body[:first] + body[last:]


@lru_cache(1)  # forty copies of one sample are damaged in a row
def _element_spans(body: bytes) -> list[tuple[int, int]]:
    """Where elements below the root begin and end."""
    begun: list[int] = []
    spans: list[tuple[int, int]] = []
    parser = expat.ParserCreate()
    newest = 0

    def start(_name: str, _attributes: object) -> None:
        nonlocal newest
        newest = parser.CurrentByteIndex
        begun.append(newest)

    def end(_name: str) -> None:
        first, here = begun.pop(), parser.CurrentByteIndex
        # Of an element that is one tag, expat is past it by now; of others at their last tag.
        is_one_tag = first == newest and body.endswith(b"/>", first, here)
        if begun:
            spans.append((first, here if is_one_tag else body.find(b">", here) + 1))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):
        return []
    return spans


def _double(body: bytes, chance: Random) -> bytes:
    first, last = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    return body[:last] + body[first:last] + body[last:]


def _digits(body: bytes, chance: Random) -> bytes:
    """With a number that nobody expects in place of a digit."""
    places = [place for place, byte in enumerate(body) if 48 <= byte <= 57]
    if not places:
        return body
    place = chance.choice(places)
    return body[:place] + chance.choice(_NUMBERS) + body[place + 1 :]


def _noise(body: bytes, chance: Random) -> bytes:
    return chance.randbytes(chance.randint(0, max(64, min(len(body), 4_096))))


_NUMBERS: Final = (b"-", b"1e999999", b"NaN", b"99999999999999999999999", b"0.1", b"\xd9\xa1", b"")
#: Names of kinds of damage -> what does it.
DAMAGES: Final[dict[str, Callable[[bytes, Random], bytes]]] = {
    "truncation": _cut,
    "flipped bytes": _flip,
    "missing parts": _drop,
    "missing members": _without_member,
    "doubled parts": _double,
    "strange numbers": _digits,
    "noise": _noise,
}
