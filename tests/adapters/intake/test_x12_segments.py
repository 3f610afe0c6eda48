"""Envelopes of X12 are checked: what is truncated or mixed up is reported by its segment."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.intake.x12_segments import Segment, TransactionSet, transaction_sets
from tests.adapters.intake.x12_samples import interchange, isa, one, transaction_set

TWO = interchange("945", transaction_set("945", "W06*F"), transaction_set("945", "W06*P")).decode()


def sets(text: str) -> list[TransactionSet]:
    found = list(transaction_sets(text))
    assert all(isinstance(each, TransactionSet) for each in found)
    return [each for each in found if isinstance(each, TransactionSet)]


def error_in(text: str) -> Undecodable:
    with pytest.raises(Undecodable) as raised:
        list(transaction_sets(text))
    return raised.value


def test_a_set_knows_its_envelopes() -> None:
    [only] = sets(one("945", "W06*F*4711").decode())
    assert ("945", "ZZ/WMS", "000000012/34/0001", False) == (
        *(only.code, only.sender, only.control),
        only.is_test,
    )
    assert (Segment(4, "W06", ("F", "4711")),) == only.segments
    assert ("segment[4].W0602", "4711", "") == (
        *(only.segments[0].path(2), only.segments[0].get(2)),
        only.segments[0].get(9),
    )


def test_the_header_tells_the_separators() -> None:
    text = isa(separators="|:\n") + "GS|SW|WMS|HOLD|20261126|1655|34|X|004010\nST|945|0001\n"
    text += "W06|F|a*b~c\nSE|3|0001\nGE|1|34\nIEA|1|000000012\n"
    [only] = sets(text)
    assert "a*b~c" == only.segments[0].get(2)


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n", "~\n\n"])
def test_line_ends_after_segments_do_not_matter(end: str) -> None:
    assert ["F"] == [
        each.segments[0].get(1) for each in sets(one("945", "W06*F", end=end).decode())
    ]


def test_a_message_may_have_several_interchanges_with_their_own_separators() -> None:
    text = TWO + "\n" + one("945", "W06*F").decode().replace("*", "|").replace("~", "^")
    assert ["F", "P", "F"] == [each.segments[0].get(1) for each in sets(text)]


def test_an_interchange_marked_as_a_test_says_so() -> None:
    assert sets(one("945", "W06*F", usage="T").decode())[0].is_test


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("SE*3*0001", "SE*4*0001", "segment[5].SE01"),
        ("SE*3*0001", "SE*three*0001", "segment[5].SE01"),
        ("SE*3*0001", "SE**0001", "segment[5].SE01"),
        ("SE*3*0001", "SE*3*0002", "segment[5].SE02"),
    ],
)
def test_a_set_that_is_not_whole_does_not_hold_up_the_next(old: str, new: str, field: str) -> None:
    wrong, whole = transaction_sets(TWO.replace(old, new, 1))
    assert isinstance(wrong, Undecodable)
    assert field == wrong.field
    assert isinstance(whole, TransactionSet)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("GE*2*34", "GE*1*34", "segment[9].GE01"),
        ("GE*2*34", "GE*2*35", "segment[9].GE02"),
        ("IEA*1*000000012", "IEA*2*000000012", "segment[10].IEA01"),
        ("IEA*1*000000012", "IEA*1*12", "segment[10].IEA02"),
        ("ST*945*0001~", "", "segment[3]"),
        ("SE*3*0001~", "", "segment[5]"),
        ("GE*2*34~", "", "segment[9]"),
        ("GS*", "GX*", "segment[2]"),
        ("IEA*1*000000012~", "", "segment[1]"),
        ("IEA*1*000000012~", "IEA*1*000000012", "segment[10]"),
        ("~W06*P", "~GS*P", "segment[7]"),
        ("ISA*00", "ISA*0", "segment[1].ISA"),
        ("*>~", "*A~", "segment[1].ISA"),
        ("*>~", "***", "segment[1].ISA"),
        ("ISA", "UNB", "segment[1]"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_reported(old: str, new: str, field: str) -> None:
    assert old in TWO
    assert field == error_in(TWO.replace(old, new, 1)).field


@pytest.mark.parametrize("text", ["", "  \n", "ISA", "ISA*00*"])
def test_what_is_no_interchange_is_reported(text: str) -> None:
    assert error_in(text).field in ("ISA", "segment[1]")


@given(st.integers(1, len(TWO) - 1))
def test_a_truncated_interchange_is_always_reported(length: int) -> None:
    with pytest.raises(Undecodable):
        list(transaction_sets(TWO[:length]))


@given(st.text() | st.text("*~>\nISEGT01").map(lambda text: isa() + text))
def test_any_text_is_read_or_reported(text: str) -> None:
    with suppress(Undecodable):
        list(transaction_sets(text))
