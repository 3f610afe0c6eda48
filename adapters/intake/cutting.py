"""How long files are cut into messages: after whole records, in bounded memory.

Rules of this file: pure; a file comes as blocks of bytes. A piece is the same whenever its file is
cut again.
"""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from .quotes import Quotes

#: Longest record in bytes, and what is dropped after it.
RECORD_BYTES: Final = 65_536
#: Bytes of records of which a message is made: some hundred rows, so that a row that is wrong comes
#: with few others into the dead letters.
PIECE_BYTES: Final = 65_536


class Piece(NamedTuple):
    """Records of a file."""

    body: bytes
    """In UTF-8, with the header of the file in front if it has one."""
    line: int
    """Number of the line that follows the header, if there is one, or else of the first; from 1."""
    refused: str = ""
    """What would have been right, when it is the beginning of a record that is too long."""


class Record(NamedTuple):
    """A record, which may have several lines."""

    line: int
    bytes: bytes
    is_whole: bool


def cut_lines(blocks: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[Piece]:
    """The pieces of a file of lines, which LF, CRLF or CR ends.

    One with a delimiter is a table: it has a header, and in quotes its records do not end.

    A header without records is a piece, too, so that it is checked: what is taken for a header may
    be the one row of a file that has none. A blank file has no pieces.
    """
    records = _records(_lines(_utf8(blocks, encoding)), Quotes(delimiter) if delimiter else None)
    first = next(records, None) if delimiter else None
    header = first.bytes if first else b""
    if first and not first.is_whole:
        yield Piece(header, first.line, f"a header of up to {RECORD_BYTES} bytes")
        return
    row = next(records, None)
    if first and row is None and header.removeprefix(codecs.BOM_UTF8).strip():
        yield Piece(header, first.line + 1)
    yield from _pieces(header, () if row is None else chain([row], records))


def _pieces(header: bytes, records: Iterable[Record]) -> Iterator[Piece]:
    """Records that follow a header, so many of them together as a piece may have."""
    held: list[bytes] = []
    line, size = 0, 0
    for record in records:
        if held and (size + len(record.bytes) > PIECE_BYTES or not record.is_whole):
            yield Piece(b"".join([header, *held]), line)
            held, size = [], 0
        if not record.is_whole:
            yield Piece(record.bytes, record.line, f"a line of up to {RECORD_BYTES} bytes")
            continue
        line = line if held else record.line
        held.append(record.bytes)
        size += len(record.bytes)
    if held:
        yield Piece(b"".join([header, *held]), line)


def _utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks in UTF-8. Bytes that are not of the encoding become U+FFFD, which decoders refuse."""
    if encoding in ("utf-8", "ascii"):
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _lines(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines with their ends, and whether they are whole: what is too long is cut off."""
    rest = b""
    dropping = False
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        # A CR at the end may be half of a CRLF.
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            if not dropping:
                yield _bounded(line)
            dropping = False
        if len(rest) > RECORD_BYTES and not dropping:
            yield _bounded(rest)
            dropping = True
        if dropping:
            rest = rest[-1:]
    if rest and not dropping:
        yield _bounded(rest)


def _bounded(line: bytes) -> tuple[bytes, bool]:
    return line[:RECORD_BYTES], len(line) <= RECORD_BYTES


def _records(lines: Iterable[tuple[bytes, bool]], quotes: Quotes | None) -> Iterator[Record]:
    """Records of lines. One whose quote is not closed within its bounds ends there: what follows is
    not swallowed.
    """
    held: list[bytes] = []
    start, size, is_open = 1, 0, False
    for number, (line, is_whole) in enumerate(lines, 1):
        if held and (not is_whole or size + len(line) > RECORD_BYTES):
            yield Record(start, b"".join(held), is_whole=True)
            held, size, start, is_open = [], 0, number, False
        if not is_whole:
            yield Record(number, line, is_whole=False)
            start = number + 1
            continue
        is_open = quotes is not None and quotes.is_open(line, is_open)
        held.append(line)
        size += len(line)
        if not is_open:
            yield Record(start, b"".join(held), is_whole=True)
            held, size, start = [], 0, number + 1
    if held:
        yield Record(start, b"".join(held), is_whole=True)
