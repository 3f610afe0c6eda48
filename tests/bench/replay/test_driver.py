"""A replay comes to the same end however it gets there."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.harness.plan import BenchError
from bench.replay.driver import EVENT_KINDS, Replay, check_age
from bench.replay.replayed import Replayed
from bench.replay.steps import (
    FactKind,
    ReplayPlan,
    plan_from_events,
    plan_from_generator,
)
from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2 as stock
from tests.bench.replay.reporting import printed, reported
from tests.bench.replay.shop import MORNING, small_shop
from tests.edge.node_process import NodeProcess, running_node

INVOICES = 100


@cache
def generated_plan() -> ReplayPlan:
    return plan_from_generator(INVOICES, 1)


async def replayed(node: NodeProcess, plan: ReplayPlan, callers: int = 16) -> Replayed:
    async with Client(**node.targets, timeout_s=30) as client:
        return await Replay(client, plan, callers).run()


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that has to be the same every time."""
    return {name: document[name] for name in ("is_good", "figures", "checks", "state_hash")}


@pytest.fixture(scope="module")
def document_of_four_shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a replay against 4 shards, and in `again` that of a second run on its data."""
    with running_node(tmp_path_factory.mktemp("four")) as node:
        first = reported(generated_plan(), asyncio.run(replayed(node, generated_plan(), 64)))
        again = reported(generated_plan(), asyncio.run(replayed(node, generated_plan())))
    return {**first, "again": again}


def test_a_replay_passes_all_its_checks(document_of_four_shards: dict[str, Any]) -> None:
    document = document_of_four_shards

    assert document["is_good"], json.dumps(document["checks"])
    assert INVOICES == sum(document["figures"]["invoices"].values())
    assert 0 < document["figures"]["invoices"]["refused"] < INVOICES // 2
    assert 0 == document["checks"]["oversold"]["oversold_units"]
    assert not document["resumed"]["is_resumed"]


@pytest.mark.parametrize(("shards", "callers"), [(1, 64), (7, 3)])
async def test_shards_and_callers_change_nothing(
    document_of_four_shards: dict[str, Any], shards: int, callers: int, tmp_path: Path
) -> None:
    with running_node(tmp_path, shard_count=shards) as node:
        document = reported(generated_plan(), await replayed(node, generated_plan(), callers))

    assert shards == document["node"]["shards"]
    assert result_of(document_of_four_shards) == result_of(document)


def test_a_second_run_is_answered_as_the_first(document_of_four_shards: dict[str, Any]) -> None:
    """A refused order is not asked for again: there may be stock by now."""
    first, again = document_of_four_shards, document_of_four_shards["again"]

    assert result_of(first) == result_of(again)
    assert again["resumed"]["is_resumed"]
    assert again["resumed"]["facts_recorded_before"] == sum(
        facts["events"] for facts in first["figures"]["facts"].values()
    )
    assert first["figures"]["invoices"]["refused"] == again["resumed"]["refusals_not_asked_again"]
    assert "Resumed" in printed(again)


async def test_a_replay_that_was_cut_off_goes_on(
    document_of_four_shards: dict[str, Any], tmp_path: Path
) -> None:
    plan = generated_plan()
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=30) as client:
            driver = Replay(client, plan)
            running = asyncio.create_task(driver.run(stop_after(len(plan.steps) // 2)))
            with pytest.raises(CutOffError):
                await running

        document = reported(plan, await replayed(node, plan))

    assert result_of(document_of_four_shards) == result_of(document)
    assert document["resumed"]["is_resumed"]


@pytest.mark.slow
async def test_a_node_that_is_killed_meanwhile_changes_nothing(
    document_of_four_shards: dict[str, Any], tmp_path: Path
) -> None:
    plan = generated_plan()
    with running_node(tmp_path) as node:
        is_half_done = asyncio.Event()

        def on_step(done: int, total: int) -> None:
            if 2 * done >= total:
                is_half_done.set()

        async with Client(**node.targets, timeout_s=60) as client:
            running = asyncio.create_task(Replay(client, plan).run(on_step))
            await is_half_done.wait()
            node.kill()
            await asyncio.to_thread(node.start)
            document = reported(plan, await running)

    assert result_of(document_of_four_shards) == result_of(document)
    assert document["speed"]["retries"]


class CutOffError(Exception):
    """What a test stops a replay with."""


def stop_after(steps: int) -> Callable[[int, int], None]:
    def on_step(done: int, _total: int) -> None:
        if done == steps:
            raise CutOffError

    return on_step


async def test_data_of_other_orders_is_not_touched(tmp_path: Path) -> None:
    first, other = (plan_from_events("test", small_shop(units), None) for units in (1, 2))
    with running_node(tmp_path) as node:
        before = await replayed(node, first)

        with pytest.raises(BenchError, match="not of this replay"):
            await replayed(node, other)

        assert before.status.durable_position == (await status_of(node)).durable_position


async def test_a_node_that_is_not_empty_is_left_alone_unless_allowed(tmp_path: Path) -> None:
    """Made-up stock has no place beside a shop's."""
    plan = plan_from_events("test", small_shop(), None)
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=30) as client:
            await client.create_location("STORE-9")
            before = await client.get_status(include_state_hash=True)

            with pytest.raises(BenchError, match=r"not empty: .* STORE-9; .*--beside-other"):
                await Replay(client, plan).run()

            after = await client.get_status(include_state_hash=True)
            assert before.state_hash == after.state_hash
            assert before.durable_position == after.durable_position
            outcome = await Replay(client, plan, is_beside_others=True).run()
    assert reported(plan, outcome)["is_good"]


async def test_a_replay_goes_on_beside_what_others_have_added_since(tmp_path: Path) -> None:
    """As the next `make run` does, once somebody has played with the node of the first."""
    plan = plan_from_events("test", small_shop(), None)
    with running_node(tmp_path) as node:
        await replayed(node, plan)
        async with Client(**node.targets, timeout_s=30) as client:
            await client.create_location("STORE-9")

        assert reported(plan, await replayed(node, plan))["is_good"]


async def status_of(node: NodeProcess) -> admin.GetStatusResponse:
    async with Client(**node.targets, timeout_s=30) as client:
        return await client.get_status()


def test_a_replay_is_resumed_as_long_as_its_facts_are_remembered() -> None:
    check_age(None, MORNING)
    check_age(MORNING - timedelta(days=6), MORNING)

    with pytest.raises(BenchError, match="begun on 2025-12-26"):
        check_age(MORNING - timedelta(days=7), MORNING)


def test_all_kinds_of_facts_have_a_kind_on_the_wire() -> None:
    assert set(FactKind) == set(EVENT_KINDS)
    assert stock.STOCK_EVENT_KIND_UNSPECIFIED not in EVENT_KINDS.values()
