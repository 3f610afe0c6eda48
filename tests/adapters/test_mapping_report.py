"""The report of unmapped names adds up, whatever the order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.mapping import Unmapped
from holdfast.adapters.mapping_report import Missing, Report

START = datetime(2026, 7, 1, tzinfo=UTC)


def found(name: str, minute: int, table: str = "sku") -> tuple[Unmapped, datetime]:
    return Unmapped("sku", name, table), START + timedelta(minutes=minute)


def test_a_report_tells_how_often_a_name_came_and_when_first_and_last() -> None:
    report = Report.of([found("b", 3), found("a", 2), found("b", 1), found("b", 1, "location")])
    assert {
        ("sku", "b"): Missing("sku", "b", 2, found("", 1)[1], found("", 3)[1]),
        ("location", "b"): Missing("location", "b", 1, found("", 1)[1], found("", 1)[1]),
        ("sku", "a"): Missing("sku", "a", 1, found("", 2)[1], found("", 2)[1]),
    } == report.rows


FOUND = st.lists(st.builds(found, st.sampled_from("abc"), st.integers(0, 9)))


@given(FOUND, FOUND)
def test_reports_of_parts_add_up_to_the_report_of_the_whole(
    one: list[tuple[Unmapped, datetime]], other: list[tuple[Unmapped, datetime]]
) -> None:
    whole = Report.of([*one, *other])
    assert whole == Report.of(one) + Report.of(other)
    assert whole == Report.of(other) + Report.of(one)
    assert whole == whole + Report()
