"""A long file is cut after whole records, the same way each time."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.intake import cutting
from holdfast.adapters.intake.cutting import Piece, cut_lines

HEADER = b"sku,text\n"


@pytest.fixture(autouse=True)
def _short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is some lines, and a record up to 20 bytes."""
    monkeypatch.setattr(cutting, "RECORD_BYTES", 20)
    monkeypatch.setattr(cutting, "PIECE_BYTES", 24)


def pieces(text: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[Piece]:
    return list(cut_lines([text], encoding, delimiter))


def test_each_piece_has_the_header_and_the_line_of_its_first_row() -> None:
    rows = b"a,1234567\nb,1234567\nc,1234567\nd,1234567\ne,1\n"
    assert [
        Piece(HEADER + b"a,1234567\nb,1234567\n", 2),
        Piece(HEADER + b"c,1234567\nd,1234567\ne,1\n", 4),
    ] == pieces(HEADER + rows)


def test_a_quoted_row_of_several_lines_is_not_cut() -> None:
    rows = b'a,12345678901\nb,"1\n2\n3\n4"\nc,1\n'
    assert [
        Piece(HEADER + b"a,12345678901\n", 2),
        Piece(HEADER + b'b,"1\n2\n3\n4"\nc,1\n', 3),
    ] == pieces(HEADER + rows)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "]", "\N{BROKEN BAR}"])
def test_a_quote_within_a_value_does_not_open_the_next_one_to_be_cut(delimiter: str) -> None:
    rows = 'a,5" pipe\nb,"123\n""12\n,""1"\n'.replace(",", delimiter)
    header = HEADER.decode().replace(",", delimiter)
    first, second = rows[:10].encode(), rows[10:].encode()
    found = pieces((header + rows).encode(), delimiter=delimiter)
    assert [2, 3] == [piece.line for piece in found]
    assert [first, second] == [piece.body.removeprefix(header.encode()) for piece in found]


def test_a_quoted_name_of_the_header_may_follow_a_byte_order_mark() -> None:
    header = b'\xef\xbb\xbf"sku\n",text\n'
    assert [Piece(header + b"a,1\n", 3)] == pieces(header + b"a,1\n")


def test_a_quote_that_is_not_closed_within_a_record_is_refused_with_what_it_holds() -> None:
    """What it holds may be words of a stranger, which look like rows."""
    note = b'a,"dear\n' + b"b,1000\n" * 9
    refused = "quotes that close within 20 bytes; nothing up to line {} was read"
    kept = note[:20]
    assert [Piece(kept, 2, refused.format(11))] == pieces(HEADER + note)
    assert [Piece(kept, 2, refused.format(12)), Piece(HEADER + b"c,1\n", 13)] == pieces(
        HEADER + note + b'bye"\nc,1\n'
    )


def test_a_quote_that_nothing_closes_at_the_end_of_a_file_is_left_to_the_decoder() -> None:
    assert [Piece(HEADER + b'a,"5 pipe\nb,1\n', 2)] == pieces(HEADER + b'a,"5 pipe\nb,1\n')


@pytest.mark.parametrize("size", range(20, 64))
@pytest.mark.parametrize("mark", ['"', '""', '"""', "x"])
def test_quotes_of_a_line_that_is_too_long_are_heeded(mark: str, size: int) -> None:
    """Also in what is left out of it, wherever it is cut."""
    note = f'"{"x" * size}{mark.replace(chr(34), chr(34) * 2)}\nforged,1\n"'
    found = pieces(HEADER + f"a,{note}\nc,1\n".encode())
    assert [2, 5] == [piece.line for piece in found]
    assert [True, False] == [bool(piece.refused) for piece in found]
    found = pieces(HEADER + f"{'x' * size}{mark},a\nc,1\n".encode())
    assert Piece(HEADER + b"c,1\n", 3) == found[-1]


def test_a_line_that_is_too_long_is_a_piece_of_its_own_and_refused() -> None:
    assert [
        Piece(HEADER + b"a,1\n", 2),
        Piece(b"b," + b"x" * 18, 3, "a line of up to 20 bytes"),
        Piece(HEADER + b"c,1\n", 4),
    ] == pieces(HEADER + b"a,1\nb," + b"x" * 999 + b"\nc,1\n")


def test_a_header_that_is_too_long_refuses_the_file() -> None:
    assert [Piece(b"x" * 20, 1, "a header of up to 20 bytes")] == pieces(b"x" * 99 + b"\na,1\n")


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"], ids=str
)
def test_a_blank_file_has_no_pieces(text: bytes) -> None:
    assert [] == pieces(text)


def test_a_header_alone_is_a_piece_so_that_it_is_checked() -> None:
    assert [Piece(HEADER, 2)] == pieces(HEADER)
    assert [] == list(cut_lines([b""], "utf-8", ""))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=str)
def test_lines_end_with_lf_crlf_or_cr(end: bytes) -> None:
    rows = b"a,1234567\nb,1234567\nc,1234567\n".replace(b"\n", end)
    header = HEADER.replace(b"\n", end)
    long = b"x" * 30 + end + b"d,1" + end
    assert [(2, ""), (4, ""), (5, "a line of up to 20 bytes"), (6, "")] == [
        (piece.line, piece.refused) for piece in pieces(header + rows + long)
    ]
    assert pieces(header + rows)[0].body == header + rows[: 2 * (9 + len(end))]


def test_the_last_line_needs_no_end() -> None:
    assert [Piece(HEADER + b"a,1", 2)] == pieces(HEADER + b"a,1")


def test_other_encodings_become_utf_8() -> None:
    text = HEADER.decode() + "ä,1\n"
    body = text.encode()
    assert [body] == [piece.body for piece in pieces(text.encode("utf-16"), encoding="utf-16")]
    assert [body] == [piece.body for piece in pieces(text.encode("cp1252"), encoding="cp1252")]


LINES = st.lists(st.text('a,"\r', max_size=30).map(str.encode), max_size=12)


def blocks_of(text: bytes, size: int) -> Iterator[bytes]:
    return (text[at : at + size] for at in range(0, len(text), size))


@given(LINES, st.integers(1, 40))
def test_pieces_do_not_depend_on_how_the_file_is_read(lines: list[bytes], size: int) -> None:
    text = HEADER + b"\n".join(lines)
    assert pieces(text) == list(cut_lines(blocks_of(text, size), "utf-8", ","))


@given(LINES)
def test_no_line_is_lost_or_moved(lines: list[bytes]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    expected = [line[:20] for line in text.splitlines(keepends=True)]
    line = 2
    for piece in pieces(HEADER + text):
        assert line == piece.line
        rows = piece.body.removeprefix(b"" if piece.refused else HEADER).splitlines(keepends=True)
        left_out = re.search(r"nothing up to line (\d+)", piece.refused)
        last = int(left_out[1]) if left_out else line + len(rows) - 1
        whole = b"".join(expected[line - 2 : last - 1])
        assert b"".join(rows) == (whole[:20] if piece.refused else whole)
        line = last + 1
    assert len(expected) == line - 2
