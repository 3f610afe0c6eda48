"""Every fault of a replay is seen by its check, and printed."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.replay.reconciliation import quantile
from bench.replay.replayed import Books, NodeLevel, Replayed
from bench.replay.steps import (
    OrderStep,
    ReplayPlan,
    plan_from_events,
)
from holdfast.admin.v1 import admin_service_pb2 as admin
from tests.bench.replay.reporting import printed, reported
from tests.bench.replay.shop import small_shop


def replayed_without_node() -> tuple[ReplayPlan, Replayed]:
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
