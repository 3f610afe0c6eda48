"""X12 interchanges: their separators, their envelopes, their segments.

Source: ASC X12.5 and X12.6 as vendors' guides give them. ISA has a fixed length of 106 characters:
its fourth is the separator of elements, and its last three are ISA16, which separates components,
and the end of a segment. ISA, GS and ST are closed by IEA, GE and SE, which repeat the control
number and count what is between: that is how a truncated file is known.

Rules of this file: pure. A transaction set whose own envelope is wrong is reported, and those after
it are read; a wrong interchange or group ends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..contract import Undecodable

_ISA_CHARACTERS: Final = 106
_ISA_ELEMENTS: Final = 17
#: Of all interchanges of a message. What is longer is cut by whoever sends it.
_SEGMENTS_MAX: Final = 1_000_000


class Segment(NamedTuple):
    """A segment; its elements are counted from 1, as in "W1203"."""

    number: int
    """In the message, from 1."""
    name: str
    elements: tuple[str, ...]

    def get(self, element: int) -> str:
        """An element without the spaces around it; empty if it is not there."""
        return self.elements[element - 1].strip() if element <= len(self.elements) else ""

    def path(self, element: int) -> str:
        """What an error calls an element: "segment[7].W1203"."""
        return f"segment[{self.number}].{self.name}{element:02}"

    def required(self, element: int, expected: str) -> str:
        """An element that has to be there. Raises `Undecodable`."""
        value = self.get(element)
        if not value:
            raise Undecodable(self.path(element), value, expected)
        return value


@dataclass(frozen=True, slots=True)
class TransactionSet:
    """A transaction set with what its envelopes say."""

    isa: Segment
    gs: Segment
    st: Segment
    segments: tuple[Segment, ...]
    """Between ST and SE."""

    @property
    def code(self) -> str:
        """What it is: "945"."""
        return self.st.get(1)

    @property
    def sender(self) -> str:
        """Who sent it, with the kind of that name: "ZZ/ACME"."""
        return f"{self.isa.get(5)}/{self.isa.get(6)}"

    @property
    def control(self) -> str:
        """What is the same when it comes again: the control numbers of its three envelopes."""
        return f"{self.isa.get(13)}/{self.gs.get(6)}/{self.st.get(2)}"

    @property
    def is_test(self) -> bool:
        """Whether its sender tries something out."""
        return self.isa.get(15) == "T"


def transaction_sets(text: str) -> Iterator[TransactionSet | Undecodable]:
    """The transaction sets of the interchanges in a text. Raises `Undecodable`."""
    isa, gs, groups, sets = None, None, 0, 0
    st: Segment | None = None
    held: list[Segment] = []
    for segment in _segments(text):
        match segment.name:
            case "ISA" if isa is None:
                isa, groups = segment, 0
            case "GS" if isa and gs is None:
                gs, sets = segment, 0
            case "ST" if isa and gs and st is None:
                st, held = segment, []
            case "SE" if isa and gs and st:
                sets += 1
                yield _closed(isa, gs, st, held, segment)
                st = None
            case "GE" if gs and st is None:
                groups += 1
                _check(segment, 1, sets, "transaction sets")
                _check_control(segment, 2, gs, 6)
                gs = None
            case "IEA" if isa and gs is None:
                _check(segment, 1, groups, "functional groups")
                _check_control(segment, 2, isa, 13)
                isa = None
            case _ if st:
                held.append(segment)
                _check_nesting(segment)
            case _:
                _check_nesting(segment)
                raise Undecodable(f"segment[{segment.number}]", segment.name, "an envelope")
    opened = st or gs or isa
    if opened:
        closing = {"ST": "SE", "GS": "GE", "ISA": "IEA"}[opened.name]
        raise Undecodable(f"segment[{opened.number}]", opened.name, f"{closing} that closes it")


def _closed(
    isa: Segment, gs: Segment, st: Segment, held: list[Segment], se: Segment
) -> TransactionSet | Undecodable:
    try:
        _check(se, 1, len(held) + 2, "segments")
        _check_control(se, 2, st, 2)
    except Undecodable as wrong:
        return wrong
    return TransactionSet(isa, gs, st, tuple(held))


def _check(segment: Segment, element: int, count: int, what: str) -> None:
    value = segment.get(element)
    if not value.isascii() or not value.isdigit() or value.lstrip("0") != str(count).lstrip("0"):
        raise Undecodable(segment.path(element), value, f"{count}, the number of {what}")


def _check_control(segment: Segment, element: int, opening: Segment, other: int) -> None:
    wanted = opening.get(other)
    if segment.get(element) != wanted or not wanted:
        raise Undecodable(segment.path(element), segment.get(element), f"{wanted!r}, as it began")


def _check_nesting(segment: Segment) -> None:
    if segment.name in ("ISA", "GS", "ST", "SE", "GE", "IEA"):
        path = f"segment[{segment.number}]"
        raise Undecodable(path, segment.name, "no envelope here: another one is open, or none")


def _segments(text: str) -> Iterator[Segment]:
    """Segments of all interchanges. Line ends after segments belong to nobody."""
    at, number = _skip_blanks(text, 0), 0
    if at == len(text):
        raise Undecodable("ISA", "", "an interchange")
    while at < len(text):
        separator, terminator = _separators(text, at, number + 1)
        while at < len(text):
            end = text.find(terminator, at)
            if end < 0:
                raise Undecodable(f"segment[{number + 1}]", text[at : at + 40], "its end")
            number += 1
            if number > _SEGMENTS_MAX:
                raise Undecodable("segments", f"more than {_SEGMENTS_MAX}", "a shorter message")
            name, *elements = text[at:end].split(separator)
            yield Segment(number, name, tuple(elements))
            at = _skip_blanks(text, end + 1)
            if name == "IEA":
                break


def _separators(text: str, at: int, number: int) -> tuple[str, str]:
    """What separates elements, and what ends segments, as the ISA at a place says."""
    isa = text[at : at + _ISA_CHARACTERS]
    if not isa.startswith("ISA") or len(isa) < _ISA_CHARACTERS:
        raise Undecodable(f"segment[{number}]", isa, f"ISA of {_ISA_CHARACTERS} characters")
    separator, component, terminator = isa[3], isa[104], isa[105]
    different = len({separator, component, terminator}) == 3
    if not different or any(each.isalnum() for each in (separator, component, terminator)):
        path = f"segment[{number}].ISA"
        raise Undecodable(path, separator + component + terminator, "three separators")
    if isa.count(separator) != _ISA_ELEMENTS - 1:
        path = f"segment[{number}].ISA"
        raise Undecodable(path, f"{isa.count(separator)} elements", "16 elements of fixed length")
    return separator, terminator


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
