"""A long file is cut after whole records, the same way each time."""

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
    rows = 'a,5" pipe\nb,"12345\n""1234\n,""1"\n'.replace(",", delimiter)
    header = HEADER.decode().replace(",", delimiter)
    first, second = rows[:10].encode(), rows[10:].encode()
    found = pieces((header + rows).encode(), delimiter=delimiter)
    assert [2, 3] == [piece.line for piece in found]
    assert [first, second] == [piece.body.removeprefix(header.encode()) for piece in found]


def test_a_quoted_name_of_the_header_may_follow_a_byte_order_mark() -> None:
    header = b'\xef\xbb\xbf"sku\n",text\n'
    assert [Piece(header + b"a,1\n", 3)] == pieces(header + b"a,1\n")


def test_a_quote_that_nothing_closes_does_not_swallow_what_follows() -> None:
    rows = b'a,"5 pipe\n' + b"".join(b"%d,123456\n" % number for number in range(9))
    assert [2, 4, 6, 8, 10] == [piece.line for piece in pieces(HEADER + rows)]
    assert HEADER + rows == HEADER + b"".join(
        piece.body.removeprefix(HEADER) for piece in pieces(HEADER + rows)
    )


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
    found = []
    for piece in pieces(HEADER + text):
        rows = piece.body.removeprefix(b"" if piece.refused else HEADER).splitlines()
        found += [(piece.line + at, row) for at, row in enumerate(rows)]
    expected = [line[:20].rstrip(b"\r\n") for line in text.splitlines(keepends=True)]
    assert list(enumerate(expected, 2)) == found
