"""Many callers on few SKUs, and afterwards every answer is held against the journal.

How the judgement works stands in tests/edge/judge.py. Holds are as short as they may be, so that
they end all the time, while others commit, ship, give back, ask for more time, repeat and read.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.commands import Command, Location, UpdateLocation
from holdfast.core.model import LocationKind, Verb
from holdfast.edge.client import Client, calls, methods
from holdfast.edge.client.calls import Call
from holdfast.edge.client.methods import Method
from holdfast.edge.wire.availability import availability_from_request
from holdfast.edge.wire.reservations import (
    extend_from_request,
    move_from_request,
    reserve_from_request,
)
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.edge.judge import Exchange, Judge
from tests.edge.node_process import NodeProcess, read_journal, running_node
from tests.edge.raw import (
    CALL_TIMEOUT_S,
    Wire,
    new_name,
    receipt,
    traces_of,
)
from tests.real_time import let_pass, now_s, wait_until_so

SHARDS = 4
CALLERS = 64

#: Calls of each of them, however slow the machine is.
CALLS_MIN = 21
SKUS = [f"stress {number}" for number in range(20)]
PLACES = ("W1", "W2")
PUT_PLACES = [
    UpdateLocation(Location(place, LocationKind.WAREHOUSE, "", enabled=True)) for place in PLACES
]

#: Some SKUs are wanted more than others: the first of them by nearly everyone.
WEIGHTS = [1 / (1 + number) for number in range(len(SKUS))]

#: Few enough that reserves are refused all the time, often for want of a single unit.
OPENING_UNITS = 6

MOVES: dict[Method[Any], Verb] = {
    methods.COMMIT: Verb.COMMIT,
    methods.FULFILL: Verb.FULFILL,
    methods.RELEASE: Verb.RELEASE,
    methods.CANCEL: Verb.CANCEL,
}


def command_of(call: Call[Any]) -> Command:
    """Say a call in the engine's words, in which the model understands it."""
    request: Any = call.request
    if call.method in MOVES:
        return move_from_request(MOVES[call.method], request)
    read: dict[Method[Any], Callable[[Any], Command]] = {
        methods.RESERVE: reserve_from_request,
        methods.EXTEND: extend_from_request,
        methods.GET_AVAILABILITY: availability_from_request,
        methods.RECORD_STOCK_EVENTS: events_from_request,
    }
    return read[call.method](request)


#: Why a repeat of what was accepted may be refused: its hold ran out, or it was given back.
GONE_SINCE = (
    common.REFUSAL_CODE_RESERVATION_ENDED,
    common.REFUSAL_CODE_EXPIRED,
    common.REFUSAL_CODE_WRONG_STATE,
)


@dataclass(slots=True)
class Caller:
    """One caller: asks, waits for the answer, and goes on as it comes."""

    wire: Wire
    chance: random.Random
    ends_at: float
    history: list[Exchange] = field(default_factory=list)
    last: tuple[Call[Any], Any] | None = None

    async def tell(self, call: Call[Any]) -> Any:
        """Ask, and note what was answered when."""
        asked_at = now_s()
        answer = await self.wire.send_call(call)
        answered_at = now_s()
        response = answer.parsed(call.method.response)
        self.history.append(Exchange(command_of(call), asked_at, answered_at, response))
        if getattr(response, "outcome", None) == common.OUTCOME_ACCEPTED:
            self.last = (call, response)
        return response

    async def repeat(self) -> None:
        """Ask for the same again: it has no effect, and says how things are now."""
        if self.last is not None:
            call, first = self.last
            again = (await self.wire.send_call(call)).parsed(call.method.response)
            if again.outcome == common.OUTCOME_REFUSED:
                assert again.refusal.code in GONE_SINCE, call
            elif call.method is methods.RESERVE:
                assert first.lines == again.lines, call

    async def work(self) -> None:
        """Make orders, and take them some way."""
        while now_s() < self.ends_at or len(self.history) < CALLS_MIN:
            match self.chance.random():
                case roll if roll < 0.1:
                    await self.tell(calls.get_availability(self.chance.choice(SKUS)))
                case roll if roll < 0.2:
                    await self.rush()
                case roll if roll < 0.35:
                    fact = receipt(
                        self.wanted(1)[0],
                        self.chance.randint(1, 3),
                        self.chance.choice(PLACES),
                    )
                    await self.tell(calls.record_stock_events("goods-in", [fact]))
                case _:
                    await self.order()

    def wanted(self, count: int) -> list[str]:
        """Think of up to so many SKUs."""
        return list(dict.fromkeys(self.chance.choices(SKUS, WEIGHTS, k=count)))

    async def rush(self) -> None:
        """Ask for the same many times at once, in one turn of the node if it comes to that."""
        (sku,) = self.wanted(1)
        line = (sku, self.chance.choice(PLACES), self.chance.randint(1, 2))
        orders = [new_name("order") for _ in range(self.chance.randint(2, 8))]
        await asyncio.gather(*(self.tell(calls.reserve(order, [line], hold=1)) for order in orders))

    async def come_late(self) -> None:
        """Commit when the hold has ended and another order has its only unit."""
        late, line = new_name("order"), ("LATE", PLACES[0], 1)
        await self.tell(calls.record_stock_events("goods-in", [receipt("LATE", 1, PLACES[0])]))
        await self.tell(calls.reserve(late, [line], hold=1))
        while True:
            other = new_name("order")
            answer = await self.tell(calls.reserve(other, [line], hold=60))
            if answer.outcome == common.OUTCOME_ACCEPTED:
                break
            await let_pass(0.05)
        await self.tell(calls.commit(late, request_id="too late"))
        await self.tell(calls.release(other, request_id="given back"))

    async def order(self) -> None:
        """Reserve, and commit, ship, give back, ask for time, or forget about it."""
        order = new_name("order")
        lines = [
            (sku, self.chance.choice(PLACES), self.chance.randint(1, 3))
            for sku in self.wanted(self.chance.choice((1, 1, 1, 2, 5)))
        ]
        hold = self.chance.choice((1, 1.25, 1.5, 2))
        answer = await self.tell(calls.reserve(order, lines, hold=hold))
        if answer.outcome != common.OUTCOME_ACCEPTED:
            return
        for call in self.plan(order, lines):
            if self.chance.random() < 0.1:
                await self.repeat()
            if self.chance.random() < 0.1:
                await let_pass(self.chance.random() * hold)
            await self.tell(call)

    def plan(self, order: str, lines: Sequence[tuple[str, str, int]]) -> Iterator[Call[Any]]:
        """Think of what to do with an order. Some of it will be refused."""
        request = iter(f"request {number}" for number in range(9))
        if self.chance.random() < 0.2:
            yield calls.extend(order, self.chance.choice((1, 2)), request_id=next(request))
        some = [(sku, place, 1) for sku, place, _ in lines[: self.chance.randint(1, len(lines))]]
        match self.chance.randrange(8):
            case 0 | 1:
                yield calls.release(order, request_id=next(request))
            case 2:
                yield calls.release(order, some, request_id=next(request))
                yield calls.commit(order, request_id=next(request))
                yield calls.cancel(order, request_id=next(request))
            case 3 | 4:
                yield calls.commit(order, request_id=next(request))
                yield calls.fulfill(order, some, request_id=next(request))
                yield calls.cancel(order, request_id=next(request))
            case 5:
                give_back = reservation.REMAINDER_GIVE_BACK
                yield calls.commit(order, some, remainder=give_back, request_id=next(request))
                yield calls.fulfill(order, some, request_id=next(request))
            case 6:
                yield calls.fulfill(order, request_id=next(request))  # too early
                yield calls.commit(order, request_id=next(request))
                yield calls.cancel(order, some, request_id=next(request))
                yield calls.cancel(order, request_id=next(request))
            case _:
                pass  # forgotten: the hold will end


async def stress(node: NodeProcess, seconds: float, seed: int) -> list[Exchange]:
    """Let all callers work for so long, and return all calls with their answers."""
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        for place in PLACES:
            await client.update_location(place, allow_missing=True)
    wires = [Wire(node.target) for _ in range(4)]
    opening = Caller(wires[0], random.Random(seed), 0)
    for sku in SKUS:
        for place in PLACES:
            fact = receipt(sku, OPENING_UNITS, place)
            await opening.tell(calls.record_stock_events("goods-in", [fact]))
    ends_at = now_s() + seconds
    callers = [
        Caller(wires[number % len(wires)], random.Random(f"{seed}/{number}"), ends_at)
        for number in range(CALLERS)
    ]
    late = Caller(wires[0], random.Random(seed), ends_at)
    await asyncio.gather(late.come_late(), *(caller.work() for caller in callers))
    for wire in wires:
        await wire.__aexit__()
    return [exchange for caller in (opening, late, *callers) for exchange in caller.history]


@pytest.mark.parametrize(
    "seconds",
    [5, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["short", "long"],
)
async def test_one_order_of_all_calls_explains_every_answer(tmp_path: Path, seconds: int) -> None:
    """Nobody was promised what was not there, and each answer was right when it was given."""
    with running_node(tmp_path, shard_count=SHARDS) as node:
        history = await stress(node, seconds, seed=7)
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:

            async def have_all_ended() -> bool:
                return not any(shard.reserved for shard in (await client.get_status()).shards)

            await wait_until_so(have_all_ended)
            final = await client.batch_get_availability(SKUS)
            traces = await traces_of(client)
        node.kill()

        judge = Judge(SHARDS, PUT_PLACES, history)
        journal = read_journal(node.data_dir)
        judge.judge(journal)
        assert traces.state_hash == judge.node.state_hash()
        for each in final.availabilities:
            model = judge.model.availability(each.sku)
            assert model is not None
            assert [
                (level.location, level.on_hand, level.reserved, level.committed)
                for level in model.levels
            ] == [
                (level.location, level.on_hand, level.reserved, level.committed)
                for level in each.levels
            ]
        check_variety(history, judge)


def check_variety(history: Sequence[Exchange], judge: Judge) -> None:
    """Guard against a run in which nothing happened."""
    refused = {
        exchange.response.refusal.code
        for exchange in history
        if getattr(exchange.response, "outcome", 0) == common.OUTCOME_REFUSED
    }
    assert refused >= {
        common.REFUSAL_CODE_INSUFFICIENT_STOCK,
        common.REFUSAL_CODE_EXPIRED,
        common.REFUSAL_CODE_WRONG_STATE,
    }
    assert len(history) > judge.turns, "callers share turns"
