"""Where rows of a table end: with a line, but not within quotes (RFC 4180, section 2).

Rules of this file: pure. Quotes are those that csv.reader sees: a value is in quotes if it begins
with one; within others they are characters. What follows a closing quote belongs to its value.
"""

import re
from typing import Final

#: What is within quotes: see `Quotes.after`.
OPEN: Final = '"'


class Quotes:
    """The quotes of tables with a delimiter."""

    def __init__(self, delimiter: str) -> None:
        self._ends = ("", delimiter, "\r", "\n")
        end = re.escape(delimiter)
        # No quantifier gives back what it took, so the pattern stops at a quote that is not closed.
        value = rf'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))[^{end}\r\n]*+'
        row = rf"(?:{value}{end})*+(?:{value})?+"
        self._open = re.compile(rf'{row}"')
        self._row = re.compile(rf"{row}[^\r\n]*+(?:\r\n?|\n)?")

    def after(self, part: bytes, before: str) -> str:
        """How the value goes on that a line in UTF-8, or a part of one, ends in: OPEN in quotes, ""
        where the next one begins, else a character of it; then the last quotes, which what follows
        may double. `before` is the same before the part.
        """
        if b'"' not in part and part.endswith((b"\n", b"\r")) and before in ("", OPEN):
            return before
        text = before + part.decode(errors="replace").removeprefix("\ufeff")
        begun = text.rstrip('"')
        count = len(text) - len(begun)
        kept = count if count < 4 else 2 + count % 2  # two more make no difference
        return self._in(begun) + kept * '"'

    def _in(self, text: str) -> str:
        if self._open.match(text):
            return OPEN
        return "" if text[-1:] in self._ends else "x"

    def row(self, text: str, start: int) -> str:
        """The row that begins at a place in a text. A quote that nothing closes ends with its line.

        Reading row after row takes time in proportion to the text, whatever its quotes are: one
        that nothing closes is looked for to the end, and none after it is open there.
        """
        return next(self._row.finditer(text, start))[0]
