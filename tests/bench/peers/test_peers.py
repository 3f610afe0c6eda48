"""Peers that are not there are left out by name; those that are there answer like we do."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bench.cases import peer_comparison
from bench.harness.plan import ROOT, BenchError, Plan
from bench.peers import peer_servers, tigerbeetle
from bench.peers.peer_servers import MissingError, postgres_server, redis_server
from bench.peers.wires import (
    INT4_OID,
    INT8_OID,
    Pool,
    postgres_answer,
    postgres_array,
    postgres_execute,
    postgres_greet,
    postgres_int8,
    postgres_query,
    redis_answer,
    redis_command,
)

HOLD_MS = 60_000

#: Answers the digits of (id, SKU, quantity) each; SKU 1 has ten units.
Ask = Callable[[list[tuple[int, int, int]]], Awaitable[bytes]]


def test_a_missing_peer_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_servers, "POSTGRES_FOLDERS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(MissingError, match="redis-server"):
        redis_server(tmp_path)
    with pytest.raises(MissingError, match="postgresql"):
        postgres_server(tmp_path)


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder into which another user can be let; pytest's own cannot."""
    (ROOT / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="test-", dir=ROOT / "build") as folder:
        yield Path(folder)


async def check_rules(ask: Ask) -> None:
    assert b"111" == await ask([(1, 1, 4), (2, 1, 4), (3, 1, 1)])
    assert b"2" == await ask([(1, 1, 4)])
    assert b"6" == await ask([(1, 1, 3)])
    assert b"3" == await ask([(4, 1, 2)])
    assert b"213" == await ask([(2, 1, 4), (4, 1, 1), (5, 1, 1)])
    assert b"3" == await ask([(6, 2, 1)])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
async def test_redis_keeps_the_rules(tmp_path: Path) -> None:
    script = (ROOT / "bench" / "peers" / "redis.lua").read_bytes()
    async with redis_server(tmp_path / "redis") as server, Pool(server.port, redis_answer) as pool:
        digest = await pool.call(redis_command(b"SCRIPT", b"LOAD", script))
        await pool.call(redis_command(b"HSET", b"free", b"1", b"10"))

        async def ask(
            operations: list[tuple[int, int, int]], hold_ms: bytes = b"%d" % HOLD_MS
        ) -> bytes:
            words = [b"%d" % each for operation in operations for each in operation]
            return await pool.call(redis_command(b"EVALSHA", digest, b"0", hold_ms, *words))

        await check_rules(ask)
        await pool.call(redis_command(b"HSET", b"free", b"3", b"1"))
        assert b"1" == await ask([(7, 3, 1)], b"50")
        assert b"3" == await ask([(8, 3, 1)])
        await asyncio.sleep(0.1)
        assert b"1" == await ask([(9, 3, 1)])


@pytest.mark.slow
async def test_postgres_keeps_the_rules(work: Path) -> None:
    try:
        server = postgres_server(work / "postgres")
    except MissingError as why:
        pytest.skip(str(why))
    schema = (ROOT / "bench" / "peers" / "postgres.sql").read_text("utf-8")
    stock = "INSERT INTO stock (sku, on_hand) VALUES (1, 10), (2, 0), (3, 10)"
    async with server, Pool(server.port, postgres_answer, peer_comparison.greet_postgres) as pool:

        async def many(operations: list[tuple[int, int, int]]) -> bytes:
            ids, skus, quantities = np.array(operations).T
            return await pool.call(
                postgres_execute(
                    b"many",
                    postgres_array(INT8_OID, ids),
                    postgres_array(INT8_OID, ids),
                    postgres_array(INT4_OID, skus),
                    postgres_array(INT8_OID, quantities),
                    postgres_int8(HOLD_MS),
                )
            )

        async def one_by_one(operations: list[tuple[int, int, int]]) -> bytes:
            answers = []
            for number, sku, quantity in operations:
                values = [number, number, None, quantity, HOLD_MS]
                words = [sku.to_bytes(4, "big") if v is None else postgres_int8(v) for v in values]
                answers.append(await pool.call(postgres_execute(b"one", *words)))
            return b"".join(answers)

        for ask in (many, one_by_one):
            async with Pool(server.port, postgres_answer, postgres_greet) as bare:
                await bare.call(postgres_query("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
                await bare.call(postgres_query(f"{schema};{stock}"))
            await check_rules(ask)


def test_tigerbeetle_is_left_out_without_a_binary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(tigerbeetle.VARIABLE, raising=False)
    plan = Plan(tmp_path, 1, is_quick=True)
    assert [] == asyncio.run(tigerbeetle.figures(plan))
    assert {"TigerBeetle"} == set(plan.left_out)


#: Knows the options of TigerBeetle's own, and refuses others as that does.
STRICT_BENCHMARK = """#!/bin/sh
for word in "$@"; do
    case "$word" in
        benchmark | --transfer-pending | --transfer-batch-count=* | --transfer-count=*) ;;
        *) echo "error: unexpected argument: $word"; exit 1 ;;
    esac
done
echo "load accepted = 1,234 tx/s"
"""


def test_tigerbeetle_is_asked_for_pending_transfers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "tigerbeetle"
    binary.write_text(STRICT_BENCHMARK)
    binary.chmod(0o755)
    monkeypatch.setenv(tigerbeetle.VARIABLE, str(binary))
    figures = asyncio.run(tigerbeetle.figures(Plan(tmp_path, 2, is_quick=True)))
    assert {(1_234.0, 1_234.0)} == {each.samples for each in figures}


def test_an_unread_benchmark_of_tigerbeetle_is_an_error() -> None:
    assert 301_887 == tigerbeetle.accepted_rate("x\nload accepted = 301887 tx/s\ny")
    with pytest.raises(BenchError, match="usage"):
        tigerbeetle.accepted_rate("usage: …")
