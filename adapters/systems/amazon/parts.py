"""Objects of Amazon's JSON, whose names begin with a capital letter in some notifications.

Rules of this file: it reads values and knows no kind of message. Errors name the field with the
spelling that it has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ...contract import Undecodable
from ...intake import fields

#: Elements of an array. An order has some tens of lines.
ELEMENTS_MAX: Final = 10_000
#: Units of a line or a listing.
UNITS_MAX: Final = 10**9


@dataclass(frozen=True, slots=True)
class Part:
    """An object and where it is. Names are given as the newer schemas have them: "orderStatus"."""

    values: Mapping[str, Any]
    path: str = ""

    def get(self, name: str) -> Any:
        """The value of a name; None where there is none."""
        return self.values.get(self._spelled(name))

    def text(self, name: str) -> str:
        """A text that is not empty. Raises Undecodable."""
        return fields.text(self.get(name), self.field(name))

    def one_of(self, name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
        """One of some words. Raises Undecodable."""
        value = self.get(name)
        if type(value) is str and value in known:
            return value
        raise Undecodable(self.field(name), value, f"one of {', '.join(known)}")

    def units(self, name: str, highest: int = UNITS_MAX) -> int:
        """How many units. Raises Undecodable."""
        return fields.whole(self.get(name), self.field(name), 0, highest)

    def time(self, name: str) -> datetime:
        """An instant. Raises Undecodable."""
        return fields.instant(self.get(name), self.field(name))

    def optional_time(self, name: str) -> datetime | None:
        """The same; None where there is none. Raises Undecodable."""
        return fields.optional_instant(self.get(name), self.field(name))

    def next_token(self) -> str:
        """Where the next page of a search is, empty on the last one. Raises Undecodable."""
        if self.get("pagination") is None:
            return ""
        pagination = self.part("pagination")
        return "" if pagination.get("nextToken") is None else pagination.text("nextToken")

    def part(self, name: str) -> "Part":
        """An object of it. Raises Undecodable."""
        field = self.field(name)
        return Part(fields.mapping(self.get(name), field), field)

    def parts(self, name: str) -> "Iterator[Part]":
        """The objects of an array of it. Raises Undecodable."""
        field = self.field(name)
        for at, value in enumerate(fields.array(self.get(name), field, ELEMENTS_MAX)):
            where = f"{field}[{at}]"
            yield Part(fields.mapping(value, where), where)

    def optional_parts(self, name: str) -> "list[Part]":
        """The same; none where there is no array. Raises Undecodable."""
        return [] if self.get(name) is None else list(self.parts(name))

    def field(self, name: str) -> str:
        """The path of a name."""
        spelled = self._spelled(name)
        return f"{self.path}.{spelled}" if self.path else spelled

    def _spelled(self, name: str) -> str:
        capital = name[0].upper() + name[1:]
        return capital if capital in self.values else name
