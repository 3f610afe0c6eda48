"""The pump: turn, append, answer; and nothing after the seal."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.core.commands import (
    AvailabilitiesView,
    GetAvailability,
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    ReserveOutcome,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.statistics import read_statistics
from holdfast.edge.server import pump
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.pump import (
    EARLY_TURN_MIN,
    FEW_BEHIND_FRONTS,
    GATHER_MAX_S,
    GATHER_MIN_S,
    ROUNDS_MAX,
    Pump,
)
from holdfast.persistence.codec import read_appends
from tests.persistence.journals import MemoryAppender
from tests.real_time import wait_until_so

MS = 1_000_000
#: Of a caller who waits as long as it takes.
ANYONE = CallContext()


class Bench:
    """A node, a pump and a clock that a test moves."""

    def __init__(self, *, is_behind_fronts: bool = False) -> None:
        self.now_ns = 1
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.node = Node(4)
        self.appender = MemoryAppender()
        self.pump = Pump(
            self.node,
            self.appender,
            lambda: self.now_ns,
            self.failed.set_result,
            is_behind_fronts=is_behind_fronts,
        )
        self.admission = Admission(self.pump)

    async def ask(self, command: Any) -> Any:
        return await self.admission.post(command, ANYONE)

    async def stock(self) -> None:
        await self.ask(UpdateLocation(Location("W1", LocationKind.STORE, "W1", enabled=True)))
        event = StockEvent(None, 1, "Tea", "W1", EventKind.RECEIPT, 10_000)
        await self.ask(RecordStockEvents("erp", (event,)))

    def replayed(self) -> Node:
        node = Node(4)
        for _, group in read_appends(self.appender.journal, 0, {}):
            for recorded in group:
                node.replay(recorded.entry)
        return node


def reserve(number: int, hold_ms: int = 1_000) -> Reserve:
    return Reserve(key_from_text(f"r{number}"), (Line("Tea", "W1", 1),), hold_ms)


async def test_what_gathers_during_an_append_shares_the_next() -> None:
    """Many callers, few appends; every one of them is answered."""
    bench = Bench()
    await bench.stock()
    answers = await asyncio.gather(*(bench.ask(reserve(number)) for number in range(500)))
    assert all(isinstance(answer, ReserveOutcome) and not answer.refusal for answer in answers)
    assert bench.appender.position < 20
    await bench.pump.drain()


async def test_a_lone_caller_waits_for_nobody() -> None:
    """His turn runs in the next round of the loop."""
    bench = Bench()
    await bench.stock()
    turns = bench.pump.statistics().turns
    held = bench.admission.post(reserve(1), ANYONE)
    await asyncio.sleep(0)
    assert turns + 1 == bench.pump.statistics().turns
    await held
    await bench.pump.drain()


async def test_callers_who_were_many_wait_for_each_other() -> None:
    """Each round may bring one more; once there was one alone, the next waits for nobody."""
    bench = Bench()
    await bench.stock()
    await asyncio.gather(*(bench.ask(reserve(number)) for number in range(9)))
    turns = bench.pump.statistics().turns
    held = []
    for number in range(9, 12):
        held.append(bench.admission.post(reserve(number), ANYONE))
        await asyncio.sleep(0)
    assert turns == bench.pump.statistics().turns
    await asyncio.gather(*held)
    assert turns + 1 == bench.pump.statistics().turns
    await bench.ask(reserve(12))
    alone = bench.admission.post(reserve(13), ANYONE)
    await asyncio.sleep(0)
    assert turns + 3 == bench.pump.statistics().turns
    await alone
    await bench.pump.drain()


async def many_callers() -> Bench:
    """A bench behind fronts, whose last turn had as many callers as are waited for."""
    bench = Bench(is_behind_fronts=True)
    await bench.stock()
    await asyncio.gather(*(bench.ask(reserve(number)) for number in range(FEW_BEHIND_FRONTS + 1)))
    return bench


@pytest.fixture
def waits_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees the end of the wait."""
    monkeypatch.setattr(pump, "GATHER_MIN_S", 3_600.0)


@pytest.mark.usefixtures("waits_an_hour")
async def test_callers_behind_fronts_who_were_many_are_waited_for_by_the_clock() -> None:
    """Whatever the rounds of the loop; those who come meanwhile share the turn."""
    bench = await many_callers()
    turns = bench.pump.statistics().turns
    held = [bench.admission.post(reserve(number), ANYONE) for number in range(100, 110)]
    for _ in range(2 * ROUNDS_MAX):
        await asyncio.sleep(0)
    assert turns == bench.pump.statistics().turns
    bench.pump._gathered()
    await asyncio.gather(*held)
    assert turns + 1 == bench.pump.statistics().turns
    await bench.pump.drain()


async def test_the_wait_for_callers_ends_by_itself() -> None:
    bench = await many_callers()
    assert isinstance(await bench.ask(reserve(100)), ReserveOutcome)
    await bench.pump.drain()


@pytest.mark.parametrize(
    ("append_s", "wait_s"),
    [(0.0, GATHER_MIN_S), (0.004, 0.004), (60.0, GATHER_MAX_S)],
)
async def test_callers_are_waited_for_as_long_as_an_append_takes(
    append_s: float, wait_s: float
) -> None:
    """A disk that stands still is no reason to stand still once more."""
    bench = await many_callers()
    bench.pump._append_took_s = append_s
    before_s = asyncio.get_running_loop().time()
    held = bench.admission.post(reserve(100), ANYONE)
    gathering: Any = bench.pump._gathering
    after_s = asyncio.get_running_loop().time()
    assert before_s + wait_s <= gathering.when() <= after_s + wait_s
    await held
    await bench.pump.drain()


@pytest.mark.usefixtures("waits_an_hour")
async def test_few_callers_behind_fronts_wait_for_nobody() -> None:
    """Each of them would wait as long as for an append, and gain little."""
    bench = Bench(is_behind_fronts=True)
    await bench.stock()
    await asyncio.gather(*(bench.ask(reserve(number)) for number in range(FEW_BEHIND_FRONTS)))
    held = bench.admission.post(reserve(100), ANYONE)
    assert bench.pump._gathering is None
    await held
    await bench.pump.drain()


@pytest.mark.usefixtures("waits_an_hour")
async def test_callers_are_waited_for_until_enough_are_there() -> None:
    """Then the turn runs, as it would while an append is in flight."""
    bench = await many_callers()
    held = [bench.admission.post(reserve(number), ANYONE) for number in range(100, 110)]
    gathering: Any = bench.pump._gathering
    bench.pump.schedule(EARLY_TURN_MIN)
    assert gathering.cancelled()
    await asyncio.gather(*held)
    await bench.pump.drain()


@pytest.mark.usefixtures("waits_an_hour")
async def test_a_drain_waits_for_no_callers() -> None:
    """What is there is answered, and the rest would be refused."""
    bench = await many_callers()
    held = bench.admission.post(reserve(100), ANYONE)
    await bench.pump.drain()
    assert held.done()


async def test_a_drain_with_holds_that_are_due_leaves_a_journal_that_replays() -> None:
    """The seal is the last entry, and time that goes on meanwhile adds none after it."""
    for round_number in range(20):
        bench = Bench()
        await bench.stock()
        waiting = [bench.admission.post(reserve(number), ANYONE) for number in range(50)]
        bench.now_ns += 1_000 * MS - round_number
        draining = asyncio.create_task(bench.pump.drain())
        bench.now_ns += 5_000 * MS
        await asyncio.gather(*waiting, draining)
        assert not bench.failed.done()
        assert bench.node.state_hash() == bench.replayed().state_hash()


async def test_reads_wait_for_what_they_saw() -> None:
    """An answer that rests on an append in flight comes after it."""
    bench = Bench()
    await bench.stock()
    held, seen = (
        bench.admission.post(reserve(1), ANYONE),
        bench.admission.post(GetAvailability(("Tea",)), ANYONE),
    )
    outcome = await seen
    assert held.done()
    assert isinstance(outcome, AvailabilitiesView)
    assert [1] == [level.reserved for view in outcome.views if view for level in view.levels]
    await bench.pump.drain()


async def test_a_turn_that_fails_stops_the_node() -> None:
    """Half a turn may be applied: nothing may be answered any more."""
    bench = Bench()
    future = bench.admission.post(GetAvailability(("Tea",)), ANYONE)
    broken: Any = lambda _command, _now_ns: 1 / 0  # noqa: E731
    execution = bench.node.execution
    execution.rules = {**execution.rules, GetAvailability: broken}
    assert isinstance(await bench.failed, ZeroDivisionError)
    assert not future.done()


async def test_a_trickle_of_commands_does_not_keep_the_first_waiting() -> None:
    """With a command in every third round there never are four quiet ones."""
    bench = Bench()
    await bench.stock()
    first = bench.admission.post(reserve(0), ANYONE)
    for number in range(1, 40):
        bench.admission.post(reserve(number), ANYONE)
        for _ in range(3):
            await asyncio.sleep(0)
        if first.done():
            break
    assert first.done()
    await bench.pump.drain()


async def test_an_append_that_cannot_be_begun_stops_the_node() -> None:
    """Else it would go on, answer nothing and look well."""
    bench = Bench()
    await bench.stock()
    broken: Any = lambda _entries: 1 / 0  # noqa: E731
    bench.appender.append = broken  # type: ignore[method-assign]
    future = bench.admission.post(reserve(1), ANYONE)
    assert isinstance(await bench.failed, ZeroDivisionError)
    assert not future.done()


@pytest.mark.parametrize("broken", ["wrote", "became_durable"])
async def test_an_observer_that_fails_stops_the_node(broken: str) -> None:
    """Else what the turn wrote would not be appended, and the node would hang and look well."""
    bench = Bench()
    observer: Any = SimpleNamespace(wrote=lambda _entries: None, became_durable=lambda: None)
    setattr(observer, broken, lambda *_: 1 / 0)
    bench.pump.observe(observer)
    bench.admission.post(
        UpdateLocation(Location("W1", LocationKind.STORE, "W1", enabled=True)), ANYONE
    )
    assert isinstance(await bench.failed, ZeroDivisionError)


async def test_a_seal_that_cannot_be_appended_stops_the_node() -> None:
    bench = Bench()
    broken: Any = lambda _entries: 1 / 0  # noqa: E731
    bench.appender.append = broken  # type: ignore[method-assign]
    draining = asyncio.create_task(bench.pump.drain())
    assert isinstance(await bench.failed, ZeroDivisionError)
    draining.cancel()


async def held_bench() -> tuple[Bench, "asyncio.Future[Any]"]:
    """A bench with 10,000 on hand, and a hold of 1 whose append does not come back."""
    bench = Bench()
    await bench.stock()
    bench.appender.is_held = True
    held = bench.admission.post(reserve(1), ANYONE)

    async def is_appending() -> bool:
        return bool(bench.appender.appending)

    await wait_until_so(is_appending)
    return bench, held


async def test_figures_are_those_of_the_durable_state() -> None:
    """What is on its way to the disk could still be lost, and nobody may have heard of it."""
    bench, held = await held_bench()
    figures = bench.pump.durable_statistics()
    assert (10_000, 0) == (sum(f.on_hand for f in figures), sum(f.reserved for f in figures))
    assert sum(f.sequence for f in figures) < sum(shard.sequence for shard in bench.node.shards)
    assert 0 == sum(f.reservations for f in figures)
    assert not bench.pump.is_durable()

    bench.appender.let_go()
    await held
    assert bench.pump.is_durable()
    figures = bench.pump.durable_statistics()
    assert (1, 1) == (sum(f.reserved for f in figures), sum(f.reservations for f in figures))
    assert [read_statistics(shard.header) for shard in bench.node.shards] == figures
    await bench.pump.drain()


async def test_an_append_that_does_not_come_back_grows_old() -> None:
    """Its age is 0 before it begins and after it has come back."""
    bench, held = await held_bench()
    loop = asyncio.get_running_loop()
    began_s = loop.time() - bench.pump.append_age_s()
    assert bench.pump.append_age_s() <= loop.time() - began_s
    bench.pump._append_began_s -= 7
    assert 7 <= bench.pump.append_age_s() < 60
    assert 7 <= bench.pump.statistics().append_age_seconds < 60
    bench.appender.let_go()
    await held
    assert 0 == bench.pump.append_age_s()
    await bench.pump.drain()


async def test_what_cannot_be_collected_ends_the_node() -> None:
    """Half of it may be posted, and no turn would ever come for the rest."""
    bench = Bench()
    bench.pump.collect = lambda: 1 // 0  # type: ignore[assignment]
    bench.pump.schedule()
    assert isinstance(await bench.failed, ZeroDivisionError)
