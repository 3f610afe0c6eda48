"""The library's function is asked for what every peer is: holds, repeats and refusals."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.harness.pool import Pool
from bench.peers import neveroversell
from bench.peers import postgres_wire as wire
from bench.peers.peer import MissingError
from bench.peers.postgres import postgres_server
from tests.bench.peers.test_postgres import work

__all__ = ["work"]


async def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neveroversell, "LIBRARY", "a_missing_library")
    with pytest.raises(MissingError, match="a_missing_library"):
        await anext(neveroversell.running(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(find_spec(neveroversell.LIBRARY) is None, reason="not installed")
async def test_the_library_holds_repeats_and_refuses(work: Path) -> None:
    try:
        server = postgres_server(work / "postgres")
    except MissingError as why:
        pytest.skip(str(why))
    async with server:
        await asyncio.to_thread(neveroversell.migrate, server.port)
        async with Pool(server.port, wire.answer, neveroversell.greet) as pool:
            await pool.call(wire.query("SELECT nos_upsert_resource('1', 10)"))
            asked = [(1, 9, "a"), (1, 9, "a"), (1, 2, "b"), (1, 1, "c"), (2, 1, "d")]
            answers = [await pool.call(neveroversell.hold(*each)) for each in asked]

    assert [b"held", b"replayed", b"insufficient", b"held", b"unknown_resource"] == answers
