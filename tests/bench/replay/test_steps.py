"""The plan of a replay follows from its orders alone."""

from pathlib import Path

from bench.replay.order_file import RowTally
from bench.replay.steps import (
    FactsStep,
    OrderStep,
    plan_from_events,
    plan_from_file,
)
from tests.bench.replay.shop import ORDERS, small_shop


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
    assert isinstance(plan.tally, RowTally)
    assert 5 == plan.tally.rows == plan.tally.accounted()
    assert ("71053", "85123A") == plan.skus
