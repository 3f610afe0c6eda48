"""Envelopes of EDIFACT are checked: what is truncated or mixed up is reported by its segment."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydifact.control.characters import Characters
from pydifact.parser import Parser, TokenIterator
from pydifact.tokenizer import Tokenizer

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.intake.edifact_segments import EdifactMessage, Segment, messages, text_of
from tests.adapters.intake.edifact_samples import interchange, message, one

TWO = interchange(message("DESADV", "BGM+351"), message("DESADV", "BGM+351", reference="ME2"))
TEXT = TWO.decode()


def read(text: str) -> list[EdifactMessage]:
    found = list(messages(text))
    assert all(isinstance(each, EdifactMessage) for each in found)
    return [each for each in found if isinstance(each, EdifactMessage)]


def error_in(text: str) -> Undecodable:
    with pytest.raises(Undecodable) as raised:
        list(messages(text))
    return raised.value


def test_a_message_knows_its_envelopes() -> None:
    [only] = read(one("DESADV", "BGM+351+a?+b::9").decode())
    assert ("DESADV", "WMS", "IC7/ME1", False) == (
        *(only.code, only.sender, only.control),
        only.is_test,
    )
    bgm = only.segments[0]
    assert Segment(3, "BGM", (("351",), ("a+b", "", "9"))) == bgm
    assert ("9", "", "", "segment[3].BGM02.3") == (
        *(bgm.get(2, 3), bgm.get(2, 4), bgm.get(3)),
        bgm.path(2, 3),
    )


def test_una_tells_other_separators() -> None:
    text = "UNA|*.! ~\r\n" + TEXT.replace("'", "~").replace("+", "*").replace(":", "|")
    assert ["351", "351"] == [each.segments[0].get(1) for each in read(text)]


def test_una_may_say_that_nothing_releases() -> None:
    text = "UNA:+.  '" + one("DESADV", "BGM+351+a ?").decode()
    assert "a ?" == read(text)[0].segments[0].get(2)


@pytest.mark.parametrize("end", ["'", "'\n", "'\r\n", "' "])
def test_line_ends_after_segments_do_not_matter(end: str) -> None:
    assert 1 == len(read(one("DESADV", "BGM+351", end=end).decode()))


def test_a_text_may_have_several_interchanges_and_groups() -> None:
    grouped = TEXT.replace("UNH+ME1", "UNG+a+b+c+d+G1'UNH+ME1", 1)
    grouped = grouped.replace("UNZ+2", "UNE+2+G1'UNZ+1")
    assert 4 == len(read(TEXT + "\n" + grouped))


def test_an_interchange_marked_as_a_test_says_so() -> None:
    unb = "UNB+UNOC:3+WMS+HOLD+261126:1655+IC7++++++1"
    assert read(one("DESADV", "BGM+351", unb=unb).decode())[0].is_test


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("UNT+3+ME1", "UNT+4+ME1", "segment[4].UNT01.1"),
        ("UNT+3+ME1", "UNT++ME1", "segment[4].UNT01.1"),
        ("UNT+3+ME1", "UNT+3+ME3", "segment[4].UNT02.1"),
    ],
)
def test_a_message_that_is_not_whole_does_not_hold_up_the_next(
    old: str, new: str, field: str
) -> None:
    wrong, whole = messages(TEXT.replace(old, new, 1))
    assert isinstance(wrong, Undecodable)
    assert field == wrong.field
    assert isinstance(whole, EdifactMessage)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("UNZ+2", "UNZ+1", "segment[8].UNZ01.1"),
        ("UNZ+2+IC7", "UNZ+2+IC8", "segment[8].UNZ02.1"),
        ("UNT+3+ME1'", "", "segment[4]"),
        ("UNH+ME1", "UNX+ME1", "segment[2]"),
        ("UNZ+2+IC7'", "", "segment[1]"),
        ("UNZ+2+IC7'", "UNZ+2+IC7", "segment[8]"),
        ("UNZ+2+IC7'", "UNZ+2+IC7?'", "segment[8]"),
        ("BGM+351'", "''BGM+351'", "segment[3]"),
        ("BGM+351'", "BG+351'", "segment[3]"),
        ("UNB+", "UNA:+.? UNB+", "UNA"),
        ("UNB+", "UNAaaaaaaUNB+", "UNA"),
        ("UNB+", "ISA+", "segment[1]"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_reported(old: str, new: str, field: str) -> None:
    assert old in TEXT
    assert field == error_in(TEXT.replace(old, new, 1)).field


@pytest.mark.parametrize("text", ["", " \n", "UNA", "UNB"])
def test_what_is_no_interchange_is_reported(text: str) -> None:
    assert error_in(text).field in ("UNB", "UNA", "segment[1]")


@pytest.mark.parametrize(
    ("syntax", "encoding"), [("UNOA", "latin-1"), ("UNOC", "latin-1"), ("UNOY", "utf-8")]
)
def test_unb_names_the_character_set(syntax: str, encoding: str) -> None:
    assert f"UNB+{syntax}:3+Köln" == text_of(f"UNB+{syntax}:3+Köln".encode(encoding))


@given(st.integers(1, len(TEXT) - 1))
def test_a_truncated_interchange_is_always_reported(length: int) -> None:
    with pytest.raises(Undecodable):
        list(messages(TEXT[:length]))


@pytest.mark.parametrize(
    "text", ["a?+" * 500_000 + "'", "?" * 1_000_000, "?'" * 500_000, "?:+" * 300_000]
)
def test_release_characters_are_read_once(text: str) -> None:
    """Read again and again, these would take longer than a test may."""
    with pytest.raises(Undecodable):
        list(messages("UNB+" + text))


NAMES = st.sampled_from(["LIN", "QTY", "FTX"])
PART = st.text("ab?+:' 1", max_size=4).map(
    lambda text: "".join(f"?{each}" if each in "?+:'" else each for each in text)
)
SEGMENT = st.tuples(NAMES, st.lists(st.lists(PART, min_size=1).map(":".join)).map("+".join))


@given(st.lists(SEGMENT.map("+".join), max_size=5))
def test_segments_are_those_that_pydifact_reads(segments: list[str]) -> None:
    [only] = read(one("DESADV", *segments).decode("latin-1"))
    text = "".join(f"{each}'" for each in segments)
    tokens = TokenIterator(Tokenizer().get_tokens(text, Characters.from_str("UNA:+.? '")))
    judged = [
        [each if isinstance(each, list) else [each] for each in segment]
        for segment in Parser().convert_tokens_to_raw_segments(tokens)
    ]
    # It leaves empty components at the end of an element away.
    assert judged == [
        [[each.name], *(without_end(components) for components in each.elements)]
        for each in only.segments
    ]


def without_end(components: tuple[str, ...]) -> list[str]:
    kept = list(components)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return kept


@given(st.text() | st.text("UNBHTZ+:?' 1").map(lambda text: TEXT[:40] + text))
def test_any_text_is_read_or_reported(text: str) -> None:
    with suppress(Undecodable):
        list(messages(text))
