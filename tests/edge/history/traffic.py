"""Callers who send random requests to a node that is killed again and again."""

import asyncio
import random
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import grpc

from holdfast.edge.client import Client, calls
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.history.asked_operations import NOT_FOUND, Attempt, Operation
from tests.edge.history.requests import (
    OPENING_UNITS,
    PLACES,
    SKUS,
    Imagination,
    Reply,
    Request,
    read_skus,
    single,
)
from tests.edge.node_process import NodeProcess
from tests.edge.raw import CALL_TIMEOUT_S, OK, Wire
from tests.real_time import let_pass, now_s

ATTEMPT_S: Final = 10.0
#: How likely a node is killed at an answer that comes while it writes a snapshot.
SNAPSHOT_KILL: Final = 0.02

#: Statuses after which a caller can't know whether his call took effect.
UNANSWERED: Final = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}

#: What `grpc.aio` says, under INTERNAL, when a connection breaks while it writes.
BROKEN_STREAM: Final = "Internal error from Core"


@dataclass(slots=True)
class Traffic:
    """What all callers share."""

    target: str
    operations_max: int
    operations: list[Operation] = field(default_factory=list)
    answered: int = 0
    unanswered: int = 0
    on_answer: Callable[[], None] = lambda: None

    @property
    def is_over(self) -> bool:
        """Whether enough was answered."""
        return self.answered >= self.operations_max


@dataclass(slots=True)
class Caller:
    """One caller, who waits for each answer before he asks again."""

    traffic: Traffic
    wire: Wire
    imagination: Imagination

    async def work(self) -> None:
        """Ask until there was enough."""
        while not self.traffic.is_over:
            await self.ask(self.imagination.next())

    async def ask(self, request: Request) -> None:
        """Ask with the same ids until there is an answer, or give up."""
        self.traffic.operations += [each for each in request.operations if not each.attempts]
        while True:
            attempts = [Attempt(now_s()) for _ in request.operations]
            for operation, attempt in zip(request.operations, attempts, strict=True):
                operation.attempts.append(attempt)
            reply = await self._send(request)
            if reply is not None:
                break
            self.traffic.unanswered += len(attempts)
            if self.imagination.chance.random() < 0.2:
                return
        answered_at = now_s()
        for attempt, answer in zip(attempts, reply.answers, strict=True):
            attempt.answered_at, attempt.answer, attempt.revisions = (
                answered_at,
                answer,
                reply.revisions,
            )
        self.traffic.answered += len(attempts)
        self.traffic.on_answer()

    async def _send(self, request: Request) -> Reply | None:
        data = request.message.SerializeToString()
        if request.is_stream:
            streamed = await self._send_stream(request.path, data)
            return None if streamed is None else request.read(streamed)
        answer = await self.wire.send_bytes(request.path, data, timeout_s=ATTEMPT_S)
        if answer.code in UNANSWERED:
            return None
        if answer.code == NOT_FOUND:
            return Reply([NOT_FOUND], ())
        assert answer.code == OK, f"{request.path}: {answer}"
        return request.read(answer.data)

    async def _send_stream(self, path: str, data: bytes) -> bytes | None:
        stream = self.wire.channel.stream_stream(path)
        call = stream(iter((data,)), timeout=ATTEMPT_S, wait_for_ready=True)
        try:
            answer: Any = await anext(aiter(call))
        except grpc.aio.AioRpcError as error:
            if error.code().name in UNANSWERED or error.details() == BROKEN_STREAM:
                return None
            raise
        await call.code()
        return bytes(answer)


async def open_books(node: NodeProcess, traffic: Traffic) -> dict[tuple[str, str], int]:
    """Create the locations, receive goods of every SKU, and return the handles of all levels."""
    names = [(sku, place) for sku in SKUS for place in PLACES]
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        for place in PLACES:
            await client.update_location(place, allow_missing=True)
        async with Wire(node.target) as wire:
            opening = Caller(traffic, wire, Imagination("", random.Random(0), {}, deque()))
            events = [
                stock.StockEvent(
                    event_id=f"opening {sku} {place}",
                    sku=sku,
                    location=place,
                    kind=stock.STOCK_EVENT_KIND_RECEIPT,
                    quantity=OPENING_UNITS,
                )
                for sku, place in names
            ]
            await opening.ask(single(calls.record_stock_events("opening", events)))
        answer = await client.resolve_stock_levels(names)
    return dict(zip(names, answer.handles, strict=True))


class Killer:
    """Kills a node at planned numbers of answers, and by chance while it writes a snapshot; every
    fourth time once more while it recovers. Every second snapshot is left alone: on a slow machine
    none came to be archived.
    """

    def __init__(self, node: NodeProcess, traffic: Traffic, kills: int, seed: int) -> None:
        self._node = node
        self._traffic = traffic
        self._chance = random.Random(seed)
        share = traffic.operations_max / (kills + 1)
        self._moments = deque(
            round(share * (number + 0.8 * self._chance.random())) for number in range(1, kills + 1)
        )
        self._snapshots: set[Path] = set()
        self._struck = asyncio.Event()
        self.kills = 0
        self.in_snapshot = 0
        self.in_recovery = 0
        traffic.on_answer = self._look

    def _look(self) -> None:
        """An answer has come."""
        if self._struck.is_set():
            return
        is_due = bool(self._moments) and self._traffic.answered >= self._moments[0]
        under_way = list(self._node.data_dir.glob("snapshots/*.partial"))
        self._snapshots.update(under_way)
        is_in_snapshot = bool(under_way)
        is_doomed = is_in_snapshot and len(self._snapshots) % 2 == 1
        if is_due or (is_doomed and self._chance.random() < SNAPSHOT_KILL):
            self._strike(is_due, is_in_snapshot)

    def _strike(self, is_due: bool, is_in_snapshot: bool) -> None:
        self._node.signal(signal.SIGKILL)
        if is_due:
            self._moments.popleft()
        self.kills += 1
        self.in_snapshot += is_in_snapshot
        self._struck.set()

    async def run(self, working: "asyncio.Future[Any]") -> None:
        """Kill and start again until the callers are done."""
        while True:
            striking = asyncio.ensure_future(self._struck.wait())
            await asyncio.wait((striking, working), return_when=asyncio.FIRST_COMPLETED)
            striking.cancel()
            if not self._struck.is_set():
                await working
                return
            await asyncio.to_thread(self._node.wait)
            if self.kills % 4 == 3:
                self._node.launch()
                await let_pass(self._chance.random() * 2)
                self._node.kill()
                self.kills += 1
                self.in_recovery += 1
            await asyncio.to_thread(self._node.start)
            self._struck.clear()


class Disturber(Protocol):
    """Whoever kills something, and how often he has."""

    kills: int

    async def run(self, working: "asyncio.Future[Any]") -> None:
        """Go on until the callers are done."""


async def run_traffic(
    node: NodeProcess,
    callers: int,
    operations: int,
    seed: int,
    disturb: Callable[[NodeProcess, Traffic], Disturber],
) -> tuple[Traffic, Disturber]:
    """Let callers work until so many operations were answered."""
    traffic = Traffic(node.target, operations)
    handles = await open_books(node, traffic)
    disturber = disturb(node, traffic)
    shared: deque[Any] = deque(maxlen=40)
    wires = [Wire(node.target) for _ in range(4)]
    working = asyncio.gather(
        *(
            Caller(
                traffic,
                wires[number % len(wires)],
                Imagination(f"c{number}", random.Random(f"{seed}/{number}"), handles, shared),
            ).work()
            for number in range(callers)
        )
    )
    await disturber.run(working)
    async with Wire(node.target) as wire:
        last = Caller(traffic, wire, Imagination("last", random.Random(seed), handles, shared))
        await last.ask(read_skus(SKUS))
    for wire in wires:
        await wire.__aexit__()
    return traffic, disturber
