"""The power goes at any moment, and nothing that was answered is lost or done twice.

Callers run scripts of mixed commands, each on SKUs of its own, so that the outcome is the same in
whatever order the node meets them. The node is killed at random moments of a seed and started
again; a caller who got no answer asks again with the same ids until he has one. In the end the
books are those of a run that nobody disturbed.
"""

import asyncio
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.audit import check_invariants
from holdfast.edge.client import Client, calls, methods
from holdfast.edge.client.calls import Call
from holdfast.persistence.verify import verify
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess, replayed_node, running_node
from tests.edge.raw import CALL_TIMEOUT_S, OK, Answer, Wire, traces_of

SKUS_EACH = 5
PLACES = ("W1", "W2", "W3")

#: What an attempt may take. A node that is killed breaks the connection, so this is hardly used.
ATTEMPT_S = 10.0

#: Statuses after which a caller can't know whether his command took effect, or knows that it did
#: not: in both cases he asks again with the same ids.
UNANSWERED = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}

NEVER = 1 << 30  # more answers than any run has

#: When supply is expected: in no run's time.
DUE = datetime(2100, 1, 1, tzinfo=UTC)

DUPLICATE = stock.STOCK_EVENT_OUTCOME_DUPLICATE
APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED


@dataclass(frozen=True, slots=True)
class Step:
    """A call, and the order that it is about; facts are about none."""

    call: Call[Any]
    order: str = ""


def script(caller: int, steps: int) -> list[Step]:
    """Write what a caller does; the same for the same number."""
    chance = random.Random(f"caller {caller}")
    skus = [f"SKU {caller}/{number}" for number in range(SKUS_EACH)]
    made = [Step(opening(caller, skus))]
    orders: list[str] = []
    while len(made) < steps:
        what = chance.random()
        if what < 0.1:
            made.append(Step(fact(caller, len(made), skus, chance)))
        elif what < 0.5 or not orders:
            orders.append(f"order {caller}/{len(made)}")
            lines = [
                (sku, chance.choice(PLACES), chance.randint(1, 40))
                for sku in chance.sample(skus, chance.randint(1, 3))
            ]
            reserve = calls.reserve(orders[-1], lines, hold=24 * 3600)
            if chance.random() < 0.3:
                more = [(sku, place, 15 * units) for sku, place, units in lines]
                reserve = calls.reserve(orders[-1], more, hold=24 * 3600, latest_supply=DUE)
            made.append(Step(reserve, orders[-1]))
        else:
            # The latest orders are the likeliest to have something left to do.
            order = orders[-min(len(orders), chance.randint(1, 3))]
            made.append(Step(change(order, f"request {len(made)}", chance), order))
    return made


def opening(caller: int, skus: Sequence[str]) -> Call[Any]:
    """Receive the goods that the caller will ask for."""
    return calls.record_stock_events(
        f"source {caller}",
        [
            stock.StockEvent(
                event_id=f"opening {sku} {place}",
                sku=sku,
                location=place,
                kind=stock.STOCK_EVENT_KIND_RECEIPT,
                quantity=500,
            )
            for sku in skus
            for place in PLACES
        ]
        + [
            stock.StockEvent(
                event_id=f"supply {sku}",
                sku=sku,
                location=PLACES[0],
                kind=stock.STOCK_EVENT_KIND_SUPPLY,
                quantity=2_000,
                reference={"kind": "supply", "id": sku},
                expected_time=DUE,
            )
            for sku in skus
        ],
    )


def fact(caller: int, number: int, skus: Sequence[str], chance: random.Random) -> Call[Any]:
    """Receive, sell, return, write off and transfer some goods. A count would depend on what is
    shipped.
    """
    events = [
        stock.StockEvent(
            event_id=f"fact {number}/{index}",
            sku=chance.choice(skus),
            location=chance.choice(PLACES),
            kind=chance.choice(
                (
                    stock.STOCK_EVENT_KIND_RECEIPT,
                    stock.STOCK_EVENT_KIND_SALE,
                    stock.STOCK_EVENT_KIND_RETURN,
                    stock.STOCK_EVENT_KIND_ADJUSTMENT,
                )
            ),
            quantity=chance.randint(1, 20),
        )
        for index in range(chance.randint(1, 5))
    ]
    events.append(transfer(f"transfer {number}", chance.choice(skus), chance))
    return calls.record_stock_events(f"source {caller}", events)


def transfer(event_id: str, sku: str, chance: random.Random) -> stock.StockEvent:
    """Units that go from one location to another, come there, or are lost on the way."""
    here, there = chance.sample(PLACES, 2)
    event = stock.StockEvent(
        event_id=event_id,
        sku=sku,
        location=here,
        kind=chance.choice(
            (
                stock.STOCK_EVENT_KIND_RECEIPT,
                stock.STOCK_EVENT_KIND_TRANSFER_DISPATCH,
                stock.STOCK_EVENT_KIND_TRANSFER_ADJUSTMENT,
            )
        ),
        quantity=chance.randint(1, 20),
        reference={"kind": "transfer", "id": chance.choice(("T1", "T2"))},
    )
    if event.kind == stock.STOCK_EVENT_KIND_TRANSFER_DISPATCH:
        event.to_location, event.takes_promised = there, True
    return event


def change(order: str, request: str, chance: random.Random) -> Call[Any]:
    """Commit, ship, give back, cancel or extend an order. Many of these will be refused."""
    match chance.choice(("commit", "commit", "fulfill", "fulfill", "release", "cancel", "extend")):
        case "commit":
            return calls.commit(order, request_id=request)
        case "fulfill":
            return calls.fulfill(order, request_id=request)
        case "release":
            return calls.release(order, request_id=request)
        case "cancel":
            return calls.cancel(order, request_id=request)
        case _:
            return calls.extend(order, 48 * 3600, request_id=request)


@dataclass(slots=True)
class Caller:
    """Follows a script and keeps what he was told."""

    steps: list[Step]
    answers: list[Answer] = field(default_factory=list)
    attempts: int = 0
    on_answer: Callable[[], None] = lambda: None

    async def follow(self, target: str) -> None:
        """Ask one after the other, each until it is answered."""
        async with Wire(target) as wire:
            for step in self.steps:
                self.answers.append(await self.ask(wire, step.call))
                self.on_answer()

    async def ask(self, wire: Wire, call: Call[Any]) -> Answer:
        """Ask with the same ids until there is an answer."""
        while True:
            self.attempts += 1
            answer = await wire.send_call(call, timeout_s=ATTEMPT_S)
            if answer.code not in UNANSWERED:
                # An order whose Reserve was refused does not exist, and the script goes on with it.
                assert answer.code in (OK, "NOT_FOUND"), f"{call.method.name}: {answer}"
                return answer

    def accepted(self) -> Iterator[tuple[Step, Answer]]:
        """What took effect, with its first answer."""
        for step, answer in zip(self.steps, self.answers, strict=True):
            if answer.code == OK and not is_refused(step, answer):
                yield step, answer


def is_refused(step: Step, answer: Answer) -> bool:
    """Whether the answer is a refusal."""
    response = step.call.method.response.FromString(answer.data)
    return getattr(response, "outcome", common.OUTCOME_ACCEPTED) == common.OUTCOME_REFUSED


@dataclass(frozen=True, slots=True)
class Books:
    """What a run came to."""

    state_hash: str
    position: int
    levels: dict[tuple[str, str], tuple[int, int, int, int, int]]
    answers: list[list[bytes]]
    """What every step was answered, as far as it does not depend on the time of the run."""


async def books_of(node: NodeProcess, callers: Sequence[Caller]) -> Books:
    """Read all stock levels, and put them beside what was answered."""
    skus = [f"SKU {number}/{sku}" for number in range(len(callers)) for sku in range(SKUS_EACH)]
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        traces = await traces_of(client)
        read = await client.batch_get_availability(skus)
    assert not read.unknown_skus
    levels = {
        (each.sku, level.location): (
            *(level.on_hand, level.reserved, level.committed),
            *(level.incoming, level.backordered),
        )
        for each in read.availabilities
        for level in each.levels
    }
    answers = [
        [timeless(*answered) for answered in zip(caller.steps, caller.answers, strict=True)]
        for caller in callers
    ]
    return Books(traces.state_hash, traces.position, levels, answers)


def timeless(step: Step, answer: Answer) -> bytes:
    """Leave out of an answer what differs from run to run: times, revisions, which are those of
    whoever shared the turn, and what a repeat of a fact says: that it is one, and what is left.
    """
    if answer.code != OK:
        return answer.code.encode()
    response = step.call.method.response.FromString(answer.data)
    if "expire_time" in response.DESCRIPTOR.fields_by_name:
        response.ClearField("expire_time")
    if isinstance(response, stock.RecordStockEventsResponse):
        outcomes = {result.outcome for result in response.results}
        assert outcomes in ({APPLIED}, {DUPLICATE}), "all or none"
        for result in response.results:
            result.Clear()
    if isinstance(response, reservation.ReserveResponse):
        response.ClearField("repeated_request")  # whoever had no answer asks again
    response.ClearField("revisions")
    return bytes(response.SerializeToString(deterministic=True))


async def run(node: NodeProcess, steps: int, count: int) -> Books:
    """Let all callers follow their scripts, and nobody kills anything."""
    await put_places(node)
    callers = [Caller(script(number, steps)) for number in range(count)]
    await asyncio.gather(*(caller.follow(node.target) for caller in callers))
    return await books_of(node, callers)


class Killer:
    """Kills a node after so many answers: at the moment of the next one, or a little later."""

    def __init__(self, node: NodeProcess) -> None:
        self._node = node
        self._answers = 0
        self._after = NEVER
        self._delay_s = 0.0
        self.has_killed = asyncio.Event()

    def plan(self, after: int, delay_s: float) -> None:
        """Say when."""
        self._after, self._delay_s = after, delay_s
        self.has_killed.clear()

    async def kills_before(self, following: "asyncio.Future[Any]") -> None:
        """Wait for the kill. Callers who are done or failed would never cause it."""
        waiting = asyncio.ensure_future(self.has_killed.wait())
        await asyncio.wait((waiting, following), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not self.has_killed.is_set():
            await following
            raise AssertionError("the callers were done before the next kill")

    def count(self) -> None:
        """An answer has come."""
        self._answers += 1
        if self._answers >= self._after:
            self._after = NEVER
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._kill)
            else:
                self._kill()

    def _kill(self) -> None:
        self._node.signal(signal.SIGKILL)
        self.has_killed.set()


async def run_with_kills(
    node: NodeProcess, steps: int, count: int, kills: int, chance: random.Random
) -> tuple[Books, list[Caller]]:
    """Kill the node so many times while the callers go on, at moments spread over their scripts.

    Every other time it is the very moment of an answer: what it rests on must be on disk by then.
    """
    await put_places(node)
    killer = Killer(node)
    callers = [Caller(script(number, steps), on_answer=killer.count) for number in range(count)]
    following = asyncio.gather(*(caller.follow(node.target) for caller in callers))
    for number in range(kills):
        # The last tenth is left out: a kill that nobody is there to cause would be waited for.
        share = (number + chance.random()) / kills * 0.9
        killer.plan(round(steps * count * share), chance.random() * 0.02 * (number % 2))
        await killer.kills_before(following)
        await asyncio.to_thread(node.wait)
        if number % 5 == 4:
            # The power comes back and goes again while the node recovers, or with its first answer:
            # were it left to serve, the callers could be done before the next kill.
            killer.plan(0, 0.0)
            node.launch()
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 2):
                    await killer.has_killed.wait()
            killer.plan(NEVER, 0.0)
            node.kill()
        await asyncio.to_thread(node.start)
    await following
    return await books_of(node, callers), callers


async def put_places(node: NodeProcess) -> None:
    """Create the locations."""
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        for place in PLACES:
            await client.update_location(place, allow_missing=True)


async def ask_again(node: NodeProcess, callers: Sequence[Caller]) -> None:
    """Ask once more for everything that took effect: facts are reported as repeats, orders as
    they are now.
    """

    async def check(caller: Caller) -> None:
        async with Wire(node.target) as wire:
            for step, first in caller.accepted():
                again = await caller.ask(wire, step.call)
                repeat = again.parsed(step.call.method.response)
                if not step.order:
                    assert {DUPLICATE} == {result.outcome for result in repeat.results}
                elif step.call.method is not methods.EXTEND:
                    read = await wire.send_call(calls.get_reservation(step.order))
                    now = read.parsed(reservation.GetReservationResponse).reservation
                    assert now.state == repeat.state, f"{step.call.method.name}: {first} {again}"

    await asyncio.gather(*(check(caller) for caller in callers))


@pytest.mark.parametrize(
    ("kills", "steps", "callers"),
    [
        (3, 60, 12),
        pytest.param(30, 300, 16, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
    ids=["3 kills", "30 kills"],
)
async def test_a_node_that_is_killed_again_and_again_comes_to_the_same_books(
    tmp_path: Path, kills: int, steps: int, callers: int
) -> None:
    """No acknowledged effect is lost, none happens twice, and repeats change nothing."""
    with running_node(tmp_path / "undisturbed") as node:
        expected = await run(node, steps, callers)
    assert any(figures[-1] for figures in expected.levels.values()), "nobody waits for supply"

    with running_node(tmp_path / "killed", snapshot_every_mib=1) as node:
        chance = random.Random(20_240_229)
        books, followed = await run_with_kills(node, steps, callers, kills, chance)
        assert expected.levels == books.levels
        assert expected.answers == books.answers
        assert expected.state_hash == books.state_hash
        assert sum(caller.attempts for caller in followed) > steps * callers, "no call was hit"

        await ask_again(node, followed)
        assert books == await books_of(node, followed), "nothing came of asking again"
        node.terminate()
        assert [] == node.complaints()

        report = verify(node.data_dir)
        assert report.is_good, report.findings
        assert books.state_hash == report.state_hash
        assert kills + 1 <= report.epoch, "each life that wrote has an epoch of its own"
        assert [] == check_invariants(replayed_node(node.data_dir))
