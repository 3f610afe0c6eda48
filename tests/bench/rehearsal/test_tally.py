"""What is counted, and what has a latency."""

import json

from bench.rehearsal.tally import REMARKS_MAX, End, Tally


def test_a_refusal_has_a_latency_and_a_failure_has_none() -> None:
    tally = Tally()
    tally.call("Reserve", End.ANSWERED, 1.0, None)
    tally.call("Reserve", End.REFUSED, 3.0, None)
    tally.call("Reserve", End.FAULT, 5_000.0, "DEADLINE_EXCEEDED")
    tally.call("Reserve", End.REFUSED_EARLY, 0.1, "RESOURCE_EXHAUSTED")
    call = tally.to_json()["calls"]["Reserve"]
    assert {
        "answered": 1,
        "refused": 1,
        "refused early": 1,
        "fault": 1,
        "p50_ms": 1.0,
        "p95_ms": 3.0,
        "p99_ms": 3.0,
        "p100_ms": 3.0,
    } == call
    expected = ["1 x Reserve: DEADLINE_EXCEEDED", "1 x Reserve: RESOURCE_EXHAUSTED"]
    assert expected == tally.to_json()["remarks"]


def test_a_call_that_nobody_answered_has_no_percentiles() -> None:
    tally = Tally()
    tally.call("Reserve", End.FAULT, 5_000.0, "UNAVAILABLE")
    assert "p50_ms" not in tally.to_json()["calls"]["Reserve"]


def test_wrong_answers_are_all_counted_and_some_of_them_reported() -> None:
    tally = Tally()
    for number in range(REMARKS_MAX + 5):
        tally.wrong(ValueError(number))
    assert REMARKS_MAX + 5 == tally.wrong_answers
    assert REMARKS_MAX == len(tally.remarks)


def test_what_comes_again_is_reported_once_and_on_one_line() -> None:
    tally = Tally()
    for _ in range(1_200):
        tally.wrong(ValueError("a: 1\nb: 2"))
    assert ["1,200 x ValueError: a: 1 b: 2"] == tally.to_json()["remarks"]


def test_it_can_be_written_down_before_anything_happened() -> None:
    assert 0 == json.loads(json.dumps(Tally().to_json()))["visits"]
