"""A file of counts is read, or what is wrong with it is reported by line, field and value."""

import io

import pytest

from holdfast.edge.cli.count_file import Counted, CountFileError, read_counts

HEADER = "sku,location,on_hand\n"


def mistake(text: str) -> str:
    with pytest.raises(CountFileError) as caught:
        read_counts(io.StringIO(text))
    return str(caught.value)


def test_columns_are_found_by_name() -> None:
    """In any order and case, beside others, and with what quotes hold."""
    text = 'Bin, ON_HAND ,Location,SKU\nA1,7,W1,"mug, red"\n\nA2,0,W2,plate\nA3,+8,W1,plate\n'
    expected = [("mug, red", "W1", 7, 2), ("plate", "W2", 0, 4), ("plate", "W1", 8, 5)]
    assert [Counted(*row) for row in expected] == read_counts(io.StringIO(text))
    assert [] == read_counts(io.StringIO(HEADER))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 has no column sku: ''; expected the columns sku, location, on_hand"),
        ("sku;location;on_hand\n", "line 1 has no column sku: 'sku;location;on_hand'"),
        ("sku,location,sku,on_hand\n", "line 1 has the column sku twice"),
        (HEADER + "mug,W1\n", "line 2 has 2 fields: expected 3 at least"),
        (HEADER + "mug,W1,1.0\n", "line 2: on_hand is '1.0': expected a whole number"),
        (HEADER + 'mug,W1,"1,000"\n', "line 2: on_hand is '1,000': expected a whole number"),
        (HEADER + "mug,W1,-1\n", "line 2: on_hand is '-1': expected a whole number"),
        (HEADER + "mug,W1,\n", "line 2: on_hand is '': expected a whole number"),
        (HEADER + "mug,W1,٣\n", "line 2: on_hand is '٣': expected a whole number"),
        (
            HEADER + "mug,W1,1000000000000001\n",
            "line 2: on_hand is 1000000000000001: expected 0 to",
        ),
        (HEADER + ",W1,1\n", "line 2: sku is '': expected 1 to 128 bytes"),
        (HEADER + f"mug,{'x' * 129},1\n", "line 2: location is 'xxx"),
        (
            HEADER + "\ufeffmug,W1,1\n",
            "line 2: sku is '\\ufeffmug': expected text without U+FEFF (ZERO WIDTH NO-BREAK SPACE)",
        ),
        (
            HEADER + "cafe\u0301,W1,1\n",
            "line 2: sku is 'cafe\u0301': expected text in Unicode normalization form C (NFC)",
        ),
        (HEADER + "mug,W\t1,1\n", "line 2: location is 'W\\t1': expected text without U+0009"),
        (HEADER + "\nmug,W1,1\nmug,W1,2\n", "line 4: mug at W1 stands on line 3 already"),
        (HEADER + 'mug,W1,1\n"mug,W1,2\n', "line 3: unexpected end of data"),
    ],
)
def test_a_mistake_is_reported_by_line_field_and_value(text: str, message: str) -> None:
    assert mistake(text).startswith(message)


def test_many_mistakes_are_reported_at_once() -> None:
    """The first twenty: a file with a wrong column has as many as it has lines."""
    assert 20 == len(mistake(HEADER + "mug,W1,x\n" * 1_000).splitlines())


def test_what_is_not_utf_8_is_refused() -> None:
    file = io.TextIOWrapper(io.BytesIO(HEADER.encode() + b"m\xfcg,W1,1\n"), encoding="utf-8")
    with pytest.raises(CountFileError, match="expected UTF-8"):
        read_counts(file)


def test_progress_is_reported_in_long_files() -> None:
    seen: list[int] = []
    text = HEADER + "".join(f"sku-{number},W1,1\n" for number in range(25_000))
    assert 25_000 == len(read_counts(io.StringIO(text), seen.append))
    assert [10_000, 20_000] == seen
