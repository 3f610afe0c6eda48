"""Commands that are forked behave as those that a shell starts, and do not load anew."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.fork_server import ForkedCommand, run_forked
from tests.real_time import wait_until

PROGRAM = Path(sys.executable).with_name("holdfast")
TIMEOUT_S = 60.0


@pytest.mark.parametrize("words", [("--version",), ("verify", "nowhere"), ("availability",)])
def test_a_forked_command_ends_as_one_of_a_shell(words: tuple[str, ...]) -> None:
    by_shell = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)

    forked = run_forked(words, os.environ, TIMEOUT_S)

    assert (by_shell.returncode, by_shell.stdout, by_shell.stderr) == (
        forked.returncode,
        forked.stdout,
        forked.stderr,
    )


def test_a_forked_command_has_the_environment_that_it_is_given() -> None:
    done = run_forked(("serve",), {**os.environ, "HOLDFAST_SHARD_COUNT": "many"}, TIMEOUT_S)

    assert "HOLDFAST_SHARD_COUNT" in done.stderr
    assert "HOLDFAST_SHARD_COUNT" not in os.environ


def test_a_forked_command_is_found_loaded(tmp_path: Path) -> None:
    """A compiler that is in memory at its first line: no part of the start was left out."""
    environment = {**os.environ, "HOLDFAST_DATA_DIR": str(tmp_path / "data")}
    for address in ("GRPC", "ADMIN", "HTTP"):
        environment[f"HOLDFAST_{address}_ADDRESS"] = "127.0.0.1:0"
    node = ForkedCommand(("serve", "--json"), environment, tmp_path / "out", tmp_path / "err")
    maps = {each.path for each in psutil.Process(node.pid).memory_maps()}
    assert any("llvmlite" in path for path in maps)

    wait_until(lambda: '"serving"' in (tmp_path / "out").read_text(), "it does not serve")
    with pytest.raises(subprocess.TimeoutExpired):
        node.wait(0)
    assert node.poll() is None
    node.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == node.wait(TIMEOUT_S) == node.poll()
    node.send_signal(signal.SIGKILL)  # and not to whichever process has its pid now
