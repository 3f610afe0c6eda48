"""A node that must not serve: told to stop before it does, or with a time that can't be right."""

import asyncio
import os
from pathlib import Path

import pytest

from holdfast.edge.server.clock import ClockAheadError
from holdfast.edge.server.lifecycle import Server
from holdfast.edge.server.log_writer import LogWriter
from holdfast.edge.server.settings import Settings
from tests.persistence.lives import SHARDS, close, live_on, reopen

DAYS_OF_THIS_CENTURY = 36_500


def settings_for(data_dir: Path, ahead_max_days: int) -> Settings:
    return Settings(
        data_dir=data_dir,
        shard_count=SHARDS,
        grpc_address="127.0.0.1:0",
        http_address="127.0.0.1:0",
        admin_address="127.0.0.1:0",
        clock_ahead_max_days=ahead_max_days,
        drain_notice_s=0,
    )


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A journal whose time is that of tests, decades ago."""
    live_on(tmp_path / "data", turns=20, seed=1)
    return tmp_path / "data"


@pytest.mark.parametrize("at_append", [1, None], ids=["in replay", "at its end"])
async def test_a_node_that_is_told_to_stop_while_it_recovers_never_serves(
    data_dir: Path, at_append: int | None
) -> None:
    """No port, no word of serving, and the directory is free for the next node."""
    server = Server(settings_for(data_dir, DAYS_OF_THIS_CENTURY), LogWriter(os.dup(2)))
    loop = asyncio.get_running_loop()
    ready: list[Server] = []

    async def stop_here() -> None:
        server.stop()

    def stop(done: int, total: int) -> None:
        if done == (at_append or total):
            asyncio.run_coroutine_threadsafe(stop_here(), loop).result(30)

    await server.run(ready.append, stop)
    assert [] == ready
    assert 0 == server.grpc_port
    close(reopen(data_dir))


async def test_a_clock_far_ahead_of_the_journal_stops_the_start(data_dir: Path) -> None:
    """Before anything is written, with the directory free for the next try."""
    before = (data_dir / "journal.mdb").read_bytes()
    server = Server(settings_for(data_dir, 90), LogWriter(os.dup(2)))
    with pytest.raises(ClockAheadError, match="HOLDFAST_CLOCK_AHEAD_MAX_DAYS="):
        await server.run()
    assert 0 == server.grpc_port
    assert before == (data_dir / "journal.mdb").read_bytes()
    close(reopen(data_dir))


async def test_who_knows_that_the_clock_is_right_can_say_so(data_dir: Path) -> None:
    """A node that was stopped for decades, as its journal has it."""
    server = Server(settings_for(data_dir, DAYS_OF_THIS_CENTURY), LogWriter(os.dup(2)))
    await server.run(lambda serving: serving.stop())
    assert server.grpc_port > 0
