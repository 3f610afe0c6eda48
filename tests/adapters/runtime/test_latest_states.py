"""The newest state of an order is known by its time, also by the process that comes after."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.adapters.events import OrderEvent, OrderKind
from holdfast.adapters.runtime.inbox import Inbox
from holdfast.adapters.runtime.latest_states import LatestStates
from holdfast.adapters.runtime.store import Store
from tests.adapters.one_lane import MAP_BYTES, NOW, deliver
from tests.adapters.order_shop import Line, Shop, new_core

STATE = OrderEvent(source="amazon", id="1", kind=OrderKind.STATE, order="o", time=NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    store = Store(tmp_path, MAP_BYTES)
    yield store
    store.close()


async def test_a_state_is_outdated_after_a_newer_one_of_its_order(store: Store) -> None:
    older = replace(STATE, time=NOW - timedelta(microseconds=1))
    latest = LatestStates(store, lambda: NOW)
    for event in (older, STATE, STATE, replace(older, order="p"), replace(STATE, time=None)):
        assert not await latest.is_outdated(event)
    assert await LatestStates(store, lambda: NOW).is_outdated(older)


async def test_an_order_was_placed_when_it_was_first_heard_of_if_it_does_not_say(
    store: Store,
) -> None:
    ahead = replace(STATE, placed_time=NOW + timedelta(seconds=1))
    said = replace(STATE, placed_time=NOW - timedelta(days=9))
    later = LatestStates(store, lambda: NOW + timedelta(days=40))
    assert NOW - timedelta(days=9) == await LatestStates(store, lambda: NOW).placed(said)
    assert NOW == await LatestStates(store, lambda: NOW).placed(ahead)
    assert NOW == await later.placed(STATE)
    assert NOW + timedelta(days=40) == await later.placed(replace(STATE, order="p"))


@pytest.mark.parametrize(("days", "is_known"), [(366, True), (368, False)])
async def test_when_it_was_first_heard_of_is_known_for_a_year(
    store: Store, days: int, is_known: bool
) -> None:
    await LatestStates(store, lambda: NOW).placed(STATE)
    inbox = Inbox(store, "amazon", 10, window_s=2 * 86_400)
    later = NOW + timedelta(days=days)
    await store.write(lambda tables: inbox.forget(tables, later, 1))
    assert (NOW if is_known else later) == await LatestStates(store, lambda: later).placed(STATE)


async def test_states_of_long_messages_are_forgotten_as_fast_as_they_come(tmp_path: Path) -> None:
    """A channel that sends twenty orders at once notes the time and the lines of each."""
    core = new_core()
    shop = Shop(core)
    state = replace(shop.state(Line("1", "A", 1)), is_current=True, placed_time=NOW)
    kept = []
    for day in range(0, 10, 2):  # keys are known for one day
        now = NOW + timedelta(days=day)
        names = [f"{shop.order}/{day}/{number}" for number in range(20)]
        states = [replace(state, id=name, order=name, time=now) for name in names]
        await deliver(tmp_path, core, *states, now=now, is_batch=True)
        store = Store(tmp_path, MAP_BYTES)
        with store.reading() as tables:
            kept.append((tables.seen.size(), tables.seen_times.size()))
        store.close()
    assert [(41, 41)] * 5 == kept
