"""The feed of stock facts: packed columns over one ApplyStockEvents, by number and by id; all of
the latter once more, as a source sends them that lost its place; single events beside them; and
what the journal keeps.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import grpc.aio
import numpy as np

from holdfast.edge.client import Client, StockColumns
from holdfast.v1 import stock_service_pb2 as stock

from ..harness.figures import Figure, at_least, at_most, figure, percentile, ratios
from ..harness.load import streamed
from ..harness.packed_traffic import resolve
from ..harness.plan import BenchError, Plan
from ..harness.processes import Server, connect, node_server
from ..harness.regimes import NO_SNAPSHOTS_MIB, Regime, Tally
from ..harness.workload import PLENTY, SEED, Row, put_stock, rows

PATH = "/holdfast.v1.StockService/ApplyStockEvents"
MANY = rows(10_000)

APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED
DUPLICATE = stock.STOCK_EVENT_OUTCOME_DUPLICATE

#: Kinds that come from a till and a warehouse; a count would undo what was sold before it.
KINDS = (
    stock.STOCK_EVENT_KIND_SALE,
    stock.STOCK_EVENT_KIND_RETURN,
    stock.STOCK_EVENT_KIND_RECEIPT,
)

#: Events a second, of the design.
BAR = 300_000

REGIMES = (Regime(8_190, 4, 40), Regime(512, 8, 200))

#: The form of single events; the node takes its messages one by one.
OBJECTS = Regime(1_000, 4, 20)


#: Kind of load -> what it came to.
Tallies = dict[str, Tally]


class Facts:
    """An endless line of facts. Their numbers rise, and no two ids are the same."""

    def __init__(self, handles: Sequence[int]) -> None:
        self._random = np.random.default_rng(SEED)
        self._handles = np.array(handles, np.uint64)
        self._next = 1

    def numbered(self, regime: Regime) -> list[bytes]:
        """Build messages with a sequence for each event, and no id."""
        return [self._message(regime.size, sequences=self._run(regime.size)) for _ in _each(regime)]

    def named(self, regime: Regime) -> list[bytes]:
        """Build messages with an id for each event, and no sequence."""
        return [
            self._message(
                regime.size, id_high=self._halves(regime.size), id_low=self._halves(regime.size)
            )
            for _ in _each(regime)
        ]

    def objects(self, regime: Regime) -> list[bytes]:
        """Build messages of single events with an id."""
        return [self._objects(regime.size) for _ in _each(regime)]

    def _message(self, size: int, **keys: Any) -> bytes:
        handles = self._random.choice(self._handles, size)
        kinds = self._random.choice(np.array(KINDS, np.uint8), size)
        quantities = self._random.integers(1, 10, size)
        columns = StockColumns("feed", handles, kinds, quantities, **keys)
        return columns.message().SerializeToString()

    def _objects(self, size: int) -> bytes:
        chosen = self._random.integers(0, len(MANY), size).tolist()
        numbers = self._run(size).tolist()
        events = [_event(number, MANY[row]) for number, row in zip(numbers, chosen, strict=True)]
        return stock.ApplyStockEventsRequest(source="objects", events=events).SerializeToString()

    def _run(self, size: int) -> Any:
        self._next += size
        return np.arange(self._next - size, self._next, dtype=np.uint64)

    def _halves(self, size: int) -> Any:
        return self._random.integers(1, 1 << 64, size, dtype=np.uint64)


def _each(regime: Regime) -> range:
    return range(regime.messages)


def _event(number: int, row: Row) -> stock.StockEvent:
    return stock.StockEvent(
        event_id=str(number), sku=row[0], location=row[1], kind=KINDS[0], quantity=1
    )


class Feed:
    """A node with stock, and facts for it."""

    def __init__(self, node: Server, handles: Sequence[int]) -> None:
        self._node = node
        self._channel = grpc.aio.insecure_channel(node.address)
        self.facts = Facts(handles)

    @classmethod
    async def prepare(cls, node: Server, client: Client) -> "Feed":
        """Put stock in, and learn its handles."""
        await put_stock(client, MANY, PLENTY)
        return cls(node, await resolve(node, MANY))

    async def round(self, regimes: Sequence[Regime]) -> dict[str, Tallies]:
        """Send every kind of facts in every regime."""
        tallies: dict[str, Tallies] = {}
        for regime in regimes:
            kinds = tallies[regime.key] = defaultdict(Tally)
            named = self.facts.named(regime)
            await self._send(regime, kinds["numbered"], self.facts.numbered(regime), APPLIED)
            await self._send(regime, kinds["named"], named, APPLIED)
            await self._send(regime, kinds["again"], named, DUPLICATE)
        objects = tallies["objects"] = defaultdict(Tally)
        await self._send(OBJECTS, objects["objects"], self.facts.objects(OBJECTS), APPLIED)
        return tallies

    async def _send(
        self, regime: Regime, tally: Tally, messages: list[bytes], outcome: int
    ) -> None:
        cpu_before_s = self._node.cpu_seconds()
        load = await streamed(self._channel.stream_stream(PATH)(), messages, regime.in_flight)
        tally.add(load, len(messages) * regime.size, self._node.cpu_seconds() - cpu_before_s)
        for answer in load.answers:
            _expect(answer, regime.size, outcome)

    async def numbered(self, regime: Regime) -> None:
        """Send facts with numbers, for what they leave in the journal."""
        await self._send(regime, Tally(), self.facts.numbered(regime), APPLIED)

    async def growth(self, client: Client, regime: Regime) -> dict[str, float]:
        """Bytes by which the journal grows for a fact with a number, and for one with an id."""
        sizes = [(await client.get_status()).journal_size_bytes]
        for messages in (self.facts.numbered(regime), self.facts.named(regime)):
            await self._send(regime, Tally(), messages, APPLIED)
            sizes.append((await client.get_status()).journal_size_bytes)
        count = regime.messages * regime.size
        return {"numbered": (sizes[1] - sizes[0]) / count, "named": (sizes[2] - sizes[1]) / count}

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


def _expect(answer: bytes, size: int, outcome: int) -> None:
    """Check every outcome of a message: a fast wrong answer is no figure."""
    response = stock.ApplyStockEventsResponse.FromString(answer)
    outcomes = response.columns.outcomes or bytes(each.outcome for each in response.results)
    if outcomes != bytes([outcome]) * size:
        raise BenchError(f"{len(outcomes)} facts of {size} were answered with {set(outcomes)}")


async def run(plan: Plan) -> list[Figure]:
    """Measure all regimes, then the journal of a node that nothing trims."""
    regimes = [Regime(each.size, each.in_flight, plan.count(each.messages, 8)) for each in REGIMES]
    rounds: list[dict[str, Tallies]] = []
    async with node_server(plan.folder / "stock") as node, connect(node) as client:
        feed = await Feed.prepare(node, client)
        await feed.round([Regime(512, 8, 8)])  # warms connections and caches, and is forgotten
        for _ in plan.each_round("stock"):
            rounds.append(await feed.round(regimes))  # noqa: PERF401 - it awaits
        await feed.close()
    return [
        *(each for regime in regimes for each in _of_regime(regime, rounds)),
        _of_objects([each["objects"]["objects"] for each in rounds]),
        *await _journal(plan, regimes),
    ]


async def _journal(plan: Plan, regimes: Sequence[Regime]) -> list[Figure]:
    growths: dict[str, list[dict[str, float]]] = {regime.key: [] for regime in regimes}
    server = node_server(plan.folder / "stock-journal", snapshot_every_mib=NO_SNAPSHOTS_MIB)
    async with server as node, connect(node) as client:
        feed = await Feed.prepare(node, client)
        for _ in plan.each_round("stock, journal"):
            for regime in regimes:
                growths[regime.key].append(await feed.growth(client, regime))
        await feed.close()
    return [
        figure(
            f"stock.{regime.key}_{kind}_bytes",
            f"{regime.name}: journal, one fact {label}",
            "B",
            [each[kind] for each in growths[regime.key]],
            at_most(48),
        )
        for regime in regimes
        for kind, label in (("numbered", "by number"), ("named", "by id"))
    ]


def _of_regime(regime: Regime, rounds: Sequence[dict[str, Tallies]]) -> list[Figure]:
    tallies = [each[regime.key] for each in rounds]
    rates = {kind: [each[kind].rate for each in tallies] for kind in tallies[0]}
    latencies_s = [each["named"].latencies_s for each in tallies]
    key, name = f"stock.{regime.key}", regime.name
    note = f"{regime.size:,} a message, {regime.in_flight} ahead of their answers"
    return [
        *(
            figure(f"{key}_{kind}_rate", f"{name}: facts {label}", "/s", rates[kind], bar, note)
            for kind, label, bar in (
                ("numbered", "by number", at_least(BAR)),
                ("named", "by id", at_least(BAR)),
            )
        ),
        figure(
            f"{key}_again_share",
            f"{name}: sent again ÷ first",
            "%",
            ratios(rates["again"], rates["named"]),
        ),
        *(
            figure(
                f"{key}_named_p{percent}",
                f"{name}: p{percent} of a message",
                "ms",
                [percentile(each, percent) * 1e3 for each in latencies_s],
            )
            for percent in (50, 99)
        ),
        *(
            figure(
                f"{key}_{kind}_cpu",
                f"{name}: processor a fact {label}",
                "us",
                [each[kind].cpu_us for each in tallies],
            )
            for kind, label in (("numbered", "by number"), ("named", "by id"))
        ),
    ]


def _of_objects(tallies: Sequence[Tally]) -> Figure:
    return figure(
        "stock.objects_rate",
        "Objects: facts by id",
        "/s",
        [each.rate for each in tallies],
        note=f"{OBJECTS.size:,} a message, worked one message at a time",
    )
