"""Backups beside a real node that takes orders, writes snapshots and trims its journal."""

import asyncio
import json
import os
import random
import resource
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.edge.client import BlockingClient, Client
from holdfast.edge.client.methods import BATCH_GET_AVAILABILITY
from holdfast.persistence.backup_json import read_backup_json
from holdfast.persistence.data_directory import NoDataDirectoryError, read_node_json
from holdfast.persistence.past import Wanted
from holdfast.persistence.restore import restore
from holdfast.persistence.snapshots.file import snapshot_paths
from holdfast.persistence.verify import verify
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.cli.commands import HOLDFAST
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    WAREHOUSE,
    Wire,
    figures_of,
    new_name,
    put_stock,
    traces_of,
)
from tests.fork_server import run_forked
from tests.real_time import let_pass, wait_until_so

COMMAND_TIMEOUT_S = 60.0


def holdfast(*words: object) -> Any:
    """Run a command in a process of its own, and read what it prints for programs."""
    done = run_forked((*map(str, words), "--json"), os.environ, COMMAND_TIMEOUT_S)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@asynccontextmanager
async def under_load(node: NodeProcess) -> AsyncIterator[str]:
    """Record facts and take orders until the block ends; yields the SKU of the orders."""
    is_over = asyncio.Event()
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        (sku,) = await put_stock(client, 1_000_000)

        async def feed() -> None:
            while not is_over.is_set():
                await client.record_stock_events(
                    "goods-in", [fact(new_name("event"), number % 500) for number in range(1_000)]
                )

        async def buy() -> None:
            while not is_over.is_set():
                await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])

        work = asyncio.gather(feed(), buy(), buy())
        yield sku
        is_over.set()
        await work


def fact(event_id: str, number: int) -> stock.StockEvent:
    return stock.StockEvent(
        event_id=event_id,
        sku=f"bulk-{number}",
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_RECEIPT,
        quantity=1,
    )


async def has_trimmed(node: NodeProcess, times: int = 1) -> None:
    """Wait until the node has let its journal forget."""

    async def is_so() -> bool:
        trims = [each for each in node.events("snapshot written") if each["archived_to"]]
        return len(trims) >= times

    await wait_until_so(is_so)


async def state_hash_of(node: NodeProcess) -> str:
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        return (await traces_of(client)).state_hash


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("archive_max_mib", "backups"),
    [
        pytest.param(1 << 30, 3, marks=pytest.mark.slow),
        pytest.param(1, 3, marks=pytest.mark.slow),
        pytest.param(0, 3, marks=pytest.mark.slow),
        (0, 1),
    ],
)
async def test_a_backup_beside_a_busy_node_is_the_state_of_one_instant(
    tmp_path: Path, archive_max_mib: int, backups: int
) -> None:
    """Whether the node keeps all of its history, some of it, or none; each after one more trim."""
    settings = {"snapshot_every_mib": 1, "archive_max_mib": archive_max_mib}
    with running_node(tmp_path, **settings) as node:
        made = []
        async with under_load(node):
            for number in range(backups):
                await has_trimmed(node, number + 1)
                target = tmp_path / f"backup-{number}"
                made.append(await asyncio.to_thread(holdfast, "backup", node.data_dir, target))
        quiet = holdfast("backup", node.data_dir, tmp_path / "quiet")
        assert await state_hash_of(node) == quiet["state_hash"]
        node.terminate()
        assert [] == node.complaints()
        positions = [each["position"] for each in made]
        assert sorted(set(positions)) == positions
        assert verify(node.data_dir).is_good
        if archive_max_mib == 1 << 30:
            for each in made:
                target = tmp_path / f"then-{each['position']}"
                then = restore(node.data_dir, target, Wanted(position=each["position"]))
                assert each["state_hash"] == then.report.state_hash


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_backup_that_is_killed_is_none_and_the_node_goes_on(tmp_path: Path) -> None:
    """At random moments of its life; the next one, into another folder, is good."""
    chance = random.Random(9)
    with running_node(tmp_path, snapshot_every_mib=1) as node:
        async with under_load(node) as sku:
            await has_trimmed(node)
            killed = 0
            for number in range(6):
                target = tmp_path / f"backup-{number}"
                process = await asyncio.create_subprocess_exec(
                    *HOLDFAST, "backup", node.data_dir, target, stderr=subprocess.DEVNULL
                )
                while process.returncode is None and not target.exists():
                    await let_pass(0.005)
                await let_pass(chance.random() * 0.3)
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
                await process.wait()
                if read_backup_json(target) is None:
                    killed += 1
                    with pytest.raises(NoDataDirectoryError):
                        restore(target, tmp_path / "none", Wanted())
            assert killed > 2
            good = await asyncio.to_thread(holdfast, "backup", node.data_dir, tmp_path / "good")
            assert verify(tmp_path / "good").state_hash == good["state_hash"]
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert 0 < (await figures_of(client, sku))[1]
        assert [] == node.complaints()


def test_a_full_target_is_named_and_the_node_goes_on(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        with BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            client.update_location(WAREHOUSE, allow_missing=True)
            facts = [fact(new_name("event"), number) for number in range(500)]
            client.record_stock_events("goods-in", facts)
        failed = subprocess.run(
            [*HOLDFAST, "backup", node.data_dir, tmp_path / "backup"],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000)),
        )
        assert 1 == failed.returncode
        assert f"{tmp_path / 'backup'}: cannot be written: File too large" in failed.stderr
        assert read_backup_json(tmp_path / "backup") is None
        assert [] == node.complaints()


async def test_what_was_given_out_before_a_restore_is_refused_after_it(tmp_path: Path) -> None:
    """Handles are of another timeline; orders from after the point are gone and can be placed
    again.
    """
    with running_node(tmp_path / "old") as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 10)
            early, late = new_name("order"), new_name("order")
            await client.reserve(early, [(sku, WAREHOUSE, 1)])
            backup = holdfast("backup", node.data_dir, tmp_path / "backup")
            await client.reserve(late, [(sku, WAREHOUSE, 2)])
            resolved = await client.resolve_stock_levels([(sku, WAREHOUSE)])
            assert (10, 3, 0) == await figures_of(client, sku)
        old_timeline = read_node_json(node.data_dir).timeline

    new = NodeProcess(tmp_path)
    new.data_dir = tmp_path / "restored"
    report = holdfast("restore", tmp_path / "backup", new.data_dir)
    assert backup["state_hash"] == report["state_hash"]
    assert old_timeline != int(report["timeline"], 16)
    with new:
        new.start()
        async with (
            Client(**new.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(new.target) as wire,
        ):
            assert (10, 1, 0) == await figures_of(client, sku)
            (handle,) = resolved.handles
            request = availability.BatchGetAvailabilityRequest(stock_levels=[handle])
            answer = await wire.send(BATCH_GET_AVAILABILITY, request)
            assert ("FAILED_PRECONDITION", "OTHER_TIMELINE") == (answer.code, answer.reason)
            await client.reserve(late, [(sku, WAREHOUSE, 2)])
            assert (10, 3, 0) == await figures_of(client, sku)
        new.terminate()
        assert [] == new.complaints()
        assert verify(new.data_dir).is_good
        assert 1 == len(snapshot_paths(read_node_json(new.data_dir)))
