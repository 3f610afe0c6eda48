"""Files of counts: CSV with the columns sku, location and on_hand, as warehouses and ERPs write it.

A file is read whole and judged before anything is asked of a node: what is wrong is reported by
line, field and value, the first twenty mistakes at once. It knows no node.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from .console import amount

Item = TypeVar("Item")

#: Columns that a file has to have, in any order and among any others.
COLUMNS: Final = ("sku", "location", "on_hand")

#: One count at most; stated in the comments of holdfast.v1.
COUNT_MAX: Final = 10**15

#: Mistakes that are reported at once.
MISTAKES_SHOWN_MAX: Final = 20

#: Rows between two reports of progress.
ROWS_BETWEEN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Counted:
    """A row: units on hand of a SKU at a location."""

    sku: str
    location: str
    on_hand: int
    line: int
    """Where it stands in its file, from 1."""


class CountFileError(Exception):
    """A file is not a file of counts; the text says where and why, a mistake a line."""


def read_counts(
    lines: Iterable[str], progress: Callable[[int], None] = lambda _rows: None
) -> list[Counted]:
    """The counts of a file, in its order. `progress` is told how many rows were read.

    Raises CountFileError.
    """
    counts: list[Counted] = []
    mistakes: list[str] = []
    for found in _rows(lines):
        if isinstance(found, Counted):
            counts.append(found)
            if len(counts) % ROWS_BETWEEN == 0:
                progress(len(counts))
        else:
            mistakes.append(found)
            if len(mistakes) == MISTAKES_SHOWN_MAX:
                break
    if mistakes:
        raise CountFileError("\n".join(mistakes))
    return counts


def _rows(lines: Iterable[str]) -> Iterator[Counted | str]:
    """Each row as a count, or what is wrong with it. Ends where the file is no longer CSV."""
    reader = csv.reader(lines, strict=True)
    lines_of: dict[tuple[str, str], int] = {}
    try:
        places = _places(next(reader, []))
        for row in filter(None, reader):
            yield _read(row, places, reader.line_num, lines_of)
    except csv.Error as error:
        yield f"line {reader.line_num}: {error}"
    except UnicodeDecodeError as error:
        yield f"after line {reader.line_num}: {error.reason}: expected UTF-8"


def _places(header: Sequence[str]) -> tuple[int, ...]:
    """Where the columns stand. Raises CountFileError."""
    names = [name.strip().lower() for name in header]
    missing = [column for column in COLUMNS if column not in names]
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if missing or twice:
        wrong = f"no column {missing[0]}" if missing else f"the column {twice[0]} twice"
        expected = f"the columns {', '.join(COLUMNS)}, separated by commas"
        raise CountFileError(f"line 1 has {wrong}: {','.join(header)[:200]!r}; expected {expected}")
    return tuple(names.index(column) for column in COLUMNS)


def _read(
    row: Sequence[str],
    places: Sequence[int],
    line: int,
    lines_of: dict[tuple[str, str], int],
) -> Counted | str:
    """A row as a count, or what is wrong with it."""
    # Imported here: it takes a tenth of a second, and other commands import this file.
    from ..wire.name_rules import is_name, wrong_with_name

    if len(row) <= max(places):
        return f"line {line} has {amount(len(row), 'field')}: expected {max(places) + 1} at least"
    sku, location, text = (row[place].strip() for place in places)
    for field, value in (("sku", sku), ("location", location)):
        if not is_name(value):
            return f"line {line}: {field} is {value[:60]!r}: expected {wrong_with_name(value)}"
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
        return f"line {line}: on_hand is {text[:60]!r}: expected a whole number, 0 to {COUNT_MAX:,}"
    if int(digits) > COUNT_MAX:
        return f"line {line}: on_hand is {text}: expected 0 to {COUNT_MAX:,}"
    first = lines_of.setdefault((sku, location), line)
    if first != line:
        return f"line {line}: {sku} at {location} stands on line {first} already: expected it once"
    return Counted(sku, location, int(digits), line)


def pieces(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
