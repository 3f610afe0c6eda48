"""How long files are cut into messages: after whole records, in bounded memory.

Rules of this file: pure; a file comes as blocks of bytes. A piece is the same whenever its file is
cut again.
"""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from .quotes import OPEN, Quotes

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
    last_line: int
    bytes: bytes
    is_whole: bool

    @property
    def refused(self) -> str:
        """What would have been right, if it is not whole."""
        if self.is_whole:
            return ""
        if self.line == self.last_line:
            return f"a line of up to {RECORD_BYTES} bytes"
        left_out = f"nothing up to line {self.last_line} was read"
        return f"quotes that close within {RECORD_BYTES} bytes; {left_out}"


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
            yield Piece(record.bytes, record.line, record.refused)
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
    """Lines with their ends, in parts of RECORD_BYTES at most, and whether a part is the last."""
    rest = b""
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        # A CR at the end may be half of a CRLF.
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield from _parts(line)
        while len(rest) > RECORD_BYTES:
            yield rest[:RECORD_BYTES], False
            rest = rest[RECORD_BYTES:]
    if rest:
        yield rest, True


def _parts(line: bytes) -> Iterator[tuple[bytes, bool]]:
    for at in range(0, len(line), RECORD_BYTES):
        yield line[at : at + RECORD_BYTES], at + RECORD_BYTES >= len(line)


def _records(parts: Iterable[tuple[bytes, bool]], quotes: Quotes | None) -> Iterator[Record]:
    """Records of lines. Of one that is too long the beginning is kept: where its quotes are not
    closed, nobody knows whether what follows is a row or words of a stranger.
    """
    held: list[bytes] = []
    start, number, size, value = 1, 1, 0, ""
    for part, is_last in parts:
        if size <= RECORD_BYTES:
            held.append(part)
        size += len(part)
        value = quotes.after(part, value) if quotes else ""
        if is_last and value != OPEN:
            yield _record(start, number, held, size)
            held, start, size, value = [], number + 1, 0, ""
        number += is_last
    if held:
        yield _record(start, number - 1, held, size)


def _record(first: int, last: int, held: Iterable[bytes], size: int) -> Record:
    return Record(first, last, b"".join(held)[:RECORD_BYTES], size <= RECORD_BYTES)
