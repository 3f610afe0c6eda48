"""Traffic of the feed: stock facts as packed columns and as single events, repeated from a seed.

Messages are public ones, built before a stretch of load begins.
"""

from collections.abc import Sequence
from typing import Any

import grpc.aio
import numpy as np

from holdfast.edge.client import Client, StockColumns
from holdfast.v1 import stock_service_pb2 as stock

from .load import streamed
from .packed_traffic import resolve
from .plan import BenchError
from .processes import Server
from .regimes import Regime, Total
from .workload import PLENTY, SEED, put_stock, rows

PATH = "/holdfast.v1.StockService/RecordStockEventsStream"
MANY = rows(10_000)

APPLIED = stock.STOCK_EVENT_OUTCOME_APPLIED
DUPLICATE = stock.STOCK_EVENT_OUTCOME_DUPLICATE

#: Kinds that come from a till and a warehouse; a count would undo what was sold before it.
KINDS = (
    stock.STOCK_EVENT_KIND_SALE,
    stock.STOCK_EVENT_KIND_RETURN,
    stock.STOCK_EVENT_KIND_RECEIPT,
)


#: Sources: of columns, of single events with numbers, and of such with ids.
FEED, TILLS, NAMED = "feed", "tills", "objects"

#: Some time at which they happened.
NOON_NS = 1_795_780_800 * 10**9


class Facts:
    """An endless stream of facts. Numbers rise, and no two ids are the same."""

    def __init__(self, handles: Sequence[int]) -> None:
        self._random = np.random.default_rng(SEED)
        self._handles = np.array(handles, np.uint64)
        self._next = dict.fromkeys((FEED, TILLS, NAMED), 1)

    def numbered(self, regime: Regime) -> list[bytes]:
        """Messages with a sequence for each event, and no id."""
        return [self._message(regime.size, sequences=self._run(regime.size)) for _ in _each(regime)]

    def named(self, regime: Regime) -> list[bytes]:
        """Messages with an id for each event, and no sequence."""
        return [
            self._message(
                regime.size, id_high=self._halves(regime.size), id_low=self._halves(regime.size)
            )
            for _ in _each(regime)
        ]

    def documented(self, regime: Regime) -> list[bytes]:
        """The same as `numbered`, each with the time, the document and the line that it has."""
        return [self._documented(regime.size) for _ in _each(regime)]

    def _documented(self, size: int) -> bytes:
        numbers = self._run(size)
        return self._message(
            size,
            sequences=numbers,
            occur_nanoseconds=NOON_NS + numbers.astype(np.int64),
            reference_kind="receipt",
            reference_ids=[f"R-{number:012}" for number in numbers.tolist()],
            reference_lines=[str(number % 20) for number in numbers.tolist()],
        )

    def objects(self, regime: Regime, *, numbered: bool = False) -> list[bytes]:
        """Messages of single events with ids, or with a sequence each."""
        return [self._objects(regime.size, numbered) for _ in _each(regime)]

    def _message(self, size: int, **keys: Any) -> bytes:
        handles = self._random.choice(self._handles, size)
        kinds = self._random.choice(np.array(KINDS, np.uint8), size)
        quantities = self._random.integers(1, 10, size)
        columns = StockColumns(FEED, handles, kinds, quantities, **keys)
        return columns.message().SerializeToString()

    def _objects(self, size: int, numbered: bool) -> bytes:
        source = TILLS if numbered else NAMED
        chosen = self._random.integers(0, len(MANY), size).tolist()
        request = stock.RecordStockEventsStreamRequest(source=source)
        for number, row in zip(self._run(size, source).tolist(), chosen, strict=True):
            event = request.events.add(kind=KINDS[0], quantity=1)
            event.sku, event.location = MANY[row]
            if numbered:
                event.sequence = number
            else:
                event.event_id = str(number)
        return request.SerializeToString()

    def _run(self, size: int, source: str = FEED) -> Any:
        first = self._next[source]
        self._next[source] += size
        return np.arange(first, first + size, dtype=np.uint64)

    def _halves(self, size: int) -> Any:
        return self._random.integers(1, 1 << 64, size, dtype=np.uint64)


def _each(regime: Regime) -> range:
    return range(regime.messages)


class Feed:
    """A connection to a node with stock, and facts for it."""

    def __init__(self, node: Server, handles: Sequence[int]) -> None:
        self._node = node
        self._channel = grpc.aio.insecure_channel(node.address)
        self.facts = Facts(handles)

    @classmethod
    async def prepare(cls, node: Server, client: Client) -> "Feed":
        """A feed to a node that is given stock; its handles are resolved."""
        await put_stock(client, MANY, PLENTY)
        return cls(node, await resolve(node, MANY))

    async def send(
        self, regime: Regime, messages: list[bytes], outcome: int, total: Total | None = None
    ) -> None:
        """Send messages over a new stream, check every outcome, and add up what they took."""
        cpu_before_s = self._node.cpu_seconds()
        load = await streamed(self._channel.stream_stream(PATH)(), messages, regime.in_flight)
        cpu_s = self._node.cpu_seconds() - cpu_before_s
        if total is not None:
            total.add(load, len(messages) * regime.size, cpu_s)
        for answer in load.answers:
            _expect(answer, regime.size, outcome)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


def _expect(answer: bytes, size: int, outcome: int) -> None:
    """Check every outcome of a message: a fast wrong answer is not a figure."""
    response = stock.RecordStockEventsStreamResponse.FromString(answer)
    outcomes = response.columns.outcomes or bytes(each.outcome for each in response.results)
    if outcomes != bytes([outcome]) * size:
        raise BenchError(f"{len(outcomes)} facts of {size} were answered with {set(outcomes)}")
