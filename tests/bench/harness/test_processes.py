"""Servers that do not start say why."""

import sys
from pathlib import Path

import pytest

from bench.harness import processes
from bench.harness.plan import BenchError
from bench.harness.processes import PORTS, Server, free_port


async def never(_server: Server) -> None:
    raise AssertionError("not to be asked")


def test_ports_are_below_those_that_systems_hand_out() -> None:
    assert free_port() in PORTS
    assert PORTS.stop <= 32_768


async def test_a_server_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('out of luck')")
    server = Server(tmp_path, free_port(), command, never, {})
    with pytest.raises(BenchError, match="out of luck"):
        await server.start()
    await server.kill()


async def test_a_server_that_does_not_answer_is_given_up_and_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "START_TIMEOUT_S", 0.05)
    command = (sys.executable, "-c", "import signal; signal.pause()")
    server = Server(tmp_path, free_port(), command, never, {})
    with pytest.raises(BenchError, match="does not answer"):
        async with server:
            pass
    assert server._process is None
