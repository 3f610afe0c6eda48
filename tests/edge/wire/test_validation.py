"""The form of single values, wherever they stand in a request, from both sides of every limit."""

import sys
from ast import literal_eval
from collections.abc import Callable
from typing import Any
from unicodedata import category, normalize

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.wire.catalogue import (
    delete_sku_from_request,
    merge_sku_from_request,
    rename_sku_from_request,
)
from holdfast.edge.wire.name_rules import IGNORABLE, first_bad_name, is_name
from holdfast.edge.wire.reservations import get_reservation_from_request
from holdfast.edge.wire.validation import bad_name
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.wire.builders import (
    assert_invalid,
    availability_of,
    availability_of_all,
    created,
    extend,
    fault,
    line,
    move,
    record,
    reserve,
)

REQUIRED_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Reserve.reservation_id": ("reservation_id", reserve),
    "Reserve.sku": ("lines[1].sku", lambda text: reserve(lines=[line(), line(sku=text)])),
    "Reserve.location": ("lines[0].location", lambda text: reserve(lines=[line(location=text)])),
    "Extend.reservation_id": ("reservation_id", lambda text: extend(text, seconds=1)),
    "Commit.reservation_id": ("reservation_id", lambda text: move(reservation_id=text)),
    "Commit.sku": ("lines.lines[0].sku", lambda text: move(lines=[line(sku=text)])),
    "Commit.location": (
        "lines.lines[0].location",
        lambda text: move(lines=[line(location=text)]),
    ),
    "GetReservation.reservation_id": (
        "reservation_id",
        lambda text: get_reservation_from_request(
            reservation.GetReservationRequest(reservation_id=text)
        ),
    ),
    "GetAvailability.sku": ("sku", availability_of),
    "BatchGetAvailability.skus": ("skus[1]", lambda text: availability_of_all(["A", text])),
    "RecordStockEvents.source": ("source", lambda text: record(source=text)),
    "RecordStockEvents.sku": ("events[0].sku", lambda text: record(sku=text)),
    "RecordStockEvents.location": ("events[0].location", lambda text: record(location=text)),
    "CreateLocation.location": ("location.location", lambda text: created(location=text)),
    "MergeSku.into_sku": (
        "into_sku",
        lambda text: merge_sku_from_request(catalog.MergeSkuRequest(sku="A", into_sku=text)),
    ),
    "RenameSku.new_sku": (
        "new_sku",
        lambda text: rename_sku_from_request(catalog.RenameSkuRequest(sku="A", new_sku=text)),
    ),
    "DeleteSku.sku": (
        "sku",
        lambda text: delete_sku_from_request(catalog.DeleteSkuRequest(sku=text)),
    ),
}


OPTIONAL_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Extend.request_id": ("request_id", lambda text: extend(request_id=text, seconds=1)),
    "Commit.request_id": ("request_id", lambda text: move(request_id=text)),
    "RecordStockEvents.event_id": (
        "events[0].event_id",
        lambda text: record(event_id=text, sequence=1),
    ),
    "CreateLocation.display_name": (
        "location.display_name",
        lambda text: created(display_name=text),
    ),
}


NAMES = REQUIRED_NAMES | OPTIONAL_NAMES


GOOD_NAMES = {
    "one byte": "x",
    "128 of one byte": "x" * 128,
    "64 of two bytes": "é" * 64,
    "32 of four bytes": "\U0001f4e6" * 32,
    "space within": "a b",
    "other letters": "Käse №5 茶 ชา",
    "private use": "\ue000",
}


TOO_LONG = "1 to 128 bytes of UTF-8, not {}"


BAD_NAMES = {
    "129 of one byte": ("x" * 129, TOO_LONG.format(129)),
    "129 bytes": ("é" * 64 + "x", TOO_LONG.format(129)),
    "33 of four bytes": ("\U0001f4e6" * 33, TOO_LONG.format(132)),
    "a megabyte": ("x" * 1_000_000, TOO_LONG.format("1,000,000")),
    "NUL": ("a\0b", "text without U+0000 (a control character), such as 'ab'"),
    "line feed": ("a\nb", "text without U+000A (a control character), such as 'a b'"),
    "delete": ("\x7f", "text without U+007F (a control character)"),
    "next line": ("é\x85", "text without U+0085 (a control character), such as 'é'"),
    "line separator": ("\u2028", "text without U+2028 (LINE SEPARATOR)"),
    "space alone": (" ", "text without white space at its ends"),
    "space at the end": ("X ", "text without white space at its ends, such as 'X'"),
    "space before": (" X", "text without white space at its ends, such as 'X'"),
    "space after other letters": ("é ", "text without white space at its ends, such as 'é'"),
    "byte order mark": (
        "\ufeffX",
        "text without U+FEFF (ZERO WIDTH NO-BREAK SPACE), such as 'X'",
    ),
    "zero-width space": ("X\u200bY", "text without U+200B (ZERO WIDTH SPACE), such as 'XY'"),
    "soft hyphen": ("X\u00adY", "text without U+00AD (SOFT HYPHEN), such as 'XY'"),
    "direction override": (
        "\u202eX",
        "text without U+202E (RIGHT-TO-LEFT OVERRIDE), such as 'X'",
    ),
    "decomposed": (
        "Cafe\u0301",
        r"text in Unicode normalization form C (NFC), such as 'Caf\xe9'",
    ),
    "ohm for omega": (
        "\u2126",
        r"text in Unicode normalization form C (NFC), such as '\u03a9'",
    ),
}


#: Fit for people, and for no name.
TEXTS = {
    "no-break space": ("a\u00a0b", "text without U+00A0 (NO-BREAK SPACE), such as 'a b'"),
    "ideographic space": ("a\u3000b", "text without U+3000 (IDEOGRAPHIC SPACE), such as 'a b'"),
    "joiner": ("a\u200db", "text without U+200D (ZERO WIDTH JOINER), such as 'ab'"),
    "variation selector": (
        "\u2615\ufe0f",
        "text without U+FE0F (VARIATION SELECTOR-16), such as '\u2615'",
    ),
    "Hangul filler": ("\u3164", "text without U+3164 (HANGUL FILLER)"),
    "reserved, and invisible": ("a\u2065", "text without U+2065 (which has no name), such as 'a'"),
    "of plane 14": ("a\U000e01f0", "text without U+E01F0 (which has no name), such as 'a'"),
    "what was not UTF-8": (
        "Caf\ufffd",
        "text as its sender wrote it: U+FFFD stands where a decoder could not read it",
    ),
    "a blank": ("a\u2800", "text without U+2800 (BRAILLE PATTERN BLANK), such as 'a'"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", GOOD_NAMES.values(), ids=GOOD_NAMES)
def test_names_up_to_128_bytes_are_taken_as_they_are(name: str, text: str) -> None:
    command = NAMES[name][1](text)
    if name.endswith(("sku", "skus", "location", "display_name")):
        assert repr(text) in repr(command)  # the others become keys, see below


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("text", "expected"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_longer_names_and_those_that_look_like_others_are_refused(
    name: str, text: str, expected: str
) -> None:
    field, call = NAMES[name]
    error = fault(call, text)
    assert "INVALID_VALUE" == error.reason
    assert (error.metadata["field"], error.metadata["expected"]) == (field, expected)
    assert error.metadata["value"].startswith(text[:128])
    assert error.message.startswith(f"{field} is {text[:128]!r}")
    assert error.message.endswith(f": expected {expected}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_text_for_people_may_have_more_than_names(name: str, text: str, expected: str) -> None:
    field, call = NAMES[name]
    if field == "location.display_name":
        assert repr(text) in repr(call(text))
    else:
        assert_invalid(fault(call, text), field, text, expected)


@pytest.mark.parametrize("name", REQUIRED_NAMES)
def test_required_names_cannot_be_empty(name: str) -> None:
    field, call = REQUIRED_NAMES[name]
    assert_invalid(fault(call, ""), field, "", "1 to 128 bytes of UTF-8, not 0")


@pytest.mark.parametrize("name", OPTIONAL_NAMES)
def test_optional_names_can_be_empty(name: str) -> None:
    OPTIONAL_NAMES[name][1]("")


@given(st.text(max_size=140))
def test_a_name_has_1_to_128_bytes_and_shows_all_of_them(text: str) -> None:
    unseen = any(category(each) in ("Cc", "Cf", "Zl", "Zp") for each in text)
    spaces = any(category(each) == "Zs" and each != " " for each in text)
    looks = normalize("NFC", text).strip() == text and IGNORABLE.isdisjoint(text)
    expected = 1 <= len(text.encode()) <= 128 and not unseen and not spaces and looks
    assert is_name(text) == expected


@given(st.lists(st.text(st.sampled_from("aÄ \u0301\u200b\n"), max_size=3)))
def test_many_names_are_judged_as_each_by_itself(texts: list[str]) -> None:
    """Whatever stands next to what: a combining character joins nothing across two texts."""
    expected = next((index for index, text in enumerate(texts) if not is_name(text)), None)
    assert first_bad_name(texts) == expected
    plenty = ["Ä"] * 300 + ["b" * 128] * 300
    bad = None if expected is None else expected + len(plenty)
    assert first_bad_name([*plenty, *texts]) == bad
    assert first_bad_name(["b" * 129]) == first_bad_name(["Ä" * 65]) == 0


def test_no_character_that_nobody_sees_is_forgotten() -> None:
    """The same over all of Unicode but surrogates, which are no text."""
    for code in (*range(0xD800), *range(0xE000, sys.maxunicode + 1)):
        if is_name(f"a{chr(code)}a"):
            assert category(chr(code)) not in ("Cc", "Cf", "Zl", "Zp"), hex(code)


@given(st.text(max_size=40))
def test_what_is_suggested_is_a_name(text: str) -> None:
    if not is_name(text):
        advice = bad_name("sku", text).metadata["expected"]
        if ", such as " in advice:
            assert is_name(literal_eval(advice.partition(", such as ")[2]))


DURATION_EXPECTED = "1 second to 30 days, in whole milliseconds"


DAYS_30_S = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("seconds", "nanos", "hold_ms"),
    [(1, 0, 1_000), (1, 1_000_000, 1_001), (1, 999_000_000, 1_999), (DAYS_30_S, 0, 2_592_000_000)],
)
def test_durations_within_the_limits_are_taken(seconds: int, nanos: int, hold_ms: int) -> None:
    duration = Duration(seconds=seconds, nanos=nanos)
    assert reserve(hold_duration=duration).hold_ms == hold_ms
    assert extend(seconds=seconds, nanos=nanos).hold_ms == hold_ms


@pytest.mark.parametrize(
    ("seconds", "nanos", "value"),
    [
        (0, 0, "0 s"),
        (0, 999_000_000, "0 s and 999000000 ns"),
        (DAYS_30_S, 1_000_000, "2592000 s and 1000000 ns"),
        (DAYS_30_S + 1, 0, "2592001 s"),
        (-1, 0, "-1 s"),
        (1, 1, "1 s and 1 ns"),
        (2, 500_000, "2 s and 500000 ns"),
        (2, -1_000_000, "2 s and -1000000 ns"),
        (1, 1_000_000_000, "1 s and 1000000000 ns"),
    ],
)
def test_durations_beyond_the_limits_are_refused(seconds: int, nanos: int, value: str) -> None:
    duration = Duration(seconds=seconds, nanos=nanos)
    assert_invalid(
        fault(reserve, hold_duration=duration), "hold_duration", value, DURATION_EXPECTED
    )
    error = fault(extend, seconds=seconds, nanos=nanos)
    assert_invalid(error, "hold_duration", value, DURATION_EXPECTED)


def test_the_first_field_that_is_malformed_is_named() -> None:
    error = fault(reserve, "", lines=[], hold_duration=Duration())
    assert "reservation_id" == error.metadata["field"]
    error = fault(reserve, lines=[], hold_duration=Duration())
    assert "lines" == error.metadata["field"]
    error = fault(record, event_id="", sku="", quantity=0)
    assert "events[0].event_id" == error.metadata["field"]
