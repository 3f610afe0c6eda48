"""EDIFACT interchanges: their separators, their envelopes, their segments.

Source: ISO 9735, versions 3 and 4 of the syntax. UNA gives the separators where they are not the
usual ones; UNB, UNG and UNH are closed by UNZ, UNE and UNT, which repeat the reference and count
what is between: that is how a truncated file is known.

Rules of this file: pure. A message whose own envelope is wrong is reported, and those after it
are read; a wrong interchange or group ends it. Splitting is our own: pydifact reads character by
character, 2 us each, which is seconds for a report of all stock, and glues an empty segment to the
next. It is the judge of the tests.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..contract import Undecodable

#: Of all interchanges of a message. What is longer is cut by whoever sends it.
_SEGMENTS_MAX: Final = 1_000_000
_BLANKS: Final = " \t\r\n"
#: Character sets by the syntax that UNB names, as ISO 9735 has them. A and B are parts
#: of ASCII, and partners send more than that under their names.
_ENCODINGS: Final = {
    "UNOA": "iso8859-1",
    "UNOB": "iso8859-1",
    "UNOC": "iso8859-1",
    "UNOD": "iso8859-2",
    "UNOE": "iso8859-5",
    "UNOF": "iso8859-7",
    "UNOG": "iso8859-3",
    "UNOH": "iso8859-4",
    "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9",
    "UNOW": "utf-8",
    "UNOY": "utf-8",
}


class _Separators(NamedTuple):
    component: str = ":"
    element: str = "+"
    release: str = "?"
    terminator: str = "'"


class Segment(NamedTuple):
    """A segment; its elements, and the components of each, are counted from 1."""

    number: int
    """In the message, from 1."""
    name: str
    elements: tuple[tuple[str, ...], ...]

    def get(self, element: int, component: int = 1) -> str:
        """A component without the spaces around it; empty if it is not there."""
        if element > len(self.elements) or component > len(self.elements[element - 1]):
            return ""
        return self.elements[element - 1][component - 1].strip()

    def path(self, element: int, component: int = 1) -> str:
        """What an error calls a component: "segment[7].QTY01.2"."""
        return f"segment[{self.number}].{self.name}{element:02}.{component}"

    def required(self, element: int, component: int, expected: str) -> str:
        """A component that has to be there. Raises `Undecodable`."""
        value = self.get(element, component)
        if not value:
            raise Undecodable(self.path(element, component), value, expected)
        return value


@dataclass(frozen=True, slots=True)
class EdifactMessage:
    """A message with what its envelopes say."""

    unb: Segment
    unh: Segment
    segments: tuple[Segment, ...]
    """Between UNH and UNT."""

    @property
    def code(self) -> str:
        """What it is: "DESADV"."""
        return self.unh.get(2)

    @property
    def sender(self) -> str:
        """Who sent it."""
        return self.unb.get(2)

    @property
    def control(self) -> str:
        """What is the same when it comes again: the references of interchange and message."""
        return f"{self.unb.get(5)}/{self.unh.get(1)}"

    @property
    def is_test(self) -> bool:
        """Whether its sender tries something out (0035)."""
        return self.unb.get(11) == "1"


def unreadable(message: EdifactMessage) -> Undecodable | None:
    """What is wrong with a message that has bytes which are not of its character set."""
    for segment in message.segments:
        for at, components in enumerate(segment.elements, 1):
            if any("\N{REPLACEMENT CHARACTER}" in each for each in components):
                syntax = message.unb.get(1) or "UTF-8"
                return Undecodable(segment.path(at), components, f"characters of {syntax}")
    return None


def text_of(body: bytes) -> str:
    """The text of a body, in the character set that its UNB names. Bytes that are not of it become
    U+FFFD.
    """
    syntax = re.search(rb"UNB.(UN[A-Z]{2})", body[:64], re.DOTALL)
    named = syntax.group(1).decode() if syntax else ""
    return body.removeprefix(b"\xef\xbb\xbf").decode(_ENCODINGS.get(named, "utf-8"), "replace")


def messages(text: str) -> Iterator[EdifactMessage | Undecodable]:
    """The messages of the interchanges in a text. Raises `Undecodable`."""
    unb: Segment | None = None
    ung: Segment | None = None
    unh: Segment | None = None
    held: list[Segment] = []
    count = groups = 0
    for segment in _segments(text):
        match segment.name:
            case "UNB" if unb is None:
                unb, count, groups = segment, 0, 0
            case "UNG" if unb and ung is None and unh is None:
                ung, count = segment, 0
            case "UNH" if unb and unh is None:
                unh, held = segment, []
            case "UNT" if unb and unh:
                count += 1
                yield _closed(unb, unh, held, segment)
                unh = None
            case "UNE" if ung and unh is None:
                groups += 1
                _check(segment, count, "messages", ung.get(5))
                ung = None
            case "UNZ" if unb and unh is None and ung is None:
                _check(segment, groups or count, "messages or groups", unb.get(5))
                unb = None
            case name if unh and name not in _ENVELOPES:
                held.append(segment)
            case name:
                raise Undecodable(f"segment[{segment.number}]", name, "an envelope that fits here")
    opened = unh or ung or unb
    if opened:
        closing = {"UNH": "UNT", "UNG": "UNE", "UNB": "UNZ"}[opened.name]
        raise Undecodable(f"segment[{opened.number}]", opened.name, f"{closing} that closes it")


_ENVELOPES: Final = ("UNB", "UNG", "UNH", "UNT", "UNE", "UNZ")


def _closed(
    unb: Segment, unh: Segment, held: list[Segment], unt: Segment
) -> EdifactMessage | Undecodable:
    try:
        _check(unt, len(held) + 2, "segments", unh.get(1))
    except Undecodable as wrong:
        return wrong
    return EdifactMessage(unb, unh, tuple(held))


def _check(segment: Segment, count: int, what: str, reference: str) -> None:
    value = segment.get(1)
    if not value.isascii() or not value.isdigit() or value.lstrip("0") != str(count).lstrip("0"):
        raise Undecodable(segment.path(1), value, f"{count}, the number of {what}")
    if segment.get(2) != reference or not reference:
        raise Undecodable(segment.path(2), segment.get(2), f"{reference!r}, as it began")


def _segments(text: str) -> Iterator[Segment]:
    at, number = _skip_blanks(text, 0), 0
    if at == len(text):
        raise Undecodable("UNB", "", "an interchange")
    while at < len(text):
        separators, at = _separators(text, at)
        pattern = _pattern(separators)
        while at < len(text):
            found = pattern.match(text, at)
            number += 1
            if found is None:
                raise Undecodable(f"segment[{number}]", text[at : at + 40], "its end")
            if number > _SEGMENTS_MAX:
                raise Undecodable("segments", f"more than {_SEGMENTS_MAX}", "a shorter message")
            segment = _segment(number, found.group(1), separators)
            yield segment
            at = _skip_blanks(text, found.end())
            if segment.name == "UNZ":
                break


def _separators(text: str, at: int) -> tuple[_Separators, int]:
    """The separators of the interchange at a place, and where it goes on after UNA."""
    if not text.startswith("UNA", at):
        return _Separators(), at
    una = text[at + 3 : at + 9]
    if len(una) == 6:
        release = una[3] if una[3] != " " else "\0"  # A space says that there is none.
        found = _Separators(una[0], una[1], release, una[5])
        if len(set(found)) == 4 and not any(each.isalnum() or each in "\r\n" for each in found):
            return found, _skip_blanks(text, at + 9)
    raise Undecodable("UNA", una, "six characters, four of them different separators")


def _pattern(separators: _Separators) -> re.Pattern[str]:
    """A segment and its end. What follows a release character ends nothing; the quantifiers give
    nothing back, so that a text without an end is read once.
    """
    release, end = re.escape(separators.release), re.escape(separators.terminator)
    plain = f"[^{release}{end}]*+"
    return re.compile(f"({plain}(?:{release}.{plain})*+){end}", re.DOTALL)


def _segment(number: int, text: str, separators: _Separators) -> Segment:
    release = separators.release
    if release in text:
        elements = [
            tuple(_released(part, release) for part in _split(each, separators.component, release))
            for each in _split(text, separators.element, release)
        ]
    else:
        elements = [
            tuple(each.split(separators.component)) for each in text.split(separators.element)
        ]
    name = elements[0][0]
    if len(name) != 3 or not name.isascii() or not name.isalnum():
        raise Undecodable(f"segment[{number}]", text[:40], "a segment with a name of 3 letters")
    return Segment(number, name, tuple(elements[1:]))


def _split(text: str, separator: str, release: str) -> list[str]:
    """Parts of a text, with release characters still in them."""
    parts: list[str] = []
    held: list[str] = []
    for piece in text.split(separator):
        held.append(piece)
        if not _releases(piece, release):
            parts.append(separator.join(held))
            held = []
    return [*parts, separator.join(held)] if held else parts


def _releases(piece: str, release: str) -> bool:
    """Whether the end of a piece releases the separator that follows it."""
    return (len(piece) - len(piece.rstrip(release))) % 2 == 1


def _released(part: str, release: str) -> str:
    if release not in part:
        return part
    pieces = iter(part)
    return "".join(next(pieces, "") if each == release else each for each in pieces)


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
