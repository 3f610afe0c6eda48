"""Loops of segments, as X12 and EDIFACT have them: each begins with a segment of a certain name.

Rules of this file: pure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from ..contract import Undecodable
from ..events import Decoded


class Named(Protocol):
    """A segment."""

    @property
    def name(self) -> str:
        """Its name."""

    def get(self, element: int) -> str:
        """An element, or the first component of it; empty if it is not there."""

    def path(self, element: int) -> str:
        """What an error calls it."""


SegmentT = TypeVar("SegmentT", bound=Named)


def loops(segments: Iterable[SegmentT], name: str) -> Iterator[tuple[SegmentT, list[SegmentT]]]:
    """Loops that begin with a segment of a name, each with the segments up to the next one."""
    opening: SegmentT | None = None
    inside: list[SegmentT] = []
    for segment in segments:
        if segment.name == name:
            if opening:
                yield opening, inside
            opening, inside = segment, []
        elif opening:
            inside.append(segment)
    if opening:
        yield opening, inside


def the_one(segments: Iterable[SegmentT], name: str, kinds: Sequence[str]) -> SegmentT | None:
    """The segment of a name and of the first of some kinds (its first element) that there is.
    Raises `Undecodable` if there are two, of which nobody says whether they add up.
    """
    named = [each for each in segments if each.name == name]
    for kind in kinds:
        found = [each for each in named if each.get(1) == kind]
        if len(found) > 1:
            raise Undecodable(found[1].path(1), kind, f"one {name} of a kind")
        if found:
            return found[0]
    return None


def each_loop(
    segments: Iterable[SegmentT],
    name: str,
    read: Callable[[int, SegmentT, list[SegmentT]], Iterator[Decoded]],
) -> Iterator[Decoded | Undecodable]:
    """The events of loops, read by their number, their opening and what is in them. A loop that is
    wrong is reported and does not hold up the others.
    """
    for number, (opening, inside) in enumerate(loops(segments, name), 1):
        try:
            yield from list(read(number, opening, inside))
        except Undecodable as wrong:
            yield wrong
