"""Texts of tables as rows: values by field, with the numbers of their lines.

Rules of this file: pure. A row that is wrong is yielded as what is wrong with it.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from ..contract import Message, Undecodable
from .fields import json_decoder
from .quotes import Quotes
from .rows_options import FIELDS, REQUIRED, Rows

#: What a byte that is not of its encoding is read as.
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"

_WANTED: Final = "values between delimiters, and each quote closed where its value ends"

Cells: TypeAlias = Mapping[str, str]
"""Values of a row by FIELDS."""


def says_utf8(message: Message) -> bool:
    """Whether a message names its encoding: those that are cut from files do, and some senders."""
    return "charset=utf-8" in message.attributes.get("content-type", "").lower()


def text_of(message: Message, options: Rows) -> str:
    """The text of a message, in the encoding that it or else the options name."""
    encoding = "utf-8" if says_utf8(message) else options.encoding
    return message.body.decode(encoding, "replace").removeprefix("\ufeff")


def iso_of(time: str, date_format: str) -> str | None:
    """A time as ISO 8601 writes it; None where its date is not of the format."""
    if date_format == "yyyy-mm-dd":
        return time
    found = _DATE.fullmatch(time)
    if found is None or not found["mark"] == found["again"] == date_format[2]:
        return None
    first, second = found["first"].zfill(2), found["second"].zfill(2)
    day, month = (second, first) if date_format.startswith("mm") else (first, second)
    return f"{found['year']}-{month}-{day}T{found['clock'] or '00:00'}"


def csv_rows(text: str, line: int, options: Rows) -> Iterator[tuple[int, Cells | Undecodable]]:
    """Rows with the numbers of their lines; the text begins with the header, and the line after
    it has the number `line`, or else the next one.
    """
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=options.delimiter, strict=True)
    columns = _header(reader, options)
    quotes = Quotes(options.delimiter)
    # The line after the header is the first of the message, wherever it is in the file.
    offset = line - reader.line_num if line else 1
    while (start := source.tell()) < len(text):
        number = reader.line_num + offset
        try:
            cells = next(reader)
        except csv.Error as error:
            yield number, Undecodable(f"line[{number}]", str(error), _WANTED)
            # What is in its quotes is no row, and what follows a quote left open is not given up.
            row = quotes.row(text, start)
            source.seek(start + len(row))
            offset = number + len(_split(row)) - reader.line_num
            continue
        if len(cells) == len(columns):
            named = zip(columns, cells, strict=True)
            yield number, {name: cell for name, cell in named if name and cell}
        elif any(cells):
            wanted = f"{len(columns)} values, as the header has"
            yield number, Undecodable(f"line[{number}]", f"{len(cells)} values", wanted)


def _split(text: str) -> list[str]:
    """Lines with their ends, which are LF, CRLF or CR."""
    return list(io.StringIO(text, newline=""))


def _header(reader: Iterator[list[str]], options: Rows) -> list[str]:
    """For each column the field that it has, empty if none."""
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise Undecodable("header", str(error), "the names of the columns") from None
    wanted = [options.column(name) for name in REQUIRED if name not in options.constants]
    for name in (*wanted, *options.columns.values()):
        if name not in header:
            raise Undecodable("header", header, f"a column {name!r}")
    for name in map(options.column, FIELDS):
        if header.count(name) > 1:
            raise Undecodable("header", header, f"{name!r} once")
    return [options.fields.get(name, "") for name in header]


def json_rows(text: str, line: int, options: Rows) -> Iterator[tuple[int, Cells | Undecodable]]:
    for number, row in enumerate(_split(text), line or 1):
        if row.strip():
            try:
                yield number, _json_row(row.rstrip("\r\n"), f"line[{number}]", options)
            except Undecodable as wrong:
                yield number, wrong


def _json_row(row: str, path: str, options: Rows) -> Cells:
    try:
        found = _JSON.decode(row)
    except (ValueError, RecursionError):
        raise Undecodable(path, row, "an object of JSON, each name once") from None
    if not isinstance(found, dict):
        raise Undecodable(path, row, "an object of JSON")
    known = ((options.fields[name], name) for name in found if name in options.fields)
    cells = {field: _cell(found[name], f"{path}.{name}") for field, name in known}
    return {field: cell for field, cell in cells.items() if cell}


def _cell(value: object, field: str) -> str:
    """A value out of JSON as a table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    raise Undecodable(field, value, "a text, a number, true or false")


_DATE: Final = re.compile(
    "(?P<first>[0-9]{1,2})(?P<mark>[./])(?P<second>[0-9]{1,2})(?P<again>[./])(?P<year>[0-9]{4})"
    "([ T]+(?P<clock>[0-9].*))?"
)

#: Numbers stay as they are written: 0.42 is a decimal.
_JSON: Final = json_decoder(parse_float=str, parse_int=str)
