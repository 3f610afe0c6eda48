"""Reversals whose events do not come: who is told of them, and when."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.adapters.events import FactKind, OrderEvent, OrderKind, Reversed, StockFact
from holdfast.adapters.runtime import awaited, overdue
from holdfast.adapters.runtime.awaited import GRACE, note_reversal, report_awaited
from holdfast.adapters.runtime.cases import cases
from holdfast.adapters.runtime.overdue import watch_overdue
from holdfast.adapters.runtime.records import Case
from holdfast.adapters.runtime.store import Store
from tests.real_time import wait_until_so

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LATER = NOW + GRACE
SALE = StockFact(
    source="pos/1/2",
    id="2026-11-27/260/2",
    kind=FactKind.SALE,
    sku="A",
    location="1",
    quantity=Decimal(3),
)
VOID = replace(
    SALE, id="261/1/post-void", kind=FactKind.REVERSAL, reverses=Reversed(SALE.id, FactKind.SALE)
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, 16 << 20)
    yield store
    store.close()


def answered(store: Store, event: StockFact | OrderEvent, outcome: str) -> None:
    if change := note_reversal("tills", event, outcome, NOW):
        store.write_now(change)


def cases_in(store: Store) -> list[Case]:
    with store.reading() as tables:
        return list(cases(tables))


async def test_a_reversal_that_waits_too_long_is_a_case_until_its_event_comes(store: Store) -> None:
    answered(store, VOID, "REVERSAL_PENDING")
    await report_awaited(store, LATER - timedelta(seconds=1))
    assert [] == cases_in(store)
    for _ in range(2):
        await report_awaited(store, LATER)

    (case,) = cases_in(store)
    assert ("tills", "reversal_pending", f"{SALE.source} {SALE.id}", 1, "") == (
        *(case.adapter, case.kind, case.subject),
        *(case.times, case.settled),
    )
    assert "did not come, and the reversal 261/1/post-void, of 3 A at 1 waits for it" == case.text
    answered(store, SALE, "REVERSED")
    assert ["the event came"] == [each.settled for each in cases_in(store)]


@pytest.mark.parametrize("outcome", ["REVERSED", "DUPLICATE", "APPLIED", "ALREADY_REVERSED"])
async def test_an_event_that_comes_in_time_is_no_case(store: Store, outcome: str) -> None:
    """With other content than the reversal describes it is APPLIED, and nothing waits any more."""
    answered(store, VOID, "REVERSAL_PENDING")
    answered(store, SALE, outcome)
    await report_awaited(store, LATER)
    assert [] == cases_in(store)


async def test_a_reversal_that_waits_itself_is_what_its_own_reversal_waited_for(
    store: Store,
) -> None:
    answered(
        store,
        replace(VOID, id="undo", reverses=Reversed(VOID.id, FactKind.REVERSAL)),
        "REVERSAL_PENDING",
    )
    answered(store, VOID, "REVERSAL_PENDING")
    await report_awaited(store, LATER)
    assert [f"{SALE.source} {SALE.id}"] == [each.subject for each in cases_in(store)]


async def test_no_other_event_changes_what_waits(store: Store) -> None:
    order = OrderEvent(source="s", id="1", kind=OrderKind.SHIPPED, order="o")
    for event in (order, replace(SALE, id="")):
        assert note_reversal("tills", event, "APPLIED", NOW) is None
    answered(store, VOID, "REVERSAL_PENDING")
    for event in (replace(SALE, source="pos/1/3"), replace(SALE, id="other"), VOID):
        answered(store, event, "APPLIED")
    await report_awaited(store, LATER)
    assert 1 == len(cases_in(store))


async def test_the_event_of_another_till_is_awaited_there(store: Store) -> None:
    assert VOID.reverses is not None
    answered(
        store, replace(VOID, reverses=replace(VOID.reverses, source="pos/1/3")), "REVERSAL_PENDING"
    )
    answered(store, replace(SALE, source="pos/1/3"), "REVERSED")
    await report_awaited(store, LATER)
    assert [] == cases_in(store)


async def test_others_get_their_turn_while_many_are_looked_through(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaited, "AT_ONCE", 2)
    for number in range(7):
        named = Reversed(f"sale {number}", FactKind.SALE)
        answered(store, replace(VOID, id=f"{number}", reverses=named), "REVERSAL_PENDING")
    turns = 0
    looking = asyncio.create_task(report_awaited(store, NOW))
    while not looking.done():
        turns += 1
        await asyncio.sleep(0)
    assert 4 <= turns
    await report_awaited(store, LATER)
    assert 7 == len(cases_in(store))


async def test_an_event_that_comes_while_it_is_looked_for_is_no_case(store: Store) -> None:
    answered(store, VOID, "REVERSAL_PENDING")
    change = note_reversal("tills", SALE, "REVERSED", NOW)
    assert change is not None
    await asyncio.gather(store.write(change), report_awaited(store, LATER))
    assert [] == cases_in(store)


async def test_it_is_reported_as_long_as_the_process_runs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "LOOK_S", 0.0)
    watching = asyncio.create_task(watch_overdue(store, lambda: LATER))

    async def has_case() -> bool:
        return bool(cases_in(store))

    answered(store, VOID, "REVERSAL_PENDING")
    await wait_until_so(has_case)
    watching.cancel()
