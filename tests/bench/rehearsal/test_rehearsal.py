"""A rehearsal ends with a verdict on a real node, or says in one line why there is none."""

import asyncio
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bench.harness.node_server import connect, node_server
from bench.harness.plan import ROOT
from bench.harness.processes import free_port
from bench.harness.workload import put_stock
from bench.rehearsal import __main__ as rehearsal
from bench.rehearsal import rehearse

needs_locust = pytest.mark.skipif(
    find_spec("locust") is None, reason="Locust is not installed: `make load` does that"
)

#: Whatever else the machine is doing, an answer comes within the time that calls have.
LENIENT = """
error_ratio_max = 0.0
refused_early_ratio_max = 0.0
[calls.Reserve]
p99_ms_max = 5_000
"""
#: Whatever else the machine is doing, a channel catches up within a minute.
WITH_CHANNELS = f"caught_up_s_max = 60\n{LENIENT}"
IMPOSSIBLE = LENIENT + "[calls.Commit]\np50_ms_max = 0.001\n"


async def run_rehearsal(
    tmp_path: Path, objectives: str, *arguments: str
) -> tuple[int | None, dict[str, Any]]:
    """Rehearse for three seconds, or as the arguments say; return the exit code and the verdict."""
    limits = tmp_path / "objectives.toml"
    limits.write_text(objectives, "utf-8")
    small = ("--duration", "3", "--users", "10", "--rate", "40")
    where = ("--objectives", str(limits), "--report", str(tmp_path))
    command = (sys.executable, "-m", "bench.rehearsal", *small, *arguments, *where)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    code = await process.wait()
    return code, read_verdict(tmp_path)


def read_verdict(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("load-*.json")
    verdict: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return verdict


@pytest.mark.slow
@needs_locust
@pytest.mark.timeout(90)
async def test_a_node_of_its_own_passes(tmp_path: Path) -> None:
    code, verdict = await run_rehearsal(tmp_path, LENIENT, "stock-storm")
    values = {each["key"]: each["median"] for each in verdict["figures"]}
    assert [] == verdict["reasons"], verdict["remarks"]
    assert 0 == code
    assert 0 == values["stock.oversold"] == values["stock.differing"]
    for call in ("GetAvailability", "Reserve", "Commit", "RecordStockEvents"):
        assert values[f"calls.{call}.p50"] > 0
    assert "<html" in (tmp_path / "load-stock-storm.html").read_text("utf-8")


@pytest.mark.slow
@needs_locust
@pytest.mark.timeout(90)
async def test_a_target_that_misses_an_objective_fails_and_keeps_no_stock(tmp_path: Path) -> None:
    async with node_server(tmp_path / "node") as server, connect(server) as client:
        await put_stock(client, [("MUG", "STORE-9")], 5)
        target = ("--target", server.address)
        code, verdict = await run_rehearsal(tmp_path, IMPOSSIBLE, "promotion", *target)
        shards = (await client.get_status()).shards
        (level,) = (await client.get_availability("MUG")).availability.levels
    assert ["Commit p50"] == verdict["reasons"], verdict["remarks"]
    assert 1 == code
    assert 5 == level.available
    assert 1 == sum(shard.skus for shard in shards)


@pytest.mark.slow
@needs_locust
@pytest.mark.timeout(600)
async def test_all_channels_agree_after_each_has_failed(tmp_path: Path) -> None:
    small = ("--duration", "60", "--users", "5", "--rate", "10")
    code, verdict = await run_rehearsal(tmp_path, WITH_CHANNELS, "channels", *small)
    values = {each["key"]: each["median"] for each in verdict["figures"]}
    assert [] == verdict["reasons"], verdict["remarks"]
    assert 0 == code
    assert 1 == values["channels.outage.breaker"]
    assert values["channels.limit.throttled"] > 0
    for trial in ("outage", "limit", "kill"):
        assert f"channels.{trial}.caught_up" in values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--duration", "20"], "duration is 20: channels takes at least 60 s"),
        (["--target", "staging:50051"], "target is staging:50051: channels starts a node"),
    ],
)
def test_a_rehearsal_with_channels_has_a_node_of_its_own_and_its_time(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = rehearsal.main(["channels", *arguments, "--report", str(tmp_path)])
    assert 2 == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sale"], "choose from 'promotion', 'steady', 'stock-storm'"),
        (["--target", "staging"], "'staging': expected host:port"),
        (["--users", "0"], "0: expected 1 to 500"),
        (["--users", "1.5"], "1.5: expected 1 to 500"),
        (["--rate", "lots"], "lots: expected 0.1 to 1000"),
        (["--rate", "5000"], "5000: expected 0.1 to 1000"),
        (["--duration", "0.5"], "0.5: expected 1 to 86400"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        rehearsal.main(arguments)
    assert 2 == caught.value.code
    assert message in capsys.readouterr().err


def test_objectives_that_cannot_be_read_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = rehearsal.main(["--objectives", str(tmp_path / "mine.toml"), "--report", str(tmp_path)])
    assert 2 == code
    assert "mine.toml: No such file" in capsys.readouterr().err


def test_a_target_where_nobody_answers_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse, "TIMEOUT_S", 0.2)
    (tmp_path / "load-promotion.json").write_text("the last verdict", "utf-8")
    target = f"127.0.0.1:{free_port()}"
    assert 2 == rehearsal.main(["--target", target, "--report", str(tmp_path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no node answers at {target}" in line
    assert "expected TARGET=host:port" in line
    assert [] == list(tmp_path.iterdir())
