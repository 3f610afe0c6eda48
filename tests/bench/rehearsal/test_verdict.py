"""The verdict is FAIL when one thing is missed, and says which."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from bench.rehearsal.objectives import CallObjectives, Objectives
from bench.rehearsal.profiles import Run
from bench.rehearsal.stocktaking import Stocktake
from bench.rehearsal.verdict import Verdict, judge, render

RUN = Run("r", "promotion", users=10, rate=10.0, seconds=10.0)
CALL = {
    "answered": 90, "refused": 10, "refused early": 0, "fault": 0,
    "p50_ms": 5.0, "p95_ms": 8.0, "p99_ms": 9.0, "p100_ms": 12.0,
}  # fmt: skip
RECORD: dict[str, Any] = {
    "calls": {"GetAvailability": CALL, "Reserve": CALL},
    "remarks": [],
    "wrong_answers": 0,
    "visits": 100,
    "visits_missed": 0,
    "wake_late_p99_ms": 1.0,
    "books": {"levels": [{}], "unsettled": []},
    "seconds": 10.0,
    "hot_calls_ratio": 0.8,
    "generator_cpu_ratio": 0.2,
}
OBJECTIVES = Objectives(
    error_ratio_max=0.0,
    refused_early_ratio_max=0.01,
    achieved_ratio_min=0.95,
    calls={"Reserve": CallObjectives(p50_ms_max=5.0, p99_ms_max=9.0)},
)


def verdict(
    record: dict[str, Any] | None = None, stocktake: Stocktake | str | None = None, run: Run = RUN
) -> Verdict:
    return judge(run, OBJECTIVES, RECORD | (record or {}), stocktake or Stocktake(), {"node": "n"})


def calls(**changes: Any) -> dict[str, Any]:
    renamed = {key.replace("_early", " early"): value for key, value in changes.items()}
    return {"calls": {"GetAvailability": CALL, "Reserve": CALL | renamed}}


def test_a_run_on_its_limits_passes() -> None:
    assert [] == verdict().reasons
    assert "pass" == verdict().to_json()["verdict"]


@pytest.mark.parametrize(
    ("record", "stocktake", "reason"),
    [
        ({}, Stocktake(oversold_units=1), "units oversold"),
        ({}, Stocktake(differing_units=1), "units that node and books differ by"),
        ({"wrong_answers": 1}, None, "wrong answers"),
        (calls(fault=1), None, "calls failed"),
        (calls(refused_early=3), None, "calls refused early"),
        ({"visits_missed": 6}, None, "visits begun"),
        (calls(p50_ms=5.1), None, "Reserve p50"),
        (calls(p99_ms=9.1), None, "Reserve p99"),
        ({}, "UNAVAILABLE", "the stock could not be read after the run: UNAVAILABLE"),
        ({"calls": {"GetAvailability": CALL}}, None, "no Reserve was answered"),
    ],
)
def test_one_thing_missed_is_a_fail_and_is_named(
    record: dict[str, Any], stocktake: Stocktake | str | None, reason: str
) -> None:
    missed = verdict(record, stocktake)
    assert [reason] == missed.reasons
    assert "fail" == missed.to_json()["verdict"]


@pytest.mark.parametrize("busy", [{"generator_cpu_ratio": 0.81}, {"wake_late_p99_ms": 25.1}])
def test_a_busy_load_generator_casts_doubt_on_what_was_slow(busy: dict[str, Any]) -> None:
    assert "repeat on an idle machine" in verdict(calls(p99_ms=9.1) | busy).doubt
    assert "repeat on an idle machine" in verdict({"visits_missed": 6} | busy).doubt


@pytest.mark.parametrize("busy", [{"generator_cpu_ratio": 0.81}, {"wake_late_p99_ms": 25.1}])
def test_it_casts_none_on_a_run_that_passes_or_is_wrong(busy: dict[str, Any]) -> None:
    assert [] == verdict(busy).reasons
    assert "" == verdict(busy).doubt == verdict({"wrong_answers": 1} | busy).doubt


def test_there_is_no_doubt_when_the_load_generator_had_time() -> None:
    assert "" == verdict(calls(p99_ms=9.1)).doubt


def test_a_refusal_is_no_failure() -> None:
    assert [] == verdict(calls(answered=0, refused=100)).reasons


def test_a_few_refused_early_are_kept_apart_from_failures() -> None:
    assert [] == verdict(calls(refused_early=2)).reasons


def test_a_storm_without_stock_events_does_not_pass() -> None:
    storm = Run("r", "stock-storm", users=10, rate=10.0, seconds=10.0)
    assert ["no RecordStockEvents was answered"] == verdict(run=storm).reasons


def test_a_run_in_which_nothing_happened_does_not_pass() -> None:
    assert verdict({"calls": {}, "visits": 0}).reasons


def test_people_are_shown_limits_faults_and_the_verdict() -> None:
    text = StringIO()
    failed = calls(fault=1) | {"remarks": ["Reserve: UNAVAILABLE: connection refused"]}
    Console(file=text, width=140).print(render(verdict(failed)))
    for part in ("1 of 201", "≤ 0.0 %", "connection refused", "FAIL: calls failed"):
        assert part in text.getvalue()
