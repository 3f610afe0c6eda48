"""Stock facts as columns.

Levels are named by handle, so an event may name one that is not there. What takes a stock level to
tell is an answer to its event, not a fault of the message: messages may then follow one another
without waiting, since none that was posted can fail.
"""

from collections.abc import Iterator

import numpy as np

from ..commands import Difference, StockBatch, StockCodes
from ..commands.registry import STOCK_BATCH, executes
from ..tables.layouts import PLAN
from ..tables.shard import Shard
from ..tables.table import Array
from ..work import (
    BATCH,
    DIFFERENCE_TOLD,
    EVENT_LOOKED_UP,
    EVENT_RECORDED,
    SHARD_WRITTEN,
    TURN_WORK_MAX,
    Steps,
    Work,
)
from . import joint_turn
from .stock_plan import DIFFERENCES_MAX, Plan, StockPlanner

#: Events that are planned together at least.
EVENTS_MIN = 64


class StockBatches:
    """Stock facts as columns, over the shards of a node."""

    def __init__(self, planner: StockPlanner, work: Work) -> None:
        self.planner = planner
        self.shards = planner.shards
        self.work = work
        self._event = EVENT_RECORDED + len(self.shards) * EVENT_LOOKED_UP

    @executes(STOCK_BATCH)
    def record(self, command: StockBatch, now_ns: int) -> Steps[StockCodes]:
        """Record facts of one source, and tell what became of each. Those of a piece are planned
        together and written together; the turn may end between pieces.
        """
        events = command.events
        plan = np.zeros(len(events), PLAN)
        codes = np.empty(len(events), np.uint8)
        differences: list[Difference] = []
        touched: dict[Shard, None] = {}
        for piece in self._pieces(len(events)):
            if self.work.is_over:
                now_ns = yield
            most = DIFFERENCES_MAX - len(differences)
            found, decided = self._record(command.source, events[piece], plan[piece], now_ns, most)
            codes[piece] = decided.codes
            differences += decided.differences.values()
            touched.update(dict.fromkeys(found))
        return StockCodes(
            codes,
            plan["on_hand"],
            np.maximum(-plan["promisable"], 0),
            plan["available"],
            tuple(differences),
            joint_turn.revisions([shard for shard in self.shards if shard in touched]),
        )

    def _pieces(self, count: int) -> Iterator[slice]:
        most = max(EVENTS_MIN, int(TURN_WORK_MAX / 2 / self._event))
        for start in range(0, count, most):
            yield slice(start, start + most)

    def _record(
        self, source: str, events: Array, plan: Array, now_ns: int, differences_max: int
    ) -> tuple[list[Shard], Plan]:
        """Plan and write some events; return the shards that they name, and what was decided."""
        self.work.spend(BATCH + len(self.shards) * SHARD_WRITTEN + len(events) * self._event)
        touched = self.planner.find_levels(events, plan)

        def name_of(index: int) -> tuple[str, str] | None:
            if not plan["is_open"][index]:
                return None
            return self.shards[int(events["shard"][index])].name_row(int(events["row"][index]))

        decided = self.planner.decide(source, events, plan, name_of, now_ns, differences_max)
        self.work.spend(len(decided.differences) * DIFFERENCE_TOLD)
        # Point of no return: every event has its answer.
        for shard in touched:
            self.planner.write(source, decided, shard)
        return touched, decided
