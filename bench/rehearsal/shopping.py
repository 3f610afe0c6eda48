"""The workload of a run: what each visitor does, and what each feed sends. Repeats from the name of
the run; knows neither Locust nor the wire's clock.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.v1 import stock_service_pb2 as stock

from ..harness.workload import Row
from .profiles import BACKROOM, Kind, Run

#: SKU, location, quantity.
Line = tuple[str, str, int]

#: Shoppers who click twice: the second Reserve with the same id must change nothing.
TWICE_SHARE = 0.05
#: Visitors who look before they reserve; the others come from a cart.
LOOKS_FIRST_SHARE = 0.5

EVENTS_A_MESSAGE = 200
#: Stock events in a storm for each visit of a shopper.
EVENTS_A_VISIT = 20
#: Messages that a feed delivers twice: the second time must change nothing.
REDELIVERED_SHARE = 0.05
#: Units of a fact. All facts of a storm together are far below what is in stock.
FACT_UNITS_MAX = 9


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visitor is about to do."""

    kind: Kind
    reservation_id: str
    lines: tuple[Line, ...]
    looks_first: bool
    clicks_twice: bool


class Shopping:
    """An endless stream of visitors."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._profile = run.profile
        self._random = random.Random(run.name)
        self._kinds, self._weights = zip(*run.profile.visits.items(), strict=True)
        self._hot, self._cold = run.hot_rows, run.cold_rows
        self._hot_skus = {sku for sku, _ in self._hot}
        self._visits = 0
        self.calls = self.hot_calls = 0

    def next(self) -> Visit:
        """The next visitor."""
        chance = self._random.random
        self._visits += 1
        (kind,) = self._random.choices(self._kinds, self._weights)
        return Visit(
            kind,
            f"loadtest-{self._run.name}-{self._visits}",
            tuple(self._basket()),
            looks_first=kind is Kind.LOOK or chance() < LOOKS_FIRST_SHARE,
            clicks_twice=chance() < TWICE_SHARE,
        )

    def count(self, calls: int, visit: Visit) -> None:
        """Note how many calls a visit took."""
        self.calls += calls
        self.hot_calls += calls if visit.lines[0][0] in self._hot_skus else 0

    def _basket(self) -> Iterator[Line]:
        """One line of the hot SKUs or not, and perhaps others of the rest of the shop."""
        # A visit to what is sold out takes fewer calls. So the share is steered, not drawn.
        is_hot = self.hot_calls < self.calls * self._profile.hot_share
        others = self._random.randrange(self._profile.lines_max)
        rows = self._random.sample(self._cold, others + 1)
        if is_hot:
            rows[0] = self._random.choice(self._hot)
        for sku, location in rows:
            yield sku, location, 1


@dataclass(frozen=True, slots=True)
class Message:
    """Stock events of one source, and what they come to."""

    source: str
    events: list[stock.StockEvent]
    supplied: dict[Row, int]
    """Change of what is on hand."""
    counted: dict[Row, int]
    """What is on hand, absolutely."""


class Feed:
    """An endless stream of facts about the shop's stock, as an ERP and tills send them: numbered,
    in order, now and then delivered twice.
    """

    def __init__(self, run: Run, number: int) -> None:
        self.source = f"loadtest-{run.name}-feed-{number}"
        self._random = random.Random(self.source)
        self._rows = run.cold_rows
        # What two sources count at the same time, is as either of them says.
        self._own_rows = [(sku, BACKROOM) for sku, _ in run.cold_rows[number :: run.profile.feeds]]
        self._sequence = 0

    def next(self) -> Message:
        """The next message."""
        message = Message(self.source, [], {}, {})
        for _ in range(EVENTS_A_MESSAGE):
            self._add(message)
        return message

    def is_redelivered(self) -> bool:
        """Whether this message is sent twice, drawn anew each time."""
        return self._random.random() < REDELIVERED_SHARE

    def _add(self, message: Message) -> None:
        kind, sign = self._random.choice(_FACTS)
        units = self._random.randint(1, FACT_UNITS_MAX)
        if sign:
            row = self._random.choice(self._rows)
            message.supplied[row] = message.supplied.get(row, 0) + sign * units
        else:
            row = self._random.choice(self._own_rows)
            message.counted[row] = units
        self._sequence += 1
        message.events.append(
            stock.StockEvent(
                event_id=f"{self.source}-{self._sequence}",
                sequence=self._sequence,
                sku=row[0],
                location=row[1],
                kind=kind,
                quantity=units,
            )
        )


#: Kind of a fact, and what it does to what is on hand; 0 for a count.
_FACTS: tuple[tuple[stock.StockEventKind, int], ...] = (
    (stock.STOCK_EVENT_KIND_RECEIPT, 1),
    (stock.STOCK_EVENT_KIND_RETURN, 1),
    (stock.STOCK_EVENT_KIND_ADJUSTMENT, 1),
    (stock.STOCK_EVENT_KIND_SALE, -1),
    (stock.STOCK_EVENT_KIND_COUNT, 0),
)
