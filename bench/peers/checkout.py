"""PostgreSQL behind a gRPC server in Python: what a team gets that builds the call itself."""

import os
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED

from ..harness.plan import ROOT
from ..harness.pool import Pool
from ..harness.processes import Server, free_port
from ..harness.workload import RESERVE_PATH, Orders, expect, rows
from . import postgres
from . import postgres_wire as wire
from .peer import SKUS, Peer

MANY = rows(SKUS)


async def running(folder: Path) -> AsyncIterator[Peer]:
    """A database with stock and its server, until the iterator is closed. Raises MissingError."""
    orders = Orders()
    async with (
        postgres.stocked(folder / "database") as database,
        checkout_server(folder / "server", database.port) as server,
        Pool(database.port, wire.answer, wire.greet) as pool,
    ):
        call = server.call(RESERVE_PATH)
        yield Peer(
            lambda _demand: call,
            lambda demand: orders.reserves(demand.messages, MANY[: demand.skus]),
            lambda _demand, answers: expect(answers, OUTCOME_ACCEPTED),
            partial(pool.call, wire.query("ANALYZE")),
            size_max=1,
        )


def checkout_server(folder: Path, database_port: int) -> Server:
    """A server that asks the database at a port."""
    port = free_port()
    command = (sys.executable, "-m", "bench.peers.checkout_server", str(port), str(database_port))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Server(folder, port, command, _probe, environment)


async def _probe(server: Server) -> None:
    (request,) = Orders(seed=0).reserves(1, MANY)
    await server.call(RESERVE_PATH)(request)
