"""Files of mapping tables: CSV with a header, one row for each name and period.

    table,theirs,ours,factor,sku,from,until
    sku,4006381333931,pen-blue,,,,
    location,0042,store-42,,,,2026-07-01
    location,0042,store-42b,,,2026-07-01,
    unit,DZ,,12,,,
    unit,CS,,24,pen-blue,,
    reason,*,*,,,,

A unit has a factor, how many base units one of it is ("12", "0.5", "1/12"), for one of our SKUs or
for all; the unit that a partner leaves empty may have one as well. A row holds from `from` until
just before `until`: a date is its midnight in UTC. "*" stands for all that its table does not name,
and as `ours` for the same name. A status without `ours` means units for sale, a reason without it
none.

Rules of this file: no input or output: whoever reads the files hands in their names and texts. All
that is wrong in them is reported at once, with file, line and field.
"""

# No class here ends in Error: each says what happened.
# ruff: noqa: N818

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import chain, pairwise
from typing import Final, NamedTuple

from .mapping import ANY, DIGITS, NAME_BYTES, NAMES, Row, Tables

COLUMNS: Final = ("table", "theirs", "ours", "factor", "sku", "from", "until")

_FACTOR: Final = re.compile(rf"[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,{DIGITS}}}|/[0-9]{{1,{DIGITS}}})?")
#: Mistakes that a message shows: enough to see what is wrong with a file.
_SHOWN: Final = 20


class Mistake(NamedTuple):
    """What is wrong in a file of mapping tables."""

    file: str
    line: int
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}, {self.field}"
        return f"{where}: {self.value[:NAME_BYTES]!r}, expected {self.expected}"


class BadTables(ValueError):
    """Files of mapping tables that cannot be used, with all that is wrong in them."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes

    def __str__(self) -> str:
        shown = [str(each) for each in self.mistakes[:_SHOWN]]
        more = len(self.mistakes) - len(shown)
        return "\n".join([*shown, *([f"and {more} more"] if more else [])])


class _Entry(NamedTuple):
    table: str
    key: tuple[str, str]
    row: Row


def tables(files: Mapping[str, str]) -> Tables:
    """The mapping tables in CSV files, by name and text. Raises `BadTables`."""
    read = list(chain.from_iterable(_entries(name, text) for name, text in files.items()))
    rows: dict[str, dict[tuple[str, str], list[Row]]] = {}
    mistakes = [each for each in read if isinstance(each, Mistake)]
    for each in read:
        if isinstance(each, _Entry):
            rows.setdefault(each.table, {}).setdefault(each.key, []).append(each.row)
    by_time = {
        table: {key: tuple(sorted(several, key=_start)) for key, several in named.items()}
        for table, named in rows.items()
    }
    mistakes += _overlaps(by_time)
    if mistakes:
        raise BadTables(tuple(sorted(mistakes)))
    return Tables(by_time)


def _entries(file: str, text: str) -> Iterator[_Entry | Mistake]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [each.strip() for each in next(reader, [])]
        mistake = _header_mistake(header)
        if mistake:
            yield Mistake(file, 1, "header", ",".join(header), mistake)
            return
        for cells in reader:
            if any(cells):
                yield from _entry(file, reader.line_num, header, cells)
    except csv.Error as error:
        yield Mistake(file, reader.line_num, "line", str(error), "comma-separated values")


def _header_mistake(header: list[str]) -> str:
    if not {"table", "theirs"} <= set(header) or len(header) != len(set(header)):
        return f"the columns table and theirs, each once, and of {', '.join(COLUMNS)}"
    unknown = sorted(set(header) - set(COLUMNS))
    return f"no column but {', '.join(COLUMNS)}" if unknown else ""


def _entry(file: str, line: int, header: list[str], cells: list[str]) -> Iterator[_Entry | Mistake]:
    if len(cells) != len(header):
        yield Mistake(file, line, "line", ",".join(cells), f"{len(header)} fields")
        return
    given = dict.fromkeys(COLUMNS, "") | {
        name: cell.strip() for name, cell in zip(header, cells, strict=True)
    }
    mistakes = [Mistake(file, line, name, given[name], wanted) for name, wanted in _wanted(given)]
    if mistakes:
        yield from mistakes
        return
    factor = Fraction(given["factor"] or 1)
    period = _instant(given["from"]), _instant(given["until"])
    row = Row(given["ours"], factor, *period, file, line)
    yield _Entry(given["table"], (given["theirs"], given["sku"]), row)


def _wanted(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Fields of a row that are wrong, each with what would be right."""
    table = given["table"]
    if table not in (*NAMES, "unit"):
        yield "table", f"one of {', '.join((*NAMES, 'unit'))}"
        return
    if table == "unit":
        yield from _wanted_of_unit(given)
    else:
        yield from _wanted_of_name(given)
    for name in ("theirs", "ours", "sku"):
        if len(given[name].encode(errors="replace")) > NAME_BYTES:
            yield name, f"up to {NAME_BYTES} bytes of UTF-8"
    since, until = _instant(given["from"]), _instant(given["until"])
    for name, instant in (("from", since), ("until", until)):
        if given[name] and instant is None:
            yield name, "a date, or a time with its zone: 2026-07-01, 2026-07-01T06:00:00+02:00"
    if since and until and until <= since:
        yield "until", "later than from"


def _wanted_of_unit(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if given["ours"]:
        yield "ours", "nothing: a unit has a factor"
    if not _FACTOR.fullmatch(given["factor"]) or not _is_positive(given["factor"]):
        yield "factor", 'base units in one unit, above 0: "12", "0.5" or "1/12"'


def _is_positive(factor: str) -> bool:
    above, _, below = factor.partition("/")
    return Decimal(above) > 0 and (not below or Decimal(below) > 0)


def _wanted_of_name(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if not given["theirs"]:
        yield "theirs", "a name of the partner's"
    if not given["ours"] and given["table"] in ("sku", "location"):
        yield "ours", "a name of ours"
    if given["ours"] == ANY and given["theirs"] != ANY:
        yield "ours", 'a name of ours; "*" is for the row whose theirs is "*"'
    for name in ("factor", "sku"):
        if given[name]:
            yield name, "nothing: units have it"


def _instant(text: str) -> datetime | None:
    """An instant; None when the text is empty or is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC) if len(text) == len("2026-07-01") else None
    return instant


def _start(row: Row) -> datetime:
    return row.since or datetime.min.replace(tzinfo=UTC)


def _overlaps(
    rows: Mapping[str, Mapping[tuple[str, str], tuple[Row, ...]]],
) -> Iterator[Mistake]:
    for table, named in rows.items():
        for (theirs, _), several in named.items():
            for earlier, later in pairwise(several):
                if earlier.until is None or later.since is None or later.since < earlier.until:
                    wanted = f"no overlap with {earlier.file}, line {earlier.line}, in {table!r}"
                    yield Mistake(later.file, later.line, "from", theirs, wanted)
