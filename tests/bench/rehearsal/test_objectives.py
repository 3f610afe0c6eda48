"""A file of objectives is read as it is meant, or what is wrong with it is reported."""

from pathlib import Path
from typing import get_args

import pytest

from bench.harness.plan import BenchError
from bench.rehearsal.objectives import (
    OBJECTIVES,
    CallName,
    CallObjectives,
    Objectives,
    read_objectives,
)


def read(tmp_path: Path, text: str) -> Objectives:
    path = tmp_path / "objectives.toml"
    path.write_text(text, "utf-8")
    return read_objectives(path)


def test_ours_judge_everything_that_can_be_judged() -> None:
    ours = read_objectives(OBJECTIVES)
    assert set(Objectives.model_fields) == ours.model_fields_set
    assert set(get_args(CallName)) == set(ours.calls)


def test_what_counts_units_is_judged_even_if_it_is_left_out(tmp_path: Path) -> None:
    empty = read(tmp_path, "")
    assert [0, 0, 0] == [
        empty.oversold_units_max,
        empty.differing_units_max,
        empty.wrong_answers_max,
    ]
    assert empty.error_ratio_max is None


def test_a_whole_number_will_do_for_milliseconds(tmp_path: Path) -> None:
    calls = read(tmp_path, "calls.Reserve.p99_ms_max = 100").calls
    assert {"Reserve": CallObjectives(p99_ms_max=100.0)} == calls


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eror_ratio_max = 0.1", "eror_ratio_max: unknown; there are error_ratio_max, "),
        ("calls.Reserve.p90_ms_max = 1", "calls.Reserve.p90_ms_max: unknown; there are p50_ms_max"),
        ("calls.Resrve.p50_ms_max = 1", "calls.Resrve: unknown; there are GetAvailability, Re"),
        ("error_ratio_max = 'none'", "error_ratio_max: Input should be a valid number, not 'none'"),
        ("oversold_units_max = 0.5", "oversold_units_max: Input should be a valid integer"),
        ("achieved_ratio_min = 99", "achieved_ratio_min: Input should be less than or equal to 1"),
        ("calls.Reserve.p50_ms_max = 0", "calls.Reserve.p50_ms_max: Input should be greater than"),
        ("calls = 3", "calls: Input should be a valid dictionary"),
        ("error_ratio_max", "no TOML"),
    ],
)
def test_what_is_wrong_is_reported_by_key_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BenchError) as caught:
        read(tmp_path, text)
    assert f"objectives.toml: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_that_is_wrong_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"a: unknown.*b: unknown"):
        read(tmp_path, "a = 1\nb = 2")


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file or directory: expected a file like"):
        read_objectives(tmp_path / "mine.toml")
