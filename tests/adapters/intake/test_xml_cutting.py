"""XML files cut into records: the same for any blocks, in any encoding, in little memory."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.intake.xml_cutting import RECORD_BYTES_MAX, cut_records
from holdfast.adapters.intake.xml_records import DEPTH_MAX, records, text_of

DOCUMENT = (
    '<a:r xmlns:a="urn:a" xmlns="urn:b" x=">">\n <!-- c --><t> ü </t>\n<other><t>0</t></other>'
    '<t x=">"/><![CDATA[<t>]]><a:t>2<t>3</t></a:t><?pi <t>?></a:r>\n<!-- end -->'
)
EXPECTED = ["ü", "", "2"]


def cut(blocks: Iterable[bytes]) -> list[bytes]:
    return list(cut_records(blocks, "r", "t", "day.xml"))


def texts(pieces: Iterable[bytes]) -> list[str]:
    """The texts of records, of which each piece has one."""
    found = [[text_of(each) for each in records(piece, "r", "t")] for piece in pieces]
    assert all(len(each) == 1 for each in found)
    return [each[0] for each in found]


def in_blocks(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-15"])
def test_each_record_is_a_document_of_its_own(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    body = (head + DOCUMENT).encode(encoding)
    whole = cut([body])
    assert EXPECTED == texts(whole)
    for size in (1, 2, 7, 64):
        assert whole == cut(in_blocks(body, size))


def test_a_file_that_is_a_record_is_one_piece() -> None:
    assert [b"<t>1<t>2</t></t>"] == cut([b"<t>1<t>2", b"</t></t>", b" "])


def test_a_file_without_records_has_no_pieces() -> None:
    assert [] == cut([b"<r><other/></r>"])
    assert [] == cut([b"<r/>"])


def test_what_stands_before_the_fault_is_cut_off() -> None:
    pieces = cut_records([b"<r><t>1</t><t>2</t>", b"<t>"], "r", "t", "day.xml")
    assert ["1", "2"] == texts([next(pieces), next(pieces)])
    with pytest.raises(Undecodable, match="day"):
        next(pieces)


def test_what_is_no_such_file_is_undecodable() -> None:
    bodies = (
        b"",
        b"<html/>",
        b"<r>&a;</r>",
        b"<r>" + b"<a>" * (DEPTH_MAX + 1),
        b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        b'<?xml version="1.0" encoding="utf-7"?><r/>',
    )
    for body in bodies:
        with pytest.raises(Undecodable):
            cut([body])


def endless(start: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield b" " * 65_536


@pytest.mark.parametrize("start", [b"<r>", b"<r><t>", b"<t>", b""], ids=str)
def test_a_record_without_end_is_refused_early(start: bytes) -> None:
    read = 0

    def counted() -> Iterator[bytes]:
        nonlocal read
        for block in endless(start):
            read += len(block)
            yield block

    with pytest.raises(Undecodable):
        cut(counted())
    assert read < RECORD_BYTES_MAX + 2**20


def test_what_lies_between_records_is_not_kept() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"<r><t>1</t>"
        for _ in range(2 * RECORD_BYTES_MAX // 65_536):
            yield b"<other/>" * 8_192
        yield b"<t>2</t></r>"

    assert ["1", "2"] == texts(cut(blocks()))


@settings(max_examples=50)
@given(st.lists(st.text("ab<&\u00fc", max_size=6), max_size=6), st.integers(1, 40))
def test_any_texts_come_back(values: list[str], size: int) -> None:
    escaped = [each.replace("&", "&amp;").replace("<", "&lt;") for each in values]
    body = f"<r>{''.join(f'<t>{each}</t>' for each in escaped)}</r>".encode()
    assert values == texts(cut(in_blocks(body, size)))
