"""PostgreSQL keeps the rules, one by one and many in a statement."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bench.harness.plan import ROOT
from bench.harness.pool import Pool
from bench.peers import postgres
from bench.peers import postgres_wire as wire
from bench.peers.peer import MissingError
from bench.peers.postgres import postgres_server
from tests.bench.peers.peer_rules import HOLD_MS, check_rules


def test_a_missing_postgres_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "FOLDERS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(MissingError, match="postgresql"):
        postgres_server(tmp_path)


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder into which another user can be let; pytest's own cannot."""
    (ROOT / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="test-", dir=ROOT / "build") as folder:
        yield Path(folder)


@pytest.mark.slow
async def test_postgres_keeps_the_rules(work: Path) -> None:
    try:
        server = postgres_server(work / "postgres")
    except MissingError as why:
        pytest.skip(str(why))
    schema = postgres.SCHEMA.read_text("utf-8")
    stock = "INSERT INTO stock (sku, on_hand) VALUES (1, 10), (2, 0), (3, 10)"
    async with server, Pool(server.port, wire.answer, postgres.greet) as pool:

        async def many(operations: list[tuple[int, int, int]]) -> bytes:
            ids, skus, quantities = np.array(operations).T
            return await pool.call(
                wire.execute(
                    b"many",
                    wire.array(wire.INT8_OID, ids),
                    wire.array(wire.INT8_OID, ids),
                    wire.array(wire.INT4_OID, skus),
                    wire.array(wire.INT8_OID, quantities),
                    wire.int8(HOLD_MS),
                )
            )

        async def one_by_one(operations: list[tuple[int, int, int]]) -> bytes:
            answers = []
            for number, sku, quantity in operations:
                values = [number, number, None, quantity, HOLD_MS]
                words = [sku.to_bytes(4, "big") if v is None else wire.int8(v) for v in values]
                answers.append(await pool.call(wire.execute(b"one", *words)))
            return b"".join(answers)

        for ask in (many, one_by_one):
            async with Pool(server.port, wire.answer, wire.greet) as bare:
                await bare.call(wire.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
                await bare.call(wire.query(f"{schema};{stock}"))
            await check_rules(ask)
