"""The command starts a node, replays and reports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.bench.replay.shop import ORDERS

ROOT = Path(__file__).resolve().parents[3]


def test_the_command_starts_a_node_and_reports(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    words = ("--orders", str(file), "--data-dir", str(tmp_path / "data"), "--shards")

    done = run_command(*words, "2")
    refused = run_command(*words, "3")

    assert 0 == done.returncode, done.stderr
    for text in ("skipped: postage", "are derived", "units oversold", "2 shards", "good"):
        assert text in done.stdout
    assert 1 == refused.returncode
    assert "made with shard_count 2, which is fixed, and the setting is 3" in refused.stderr


def test_a_target_excludes_a_node_of_its_own() -> None:
    done = run_command("--target", "h:1", "--serve")

    assert 2 == done.returncode
    assert "leave --target away" in done.stderr


def test_a_node_goes_on_serving_until_ctrl_c(tmp_path: Path) -> None:
    """And says how to try it."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    words = ("--orders", str(file), "--data-dir", str(tmp_path / "data"), "--serve")
    with subprocess.Popen(
        command(*words),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            output = "".join(iter(process.stderr.readline, "\n"))
            output += "".join(process.stderr.readline() for _ in range(3))
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        finally:
            process.kill()

    assert 0 == code
    assert f"Serving on {output.split()[3].rstrip(',')} until Ctrl-C" in output
    assert f"log in {tmp_path / 'data' / 'node.log'}" in output
    assert "for operators on 127.0.0.1:" in output
    assert "holdfast reserve try-1" in output


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bench.replay", *words]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
