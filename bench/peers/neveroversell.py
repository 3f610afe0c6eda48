"""The library neveroversell (PyPI, version 0.1) on PostgreSQL: its own SQL function takes a hold,
and logs it.

The library creates its schema. The function is then called over a plain socket, because the
library's driver would be most of what is measured.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from uuid import UUID

from ..harness.plan import BenchError
from ..harness.pool import Connection, Pool
from ..harness.workload import PLENTY
from . import postgres_wire as wire
from .peer import SKUS, Demand, MissingError, Peer, Traffic, repeat
from .postgres import postgres_server

LIBRARY: Final = "neveroversell"

#: Resource, quantity, account, idempotency key. How long a hold lasts is a setting of the library.
HOLD: Final = "SELECT status FROM nos_hold($1::text, $2::int4, $3::text, $4::text)"
STOCK: Final = (
    f"SELECT nos_upsert_resource(sku::text, {PLENTY}) "  # noqa: S608 - numbers of ours
    f"FROM generate_series(0, {SKUS - 1}) AS sku"
)


async def running(folder: Path) -> AsyncIterator[Peer]:
    """Its PostgreSQL with stock, until the iterator is closed. Raises MissingError."""
    if find_spec(LIBRARY) is None:
        raise MissingError(f"not installed (PyPI {LIBRARY})")
    traffic = Traffic()
    async with postgres_server(folder) as server:
        await asyncio.to_thread(migrate, server.port)
        async with Pool(server.port, wire.answer, greet) as pool:
            await pool.call(wire.query(STOCK))
            analyze = partial(pool.call, wire.query("ANALYZE"))
            spell = partial(_hold, traffic)
            yield Peer(
                lambda _demand: pool.call, partial(repeat, spell), _check, analyze, size_max=1
            )


def migrate(port: int) -> None:
    """Let the library create its tables and functions in an empty database."""
    from neveroversell import Inventory  # noqa: PLC0415 - it may be missing

    inventory = Inventory(f"host=127.0.0.1 port={port} user=postgres dbname=postgres", max_size=1)
    try:
        inventory.migrate()
    finally:
        inventory.close()


async def greet(connection: Connection) -> None:
    """Log on, and prepare the statement."""
    await wire.greet(connection)
    connection.writer.write(wire.prepare(b"hold", HOLD))
    await wire.answer(connection.reader)


def hold(sku: int, quantity: int, key: str) -> bytes:
    """The message that holds units for the one account there is."""
    size = quantity.to_bytes(4, "big")
    return wire.execute(b"hold", str(sku).encode(), size, b"shop", key.encode())


def _hold(traffic: Traffic, demand: Demand) -> bytes:
    key = UUID(bytes=traffic.ids(1).tobytes())
    return hold(int(traffic.skus(demand)[0]), 1, str(key))


def _check(demand: Demand, answers: Sequence[bytes]) -> None:
    """Raise unless everything was held."""
    if set(answers) - {b"held"}:
        raise BenchError(f"{demand.key} was answered with {sorted(set(answers))}")
