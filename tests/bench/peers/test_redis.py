"""Redis keeps the rules, and its commands and answers are right byte by byte."""

import shutil
from pathlib import Path

import pytest

from bench.harness.plan import BenchError
from bench.harness.pool import Pool
from bench.peers import redis
from bench.peers.peer import MissingError
from bench.peers.redis import command, redis_server
from tests.bench.peers.peer_rules import HOLD_MS, check_rules, reader
from tests.real_time import let_pass


def test_a_missing_redis_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(MissingError, match="redis-server"):
        redis_server(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
async def test_redis_keeps_the_rules(tmp_path: Path) -> None:
    script = redis.SCRIPT.read_bytes()
    async with redis_server(tmp_path / "redis") as server, Pool(server.port, redis.answer) as pool:
        digest = await pool.call(command(b"SCRIPT", b"LOAD", script))
        await pool.call(command(b"HSET", b"free", b"1", b"10"))

        async def ask(
            operations: list[tuple[int, int, int]], hold_ms: bytes = b"%d" % HOLD_MS
        ) -> bytes:
            words = [b"%d" % each for operation in operations for each in operation]
            return await pool.call(command(b"EVALSHA", digest, b"0", hold_ms, *words))

        await check_rules(ask)
        await pool.call(command(b"HSET", b"free", b"3", b"1"))
        assert b"1" == await ask([(7, 3, 1)], b"50")
        assert b"3" == await ask([(8, 3, 1)])
        await let_pass(0.1)
        assert b"1" == await ask([(9, 3, 1)])


def test_a_redis_command_counts_its_words() -> None:
    assert b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n" == command(b"ECHO", b"a\r\n")


@pytest.mark.parametrize(
    ("data", "expected"), [(b"+OK\r\n", b"OK"), (b":7\r\n", b"7"), (b"$3\r\na\r\n\r\n", b"a\r\n")]
)
async def test_a_redis_answer_is_read(data: bytes, expected: bytes) -> None:
    assert expected == await redis.answer(reader(data))


async def test_an_error_of_redis_is_reported() -> None:
    with pytest.raises(BenchError, match="NOSCRIPT"):
        await redis.answer(reader(b"-NOSCRIPT none\r\n"))
