"""Movements that are asked for: by their texts and times, newest first, page by page."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .index import Index, Part
from .movements import (
    KEYS,
    LEVEL_COLUMNS,
    NO_TEXT,
    OF_RESERVATIONS,
    MovementKind,
    differences,
    id_from_text,
)


@dataclass(frozen=True, slots=True)
class MovementFilter:
    """Which movements are asked for: as it is made, all."""

    texts: tuple[tuple[str, bytes], ...] = ()
    """Key of movements.py, and what they have under it; of several texts of a key, one."""
    from_ns: int = 0
    """The first instant."""
    until_ns: int = 2**63 - 1
    """The instant after the last."""


class Movement(NamedTuple):
    """A movement, with what its level had before and after, in the order of LEVEL_COLUMNS."""

    number: int
    """In the order of history, from 0."""
    record: Any
    """MOVEMENT."""
    before: tuple[int, ...]
    after: tuple[int, ...]
    part: Part
    """Where its texts are."""

    @property
    def kind(self) -> MovementKind:
        """What moved the units."""
        return MovementKind(int(self.record["kind"]))

    @property
    def fact(self) -> Any:
        """What it came with (FACT), if it is a stock fact, or None."""
        return self._beside("fact")

    @property
    def note(self) -> Any:
        """What was noted of it (NOTE), or None."""
        return self._beside("note")

    @property
    def reservation_id(self) -> str:
        """The id of the reservation whose units moved, or an empty text."""
        number = int(self.record["reservation"])
        return "" if number < 0 else id_from_text(self.part.texts[number])

    def text(self, of: Any, field: str) -> str:
        """A text of its record, its fact or its note; empty for none."""
        number = NO_TEXT if of is None else int(of[field])
        return "" if number < 0 else self.part.texts[number].decode()

    def _beside(self, kind: str) -> Any:
        row = int(self.record[kind])
        return None if row < 0 else self.part.records(kind)[row]


def find_movements(
    index: Index, wanted: MovementFilter, before: int | None, limit: int
) -> list[Movement]:
    """The newest movements that are wanted, newest first; of those that have a number below
    `before` where that is given.
    """
    found: list[Movement] = []
    end = index.count if before is None else before
    for part in reversed(index.parts):
        if part.first >= end or len(found) >= limit:
            continue
        rows = rows_of(part, wanted)
        rows = rows[: np.searchsorted(rows, end - part.first)][-(limit - len(found)) :]
        found += reversed(movements_at(part, rows))
    return found


def find_changes(
    index: Index, wanted: MovementFilter, first: int, limit: int
) -> tuple[list[Movement], int]:
    """What became of reservations from movement `first` on, oldest first, and the number of the
    movement from which to go on.
    """
    found: list[Movement] = []
    for part in index.parts:
        if part.first + len(part.movements) <= first:
            continue
        rows = rows_of(part, wanted)
        rows = rows[np.searchsorted(rows, max(0, first - part.first)) :]
        rows = rows[OF_RESERVATIONS[part.movements["kind"][rows]]]
        found += movements_at(part, rows[: limit - len(found)])
        if len(found) == limit:
            return found, found[-1].number + 1
    return found, index.count


def first_since(index: Index, instant_ns: int) -> int:
    """The number of the first movement at an instant or later; the count of all when there is
    none.
    """
    for part in index.parts:
        row, count = _between(part, MovementFilter(from_ns=instant_ns))
        if row < count:
            return part.first + row
    return index.count


def rows_of(part: Part, wanted: MovementFilter) -> Any:
    """The rows of the wanted movements of a part, in their order (int64)."""
    start, end = _between(part, wanted)
    if not wanted.texts:
        return np.arange(start, end)
    texts: dict[str, list[bytes]] = {}
    for key, text in wanted.texts:
        texts.setdefault(key, []).append(text)
    by_key = [(_rows_with(part, key, any_of), key) for key, any_of in texts.items()]
    # The rarest first: what the others have is looked up row by row.
    (rows, rarest), *_ = by_key = sorted(by_key, key=lambda each: len(each[0]))
    rows = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)].astype(np.int64)
    for _, key in by_key:
        if key != rarest and len(rows):
            known = [number for text in texts[key] if (number := part.texts.find(text)) != NO_TEXT]
            rows = rows[np.isin(_numbers(part, key, rows), known)]
    return rows


def _rows_with(part: Part, key: str, texts: Sequence[bytes]) -> Any:
    """The rows of movements that have one of these texts under a key, in their order."""
    found = [part.rows(key, text) for text in texts]
    return found[0] if len(found) == 1 else np.sort(np.concatenate(found))


def _between(part: Part, wanted: MovementFilter) -> tuple[int, int]:
    """The rows of the wanted times. Times of movements do not go back."""
    times, count = part.movements["time_ns"], len(part.movements)
    if not count:
        return 0, 0
    start = 0 if wanted.from_ns <= times[0] else bisect_left(times, wanted.from_ns, key=int)
    end = count if times[-1] < wanted.until_ns else bisect_left(times, wanted.until_ns, key=int)
    return start, end


def _numbers(part: Part, key: str, rows: Any) -> Any:
    """The numbers of the texts that movements have under a key."""
    if (kind := KEYS[key]) == "movement":
        return part.movements[key][rows]
    beside = part.movements[kind][rows]
    numbers = np.full(len(rows), NO_TEXT, np.int32)
    numbers[beside >= 0] = part.records(kind)[key][beside[beside >= 0]]
    return numbers


def movements_at(part: Part, rows: Any) -> list[Movement]:
    """The movements at these rows, with their texts."""
    records = part.movements[rows]
    after = np.stack([records[name] for name in LEVEL_COLUMNS], axis=1)
    before = (after - differences(records)).tolist()
    columns = zip(rows.tolist(), records, before, after.tolist(), strict=True)
    return [
        Movement(part.first + row, record, tuple(was), tuple(now), part)
        for row, record, was, now in columns
    ]
