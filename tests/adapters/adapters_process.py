"""The adapters as a process of their own, beside a real node."""

import hashlib
import hmac
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Final, Self

import httpx

from holdfast.edge.cli.main import main as holdfast
from tests.adapters import hurried
from tests.adapters.hurried import Hurried
from tests.edge.node_process import free_port
from tests.fork_server import ForkedCommand, run_forked
from tests.real_time import wait_until

START_TIMEOUT_S: Final = 30.0

#: Connections that are not kept: by a clock that hurries, an idle one ends at once.
ONE_CALL_EACH: Final = httpx.Limits(max_keepalive_connections=0)
STOP_TIMEOUT_S: Final = 30.0

#: The shop of tests/adapters/simple.py, and what it signs with.
SHOP: Final = """\
[adapters.shop]
kind = "tests.adapters.simple:ADAPTER"
secrets.key = { env = "SHOP_KEY" }
"""
SHOP_KEY: Final = "the shop's key"

ROOT: Final = Path(__file__).parents[2]


def signed(body: bytes) -> dict[str, str]:
    """The headers that the shop sends with a body."""
    return {"x-shop-signature": hmac.new(SHOP_KEY.encode(), body, hashlib.sha256).hexdigest()}


class AdaptersProcess:
    """Adapters on a port and a folder that stay the same over restarts."""

    def __init__(
        self,
        folder: Path,
        target: str,
        adapters: str,
        settings: str = "",
        path: Path | None = None,
        clock: Hurried | None = None,
    ) -> None:
        """`adapters` are the tables of adapters.toml below its settings, and `path` is where
        libraries are that are not installed here. A `clock` is theirs instead of the real one.
        """
        found = [ROOT] if path is None else [ROOT, path]
        paths = os.pathsep.join(map(str, found))
        self._env = {**os.environ, "PYTHONPATH": paths, "SHOP_KEY": SHOP_KEY}
        self._main = holdfast
        if clock is not None:
            self._env |= clock.environment()
            self._main = hurried.main
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.config = folder / "adapters.toml"
        self.config.write_text(
            f'data_dir = "store"\ntarget = "{target}"\n'
            f'http_address = "127.0.0.1:{self.port}"\n{settings}\n{adapters}'
        )
        self.log_path = folder / "log"
        self.process: ForkedCommand | None = None
        self._http = httpx.Client(timeout=5, limits=ONE_CALL_EACH)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT_S)
        self._http.close()

    def url(self, path: str) -> str:
        """A page of theirs."""
        return f"http://127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Start them and wait until they answer."""
        words = ("adapters", "run", "-c", str(self.config))
        self.process = ForkedCommand(words, self._env, self.log_path, self.log_path, self._main)
        wait_until(self._answers, f"they do not answer: {self.report()}", START_TIMEOUT_S)

    def kill(self) -> None:
        """End them as a power loss would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Ask them to end, and return their exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def status(self) -> dict[str, Any]:
        """What `holdfast adapters status --json` tells."""
        status: dict[str, Any] = self._http.get(self.url("/status")).json()
        return status

    def wait_idle(self, timeout_s: float = START_TIMEOUT_S) -> dict[str, Any]:
        """Wait until nothing waits, and return the status."""
        wait_until(self._is_idle, f"something waits: {self.report()}", timeout_s)
        return self.status()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `holdfast adapters` on their settings."""
        command = ("adapters", *words, "-c", str(self.config))
        return run_forked(command, self._env, START_TIMEOUT_S)

    def report(self) -> str:
        """What they have written."""
        return self.log_path.read_text(errors="replace")[-3_000:]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"they ended at once: {self.report()}"
        try:
            return self._http.get(self.url("/healthz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _is_idle(self) -> bool:
        adapters = self.status()["adapters"]
        return not any(each["inbox"] or each.get("outbox") for each in adapters)
