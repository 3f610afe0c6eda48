"""The engine alone: what a Reserve costs in a turn, without wire and journal."""

import random
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter
from uuid import UUID

from holdfast.core.commands import (
    Command,
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_parts, key_from_text
from holdfast.core.limits import BATCH_MAX, HOLD_MS_DEFAULT
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.warm import warm_up

from .plan import BenchError
from .workload import PLENTY, SEED, Row, rows

SHARDS = 4
NOW_NS = 1_700_000_000_000_000_000
LEVELS = rows(1_000)


class Ticket:
    """Stands for a caller who waits."""

    def cancelled(self) -> bool:
        """False: nobody gives up here."""
        return False


TICKET = Ticket()


class Engine:
    """A node with stock, in this process."""

    def __init__(self) -> None:
        warm_up()
        self._random = random.Random(SEED)
        self._node = Node(SHARDS)
        self.turn(list(_stock(LEVELS)))

    def reserve_us(self, batch: int, turns: int) -> float:
        """Median time of a turn that takes `batch` Reserves, queueing included, for one of them."""
        batches = [[self._reserve() for _ in range(batch)] for _ in range(turns)]
        return median(self.turn(commands) for commands in batches) / batch * 1e6

    def _reserve(self) -> Reserve:
        key = key_from_text(str(UUID(int=self._random.getrandbits(128), version=4)))
        sku, location = self._random.choice(LEVELS)
        return Reserve(key, (Line(sku, location, 1),), HOLD_MS_DEFAULT)

    def turn(self, commands: Sequence[Command]) -> float:
        """Seconds that it takes to queue commands and to run them."""
        started = perf_counter()
        for command in commands:
            self._node.post(command, TICKET)
        turns = [self._node.turn(NOW_NS)]
        while turns[-1].has_more:  # many stock facts take more than one
            turns.append(self._node.turn(NOW_NS))
        seconds = perf_counter() - started
        outcomes = [outcome for turn in turns for _, outcome in turn.answers]
        if len(outcomes) != len(commands) or any(
            getattr(outcome, "refusal", None) for outcome in outcomes
        ):
            raise BenchError("a turn did not do what it was asked")
        return seconds


def _stock(levels: list[Row]) -> Iterator[Command]:
    for name in dict.fromkeys(location for _, location in levels):
        yield UpdateLocation(Location(name, LocationKind.WAREHOUSE, "", enabled=True))
    for start in range(0, len(levels), BATCH_MAX):
        yield RecordStockEvents(
            "bench",
            tuple(
                StockEvent(key_from_parts("bench", sku), 0, sku, location, EventKind.COUNT, PLENTY)
                for sku, location in levels[start : start + BATCH_MAX]
            ),
        )
