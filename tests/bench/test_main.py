"""A run reports what it has, whatever fails; `make test-slow` makes a real one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.harness.figures import Figure, at_least, figure
from bench.harness.plan import ROOT, BenchError, Plan

EVERY_BENCH = set(bench.BENCHES)


async def good(plan: Plan) -> list[Figure]:
    return [figure("good.figure", "A figure", "x", [1] * plan.rounds)]


async def bad(_plan: Plan) -> list[Figure]:
    raise BenchError("the node is gone")


async def missing(_plan: Plan) -> list[Figure]:
    return [figure("missing.figure", "A missed figure", "x", [1], at_least(2))]


@pytest.fixture(autouse=True)
def benches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BENCHES", {"bad": bad, "missing": missing, "good": good})
    monkeypatch.setattr("bench.harness.conditions.SYNCS", 2)
    monkeypatch.setattr("bench.harness.conditions.SLEEPS", 2)


def run(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    path = tmp_path / "bench.json"
    code = bench.main(["--json", str(path), "--folder", str(tmp_path / "work"), *arguments])
    assert [] == list((tmp_path / "work").iterdir())
    return code, json.loads(path.read_text("utf-8"))


def test_a_bench_that_fails_is_reported_and_the_others_run(tmp_path: Path) -> None:
    code, report = run(tmp_path)
    assert 1 == code
    assert {"bad": "BenchError: the node is gone"} == report["failures"]
    assert ["missing.figure", "good.figure"] == [each["key"] for each in report["figures"]]


def test_a_missed_bar_is_no_failure_unless_asked_for(tmp_path: Path) -> None:
    assert 0 == run(tmp_path, "--only", "missing")[0]
    assert 1 == run(tmp_path, "--only", "missing", "--strict")[0]
    assert 0 == run(tmp_path, "--only", "good", "--strict")[0]


@pytest.mark.parametrize(
    ("arguments", "rounds"), [((), 5), (("--quick",), 2), (("--quick", "--rounds", "3"), 3)]
)
def test_rounds_are_as_asked(tmp_path: Path, arguments: tuple[str, ...], rounds: int) -> None:
    _, report = run(tmp_path, "--only", "good", *arguments)
    assert rounds == len(report["figures"][0]["samples"])


@pytest.mark.parametrize("arguments", [("--only", "nothing"), ("--rounds", "0")])
def test_what_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, *arguments)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quick_run_runs_every_bench(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", path, "--folder", tmp_path / "work"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    report = json.loads(path.read_text("utf-8"))
    values = {each["key"]: each["median"] for each in report["figures"]}
    assert EVERY_BENCH == {key.partition(".")[0] for key in values}
    assert {} == report["failures"]
    assert values["unary.reserve_rate"] > 0
    assert 0 == values["storage.refused_bytes"]
    assert "limits.unary_cpu_share" in values
    assert "Reserve ÷ echo" in done.stdout
    assert [] == list((tmp_path / "work").iterdir())
