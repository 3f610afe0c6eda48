"""The exception queue: one open case for each kind and subject, whoever settles it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.adapters.events import Exceptional, OrderEvent, OrderKind
from holdfast.adapters.runtime.cases import (
    assign_case,
    case_of_dead,
    case_of_money,
    cases,
    raise_case,
    settle_case,
)
from holdfast.adapters.runtime.facts import Dead
from holdfast.adapters.runtime.store import Store

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
CASE = Exceptional(source="s", id="1", kind="shortfall", subject="MUG at A", text="2 are missing")


def test_a_case_is_opened_once_until_it_is_settled(tmp_path: Path) -> None:
    store = Store(tmp_path, 1 << 24)
    for _ in range(3):
        store.write_now(raise_case("shop", CASE, NOW))
    assert store.write_now(lambda tables: settle_case(tables, 1, "counted"))
    store.write_now(raise_case("shop", CASE, NOW))

    with store.reading() as tables:
        found = [(case.number, case.times, case.settled) for case in cases(tables)]
    assert [(1, 3, "counted"), (2, 1, "")] == found


def test_two_operators_do_not_undo_each_other(tmp_path: Path) -> None:
    store = Store(tmp_path, 1 << 24)
    store.write_now(raise_case("shop", CASE, NOW))

    assert store.write_now(lambda tables: settle_case(tables, 1, "counted"))
    assert not store.write_now(lambda tables: assign_case(tables, 1, "desk"))
    assert not store.write_now(lambda tables: settle_case(tables, 1, "again"))
    assert not store.write_now(lambda tables: settle_case(tables, 9, "no such case"))
    with store.reading() as tables:
        [case] = cases(tables)
        assert ("counted", "", 0) == (case.settled, case.owner, tables.open_cases.size())


@pytest.mark.parametrize(
    ("kind", "what"),
    [(OrderKind.SETTLEMENT_FAILED, "failed"), (OrderKind.SETTLEMENT_DELAYED, "is late")],
)
def test_money_that_does_not_come_is_a_case_of_its_order(kind: OrderKind, what: str) -> None:
    bare = OrderEvent(source="bank", id="1", kind=kind, order="o-1")
    detailed = replace(bare, amount=Decimal("12.50"), currency="EUR", reason="card expired")
    cases_of = [case_of_money(each) for each in (bare, detailed)]

    assert [(kind.value, "o-1", f"the settlement {what}")] == [
        (each.kind, each.subject, each.text) for each in cases_of[:1] if each
    ]
    assert [f"the settlement of 12.50 EUR {what}: card expired"] == [
        each.text for each in cases_of[1:] if each
    ]
    assert case_of_money(replace(bare, kind=OrderKind.SETTLED)) is None


def test_money_that_comes_too_late_is_a_late_payment() -> None:
    event = OrderEvent(source="bank", id="1", kind=OrderKind.SETTLED, order="o-1")
    found = case_of_dead(event, Dead("RESERVATION_ENDED", "it has ended"))

    assert found is not None
    assert ("late_payment", "o-1") == (found.kind, found.subject)
