"""Fronts that are killed or stand still: the engine decides, and loses nothing with them."""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from grpc_health.v1 import health_pb2

from holdfast.edge.client import Client, calls
from tests.edge.node_process import NodeProcess, running_node, standing_still
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    OK,
    WAREHOUSE,
    Wire,
    answer_of,
    are_known,
    figure,
    metrics_of,
    new_name,
)
from tests.edge.test_kill import Books, Caller, ask_again, books_of, put_places, run, script
from tests.edge.transports.conftest import WITH_FRONTS
from tests.edge.transports.neighbours import live_holds, new_sku
from tests.real_time import wait_until_so

FRONTS: Final = 2

HEALTH: Final = "/grpc.health.v1.Health/Check"


@pytest.fixture(params=WITH_FRONTS)
def node(request: pytest.FixtureRequest) -> NodeProcess:
    """Without fronts there is nothing to kill but the engine."""
    found: NodeProcess = request.getfixturevalue(request.param)
    return found


async def all_fronts(node: NodeProcess) -> list[int]:
    """The fronts, once there are as many as there should be and gRPC answers."""

    async def are_there() -> bool:
        return len(node.front_pids) == FRONTS

    await wait_until_so(are_there)
    return node.front_pids


async def kill_fronts(
    node: NodeProcess, callers: Sequence[Caller], kills: int, chance: random.Random
) -> None:
    """Kill one front after the other at moments spread over the scripts of callers."""
    asked = sum(len(caller.steps) for caller in callers)
    for number in range(kills):
        after = asked * (number + chance.random()) / kills * 0.9

        async def has_come(after: float = after) -> bool:
            return sum(len(caller.answers) for caller in callers) >= after and bool(node.front_pids)

        await wait_until_so(has_come)
        os.kill(chance.choice(node.front_pids), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kills", "steps", "count"), [(4, 40, 8), (40, 300, 16)])
async def test_fronts_that_are_killed_lose_nothing_and_double_nothing(
    tmp_path: Path, kills: int, steps: int, count: int
) -> None:
    """Callers come to the books of a run that nobody disturbed, also after the engine is killed."""
    with running_node(tmp_path / "undisturbed", fronts=0) as node:
        expected = await run(node, steps, count)
    with running_node(tmp_path / "killed", fronts=FRONTS) as node:
        await put_places(node)
        callers = [Caller(script(number, steps)) for number in range(count)]
        following = asyncio.gather(*(caller.follow(node.target) for caller in callers))
        await kill_fronts(node, callers, kills, random.Random(kills))
        await following
        expect_same(expected, await books_of(node, callers))
        assert sum(caller.attempts for caller in callers) > steps * count, "no call was hit"

        node.kill()
        await asyncio.to_thread(node.start)
        await ask_again(node, callers)
        expect_same(expected, await books_of(node, callers))
        ended = (*node.events("front ended"), *node.events("front did not start"))
        assert kills == len(ended)
        assert [] == node.complaints()


async def test_a_killed_engine_takes_its_fronts_along_and_a_new_one_has_the_port_at_once(
    tmp_path: Path,
) -> None:
    """What the fronts passed on as answered is there."""
    with running_node(tmp_path, fronts=FRONTS) as node:
        sku = await new_sku(node)
        before = await all_fronts(node)
        answered: list[str] = []

        async def buy() -> None:
            async with Wire(node.target) as wire:
                while True:
                    order = new_name("order")
                    call = calls.reserve(order, [(sku, WAREHOUSE, 1)])
                    if (await wire.send_call(call, waits=False)).code != OK:
                        return
                    answered.append(order)

        async def have_bought() -> bool:
            return len(answered) > 100

        buying = asyncio.gather(*(buy() for _ in range(8)))
        await wait_until_so(have_bought)
        node.kill()
        await buying
        await asyncio.to_thread(node.start)
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert all(await are_known(client, answered))

        async def are_gone() -> bool:
            return not any(is_front(pid) for pid in before)

        await wait_until_so(are_gone)
        assert [] == node.complaints()


async def test_a_front_is_the_first_to_end_when_memory_is_short(node: NodeProcess) -> None:
    """A flood that fills it leaves the engine, which may be the larger process, alone. A front that
    has just been started again says so before it listens.
    """
    fronts = await all_fronts(node)

    async def are_first() -> bool:
        return {1_000} == {oom_score(front) for front in fronts}

    await wait_until_so(are_first)
    assert oom_score(node.pid) < 1_000


def oom_score(pid: int) -> int:
    """How readily the system kills a process when memory is short."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text("utf-8"))


def is_front(pid: int) -> bool:
    """Whether the process with this pid is there, and is a front."""
    try:
        return "holdfast.edge.server.fronts.front" in psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def expect_same(expected: Books, books: Books) -> None:
    """Compare all but how many turns it took."""
    assert expected.levels == books.levels
    assert expected.answers == books.answers
    assert expected.state_hash == books.state_hash


async def test_a_client_goes_on_by_itself_when_all_fronts_are_killed(node: NodeProcess) -> None:
    """It asks again, and neither it nor whoever asks for the node's health is told of anything
    else than a connection that broke.
    """
    before = await all_fronts(node)
    sku = await new_sku(node)
    orders: list[str] = []
    is_over = False
    statuses = set()

    async def buy() -> None:
        async with Client(**node.targets, timeout_s=60, own_connection=True) as client:
            while not is_over:
                orders.append(new_name("order"))
                await client.reserve(orders[-1], [(sku, WAREHOUSE, 1)])

    async def ask_for_health() -> None:
        """Over a new connection each time, as a probe does."""
        while not is_over:
            async with Wire(node.target) as wire:
                answer = await wire.send_bytes(HEALTH, b"")
                if answer.code != "UNAVAILABLE":  # its front was killed
                    statuses.add(answer.parsed(health_pb2.HealthCheckResponse).status)

    async def have_bought(count: int) -> bool:
        return len(orders) >= count

    working = asyncio.gather(*(buy() for _ in range(6)), ask_for_health())
    await wait_until_so(lambda: have_bought(50))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    after = len(orders) + 50
    await wait_until_so(lambda: have_bought(after))
    now = await all_fronts(node)
    is_over = True
    await working
    assert set(before).isdisjoint(now)
    assert {health_pb2.HealthCheckResponse.SERVING} == statuses
    assert len(orders) == await live_holds(node, sku, 1, orders)


async def test_a_front_that_is_started_again_says_at_once_that_the_node_serves(
    node: NodeProcess,
) -> None:
    """The engine stands still when the front begins to listen, so that it can tell it nothing."""
    before = await all_fronts(node)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    async def are_starting() -> bool:
        """The engine has done its part: fronts load their libraries."""
        seconds = [psutil.Process(pid).cpu_times().user for pid in node.front_pids]
        return len(seconds) == len(before) and min(seconds) > 0.3

    await wait_until_so(are_starting)
    with standing_still(node.pid):
        async with Wire(node.target) as wire:
            answer = await wire.send_bytes(HEALTH, b"")
    health = answer.parsed(health_pb2.HealthCheckResponse)
    assert health_pb2.HealthCheckResponse.SERVING == health.status


async def wires_to_each(node: NodeProcess) -> list[Wire]:
    """Connections, so many that each front has one or more of them."""
    wires: list[Wire] = []
    pids = await all_fronts(node)
    before = [node.callers_of(pid) for pid in pids]
    while True:
        wires.append(Wire(node.target))
        await wires[-1].send_call(calls.get_availability("nothing"))
        now = [node.callers_of(pid) for pid in pids]
        if all(count > first for count, first in zip(now, before, strict=True)):
            return wires


async def test_a_front_that_stands_still_holds_up_its_own_callers_alone(node: NodeProcess) -> None:
    """The engine and the other front go on; when it goes on, its callers are answered."""
    sku = await new_sku(node)
    wires = await wires_to_each(node)
    orders: list[str] = []

    def buy(wire: Wire) -> Any:
        orders.append(new_name("order"))
        asked = calls.reserve(orders[-1], [(sku, WAREHOUSE, 1)])
        return asyncio.create_task(wire.send_call(asked))

    with standing_still(node.front_pids[0]):
        waiting = [buy(wire) for wire in wires]
        (first, *_), _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        going = wires[waiting.index(first)]
        answers = [await buy(going) for _ in range(50)]
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            shards = (await client.get_status()).shards
        assert len(answers) < sum(shard.reserved for shard in shards)
        assert not all(each.done() for each in waiting)
    answers += await asyncio.gather(*waiting)
    assert {OK} == {answer.code for answer in answers}
    assert len(orders) == await live_holds(node, sku, 1, orders)
    for wire in wires:
        await wire.__aexit__()


@pytest.mark.slow
async def test_a_front_that_hangs_is_replaced_while_its_callers_go_on(node: NodeProcess) -> None:
    """After five seconds its callers get an error, and the client asks again by itself."""
    hung, _ = await all_fronts(node)
    sku = await new_sku(node)
    wires = await wires_to_each(node)
    before = figure(await metrics_of(node), "holdfast_front_restarts_total")
    orders = [new_name("order") for _ in range(20)]
    async with AsyncExitStack() as stack:
        for wire in wires:
            await stack.enter_async_context(wire)
        os.kill(hung, signal.SIGSTOP)
        answers = [wire.start_call(calls.get_availability(sku)) for wire in wires]
        codes = {(await answer_of(call)).code for call in answers}
        assert {OK, "UNAVAILABLE"} == codes
        async with Client(**node.targets, timeout_s=60, own_connection=True) as client:
            for order in orders:
                await client.reserve(order, [(sku, WAREHOUSE, 1)])
    assert hung not in await all_fronts(node)
    assert before + 1 == figure(await metrics_of(node), "holdfast_front_restarts_total")
    assert len(orders) == await live_holds(node, sku, 1, orders)
