"""A real year of orders, and a node that is killed all the while, come to the books of a quiet run.

The replay keeps its own books on the answers and compares them with the node and with a simulation
that has not seen it (bench/replay/reconciliation.py). Here it runs as the command that people use.
"""

import asyncio
import gzip
import json
import random
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from holdfast.edge.client import Client
from holdfast.persistence.verify import verify
from tests.bench.replay.shop import REAL_YEAR
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S, traces_of
from tests.real_time import let_pass

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(not REAL_YEAR.exists(), reason="the orders of a real year are not here"),
]


def first_rows(folder: Path, rows: int | None) -> Path:
    """Take the first of the orders, or all."""
    if rows is None:
        return REAL_YEAR
    path = folder / "orders.csv"
    with (
        gzip.open(REAL_YEAR, "rt", encoding="utf-8") as year,
        path.open("w", encoding="utf-8") as cut,
    ):
        cut.writelines(islice(year, 1 + rows))
    return path


async def replay(node: NodeProcess, orders: Path) -> dict[str, Any]:
    """Replay the orders against a node, and return what is reported."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.replay", "--json"),
        *("--orders", str(orders), "--target", node.target, "--admin-target", node.admin_target),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert 0 == process.returncode, f"{err.decode()}\n{node.report()}"
    document: dict[str, Any] = json.loads(out)
    assert document["is_good"], document["checks"]
    return document


async def reservations_in(client: Client) -> int:
    """How far the replay has come."""
    return sum(shard.reservations for shard in (await client.get_status()).shards)


async def kill_meanwhile(
    node: NodeProcess, replaying: "asyncio.Task[dict[str, Any]]", total: int, kills: int
) -> int:
    """Kill the node so many times, spread over the replay; return how often it came to that."""
    chance = random.Random(20_101_201)
    for number in range(kills):
        after = total * (number + chance.random()) / kills * 0.95
        # A client for each life of the node: its figures are asked for, and nothing is repeated.
        async with Client(
            **node.targets,
            timeout_s=CALL_TIMEOUT_S,
            own_connection=True,
        ) as client:
            while await reservations_in(client) < after:
                if replaying.done():
                    return number
                await let_pass(0.01)
        await let_pass(chance.random() * 0.02)
        node.kill()
        await asyncio.to_thread(node.start)
    return kills


@pytest.mark.parametrize(
    ("rows", "kills"), [(40_000, 10), (None, 30)], ids=["first weeks", "whole year"]
)
async def test_a_replay_over_many_kills_comes_to_the_books_of_a_quiet_one(
    tmp_path: Path, rows: int | None, kills: int
) -> None:
    """The same orders accepted and refused, the same stock, the same state hash."""
    orders = first_rows(tmp_path, rows)
    with running_node(tmp_path / "quiet") as node:
        quiet = await replay(node, orders)
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            total = await reservations_in(client)

    with running_node(tmp_path / "killed", snapshot_every_mib=8) as node:
        replaying = asyncio.create_task(replay(node, orders))
        assert kills == await kill_meanwhile(node, replaying, total, kills)
        killed = await replaying
        assert quiet["figures"] == killed["figures"]
        assert quiet["state_hash"] == killed["state_hash"]
        assert quiet["checks"] == killed["checks"]
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert killed["state_hash"] == (await traces_of(client)).state_hash
        node.terminate()
        assert [] == node.complaints()
        found = verify(node.data_dir)
        assert found.is_good, found.findings
        assert killed["state_hash"] == found.state_hash
