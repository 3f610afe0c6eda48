"""Redis and PostgreSQL as processes of their own, found where Debian puts them, with every answer
durable, on loopback.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..harness.plan import BenchError
from ..harness.processes import START_TIMEOUT_S, Server, free_port
from .wires import (
    Pool,
    postgres_answer,
    postgres_greet,
    postgres_query,
    redis_answer,
    redis_command,
)

POSTGRES_FOLDERS = Path("/usr/lib/postgresql")
POSTGRES_USER = "postgres"
STOP_TIMEOUT_S = 10.0

#: Room to work in; what makes an answer durable stays as it comes, which is on.
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
}

REDIS_SETTINGS = {"bind": "127.0.0.1", "appendonly": "yes", "appendfsync": "always", "save": ""}


class MissingError(Exception):
    """A peer cannot be run on this machine."""


class Peer(Server):
    """A server that is not spoken to in gRPC."""

    stop_signal = signal.SIGKILL

    def _open_channel(self) -> None:
        """Pools connect by themselves."""

    async def kill(self) -> None:
        """Ask to stop at once, so that children with sessions of their own go too; then kill."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
        await super().kill()


def redis_server(folder: Path) -> Peer:
    """Make a Redis; raise MissingError when there is none."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise MissingError("no redis-server (Debian package redis-server)")
    port = free_port()
    settings = {"port": str(port), "dir": str(folder), **REDIS_SETTINGS}
    words = [word for key, value in settings.items() for word in (f"--{key}", value)]
    return Peer(folder, port, (binary, *words), _probe_redis, os.environ)


def postgres_server(folder: Path) -> Peer:
    """Make a PostgreSQL with an empty database; raise MissingError when it cannot run."""
    binaries = _postgres_binaries()
    prefix = _other_user(folder)
    port = free_port()
    data = folder / "data"
    _initialise((*prefix, str(binaries / "initdb")), data)
    settings = {"port": str(port), **POSTGRES_SETTINGS}
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    command = (*prefix, str(binaries / "postgres"), "-D", str(data), *words)
    peer = Peer(folder, port, command, _probe_postgres, os.environ)
    peer.stop_signal = signal.SIGQUIT
    return peer


def _postgres_binaries() -> Path:
    """The newest of Debian's, or what PATH has."""
    found = sorted(
        POSTGRES_FOLDERS.glob("*/bin/postgres"), key=lambda path: path.parts[-3].zfill(4)
    )
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path is not None:
        return Path(on_path).resolve().parent
    raise MissingError("no postgres (Debian package postgresql)")


def _other_user(folder: Path) -> tuple[str, ...]:
    """What to put before a command of PostgreSQL, which refuses to be root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return ()
    try:
        account = pwd.getpwnam(POSTGRES_USER)
    except KeyError:
        raise MissingError(f"it refuses to be root, and no user is {POSTGRES_USER}") from None
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingError("it refuses to be root (Debian package util-linux)")
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.parent.chmod(0o711)  # the run's own folder
    if not all(path.stat().st_mode & 0o001 for path in folder.parents):
        raise MissingError(f"it refuses to be root, and {POSTGRES_USER} cannot enter --folder")
    return (
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--",
    )


def _initialise(command: Sequence[str], data: Path) -> None:
    done = subprocess.run(
        (*command, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"),
        capture_output=True,
        timeout=START_TIMEOUT_S,
        cwd=data.parent,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"no database: {done.stderr.decode(errors='replace')}")


async def _probe_redis(server: Server) -> None:
    async with Pool(server.port, redis_answer) as pool:
        await pool.call(redis_command(b"PING"))


async def _probe_postgres(server: Server) -> None:
    async with Pool(server.port, postgres_answer, postgres_greet) as pool:
        await pool.call(postgres_query("SELECT 1"))
