"""A file of mapping tables is read whole, or all that is wrong in it is reported."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.mapping_files import COLUMNS, BadTables, tables

HEADER = ",".join(COLUMNS)


def mistakes(*lines: str) -> list[tuple[int, str]]:
    with pytest.raises(BadTables) as caught:
        tables({"map.csv": "\n".join(lines)})
    assert {"map.csv"} == {each.file for each in caught.value.mistakes}
    return [(each.line, each.field) for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("skus,a,b,,,,", "table"),
        (",a,b,,,,", "table"),
        ("sku,,b,,,,", "theirs"),
        ("sku,a,,,,,", "ours"),
        ("location,a,,,,,", "ours"),
        ("sku,a,*,,,,", "ours"),
        ("sku,a,b,2,,,", "factor"),
        ("sku,a,b,,pen,,", "sku"),
        (f"sku,a,{'b' * 129},,,,", "ours"),
        (f"sku,{'ä' * 65},b,,,,", "theirs"),
        ("unit,DZ,dozen,12,,,", "ours"),
        ("unit,DZ,,,,,", "factor"),
        ("unit,DZ,,0,,,", "factor"),
        ("unit,DZ,,0.0,,,", "factor"),
        ("unit,DZ,,-1,,,", "factor"),
        ("unit,DZ,,1/0,,,", "factor"),
        ("unit,DZ,,0/1,,,", "factor"),
        ("unit,DZ,,1e3,,,", "factor"),
        ("unit,DZ,,NaN,,,", "factor"),
        ("unit,DZ,,1_000,,,", "factor"),
        (f"unit,DZ,,{'9' * 25},,,", "factor"),
        ("sku,a,b,,,yesterday,", "from"),
        ("sku,a,b,,,2026-07-01T06:00:00,", "from"),
        ("sku,a,b,,,,2026-02-30", "until"),
        ("sku,a,b,,,2026-07-01,2026-07-01", "until"),
        ("sku,a,b", "line"),
        ("sku,a,b,,,,,", "line"),
        ('sku,"a"x,b,,,,', "line"),
        ('sku,"a', "line"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_field(row: str, field: str) -> None:
    assert [(3, field)] == mistakes(HEADER, "sku,x,y,,,,", row)


@pytest.mark.parametrize(
    "header",
    ["", "theirs,ours", "table,ours", "table,theirs,ours,ours", "table,theirs,our", "table;theirs"],
)
def test_a_header_is_checked(header: str) -> None:
    assert [(1, "header")] == mistakes(header, "sku,x,y")


def test_columns_come_in_any_order_and_those_without_values_may_be_left_out() -> None:
    rows = tables({"map.csv": "\ufeffours, theirs ,table\r\npen,a,sku\r\n\r\n,,\r\n"})
    assert "pen" == rows.ours("sku", "a", None, "sku")


def test_all_mistakes_are_reported_and_the_first_ones_shown() -> None:
    bad = [f"sku,{place},,,,," for place in range(30)]
    assert [(place + 2, "ours") for place in range(30)] == mistakes(HEADER, *bad)
    with pytest.raises(BadTables) as caught:
        tables({"map.csv": "\n".join([HEADER, *bad])})
    shown = str(caught.value).splitlines()
    assert "map.csv, line 2, ours: '', expected a name of ours" == shown[0]
    assert (21, "and 10 more") == (len(shown), shown[-1])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (",", ","),
        (",2026-07-02", "2026-07-01,"),
        ("2026-07-01,2026-07-03", "2026-07-02,2026-07-04"),
        ("2026-07-01,", "2026-08-01,"),
        (",2026-07-01T00:00:00+00:00", "2026-07-01T01:59:59+02:00,"),
    ],
)
def test_periods_of_a_name_that_overlap_are_refused(earlier: str, later: str) -> None:
    rows = [f"unit,DZ,,12,pen,{earlier}", f"unit,DZ,,13,pen,{later}"]
    assert [(3, "from")] == mistakes(HEADER, *rows)


def test_an_overlap_names_the_other_file() -> None:
    files = {"a.csv": f"{HEADER}\nsku,a,pen,,,,", "b.csv": f"{HEADER}\n\nsku,a,ink,,,,"}
    with pytest.raises(BadTables) as caught:
        tables(files)
    assert "b.csv, line 3, from: 'a', expected no overlap with a.csv, line 2, in 'sku'" == str(
        caught.value
    )


def test_a_unit_of_one_sku_does_not_overlap_with_the_same_unit_of_all() -> None:
    rows = tables({"map.csv": f"{HEADER}\nunit,CS,,10,,,\nunit,CS,,12,pen,,"})
    assert 12 == rows.factor("CS", "pen", None, "unit")
    assert 10 == rows.factor("CS", "ink", None, "unit")


@given(st.text() | st.text('sku,unit*"\n\r 0123456789-/.').map(lambda text: HEADER + "\n" + text))
def test_any_text_is_read_or_its_mistakes_are_reported(text: str) -> None:
    with suppress(BadTables):
        tables({"map.csv": text})
