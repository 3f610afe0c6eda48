"""Where rows of a table end: with a line, but not within quotes (RFC 4180, section 2).

Rules of this file: pure. Quotes are those that csv.reader sees: a value is in quotes if it begins
with one; within others they are characters. What follows a closing quote belongs to its value.
"""

import re


class Quotes:
    """The quotes of tables with a delimiter."""

    def __init__(self, delimiter: str) -> None:
        end = re.escape(delimiter)
        # No quantifier gives back what it took, so the pattern stops at a quote that is not closed.
        value = rf'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))[^{end}\r\n]*+'
        row = rf"(?:{value}{end})*+(?:{value})?+"
        self._open = re.compile(rf'{row}"')
        self._row = re.compile(rf"{row}[^\r\n]*+(?:\r\n?|\n)?")

    def is_open(self, line: bytes, was_open: bool) -> bool:
        """Whether a line in UTF-8 ends within quotes, as the line before it did or did not."""
        if b'"' not in line:
            return was_open
        text = line.decode(errors="replace").removeprefix("\ufeff")
        return self._open.match(f'"{text}' if was_open else text) is not None

    def row(self, text: str, start: int) -> str:
        """The row that begins at a place in a text. A quote that nothing closes ends with its line.

        Reading row after row takes time in proportion to the text, whatever its quotes are: one
        that nothing closes is looked for to the end, and none after it is open there.
        """
        return next(self._row.finditer(text, start))[0]
