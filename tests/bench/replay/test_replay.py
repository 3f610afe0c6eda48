"""A replay comes to the same end however it gets there, and its report says when it does not."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.replay.driver import (
    EVENT_KINDS,
    Books,
    NodeLevel,
    Replay,
    Replayed,
    ReplayError,
    check_age,
)
from bench.replay.orders import Invoice, OrderEvent, OrderLine, Return, Tally, WriteOff
from bench.replay.reconciliation import NodeInfo, print_report, quantile, report
from bench.replay.sequencer import WINDOW, run_in_order
from bench.replay.steps import (
    Fact,
    FactKind,
    FactsStep,
    OrderStep,
    Plan,
    plan_from_events,
    plan_from_file,
    plan_from_generator,
)
from holdfast.edge.client import Client
from holdfast.v1 import admin_service_pb2 as admin
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, running_node

ROOT = Path(__file__).resolve().parents[3]
INVOICES = 100
MORNING = datetime.fromisoformat("2026-01-02 09:00:00")


@cache
def generated_plan() -> Plan:
    return plan_from_generator(INVOICES, 1)


async def replayed(node: NodeProcess, plan: Plan, callers: int = 16) -> Replayed:
    async with Client(node.target, timeout_s=30) as client:
        return await Replay(client, plan, callers).run()


def reported(plan: Plan, outcome: Replayed) -> dict[str, Any]:
    return report(plan, outcome, NodeInfo("node", None))


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that has to be the same every time."""
    return {name: document[name] for name in ("is_good", "figures", "checks", "state_hash")}


def printed(document: dict[str, Any]) -> str:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        print_report(document, console)
    return capture.get()


# Against real nodes


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
        async with Client(node.target, timeout_s=30) as client:
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

        async with Client(node.target, timeout_s=60) as client:
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

        with pytest.raises(ReplayError, match="not of this replay"):
            await replayed(node, other)

        assert before.status.durable_position == (await status_of(node)).durable_position


async def status_of(node: NodeProcess) -> admin.GetStatusResponse:
    async with Client(node.target, timeout_s=30) as client:
        return await client.get_status()


def test_the_command_starts_a_node_and_reports(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    words = ("--orders", str(file), "--data-dir", str(tmp_path / "data"), "--shards")

    done = run_command(*words, "2")
    refused = run_command(*words, "3")

    assert 0 == done.returncode, done.stderr
    for text in ("skipped: postage", "are derived", "units oversold", "2 shards", "good"):
        assert text in done.stdout
    assert 1 == refused.returncode
    assert "made with shard_count 2, which is fixed, and the setting is 3" in refused.stderr


ORDERS = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom
536366,85123A,HOLDER,2,2010-12-01 08:28:00,2.55,17850,United Kingdom
536366,POST,POSTAGE,1,2010-12-01 08:28:00,18.00,17850,United Kingdom
C536367,71053,LANTERN,-1,2010-12-01 09:00:00,3.39,17850,United Kingdom
"""


def test_a_target_excludes_a_node_of_its_own() -> None:
    done = run_command("--target", "h:1", "--serve")

    assert 2 == done.returncode
    assert "leave --target away" in done.stderr


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return subprocess.run(
        [sys.executable, "-m", "bench.replay", *words],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_replay_is_resumed_as_long_as_its_facts_are_remembered() -> None:
    check_age(None, MORNING)
    check_age(MORNING - timedelta(days=6), MORNING)

    with pytest.raises(ReplayError, match="begun on 2025-12-26"):
        check_age(MORNING - timedelta(days=7), MORNING)


# Planning


def small_shop(units: int = 1) -> list[OrderEvent]:
    """Two invoices and a return on one SKU, and a write-off of another."""
    return [
        Invoice("1", MORNING, (OrderLine("A", units), OrderLine("A", 3))),
        Return("C2", MORNING, (OrderLine("A", 1), OrderLine("B", 1))),
        WriteOff("3", MORNING, OrderLine("B", 4), "broken"),
        Invoice("4", MORNING, (OrderLine("A", 2),)),
    ]


def test_ids_follow_from_the_orders() -> None:
    plan = plan_from_events("test", small_shop(), None)
    orders = [step for step in plan.steps if isinstance(step, OrderStep)]
    facts = [fact for step in plan.steps if isinstance(step, FactsStep) for fact in step.facts]

    assert ["inv-1", "inv-4"] == [order.reservation_id for order in orders]
    assert len(facts) == len({fact.event_id for fact in facts})
    assert ["event-1-0", "event-1-1", "event-2-0"] == [fact.event_id for fact in facts[-3:]]
    assert [1, 1, -4] == [fact.quantity for fact in facts[-3:]]


def test_a_tag_tells_orders_apart() -> None:
    tags = {plan_from_events("test", small_shop(units), None).tag for units in (1, 1, 2)}

    assert 2 == len(tags)


def test_a_file_and_its_rows_are_planned(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)

    plan = plan_from_file(file)

    assert str(file) == plan.source
    assert isinstance(plan.tally, Tally)
    assert 5 == plan.tally.rows == plan.tally.accounted()
    assert ("71053", "85123A") == plan.skus


# Order


class Recorder:
    """Takes steps one callback at a time, and writes down when each began and let go."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []
        self.running = self.running_max = 0

    async def take(self, index: int, let_go: Callable[[], None]) -> None:
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        self.log.append(("begin", index))
        # The longer the earlier the step: without waiting, later ones would overtake.
        for _ in range(20 - index % 20):
            await asyncio.sleep(0)
        self.log.append(("let go", index))
        let_go()
        await asyncio.sleep(0)
        self.running -= 1


async def test_steps_of_a_level_follow_each_other_and_others_do_not() -> None:
    levels = [frozenset({(f"S{index % 3}", "W"), (f"S{index % 4}", "V")}) for index in range(40)]
    recorder = Recorder()

    await run_in_order(levels, recorder.take, callers=8)

    at = {what: number for number, what in enumerate(recorder.log)}
    for later in range(40):
        for earlier in range(later):
            if levels[later] & levels[earlier]:
                assert at["let go", earlier] < at["begin", later], (earlier, later)
    assert 1 < recorder.running_max <= 8


async def test_no_step_begins_far_ahead_of_the_oldest() -> None:
    count = WINDOW + 10
    is_stuck = asyncio.get_running_loop().create_future()
    begun: list[int] = []

    async def take(index: int, _let_go: Callable[[], None]) -> None:
        begun.append(index)
        if index == 0:
            await is_stuck

    levels = [frozenset({(str(index), "W")}) for index in range(count)]
    running = asyncio.create_task(run_in_order(levels, take, callers=4))
    for _ in range(10 * count):
        await asyncio.sleep(0)

    assert WINDOW == len(begun)
    is_stuck.set_result(None)
    await running
    assert list(range(count)) == sorted(begun)


async def test_the_first_error_ends_it_all() -> None:
    async def take(index: int, _let_go: Callable[[], None]) -> None:
        if index == 3:
            raise CutOffError

    with pytest.raises(CutOffError):
        await run_in_order([frozenset({("S", "W")})] * 9, take, callers=4)


# Judging


def order_step(number: str, quantity: int) -> OrderStep:
    return OrderStep(number, (("A", "W", quantity),), frozenset({("A", "W")}))


def facts_step(kind: FactKind, quantity: int) -> FactsStep:
    return FactsStep(kind, (Fact("id", "A", "W", quantity),), frozenset({("A", "W")}))


def test_the_books_see_units_that_were_not_there() -> None:
    books = Books()
    books.enter_facts(facts_step(FactKind.OPENING, 5))
    books.enter_order(order_step("1", 4), accepted=True)
    books.enter_order(order_step("2", 9), accepted=False)
    assert 0 == books.oversold_units

    books.enter_order(order_step("3", 3), accepted=True)
    books.enter_order(order_step("4", 2), accepted=True)
    books.enter_facts(facts_step(FactKind.RECEIPT, 10))

    assert 4 == books.oversold_units, "2 of order 3, all of order 4"
    assert 6 == books.on_hand["A", "W"]
    assert {"2"} == books.refused


def replayed_without_node() -> tuple[Plan, Replayed]:
    """What a node without fault would come to."""
    plan = plan_from_events("test", small_shop(), None)
    books = Books()
    for step in plan.steps:
        if isinstance(step, OrderStep):
            books.enter_order(step, accepted=step.number not in plan.expected.refused)
        else:
            books.enter_facts(step)
    levels = {level: NodeLevel(count, count) for level, count in plan.expected.on_hand.items()}
    status = admin.GetStatusResponse(state_hash="0" * 32, shards=[admin.ShardStatus()])
    seconds = {"Reserve": [0.001, 0.002]}
    return plan, Replayed(books, levels, status, 1.0, seconds, 0, False, 0, 0)


def test_a_sound_replay_is_good() -> None:
    plan, outcome = replayed_without_node()

    document = reported(plan, outcome)

    assert document["is_good"]
    assert "BAD" not in printed(document)
    assert document == json.loads(json.dumps(document)), "it can be printed as JSON"


def lose_a_unit(outcome: Replayed) -> Replayed:
    level = max(outcome.node_levels)
    found = outcome.node_levels[level]
    changed = NodeLevel(found.on_hand - 1, found.available - 1)
    return replace(outcome, node_levels={**outcome.node_levels, level: changed})


def lose_a_level(outcome: Replayed) -> Replayed:
    levels = dict(outcome.node_levels)
    del levels[max(levels)]
    return replace(outcome, node_levels=levels)


def promise_too_much(outcome: Replayed) -> Replayed:
    level = max(outcome.node_levels)
    changed = NodeLevel(outcome.node_levels[level].on_hand, -3)
    return replace(outcome, node_levels={**outcome.node_levels, level: changed})


def refuse_an_order(outcome: Replayed) -> Replayed:
    outcome.books.refused.add("4")
    return outcome


def oversell(outcome: Replayed) -> Replayed:
    outcome.books.oversold_units = 2
    return outcome


@pytest.mark.parametrize(
    ("spoil", "bad"),
    [
        (lose_a_unit, {"conservation", "simulation_stock"}),
        (lose_a_level, {"conservation", "simulation_stock"}),
        (promise_too_much, {"oversold"}),
        (refuse_an_order, {"simulation_orders"}),
        (oversell, {"oversold"}),
    ],
)
def test_every_fault_is_seen_by_its_check(
    spoil: Callable[[Replayed], Replayed], bad: set[str]
) -> None:
    plan, outcome = replayed_without_node()

    document = reported(plan, spoil(outcome))

    assert not document["is_good"]
    assert bad == {name for name, check in document["checks"].items() if not check["is_good"]}
    assert "BAD" in printed(document)


def test_quantiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert (51.0, 100.0, 100.0) == tuple(quantile(values, share) for share in (0.5, 0.99, 1.0))
    assert 7.0 == quantile([7.0], 0.99)


def test_all_kinds_of_facts_have_a_kind_on_the_wire() -> None:
    assert set(FactKind) == set(EVENT_KINDS)
    assert stock.STOCK_EVENT_KIND_UNSPECIFIED not in EVENT_KINDS.values()
