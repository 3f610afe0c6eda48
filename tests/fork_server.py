"""The `holdfast` command, or another `main`, forked from a process that has loaded it.

A start takes seconds of processor time for imports and for kernels that come from numba's cache,
and the tests start a hundred nodes. A fork server does that once for each process of the tests;
what it forks then runs the command from its first line. Tests of the start itself, such as those of
`tests/edge/cli/test_cli.py`, go through a new interpreter as a shell does.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from holdfast.edge.cli.main import main as holdfast

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "uvloop",
        "holdfast.edge.server.lifecycle",
        "holdfast.persistence.snapshots.process",
        "holdfast.persistence.verify",
        "holdfast.adapters.runtime.host",
        "tests.warmed_kernels",
    ]
)


class ForkedCommand:
    """A command that runs; what tests use of subprocess.Popen, by the same names."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        main: Callable[[], None] = holdfast,
    ) -> None:
        for path in (stdout, stderr):
            path.touch()
        arguments = (words, dict(environment), stdout, stderr, main)
        self._process = _CONTEXT.Process(target=_become, args=arguments, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: Final = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative after a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """Wait for its exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout_s)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("holdfast", timeout_s)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal. One that has ended gets none."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run_forked(
    words: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    main: Callable[[], None] = holdfast,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises subprocess.TimeoutExpired."""
    with TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        code = ForkedCommand(words, environment, stdout, stderr, main).wait(timeout_s)
        return subprocess.CompletedProcess(words, code, stdout.read_text(), stderr.read_text())


def _become(
    words: Sequence[str],
    environment: Mapping[str, str],
    stdout: Path,
    stderr: Path,
    main: Callable[[], None],
) -> None:
    """Run the command in the process that was forked."""
    os.environ.clear()
    os.environ.update(environment)
    for path, standard in ((stdout, 1), (stderr, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, standard)
        os.close(opened)
    sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = ["holdfast", *words]
    main()
