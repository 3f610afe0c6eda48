"""The report says the same to people and to programs."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.harness.figures import at_least, at_most, figure
from bench.harness.report import Report, render, show, to_json, write_json


@pytest.fixture
def report() -> Report:
    figures = [
        figure("unary.rate", "Reserve", "/s", [8_000, 8_100, 7_900], note="64 callers"),
        figure("unary.to_echo", "Reserve ÷ echo", "%", [0.87], at_least(0.9)),
        figure("unary.p50", "Half of peak: p50", "ms", [1.234, 1.5], at_most(2)),
    ]
    return Report("2026-01-01T00:00:00+00:00", {"python": "CPython"}, figures, {"restart": "no"})


def rendered(report: Report) -> str:
    console = Console(width=140, file=io.StringIO())
    with console.capture() as capture:
        console.print(render(report))
    return capture.get()


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (8123.4, "/s", "8,123 /s"),
        (0.8765, "%", "87.6 %"),
        (1.234, "ms", "1.23 ms"),
        (12.34, "us", "12.3 µs"),
        (0, "B", "0 B"),
        (30.456, "x", "30.5"),
        (5, "s", "5 s"),
    ],
)
def test_a_value_is_shown_as_precisely_as_it_is_known(
    value: float, unit: str, expected: str
) -> None:
    assert expected == show(value, unit)


def test_each_figure_has_its_median_range_bar_verdict_and_note(report: Report) -> None:
    rows = [[cell.strip() for cell in line.split("│")] for line in rendered(report).splitlines()]
    assert [
        ["Reserve", "8,000 /s", "7,900 /s … 8,100 /s", "", "", "64 callers"],
        ["Reserve ÷ echo", "87.0 %", "", "≥ 90.0 %", "miss", ""],
        ["Half of peak: p50", "1.37 ms", "1.23 ms … 1.50 ms", "≤ 2 ms", "pass", ""],
    ] == [row[1:-1] for row in rows if len(row) == 8]


def test_what_failed_and_the_conditions_are_reported(report: Report) -> None:
    text = rendered(report)
    assert "restart failed: no" in text
    assert "CPython" in text


def test_missed_bars_are_known(report: Report) -> None:
    assert ["unary.to_echo"] == [each.key for each in report.missed]


def test_programs_get_every_sample_and_the_bar(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "bench.json"
    write_json(report, path)
    read = json.loads(path.read_text("utf-8"))
    assert to_json(report) == read
    assert {
        "key": "unary.p50",
        "name": "Half of peak: p50",
        "unit": "ms",
        "median": pytest.approx(1.367),
        "min": 1.234,
        "max": 1.5,
        "samples": [1.234, 1.5],
        "bar": {"limit": 2, "is_minimum": False},
        "is_missed": False,
        "note": "",
    } == read["figures"][2]
    assert {"restart": "no"} == read["failures"]
    assert {"python": "CPython"} == read["conditions"]
