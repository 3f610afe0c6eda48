"""The state hash is that of one durable instant, or there is none."""

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.commands import Line, Location, RecordStockEvents, Reserve, UpdateLocation
from holdfast.core.commands import StockEvent as Event
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables import state_bytes
from holdfast.edge.server import status
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.pump import Pump
from holdfast.edge.server.statistics import CallCounters
from holdfast.edge.server.watch.watches import Watches
from holdfast.edge.wire.faults import Fault
from tests.persistence.journals import MemoryAppender
from tests.real_time import wait_until_so

ANYONE = CallContext()
WITH_HASH = admin.GetStatusRequest(include_state_hash=True)


class Asked:
    """A node's status, and a look at each pause of the hash."""

    def __init__(self) -> None:
        self.node = Node(2)
        self.appender = MemoryAppender()
        self.pump = Pump(self.node, self.appender, lambda: 1, self._failed)
        self.admission = Admission(self.pump)
        parts: Any = SimpleNamespace(
            newest_position=lambda: 7,
            failures=0,
            dropped=0,
            left_out=0,
            lag_s=float,
            restarts=0,
        )
        self.status = status.NodeStatus(
            self.admission, CallCounters(), parts, parts, parts, parts,
            Watches(self.pump), parts, 0.0, 1,
        )  # fmt: skip
        self.held = 0

    def _failed(self, error: BaseException) -> None:
        raise error

    async def stock(self) -> None:
        place = Location("W1", LocationKind.STORE, "W1", enabled=True)
        await self.admission.post(UpdateLocation(place), ANYONE)
        events = tuple(Event(None, n, f"S{n}", "W1", EventKind.RECEIPT, 9) for n in range(1, 41))
        await self.admission.post(RecordStockEvents("erp", events), ANYONE)

    def hold_one(self) -> None:
        """A change, by a turn of the next rounds of the loop."""
        self.held += 1
        key = key_from_text(f"r{self.held}")
        self.admission.post(Reserve(key, (Line(f"S{self.held}", "W1", 1),), 60_000), ANYONE)

    def let_each_try_begin_with(self, act: Callable[[], None]) -> None:
        steps = self.node.state_hash_in_steps

        def busy() -> Any:
            act()
            return steps()

        self.node.state_hash_in_steps = busy  # type: ignore[method-assign]


@pytest.fixture
async def asked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    monkeypatch.setattr(status, "HASH_PAUSE_S", 0.0)
    monkeypatch.setattr(state_bytes, "HASH_STEP", 1)
    made = Asked()
    await made.stock()
    yield made
    made.appender.let_go()
    await made.pump.drain()


async def test_the_hash_is_that_of_the_figures_beside_it(asked: Asked) -> None:
    answer = await asked.status.get_status(WITH_HASH)
    assert asked.node.state_hash() == answer.state_hash
    assert (asked.appender.position, 7) == (answer.durable_position, answer.snapshot_position)
    assert 360 == sum(shard.on_hand for shard in answer.shards)


async def test_without_being_asked_for_it_the_state_is_not_hashed(asked: Asked) -> None:
    asked.let_each_try_begin_with(lambda: pytest.fail("it was hashed"))
    assert "" == (await asked.status.get_status(admin.GetStatusRequest())).state_hash


async def test_a_node_that_is_not_quiet_says_so(asked: Asked) -> None:
    """It does not return a hash that no state ever had."""
    asked.let_each_try_begin_with(asked.hold_one)
    with pytest.raises(Fault) as refused:
        await asked.status.get_status(WITH_HASH)
    assert ("ABORTED", "STATE_CHANGING") == (refused.value.code.name, refused.value.reason)


async def test_after_a_change_the_hash_is_begun_anew(asked: Asked) -> None:
    """And the hash is that of the state with it."""
    changes = [asked.hold_one]
    asked.let_each_try_begin_with(lambda: changes.pop()() if changes else None)
    answer = await asked.status.get_status(WITH_HASH)
    assert asked.node.state_hash() == answer.state_hash
    assert 1 == sum(shard.reserved for shard in answer.shards)


async def test_a_state_that_could_still_be_lost_has_no_hash(asked: Asked) -> None:
    """The turn is over, its append is not."""
    asked.appender.is_held = True
    asked.hold_one()

    async def is_appending() -> bool:
        return bool(asked.appender.appending)

    await wait_until_so(is_appending)
    with pytest.raises(Fault, match="STATE_CHANGING"):
        await asked.status.get_status(WITH_HASH)
    figures = await asked.status.get_status(admin.GetStatusRequest())
    assert 0 == sum(shard.reserved for shard in figures.shards)
