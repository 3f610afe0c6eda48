"""How an XML file is cut into documents of one record each, in bounded memory.

A piece is what stands before the first element below the root, the bytes of the record as they are
in the file, and the end of the root: it has the file's encoding and namespaces, and is the same
whenever the file is cut again.
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import Final
from xml.parsers import expat

from ..contract import Undecodable
from .xml_records import DEPTH_MAX, refuse_declaration

#: Longest record, and longest that may stand before the first one; a receipt of 1,000 lines has
#: about 1.6 million bytes.
RECORD_BYTES_MAX: Final = 4_194_304


def cut_records(blocks: Iterable[bytes], root: str, record: str, file: str) -> Iterator[bytes]:
    """The records of a file, each as a document. A file that is a record itself is one piece.
    Raises `Undecodable` where the file is not well-formed, after what stands before that.
    """
    cutter = _Cutter(root, record, file)
    for block in blocks:
        yield from cutter.feed(block, is_last=False)
    yield from cutter.feed(b"", is_last=True)


class _Cutter:
    """Follows a parser through a file, and keeps the bytes since the last record."""

    def __init__(self, root: str, record: str, file: str) -> None:
        self._root, self._record, self._file = root, record, file
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = refuse_declaration
        self._parser.StartElementHandler = self._started
        self._parser.EndElementHandler = self._ended
        self._parser.DefaultHandler = self._passed
        self._bytes = bytearray()
        self._first = 0
        """Where in the file the kept bytes begin."""
        self._depth = 0
        self._lowest = 1
        """Depth of the elements that are records."""
        self._root_name = ""
        self._head: bytes | None = None
        self._start = -1
        self._is_over = False
        """Whether a record has ended: where, the next event shows."""
        self._pieces: list[bytes] = []

    def feed(self, block: bytes, *, is_last: bool) -> list[bytes]:
        """The pieces that a block completes."""
        self._bytes += block
        try:
            self._parser.Parse(block, is_last)
        except Undecodable:
            raise
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise Undecodable(self._file, "XML", f"well-formed XML: {error}") from None
        if is_last and self._is_over:
            self._cut(self._first + len(self._bytes))
        self._forget()
        pieces, self._pieces = self._pieces, []
        return pieces

    def _started(self, name: str, _attributes: object) -> None:
        self._passed()
        local = name.rpartition(":")[2]
        if not self._depth:
            if local not in (self._root, self._record):
                raise Undecodable(self._file, local, f"a document {self._root} or {self._record}")
            self._root_name = name
            self._lowest = 0 if local == self._record else 1
        elif self._depth == 1 and self._head is None and self._lowest:
            self._head = self._between(0, self._parser.CurrentByteIndex)
        if self._depth == self._lowest and local == self._record:
            self._start = self._parser.CurrentByteIndex if self._lowest else 0
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Undecodable(self._file, f"nested {self._depth} deep", f"at most {DEPTH_MAX}")

    def _ended(self, _name: str) -> None:
        self._passed()
        self._depth -= 1
        self._is_over = self._depth == self._lowest and self._start >= 0

    def _passed(self, _data: str = "") -> None:
        if self._is_over:
            self._cut(self._parser.CurrentByteIndex)

    def _cut(self, end: int) -> None:
        self._is_over = False
        body = self._between(self._start, end)
        head = self._head or b""
        self._start = -1
        self._pieces.append(head + body + self._foot(head) if self._lowest else body)

    def _foot(self, head: bytes) -> bytes:
        foot = f"</{self._root_name}>"
        if head.startswith(codecs.BOM_UTF16_LE):
            return foot.encode("utf-16-le")
        return foot.encode("utf-16-be" if head.startswith(codecs.BOM_UTF16_BE) else "utf-8")

    def _between(self, start: int, end: int) -> bytes:
        return bytes(self._bytes[start - self._first : end - self._first])

    def _forget(self) -> None:
        """Drops what is cut off, and refuses what is kept for too long."""
        if self._start >= 0:
            keep = self._start
        elif self._head is None or not self._lowest:
            keep = 0
        else:
            keep = min(self._parser.CurrentByteIndex, self._first + len(self._bytes))
        keep = max(keep, self._first)
        del self._bytes[: keep - self._first]
        self._first = keep
        if len(self._bytes) > RECORD_BYTES_MAX:
            expected = f"records of at most {RECORD_BYTES_MAX} bytes"
            raise Undecodable(self._file, f"{len(self._bytes)} bytes", expected)
