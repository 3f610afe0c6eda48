"""A real Tryton: installed once under build/, with a database copied for each test.

Tryton is under the GPL. It is a program of its own in an environment of its own, reached over
JSON-RPC, and nothing here imports it.
"""

import fcntl
import hashlib
import inspect
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import httpx

from . import erp_user
from .erp_user import DATABASE, PASSWORD, Erp, fill
from .plan import BenchError
from .processes import free_port

BUILD: Final = Path(__file__).parents[2] / "build" / "tryton"
PACKAGES: Final = (
    *("trytond==8.2.1", "trytond_stock", "trytond_product"),
    *("trytond_sale", "trytond_purchase"),
)
#: A minute of one processor, which may be shared by many: once, a database took more than five.
INSTALL_TIMEOUT_S: Final = 1_200
START_TIMEOUT_S: Final = 60.0

_LOOK_S: Final = 0.05


class NotInstalledError(BenchError):
    """There is no Tryton, and none can be had."""


def python() -> Path:
    """The interpreter of an environment that has Tryton; installs it where it is not yet."""
    venv = BUILD / hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]
    interpreter = venv / "bin" / "python"
    with _locked("install"):
        if not (venv / "installed").exists():
            _installed(venv, interpreter)
            (venv / "installed").touch()
    return interpreter


def _installed(venv: Path, interpreter: Path) -> None:
    pip = (interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run(
            [*pip, *PACKAGES], check=True, timeout=INSTALL_TIMEOUT_S, capture_output=True
        )
    except (OSError, subprocess.SubprocessError) as failed:
        raise NotInstalledError(f"Tryton cannot be installed here: {failed}") from failed


class TrytonServer:
    """A Tryton with a database of its own, on a loopback port that stays the same."""

    def __init__(self, folder: Path, interpreter: Path) -> None:
        self.folder, self.interpreter = folder, interpreter
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.config = folder / "trytond.conf"
        self.config.write_text(
            f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{self.port}\n"
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = self.interpreter.with_name("trytond")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.interpreter, program, "-c", self.config, "-d", DATABASE],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline_s:
                raise BenchError(f"Tryton does not answer: {self.report()}")
            time.sleep(_LOOK_S)

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise BenchError(f"Tryton ended at once: {self.report()}")
        body = {"id": 1, "method": "common.server.version", "params": []}
        try:
            return httpx.post(f"{self.url}/rpc/", json=body).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Take the power away."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def user(self) -> Erp:
        """Log in."""
        erp = Erp(self.url)
        erp.log_in()
        return erp

    def report(self) -> str:
        """What it wrote last."""
        log = self.folder / "log"
        return log.read_text()[-2000:] if log.exists() else ""


@contextmanager
def serving_tryton(folder: Path, interpreter: Path) -> Iterator[TrytonServer]:
    """Serve a copy of the template until the block ends. `interpreter` is that of `python`."""
    template = _template(interpreter)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, folder / f"{DATABASE}.sqlite")
    server = TrytonServer(folder, interpreter)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _template(interpreter: Path) -> Path:
    """A database with modules and base data; made where it is not yet."""
    source = repr(PACKAGES) + inspect.getsource(_create) + inspect.getsource(erp_user)
    recipe = hashlib.sha256(source.encode()).hexdigest()[:12]
    folder = BUILD / f"template-{recipe}"
    template = folder / f"{DATABASE}.sqlite"
    with _locked("template"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _create(folder, interpreter)
            (folder / "complete").touch()
    return template


def _create(folder: Path, interpreter: Path) -> None:
    server = TrytonServer(folder, interpreter)
    (folder / f"{DATABASE}.sqlite").touch()  # Tryton wants to find one, if an empty one
    password = folder / "password"
    password.write_text(PASSWORD)
    admin: list[str | Path] = [
        interpreter,
        interpreter.with_name("trytond-admin"),
        "-c",
        server.config,
    ]
    modules = ["-u", "stock", "sale", "purchase", "--activate-dependencies"]
    subprocess.run(
        [*admin, "-d", DATABASE, *modules, "--email", "a@example.com"],
        env={**os.environ, "TRYTONPASSFILE": str(password)},
        check=True,
        timeout=INSTALL_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
    )
    try:
        server.start()
        fill(server.user())
    finally:
        server.kill()
    with closing(sqlite3.connect(folder / f"{DATABASE}.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the one file is copied later


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One process at a time: tests run in several."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
