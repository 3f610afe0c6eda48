"""The newest state of an order is known by its time, also by the process that comes after."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.adapters.events import OrderEvent, OrderKind
from holdfast.adapters.runtime.latest_states import LatestStates
from holdfast.adapters.runtime.store import Store
from tests.adapters.one_lane import MAP_BYTES, NOW

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
