"""PostgreSQL, found where Debian puts it, with every answer durable: a function for one operation,
another for arrays of them.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from ..harness.packed_traffic import HOLD_MS
from ..harness.plan import BenchError
from ..harness.pool import Connection, Pool
from ..harness.processes import START_TIMEOUT_S, Server, free_port
from ..harness.workload import PLENTY
from . import postgres_wire as wire
from .peer import SKUS, Demand, MissingError, Peer, Traffic, check_digits, repeat

SCHEMA: Final = Path(__file__).with_suffix(".sql")

FOLDERS = Path("/usr/lib/postgresql")
USER = "postgres"

#: Room to work in. What makes an answer durable is on by default.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
}

STOCK = (
    f"INSERT INTO stock (sku, on_hand) SELECT sku, {PLENTY} "  # noqa: S608 - numbers of ours
    f"FROM generate_series(0, {SKUS - 1}) AS sku"
)


async def running(folder: Path) -> AsyncIterator[Peer]:
    """A PostgreSQL with stock, until the iterator is closed. Raises MissingError."""
    traffic = Traffic()
    async with stocked(folder) as server, Pool(server.port, wire.answer, greet) as pool:
        spell = partial(_reserve, traffic)
        # Plans made for an empty table would be kept for a full one.
        analyze = partial(pool.call, wire.query("ANALYZE"))
        yield Peer(lambda _demand: pool.call, partial(repeat, spell), check_digits, analyze)


@asynccontextmanager
async def stocked(folder: Path) -> AsyncIterator[Server]:
    """A PostgreSQL with tables, functions and stock. Raises MissingError."""
    schema = SCHEMA.read_text("utf-8")
    async with postgres_server(folder) as server:
        async with Pool(server.port, wire.answer, wire.greet) as first:
            await first.call(wire.query(schema))
            await first.call(wire.query(STOCK))
        yield server


async def greet(connection: Connection) -> None:
    """Log on, and prepare both statements."""
    await wire.greet(connection)
    for name, types in (
        (b"one", "bigint, bigint, int, bigint, bigint"),
        (b"many", "bigint[], bigint[], int[], bigint[], bigint"),
    ):
        function = "reserve" if name == b"one" else "reserve_many"
        casts = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types.split(", "), 1))
        connection.writer.write(wire.prepare(name, f"SELECT {function}({casts})"))
        await wire.answer(connection.reader)


def _reserve(traffic: Traffic, demand: Demand) -> bytes:
    (high, low), skus = traffic.ids(demand.size), traffic.skus(demand)
    hold = wire.int8(HOLD_MS)
    if demand.size == 1:
        return wire.execute(
            b"one",
            wire.int8(int(high[0])),
            wire.int8(int(low[0])),
            int(skus[0]).to_bytes(4, "big"),
            wire.int8(1),
            hold,
        )
    return wire.execute(
        b"many",
        wire.array(wire.INT8_OID, high),
        wire.array(wire.INT8_OID, low),
        wire.array(wire.INT4_OID, skus),
        wire.array(wire.INT8_OID, np.ones(demand.size)),
        hold,
    )


def postgres_server(folder: Path) -> Server:
    """A PostgreSQL with an empty database. Raises MissingError when it cannot run here."""
    binaries = _binaries()
    prefix = _other_user(folder)
    port = free_port()
    data = folder / "data"
    _initialise((*prefix, str(binaries / "initdb")), data)
    settings = {"port": str(port), **SETTINGS}
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    command = (*prefix, str(binaries / "postgres"), "-D", str(data), *words)
    return Server(folder, port, command, _probe, os.environ, stop_signal=signal.SIGQUIT)


def _binaries() -> Path:
    """The folder of the newest binaries of Debian, or of what PATH has."""
    found = sorted(FOLDERS.glob("*/bin/postgres"), key=lambda path: path.parts[-3].zfill(4))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path is not None:
        return Path(on_path).resolve().parent
    raise MissingError("no postgres (Debian package postgresql)")


def _other_user(folder: Path) -> tuple[str, ...]:
    """The words before a command of PostgreSQL, which refuses to run as root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return ()
    try:
        account = pwd.getpwnam(USER)
    except KeyError:
        raise MissingError(f"it refuses to be root, and no user is {USER}") from None
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingError("it refuses to be root (Debian package util-linux)")
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.parent.chmod(0o711)  # the run's own folder
    if not all(path.stat().st_mode & 0o001 for path in folder.parents):
        raise MissingError(f"it refuses to be root, and {USER} cannot enter --folder")
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


async def _probe(server: Server) -> None:
    async with Pool(server.port, wire.answer, wire.greet) as pool:
        await pool.call(wire.query("SELECT 1"))
